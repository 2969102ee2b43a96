//! Code of x86 and x64 images, read from start to end.
//!
//! Functions begin where the exception table of an x64 image says so, and after the padding that follows a return. Within
//! one, constants are followed from register to register in the order of the bytes: a compiler puts a tag close to its
//! call, so what lies between two blocks rarely matters, and a wrong guess would have to print like a tag to be reported.

use std::ops::Range;

use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};
use poolmon_image::Machine;
use poolmon_image::bytes::{u32_at, u64_at};
use poolmon_image::code::x86::{X86Effect, X86Registers, near_target};
use poolmon_image::pe::imports::PeImports;
use poolmon_image::pe::{Pe, PeSection, functions as table};
use rustc_hash::FxHashSet;

use super::choosing::{Choosing, has_immediate};
use super::code::{self, Code};
use super::data;
use super::flow::{Argument, CallNote, CallTarget, Notes, REGISTER};
use super::joins::{Joined, Joins, join};
use super::stores::{StoredConstant, Stores};
use super::value::{Choices, TagValue};

const SLOTS: usize = 12;
/// The numbers of RCX, RDX, R8 and R9, which hold the first arguments of x64.
const ARGUMENTS: [usize; 4] = [1, 2, 8, 9];

struct CodeReader<'a, 'n> {
    pe: &'a Pe<'a>,
    imports: &'a PeImports,
    notes: &'n mut Notes,
    wide: bool,
    /// The variable with the address of the framework's table of functions.
    framework: Option<u32>,
    /// The slot of the function that checks a call's target: it changes no argument.
    guard: Option<u32>,
    registers: X86Registers<TagValue>,
    slots: [TagValue; SLOTS],
    pushes: Vec<TagValue>,
    stores: Stores,
    joins: Joins,
    choices: Choices,
    /// Room for the arguments of one call.
    noted: Vec<Argument>,
    function: u32,
    /// Steps since the function began.
    fresh: u32,
    step: u32,
}

/// Reads all code; `budget` bytes at most over all sections, since hostile sections may overlap.
pub(crate) fn read(pe: &Pe<'_>, imports: &PeImports, notes: &mut Notes, budget: usize) {
    let starts = x64_starts(pe);
    let spans = code::read(pe, imports, budget);
    notes.functions = called(&spans).chain(starts.iter().copied()).collect();
    import_thunks(pe, imports, &spans, notes);
    let mut reader = CodeReader::new(pe, imports, notes);
    for code in &spans {
        for piece in &code.pieces {
            reader.part(code, &starts, piece.clone());
        }
    }
}

/// What functions of 32-bit drivers begin with: room for a patch (`mov edi, edi`), or a frame.
fn is_prologue(code: &[u8]) -> bool {
    [&[0x8b, 0xff][..], &[0x55, 0x8b, 0xec]].iter().any(|start| code.starts_with(start))
}

/// Where calls lead to, as far as bytes look like calls: functions begin there.
fn called<'a>(spans: &'a [Code<'_>]) -> impl Iterator<Item = u32> + 'a {
    spans.iter().flat_map(|code| {
        memchr::memchr_iter(0xe8, code.bytes).filter_map(|at| {
            let address = u64::from(code.section.rva) + at as u64;
            let target = near_target(address, code.bytes.get(at + 1..at + 5)?)?;
            u32::try_from(target).ok()
        })
    })
}

/// Notes each `jmp [slot]` of an import, wherever it is: linkers pack them without padding.
fn import_thunks(pe: &Pe<'_>, imports: &PeImports, spans: &[Code<'_>], notes: &mut Notes) {
    const JUMP: u32 = 6;
    for Code { section, bytes, .. } in spans {
        for at in memchr::memmem::find_iter(bytes, b"\xff\x25") {
            let Some(rva) = u32::try_from(at).ok().and_then(|at| section.rva.checked_add(at)) else { return };
            let Some(number) = u32_at(bytes, at + 2) else { return };
            let slot = if pe.machine == Machine::X64 {
                rva.wrapping_add(JUMP).wrapping_add(number)
            } else {
                number.wrapping_sub(u32::try_from(pe.image_base).unwrap_or(0))
            };
            let Some(import) = imports.slot(slot) else { continue };
            notes.thunks.insert(rva, CallTarget::Import(import));
            // With a prefix that says 64 bits, which changes nothing.
            if at > 0 && bytes.get(at - 1) == Some(&0x48) {
                notes.thunks.insert(rva - 1, CallTarget::Import(import));
            }
        }
    }
}

