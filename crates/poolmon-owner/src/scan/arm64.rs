//! Code of ARM64 images, decoded by hand: only what carries a tag or a call matters.
//!
//! Compilers load a tag from a pool of literals between the functions (`ldr w2, =…`), or build it from two halves
//! (`movz`, `movk`). Imports are called through a slot whose address takes two instructions (`adrp`, `ldr`).

use std::ops::Range;

use poolmon_image::bytes::u32_at;
use poolmon_image::code::arm64::{Arm64, Arm64Registers, is_branch};
use poolmon_image::pe::imports::PeImports;
use poolmon_image::pe::{Pe, functions};
use rustc_hash::FxHashSet;

use super::code::{self, Code};
use super::data;
use super::flow::{Argument, CallNote, CallTarget, Notes};
use super::joins::{Joined, Joins, join};
use super::stores::{StoredConstant, Stores};
use super::value::{Choices, TagValue};

struct CodeReader<'a, 'n> {
    pe: &'a Pe<'a>,
    imports: &'a PeImports,
    notes: &'n mut Notes,
    /// The variable with the address of the framework's table of functions.
    framework: Option<u32>,
    /// The slot of the function that checks a call's target: it changes no register.
    guard: Option<u32>,
    registers: Arm64Registers<TagValue>,
    stores: Stores,
    joins: Joins,
    choices: Choices,
    /// Room for the arguments of one call.
    noted: Vec<Argument>,
    function: u32,
    /// Instructions since the function began: a thunk is no longer than three.
    fresh: u32,
    step: u32,
}

/// Reads all code, `budget` bytes at most.
pub(crate) fn read(pe: &Pe<'_>, imports: &PeImports, notes: &mut Notes, budget: usize) {
    let starts = functions::starts(pe);
    let spans = code::read(pe, imports, budget);
    notes.functions = called(&spans);
    notes.functions.extend(&starts);
    let mut reader = CodeReader {
        pe,
        imports,
        notes,
        framework: imports.has("WdfVersionBind").then(|| data::framework_table(pe)).flatten(),
        guard: data::guard(pe),
        registers: Arm64Registers::default(),
        stores: Stores::new(imports, pe.machine),
        joins: Joins::default(),
        choices: Choices::default(),
        noted: Vec::new(),
        function: 0,
        fresh: 0,
        step: 0,
    };
    for code in &spans {
        for piece in &code.pieces {
            reader.piece(code, piece.clone(), &starts);
        }
    }
}

