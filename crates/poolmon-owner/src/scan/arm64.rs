//! Code of ARM64 images, decoded by hand: only what carries a tag or a call matters.
//!
//! Compilers load a tag from a pool of literals between the functions (`ldr w2, =…`), or build it from two halves
//! (`movz`, `movk`). Imports are called through a slot whose address takes two instructions (`adrp`, `ldr`).

use poolmon_image::bytes::u32_at;
use poolmon_image::code::arm64::{Arm64, Arm64Registers};
use poolmon_image::pe::imports::PeImports;
use poolmon_image::pe::{Pe, PeSection, functions};

use super::flow::{CallNote, CallTarget, Notes, TagValue, like_a_tag};

struct CodeReader<'a, 'n> {
    pe: &'a Pe<'a>,
    imports: &'a PeImports,
    notes: &'n mut Notes,
    registers: Arm64Registers<TagValue>,
    function: u32,
    /// Instructions since the function began: a thunk is no longer than three.
    fresh: u32,
    step: u32,
}

/// Reads all code, `budget` bytes at most.
pub(crate) fn read(pe: &Pe<'_>, imports: &PeImports, notes: &mut Notes, mut budget: usize) {
    let starts = functions::starts(pe);
    let mut reader = CodeReader {
        pe,
        imports,
        notes,
        registers: Arm64Registers::default(),
        function: 0,
        fresh: 0,
        step: 0,
    };
    for section in pe.sections.iter().filter(|section| section.is_code()) {
        let bytes = pe.section_bytes(section);
        let bytes = bytes.get(..bytes.len().min(budget)).unwrap_or_default();
        budget -= bytes.len();
        reader.section(section, bytes, &starts);
    }
}

fn moved(rva: u32, by: i64) -> Option<u32> {
    u32::try_from(i64::from(rva).checked_add(by)?).ok()
}

impl CodeReader<'_, '_> {
    fn section(&mut self, section: &PeSection, bytes: &[u8], starts: &[u32]) {
        let mut next = starts.partition_point(|&start| start < section.rva);
        let mut ended = true;
        for (n, word) in bytes.chunks_exact(4).enumerate() {
            let (Some(word), Ok(inside)) = (u32_at(word, 0), u32::try_from(n * 4)) else { return };
            let Some(rva) = section.rva.checked_add(inside) else { return };
            while starts.get(next).is_some_and(|&start| start < rva) {
                next += 1;
            }
            // After a jump a block of the same function may follow, so the exception table decides if there is one.
            if starts.get(next) == Some(&rva) || n == 0 || (ended && starts.is_empty()) {
                self.begin(rva);
            }
            self.step = self.step.wrapping_add(1);
            self.fresh += 1;
            ended = self.instruction(word, rva, section.raw + n * 4);
        }
    }

    fn begin(&mut self, rva: u32) {
        self.registers = Arm64Registers::default();
        for (number, argument) in (0..8).zip(0..) {
            self.registers.set(number, TagValue::Argument(argument));
        }
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

    fn literal(&self, rva: Option<u32>) -> TagValue {
        let place = rva.and_then(|rva| self.pe.offset(rva));
        match place.and_then(|place| u32_at(self.pe.bytes, place).zip(Some(place))) {
            Some((value, at)) => TagValue::Constant { value, at, step: self.step },
            None => TagValue::Unknown,
        }
    }

    /// Follows one instruction; true if nothing falls through it.
    fn instruction(&mut self, word: u32, rva: u32, at: usize) -> bool {
        let unknown = TagValue::Unknown;
        let (to, value) = match Arm64::decode(word) {
            Arm64::LoadLiteral { to, distance } => (to, self.literal(moved(rva, distance))),
            Arm64::MoveHalf { to, half, shift } if shift <= 16 => {
                (to, TagValue::Constant { value: u32::from(half) << shift, at, step: self.step })
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
                let value = match self.address(base, number) {
                    Some(slot) if wide => self.imports.slot(slot).map_or(unknown, TagValue::Import),
                    Some(slot) => self.literal(Some(slot)),
                    None => unknown,
                };
                (to, value)
            }
            Arm64::MoveHalf { to, .. } | Arm64::Address { to, .. } | Arm64::LoadElement { to, .. } => {
                (to, unknown)
            }
            Arm64::Branch { distance, call } => {
                let target = moved(rva, distance).map_or(CallTarget::Unknown, CallTarget::Function);
                return self.transfer(rva, target, !call);
            }
            Arm64::BranchRegister { register, call } => {
                let target = match self.get(register) {
                    TagValue::Import(index) => CallTarget::Import(index),
                    _ => CallTarget::Unknown,
                };
                return self.transfer(rva, target, !call);
            }
            Arm64::Return | Arm64::Trap => return true,
            Arm64::Store { .. } => return false,
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
            let keep = |&(_, value): &(u8, TagValue)| match value {
                TagValue::Constant { value, .. } => like_a_tag(value),
                TagValue::Argument(_) => true,
                _ => false,
            };
            let arguments = (0..8).zip(self.registers.iter()).filter(keep).collect();
            self.notes.call(CallNote {
                site: rva,
                step: self.step,
                function: self.function,
                target,
                arguments,
            });
        }
        self.registers.forget(0..19);
        jump
    }
}