/// Reads the functions of an x64 image that can use one of these literals, and those that they hand arguments to: what
/// [`read`] would note of the literals, at a fraction of the work. False if the image does not report where its functions
/// begin; then nothing was read.
pub(crate) fn read_around(
    pe: &Pe<'_>,
    imports: &PeImports,
    notes: &mut Notes,
    budget: usize,
    literals: &[usize],
) -> bool {
    let starts = x64_starts(pe);
    if starts.is_empty() {
        return false;
    }
    let spans = code::read(pe, imports, budget);
    import_thunks(pe, imports, &spans, notes);
    let mut reader = CodeReader::new(pe, imports, notes);
    // Sections and places in them that are still to be read, as parts between two starts.
    let mut open: Vec<(usize, usize)> = Vec::new();
    let targets: Vec<u32> = literals.iter().filter_map(|&at| pe.place(at).1).collect();
    for (n, Code { section, bytes, .. }) in spans.iter().enumerate() {
        let inside = |at: &usize| at.checked_sub(section.raw).filter(|&at| at < bytes.len());
        open.extend(literals.iter().filter_map(inside).map(|at| (n, at)));
        open.extend(loads(pe, section, bytes, &targets).map(|at| (n, at)));
    }
    let mut done = FxHashSet::default();
    while let Some((n, at)) = open.pop() {
        let Some(code) = spans.get(n) else { continue };
        let Some(part) = part(code, &starts, at).filter(|part| done.insert((n, part.start))) else {
            continue;
        };
        let first = reader.notes.calls.len();
        reader.part(code, &starts, part);
        // A function that gets a constant or an argument may be a wrapper; so may a jump that stands for a function.
        let called = reader.notes.calls.iter().skip(first).map(|(call, _)| call.target);
        let targets: Vec<CallTarget> = called.chain(reader.notes.thunks.values().copied()).collect();
        for target in targets {
            let CallTarget::Function(rva) = target else { continue };
            for (n, Code { section, bytes, .. }) in spans.iter().enumerate() {
                let at = rva.checked_sub(section.rva).map(|at| at as usize);
                open.extend(at.filter(|&at| at < bytes.len()).map(|at| (n, at)));
            }
        }
    }
    // It matters of the targets of jumps alone whether a function begins there.
    let jumps = notes.calls.iter().filter(|(call, _)| call.jump).filter_map(|(call, _)| match call.target {
        CallTarget::Function(rva) => Some(rva),
        _ => None,
    });
    let jumps: FxHashSet<u32> = jumps.collect();
    notes.functions = called(&spans).filter(|rva| jumps.contains(rva)).chain(starts).collect();
    true
}

/// From the last known start up to a place, to the next one; `None` if it is in data.
fn part(code: &Code<'_>, starts: &[u32], at: usize) -> Option<Range<usize>> {
    let piece = code.pieces.iter().find(|piece| piece.contains(&at))?;
    let rva = u64::from(code.section.rva) + at as u64;
    let next = starts.partition_point(|&start| u64::from(start) <= rva);
    let inside = |start: &u32| start.checked_sub(code.section.rva).map(|at| at as usize);
    let from = next.checked_sub(1).and_then(|n| starts.get(n)).and_then(inside).unwrap_or(0);
    let to = starts.get(next).and_then(inside).unwrap_or(piece.end);
    Some(from.max(piece.start)..to.min(piece.end))
}