/// Where calls lead to.
fn called(spans: &[Code<'_>]) -> FxHashSet<u32> {
    let target = |(rva, word)| match Arm64::decode(word) {
        Arm64::Branch { distance, call: true } => moved(rva, distance),
        _ => None,
    };
    spans.iter().flat_map(words).filter(|&(_, word)| is_branch(word)).filter_map(target).collect()
}

/// RVAs of literals that instructions load, to tell a pool of tags in the code from text.
pub(crate) fn literals(pe: &Pe<'_>, imports: &PeImports, budget: usize) -> FxHashSet<u32> {
    let literal = |(rva, word)| match Arm64::decode(word) {
        Arm64::LoadLiteral { distance, .. } => moved(rva, distance),
        _ => None,
    };
    code::read(pe, imports, budget).iter().flat_map(words).filter_map(literal).collect()
}

/// All words of a section with their RVAs.
fn words<'a>(code: &'a Code<'_>) -> impl Iterator<Item = (u32, u32)> + 'a {
    let first = code.section.rva;
    (0_u32..)
        .step_by(4)
        .zip(code.bytes.chunks_exact(4))
        .filter_map(move |(at, word)| Some((first.checked_add(at)?, u32_at(word, 0)?)))
}

fn moved(rva: u32, by: i64) -> Option<u32> {
    u32::try_from(i64::from(rva).checked_add(by)?).ok()
}

impl CodeReader<'_, '_> {
    fn piece(&mut self, code: &Code<'_>, piece: Range<usize>, starts: &[u32]) {
        let first = piece.start.next_multiple_of(4);
        let Some(bytes) = code.bytes.get(first..piece.end) else { return };
        let Some(begin) = u32::try_from(first).ok().and_then(|at| code.section.rva.checked_add(at)) else {
            return;
        };
        let mut next = starts.partition_point(|&start| start < begin);
        let mut ended = true;
        for (n, word) in bytes.chunks_exact(4).enumerate() {
            let (Some(word), Ok(inside)) = (u32_at(word, 0), u32::try_from(n * 4)) else { return };
            let Some(rva) = begin.checked_add(inside) else { return };
            while starts.get(next).is_some_and(|&start| start < rva) {
                next += 1;
            }
            // After a jump a block of the same function may follow, so the exception table decides if there is one.
            // It has no row for a function without a frame.
            let entered = || starts.is_empty() || self.notes.functions.contains(&rva);
            if starts.get(next) == Some(&rva) || n == 0 || (ended && entered()) {
                self.begin(rva);
            }
            self.arrive(rva, !ended);
            self.step = self.step.wrapping_add(1);
            self.fresh += 1;
            ended = self.instruction(word, rva, code.section.raw + first + n * 4);
        }
    }

    fn begin(&mut self, rva: u32) {
        self.registers = Arm64Registers::default();
        for (number, argument) in (0..8).zip(0..) {
            self.registers.set(number, TagValue::Argument(argument));
        }
        self.stores.clear();
        self.joins.clear();
        self.choices.clear();
        self.notes.begin(rva);
        self.function = rva;
        self.fresh = 0;
    }

    fn get(&self, register: u8) -> TagValue {
        self.registers.get(usize::from(register))
    }

    /// An address in the image, if a register holds one, with a number added.
    fn address(&self, base: u8, number: u32) -> Option<u32> {
        match self.get(base) {
            TagValue::Address(base) => base.checked_add(number),
            _ => None,
        }
    }

    /// Joins what jumps to this place have brought.
    fn arrive(&mut self, rva: u32, falls_through: bool) {
        let Self { joins, registers, choices, step, .. } = self;
        joins.arrive(rva, |joined, value| {
            if let Joined::Register(number) = joined {
                let number = usize::from(number);
                let new = join(registers.get(number), value, falls_through, *step, choices);
                registers.set(number, new);
            }
        });
    }

    /// Keeps what is known for the place where a jump leads to; jumps back are not followed.
    fn leave(&mut self, rva: u32, distance: i64) {
        let Some(target) = moved(rva, distance).filter(|&target| target > rva) else { return };
        for (number, value) in (0..).zip(self.registers.iter()) {
            self.joins.leave(target, Joined::Register(number), value, &self.choices);
        }
    }

    /// What a slot of 64 bits at an address holds.
    fn slot(&self, rva: u32) -> TagValue {
        if self.framework == Some(rva) {
            TagValue::FrameworkTable
        } else if self.guard == Some(rva) {
            TagValue::Guard
        } else {
            self.imports.slot(rva).map_or(TagValue::Unknown, TagValue::Import)
        }
    }

    fn literal(&self, rva: Option<u32>) -> TagValue {
        let place = rva.and_then(|rva| self.pe.offset(rva));
        match place.and_then(|place| u32_at(self.pe.bytes, place).zip(Some(place))) {
            Some((value, at)) => TagValue::constant(value, at, self.step),
            None => TagValue::Unknown,
        }
    }

    /// A tag kept in a variable of the driver.
    fn variable(&self, rva: u32) -> TagValue {
        data::variable(self.pe, rva)
            .map_or(TagValue::Unknown, |(value, at)| TagValue::constant(value, at, self.step))
    }

    /// Follows one instruction; true if nothing falls through it.
    fn instruction(&mut self, word: u32, rva: u32, at: usize) -> bool {
        let unknown = TagValue::Unknown;
        let (to, value) = match Arm64::decode(word) {
            Arm64::LoadLiteral { to, distance } => (to, self.literal(moved(rva, distance))),
            Arm64::MoveHalf { to, half, shift } if shift <= 16 => {
                (to, TagValue::constant(u32::from(half) << shift, at, self.step))
            }
            Arm64::KeepHalf { to, half, shift } => match self.get(to) {
                TagValue::Constant { value, at, .. } if shift <= 16 => {
                    let value = value & !(0xffff << shift) | u32::from(half) << shift;
                    (to, TagValue::Constant { value, at, step: self.step })
                }
                _ => (to, unknown),
            },
            Arm64::Move { to, from, .. } => (to, self.get(from)),
            Arm64::PageAddress { to, distance } => {
                (to, moved(rva & !0xfff, distance).map_or(unknown, TagValue::Address))
            }
            Arm64::AddNumber { to, base, number } => {
                (to, self.address(base, number).map_or(unknown, TagValue::Address))
            }
            Arm64::Load { to, base, number, wide } => {
                let value = match (self.address(base, number), self.get(base)) {
                    (Some(slot), _) if wide => self.slot(slot),
                    (Some(slot), _) => self.variable(slot),
                    (None, TagValue::FrameworkTable) if wide => TagValue::Framework(number / 8),
                    _ => unknown,
                };
                (to, value)
            }
            Arm64::Select { to, one, other } => {
                let (one, other) = (self.get(one).moved(self.step), self.get(other));
                (to, self.choices.either(one, other, self.step))
            }
            Arm64::MoveHalf { to, .. } | Arm64::Address { to, .. } | Arm64::LoadElement { to, .. } => {
                (to, unknown)
            }
            Arm64::BranchIf { distance } => {
                self.leave(rva, distance);
                return false;
            }
            Arm64::Branch { distance, call } => {
                if !call {
                    self.leave(rva, distance);
                }
                let target = moved(rva, distance).map_or(CallTarget::Unknown, CallTarget::Function);
                return self.transfer(rva, target, !call);
            }
            Arm64::BranchRegister { register, call } => {
                let target = match self.get(register) {
                    TagValue::Import(index) => CallTarget::Import(index),
                    TagValue::Framework(place) => CallTarget::Framework(place),
                    TagValue::Guard if call => return false,
                    _ => CallTarget::Unknown,
                };
                return self.transfer(rva, target, !call);
            }
            Arm64::Return | Arm64::Trap => return true,
            Arm64::Compare { one, other } => {
                self.notes.compare(self.function, self.get(one), self.get(other), &self.choices);
                return false;
            }
            Arm64::Store { from, base, number, wide } => {
                self.store(self.get(from), base, number, wide, rva);
                return false;
            }
            Arm64::Other { writes } => {
                self.registers.forget(writes.into_iter().flatten().map(usize::from));
                return false;
            }
        };
        self.registers.set(usize::from(to), value);
        false
    }

    fn transfer(&mut self, rva: u32, target: CallTarget, jump: bool) -> bool {
        if let (true, CallTarget::Import(_), Some(start)) = (jump, target, rva.checked_sub(8)) {
            // `adrp x16; ldr x16, [x16]; br x16`: has no row in the exception table.
            self.notes.thunks.insert(start, target);
        }
        if jump && self.fresh == 1 && target != CallTarget::Unknown {
            self.notes.thunks.insert(self.function, target);
        } else {
            let behind = self.notes.behind(target);
            let tag = self.notes.tag_position(behind, false);
            let mut arguments = std::mem::take(&mut self.noted);
            arguments.clear();
            for (position, value) in (0..8).zip(self.registers.iter()) {
                self.choices.note(&mut arguments, position, value, tag == Some(position));
            }
            let (step, function) = (self.step, self.function);
            self.notes.call(CallNote { site: rva, step, function, target, jump }, &arguments);
            self.noted = arguments;
            self.notes.without_a_tag(rva, behind);
            if let CallTarget::Import(index) = behind {
                self.notes.stored.extend(self.stores.handed(self.imports.name(index), step));
            }
        }
        self.registers.forget(0..19);
        jump
    }

    fn store(&mut self, value: TagValue, base: u8, number: u32, wide: bool, rva: u32) {
        match value {
            TagValue::Constant { value, at, .. } if !wide => {
                let (base, displacement, at) = (u32::from(base), u64::from(number), at as usize);
                let store = StoredConstant { base, displacement, value, at, site: rva, step: self.step };
                self.notes.stored.extend(self.stores.add(store));
            }
            // What a function keeps may be handed on where that is not seen.
            TagValue::Argument(n) => {
                self.notes.kept.insert((self.function, n));
            }
            _ => {}
        }
    }
}