/// Places of instructions that may load one of the variables at these RVAs: `mov r32, [rip + …]`, and the two forms with
/// an address. A place too many costs a little work, none may be missing.
fn loads<'a>(
    pe: &'a Pe<'_>,
    section: &'a PeSection,
    bytes: &'a [u8],
    targets: &'a [u32],
) -> impl Iterator<Item = usize> + 'a {
    let base = pe.image_base;
    let hit = move |rva: u64| u32::try_from(rva).is_ok_and(|rva| targets.contains(&rva));
    let all = if targets.is_empty() { &[] } else { bytes };
    memchr::memchr2_iter(0x8b, 0xa1, all).filter(move |&at| {
        let Some(&[opcode, form, ..]) = bytes.get(at..) else { return false };
        if opcode == 0xa1 {
            let wide = u64_at(bytes, at + 1);
            let narrow = u32_at(bytes, at + 1).map(u64::from);
            return wide.into_iter().chain(narrow).any(|address| hit(address.wrapping_sub(base)));
        }
        let distance = |at| u32_at(bytes, at).map(|n| i64::from(n.cast_signed()).cast_unsigned());
        match form & 0xc7 {
            0x05 => {
                let next = u64::from(section.rva) + at as u64 + 6;
                distance(at + 2).is_some_and(|distance| hit(next.wrapping_add(distance)))
                    // With the prefix for short addresses, the sum wraps at four bytes.
                    || distance(at + 2).is_some_and(|distance| {
                        let address = base.wrapping_add(next).wrapping_add(distance) & 0xffff_ffff;
                        hit(address.wrapping_sub(base))
                    })
            }
            0x04 => distance(at + 3).is_some_and(|address| {
                hit(address.wrapping_sub(base)) || hit((address & 0xffff_ffff).wrapping_sub(base))
            }),
            _ => false,
        }
    })
}

/// Where functions begin in an x64 image; 32-bit images do not say.
fn x64_starts(pe: &Pe<'_>) -> Vec<u32> {
    if pe.machine == Machine::X64 { table::starts(pe) } else { Vec::new() }
}

impl<'a, 'n> CodeReader<'a, 'n> {
    fn new(pe: &'a Pe<'a>, imports: &'a PeImports, notes: &'n mut Notes) -> Self {
        Self {
            pe,
            imports,
            notes,
            wide: pe.machine == Machine::X64,
            framework: imports.has("WdfVersionBind").then(|| data::framework_table(pe)).flatten(),
            registers: X86Registers::default(),
            slots: Default::default(),
            pushes: Vec::new(),
            joins: Joins::default(),
            choices: Choices::default(),
            noted: Vec::new(),
            guard: data::guard(pe),
            stores: Stores::new(imports, pe.machine),
            function: 0,
            fresh: 0,
            step: 0,
        }
    }

    /// Reads a part of a section that begins where the section or a function does.
    fn part(&mut self, code: &Code<'_>, starts: &[u32], part: Range<usize>) {
        let Code { section, bytes, .. } = *code;
        let base = self.pe.image_base;
        let ip = base.wrapping_add(u64::from(section.rva));
        let bits = if self.wide { 64 } else { 32 };
        let mut decoder = Decoder::with_ip(bits, bytes, ip, DecoderOptions::NONE);
        if decoder.set_position(part.start).is_err() {
            return;
        }
        decoder.set_ip(ip.wrapping_add(part.start as u64));
        let Some(first) = u32::try_from(part.start).ok().and_then(|at| section.rva.checked_add(at)) else {
            return;
        };
        self.notes.begin(first);
        let mut next = starts.partition_point(|&start| start < first);
        let mut instruction = Instruction::default();
        let mut ended = true;
        self.function = first;
        while decoder.can_decode() {
            let place = decoder.position();
            if place >= part.end {
                return;
            }
            let Some(rva) = u32::try_from(place).ok().and_then(|at| section.rva.checked_add(at)) else {
                return;
            };
            while starts.get(next).is_some_and(|&start| start < rva) {
                next += 1;
            }
            let begins = starts.get(next) == Some(&rva);
            decoder.decode_out(&mut instruction);
            // An instruction that reaches over a known start was not one: data in code, or padding.
            if let Some(&start) = starts.get(next)
                && start > rva
                && (start - rva) < u32::try_from(instruction.len()).unwrap_or(1)
            {
                let skip = (start - rva) as usize;
                if decoder.set_position(place + skip).is_err() {
                    return;
                }
                decoder.set_ip(ip.wrapping_add((place + skip) as u64));
                continue;
            }
            let padding = matches!(instruction.mnemonic(), Mnemonic::Int3 | Mnemonic::Nop);
            let aligned = rva.is_multiple_of(16) || section.rva == rva;
            let entered =
                || self.notes.functions.contains(&rva) || is_prologue(bytes.get(place..).unwrap_or_default());
            if begins || (ended && !padding && (aligned || (starts.is_empty() && entered()))) {
                self.begin(rva);
            }
            self.arrive(rva, !ended);
            self.step = self.step.wrapping_add(1);
            self.fresh += 1;
            let mut at = section.raw + place;
            if has_immediate(&instruction) {
                at += decoder.get_constant_offsets(&instruction).immediate_offset();
            }
            ended = self.instruction(&instruction, rva, at) || (ended && padding);
        }
    }

    fn begin(&mut self, rva: u32) {
        self.registers = X86Registers::default();
        self.slots = Default::default();
        self.pushes.clear();
        self.stores.clear();
        self.joins.clear();
        self.choices.clear();
        self.notes.begin(rva);
        self.function = rva;
        self.fresh = 0;
        if self.wide {
            for (n, register) in (0..).zip(ARGUMENTS) {
                self.registers.set(register, TagValue::Argument(n));
            }
        } else {
            self.registers.put(Register::ECX, TagValue::Argument(REGISTER));
            self.registers.put(Register::EDX, TagValue::Argument(REGISTER + 1));
        }
    }

    /// Joins what jumps to this place have brought.
    fn arrive(&mut self, rva: u32, falls_through: bool) {
        let Self { joins, registers, pushes, choices, step, .. } = self;
        joins.arrive(rva, |joined, value| match joined {
            Joined::Register(number) => {
                let number = usize::from(number);
                let new = join(registers.get(number), value, falls_through, *step, choices);
                registers.set(number, new);
            }
            Joined::Pushed => match pushes.last_mut() {
                Some(last) => *last = join(*last, value, falls_through, *step, choices),
                None if !falls_through => pushes.push(value),
                None => {}
            },
        });
    }

    /// Keeps what is known for the place where a jump leads to; jumps back are not followed.
    fn leave(&mut self, instruction: &Instruction, rva: u32) {
        let target = instruction.near_branch_target().wrapping_sub(self.pe.image_base);
        let Some(target) = u32::try_from(target).ok().filter(|&target| target > rva) else { return };
        for (number, value) in (0..).zip(self.registers.iter()) {
            self.joins.leave(target, Joined::Register(number), value, &self.choices);
        }
        if let Some(&value) = self.pushes.last() {
            self.joins.leave(target, Joined::Pushed, value, &self.choices);
        }
    }

    /// RVA of a memory operand with a fixed address.
    fn fixed(&self, instruction: &Instruction) -> Option<u32> {
        let fixed = instruction.is_ip_rel_memory_operand()
            || (instruction.memory_base() == Register::None && instruction.memory_index() == Register::None);
        let address = instruction.memory_displacement64();
        let distance = address.checked_sub(self.pe.image_base).filter(|_| fixed)?;
        u32::try_from(distance).ok()
    }

    fn immediate(&self, instruction: &Instruction, operand: u32, at: usize) -> Option<TagValue> {
        let kind = instruction.op_kind(operand);
        let value = match kind {
            OpKind::Immediate32 => instruction.immediate32(),
            OpKind::Immediate32to64 => u32::try_from(instruction.immediate32to64()).ok()?,
            OpKind::Immediate64 => u32::try_from(instruction.immediate64()).ok()?,
            _ => return None,
        };
        // An address of the image itself prints like a tag where the image's base does.
        let address = !self.wide && self.pe.rva_of(value.into()).is_some();
        Some(if address { TagValue::Unknown } else { TagValue::constant(value, at, self.step) })
    }

    /// What an operand that is read holds.
    fn read_operand(&self, instruction: &Instruction, operand: u32, at: usize) -> TagValue {
        match instruction.op_kind(operand) {
            OpKind::Register => self.registers.of(instruction.op_register(operand)).moved(self.step),
            OpKind::Memory => {
                if let Some(rva) = self.fixed(instruction) {
                    if let Some(import) = self.imports.slot(rva) {
                        return TagValue::Import(import);
                    }
                    if self.framework == Some(rva) {
                        return TagValue::FrameworkTable;
                    }
                    if self.guard == Some(rva) {
                        return TagValue::Guard;
                    }
                    let tag = (instruction.memory_size().size() == 4).then(|| data::variable(self.pe, rva));
                    return match tag.flatten() {
                        Some((value, at)) => TagValue::constant(value, at, self.step),
                        None => TagValue::Unknown,
                    };
                }
                let offset = instruction.memory_displacement32();
                if self.registers.of(instruction.memory_base()) == TagValue::FrameworkTable
                    && instruction.memory_index() == Register::None
                {
                    return TagValue::Framework(offset / if self.wide { 8 } else { 4 });
                }
                if !self.wide && instruction.memory_base() == Register::EBP && (8..48).contains(&offset) {
                    return TagValue::Argument(u8::try_from((offset - 8) / 4).unwrap_or(0));
                }
                TagValue::Unknown
            }
            _ => self.immediate(instruction, operand, at).unwrap_or_default(),
        }
    }

    /// Follows one instruction; true if nothing falls through it.
    fn instruction(&mut self, instruction: &Instruction, rva: u32, at: usize) -> bool {
        if let Some(value) = self.computed(instruction, at) {
            self.registers.put(instruction.op0_register(), value);
            return false;
        }
        if instruction.is_jcc_short_or_near() {
            self.leave(instruction, rva);
            return false;
        }
        if instruction.mnemonic() == Mnemonic::Cmp {
            let operands = [0, 1].map(|operand| self.read_operand(instruction, operand, at));
            self.notes.compare(self.function, operands[0], operands[1], &self.choices);
            return false;
        }
        match X86Effect::of(instruction) {
            X86Effect::Call if self.read_operand(instruction, 0, 0) == TagValue::Guard => {}
            X86Effect::Call => {
                self.transfer(instruction, rva, false);
                self.after_call();
            }
            X86Effect::Jump => {
                if instruction.is_jmp_short_or_near() {
                    self.leave(instruction, rva);
                }
                self.transfer(instruction, rva, true);
                self.after_call();
                return true;
            }
            X86Effect::Return | X86Effect::Trap => {
                self.after_call();
                return true;
            }
            X86Effect::Push => {
                let value = self.read_operand(instruction, 0, at);
                self.pushes.push(value);
                if self.pushes.len() > 64 {
                    self.pushes.drain(..32);
                }
            }
            X86Effect::Pop => {
                self.pushes.pop();
                self.registers.put(instruction.op0_register(), TagValue::Unknown);
            }
            X86Effect::Move => self.mov(instruction, rva, at),
            X86Effect::Keep => {}
            X86Effect::Zero => {
                let zero = TagValue::constant(0, at, self.step);
                self.registers.put(instruction.op0_register(), zero);
            }
            X86Effect::Address | X86Effect::Add => {
                self.registers.put(instruction.op0_register(), TagValue::Unknown);
            }
            X86Effect::Clobber(registers) => {
                for register in registers {
                    self.registers.put(register, TagValue::Unknown);
                }
            }
        }
        false
    }

    /// The result of an instruction that chooses or computes a constant; `None` if it does neither.
    fn computed(&mut self, instruction: &Instruction, at: usize) -> Option<TagValue> {
        let (to, step) = (instruction.op0_register(), self.step);
        if instruction.op_count() == 0 || !to.is_gpr() {
            return None;
        }
        match Choosing::of(instruction)? {
            Choosing::Move => {
                let other = self.read_operand(instruction, 1, at);
                Some(self.choices.either(self.registers.of(to).moved(step), other, step))
            }
            Choosing::Bit => Some(self.choices.one_of([0, 1], at, step)),
            Choosing::Carry => Some(self.choices.one_of([0, u32::MAX], at, step)),
            Choosing::Computes { from, number, result } => {
                let old = self.registers.get(from.full_register().number());
                let new = self.choices.computed(old, at, step, |old| result(old, number));
                (new != TagValue::Unknown).then_some(new)
            }
        }
    }

    fn mov(&mut self, instruction: &Instruction, rva: u32, at: usize) {
        let value = self.read_operand(instruction, 1, at);
        if instruction.op_kind(0) == OpKind::Register {
            if (instruction.op0_register(), instruction.op1_register()) == (Register::EBP, Register::ESP) {
                self.notes.framed.insert(self.function);
            }
            self.registers.put_whole(instruction.op0_register(), value);
            return;
        }
        let base = instruction.memory_base();
        let displacement = instruction.memory_displacement64();
        let width = if self.wide { 8 } else { 4 };
        if matches!(base, Register::RSP | Register::ESP)
            && instruction.memory_index() == Register::None
            && displacement.is_multiple_of(width)
            && let Some(slot) = usize::try_from(displacement / width).ok().and_then(|n| self.slots.get_mut(n))
        {
            *slot = value;
        }
        match value {
            TagValue::Constant { value, at, .. } => {
                let at = at as usize;
                let base = u32::try_from(base as usize).unwrap_or(u32::MAX);
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

    fn after_call(&mut self) {
        // RAX, RCX, RDX, and R8 to R11.
        self.registers.forget(0..3);
        if self.wide {
            self.registers.forget(8..12);
        }
        self.slots = [TagValue::Unknown; SLOTS];
        self.pushes.clear();
    }

    fn transfer(&mut self, instruction: &Instruction, rva: u32, jump: bool) {
        let target = match instruction.op_kind(0) {
            OpKind::NearBranch32 | OpKind::NearBranch64 => {
                let address = instruction.near_branch_target();
                let distance = address.wrapping_sub(self.pe.image_base);
                match (self.imports.at(address), u32::try_from(distance)) {
                    (Some(index), _) => CallTarget::Import(index),
                    (None, Ok(rva)) => CallTarget::Function(rva),
                    (None, Err(_)) => CallTarget::Unknown,
                }
            }
            _ => match (self.read_operand(instruction, 0, 0), self.registers.of(Register::RAX)) {
                (TagValue::Import(index), _) => CallTarget::Import(index),
                // The second as guarded calls do, through a pointer to what checks the target in RAX.
                (TagValue::Framework(place), _) | (TagValue::Unknown, TagValue::Framework(place)) => {
                    CallTarget::Framework(place)
                }
                _ => CallTarget::Unknown,
            },
        };
        if jump && self.fresh == 1 && target != CallTarget::Unknown {
            self.notes.thunks.insert(self.function, target);
            return;
        }
        let behind = self.notes.behind(target);
        let mut arguments = std::mem::take(&mut self.noted);
        self.arguments(self.notes.tag_position(behind, !self.wide), &mut arguments);
        let (step, function) = (self.step, self.function);
        self.notes.call(CallNote { site: rva, step, function, target, jump }, &arguments);
        self.noted = arguments;
        self.notes.without_a_tag(rva, behind);
        if let CallTarget::Import(index) = behind {
            self.notes.stored.extend(self.stores.handed(self.imports.name(index), step));
        }
    }

    /// What a call finds in the places of its arguments, as far as it is worth a note; `tag` is the position of the
    /// callee's tag, if that is known.
    fn arguments(&self, tag: Option<u8>, found: &mut Vec<Argument>) {
        found.clear();
        let mut note = |position: usize, value: TagValue| {
            let position = u8::try_from(position).unwrap_or(u8::MAX);
            self.choices.note(found, position, value, tag == Some(position));
        };
        if self.wide {
            for (n, number) in ARGUMENTS.into_iter().enumerate() {
                note(n, self.registers.get(number));
            }
            for (n, &value) in self.slots.iter().enumerate().skip(ARGUMENTS.len()) {
                note(n, value);
            }
            return;
        }
        for (n, number) in (REGISTER..).zip([1, 2]) {
            note(n.into(), self.registers.get(number));
        }
        for (n, &value) in self.pushes.iter().rev().take(SLOTS).enumerate() {
            note(n, value);
        }
        // Compilers that reserve their arguments' room once write them relative to the stack pointer.
        let pushed = self.pushes.len();
        for (n, &value) in self.slots.iter().enumerate() {
            note(n + pushed, value);
        }
    }
}
