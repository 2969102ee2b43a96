//! Code of x86 and x64 images, read from start to end.
//!
//! Functions begin where the exception table of an x64 image says so, and after the padding that follows a return. Within
//! one, constants are followed from register to register in the order of the bytes: a compiler puts a tag close to its
//! call, so what lies between two blocks rarely matters, and a wrong guess would have to print like a tag to be reported.

use std::collections::VecDeque;
use std::ops::Range;

use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};
use poolmon_image::Machine;
use poolmon_image::bytes::{u32_at, u64_at};
use poolmon_image::code::x86::{X86Effect, X86Registers};
use poolmon_image::pe::imports::PeImports;
use poolmon_image::pe::{Pe, PeSection, functions};

use super::flow::{CallNote, CallTarget, Notes, REGISTER, Stored, TagValue, like_a_tag};

const SLOTS: usize = 12;
/// Stores into a structure are remembered this long, in instructions.
const STORE_LIFE: u32 = 40;

struct StoredConstant {
    base: Register,
    displacement: u64,
    value: u32,
    at: usize,
    site: u32,
    step: u32,
}

struct CodeReader<'a, 'n> {
    pe: &'a Pe<'a>,
    imports: &'a PeImports,
    notes: &'n mut Notes,
    wide: bool,
    wdf: bool,
    registers: X86Registers<TagValue>,
    slots: [TagValue; SLOTS],
    pushes: Vec<TagValue>,
    stores: VecDeque<StoredConstant>,
    function: u32,
    /// Steps since the function began.
    fresh: u32,
    step: u32,
}

/// Reads all code; `budget` bytes at most over all sections, since hostile sections may overlap.
pub(crate) fn read(pe: &Pe<'_>, imports: &PeImports, notes: &mut Notes, budget: usize) {
    let starts = x64_starts(pe);
    let mut reader = CodeReader::new(pe, imports, notes);
    for (section, bytes) in spans(pe, budget) {
        reader.part(section, bytes, &starts, 0..bytes.len());
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
    let spans = spans(pe, budget);
    let mut reader = CodeReader::new(pe, imports, notes);
    // Sections and places in them that are still to be read, as parts between two starts.
    let mut open: Vec<(usize, usize)> = Vec::new();
    let targets: Vec<u32> = literals.iter().filter_map(|&at| pe.place(at).1).collect();
    for (n, (section, bytes)) in spans.iter().enumerate() {
        let inside = |at: &usize| at.checked_sub(section.raw).filter(|&at| at < bytes.len());
        open.extend(literals.iter().filter_map(inside).map(|at| (n, at)));
        open.extend(loads(pe, section, bytes, &targets).map(|at| (n, at)));
    }
    let mut done = rustc_hash::FxHashSet::default();
    while let Some((n, at)) = open.pop() {
        let Some(&(section, bytes)) = spans.get(n) else { continue };
        let part = part(section, bytes, &starts, at);
        if !done.insert((n, part.start)) {
            continue;
        }
        let first = reader.notes.calls.len();
        reader.part(section, bytes, &starts, part);
        // A function that gets a constant or an argument may be a wrapper; so may a jump that stands for a function.
        let called = reader.notes.calls.iter().skip(first).map(|call| call.target);
        let targets: Vec<CallTarget> = called.chain(reader.notes.thunks.values().copied()).collect();
        for target in targets {
            let CallTarget::Function(rva) = target else { continue };
            for (n, (section, bytes)) in spans.iter().enumerate() {
                let at = rva.checked_sub(section.rva).map(|at| at as usize);
                open.extend(at.filter(|&at| at < bytes.len()).map(|at| (n, at)));
            }
        }
    }
    true
}

/// Code that is read: all sections of it, cut where the budget ends.
fn spans<'a>(pe: &'a Pe<'_>, mut budget: usize) -> Vec<(&'a PeSection, &'a [u8])> {
    let mut spans = Vec::new();
    for section in pe.sections.iter().filter(|section| section.is_code()) {
        let bytes = pe.section_bytes(section);
        let bytes = bytes.get(..bytes.len().min(budget)).unwrap_or_default();
        budget -= bytes.len();
        spans.push((section, bytes));
    }
    spans
}

/// From the last known start up to a place, to the next one.
fn part(section: &PeSection, bytes: &[u8], starts: &[u32], at: usize) -> Range<usize> {
    let rva = u64::from(section.rva) + at as u64;
    let next = starts.partition_point(|&start| u64::from(start) <= rva);
    let inside = |start: &u32| start.checked_sub(section.rva).map(|at| at as usize);
    let from = next.checked_sub(1).and_then(|n| starts.get(n)).and_then(inside).unwrap_or(0);
    let to = starts.get(next).and_then(inside).unwrap_or(bytes.len());
    from..to.min(bytes.len())
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
    if pe.machine == Machine::X64 { functions::starts(pe) } else { Vec::new() }
}

impl<'a, 'n> CodeReader<'a, 'n> {
    fn new(pe: &'a Pe<'a>, imports: &'a PeImports, notes: &'n mut Notes) -> Self {
        Self {
            pe,
            imports,
            notes,
            wide: pe.machine == Machine::X64,
            wdf: imports.has("WdfVersionBind"),
            registers: X86Registers::default(),
            slots: Default::default(),
            pushes: Vec::new(),
            stores: VecDeque::new(),
            function: 0,
            fresh: 0,
            step: 0,
        }
    }

    /// Reads a part of a section that begins where the section or a function does.
    fn part(&mut self, section: &PeSection, bytes: &[u8], starts: &[u32], part: Range<usize>) {
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
            if begins || (ended && !padding && (rva.is_multiple_of(16) || section.rva == rva)) {
                self.begin(rva);
            }
            self.step = self.step.wrapping_add(1);
            self.fresh += 1;
            let literal = section.raw + place;
            let constant = decoder.get_constant_offsets(&instruction);
            let at = literal + constant.immediate_offset();
            ended = self.instruction(&instruction, rva, at) || (ended && padding);
        }
    }

    fn begin(&mut self, rva: u32) {
        self.registers = X86Registers::default();
        self.slots = Default::default();
        self.pushes.clear();
        self.stores.clear();
        self.function = rva;
        self.fresh = 0;
        if self.wide {
            for (n, register) in
                [Register::RCX, Register::RDX, Register::R8, Register::R9].into_iter().enumerate()
            {
                self.registers.put(register, TagValue::Argument(u8::try_from(n).unwrap_or(0)));
            }
        } else {
            self.registers.put(Register::ECX, TagValue::Argument(REGISTER));
            self.registers.put(Register::EDX, TagValue::Argument(REGISTER + 1));
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
        Some(TagValue::Constant { value, at, step: self.step })
    }

    /// What an operand that is read holds.
    fn read_operand(&self, instruction: &Instruction, operand: u32, at: usize) -> TagValue {
        match instruction.op_kind(operand) {
            OpKind::Register => match self.registers.of(instruction.op_register(operand)) {
                // Its way to the call is counted from the last move.
                TagValue::Constant { value, at, .. } => TagValue::Constant { value, at, step: self.step },
                other => other,
            },
            OpKind::Memory => {
                if let Some(rva) = self.fixed(instruction) {
                    if let Some(import) = self.imports.slot(rva) {
                        return TagValue::Import(import);
                    }
                    // A tag kept in a variable of the driver.
                    let size = instruction.memory_size().size();
                    let place = self.pe.offset(rva).filter(|_| size == 4);
                    return match place.and_then(|place| u32_at(self.pe.bytes, place).zip(Some(place))) {
                        Some((value, at)) if like_a_tag(value) => {
                            TagValue::Constant { value, at, step: self.step }
                        }
                        _ => TagValue::Unknown,
                    };
                }
                let offset = instruction.memory_displacement32();
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
        match X86Effect::of(instruction) {
            X86Effect::Call => {
                self.transfer(instruction, rva, false);
                self.after_call();
            }
            X86Effect::Jump => {
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
            X86Effect::Address | X86Effect::Zero | X86Effect::Add => {
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

    fn mov(&mut self, instruction: &Instruction, rva: u32, at: usize) {
        let value = self.read_operand(instruction, 1, at);
        if instruction.op_kind(0) == OpKind::Register {
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
        if let TagValue::Constant { value, at, .. } = value {
            self.stored(StoredConstant { base, displacement, value, at, site: rva, step: self.step });
        }
    }

    /// A constant in a structure: a KMDF driver's tag is known by the size that is before it.
    fn stored(&mut self, store: StoredConstant) {
        let size = if self.wide { 0x20 } else { 0x14 };
        let distance = size - 4;
        let other = |tag: &StoredConstant, first: &StoredConstant| {
            tag.base == first.base
                && like_a_tag(tag.value)
                && first.value == size
                && tag.displacement.wrapping_sub(first.displacement) == u64::from(distance)
        };
        if self.wdf {
            let found = self.stores.iter().find_map(|old| {
                if other(&store, old) {
                    Some((store.value, store.at, store.site))
                } else if other(old, &store) {
                    Some((old.value, old.at, old.site))
                } else {
                    None
                }
            });
            if let Some((value, at, site)) = found {
                self.notes.stored.push(Stored { value, at, site, structure: "WDF_DRIVER_CONFIG" });
            }
        }
        self.stores.push_back(store);
        if self.stores.len() > 32 {
            self.stores.pop_front();
        }
    }

    fn after_call(&mut self) {
        for register in [Register::RAX, Register::RCX, Register::RDX] {
            self.registers.put(register, TagValue::Unknown);
        }
        if self.wide {
            for register in [Register::R8, Register::R9, Register::R10, Register::R11] {
                self.registers.put(register, TagValue::Unknown);
            }
        }
        self.slots = Default::default();
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
            _ => match self.read_operand(instruction, 0, 0) {
                TagValue::Import(index) => CallTarget::Import(index),
                _ => CallTarget::Unknown,
            },
        };
        if jump && self.fresh == 1 && target != CallTarget::Unknown {
            self.notes.thunks.insert(self.function, target);
            return;
        }
        let arguments = self.arguments();
        let call = CallNote { site: rva, step: self.step, function: self.function, target, arguments };
        self.ndis(target);
        self.notes.call(call);
    }

    fn arguments(&self) -> Vec<(u8, TagValue)> {
        let keep = |&(_, value): &(u8, TagValue)| match value {
            TagValue::Constant { value, .. } => like_a_tag(value),
            TagValue::Argument(_) => true,
            _ => false,
        };
        let position = |n: usize| u8::try_from(n).unwrap_or(u8::MAX);
        if self.wide {
            let first = [Register::RCX, Register::RDX, Register::R8, Register::R9];
            let first =
                first.into_iter().enumerate().map(|(n, register)| (position(n), self.registers.of(register)));
            let rest = self.slots.iter().enumerate().skip(4).map(|(n, &value)| (position(n), value));
            return first.chain(rest).filter(keep).collect();
        }
        let fast =
            [(REGISTER, self.registers.of(Register::ECX)), (REGISTER + 1, self.registers.of(Register::EDX))];
        let stack = self.pushes.iter().rev().take(SLOTS).enumerate().map(|(n, &value)| (position(n), value));
        // Compilers that reserve their arguments' room once write them relative to the stack pointer.
        let pushed = self.pushes.len();
        let written = self.slots.iter().enumerate().map(|(n, &value)| (position(n + pushed), value));
        fast.into_iter().chain(stack).chain(written).filter(keep).collect()
    }

    /// Pools of network buffers take their tag in a structure on the stack.
    fn ndis(&mut self, target: CallTarget) {
        let CallTarget::Import(index) = target else { return };
        let structure = match self.imports.name(index) {
            Some("NdisAllocateNetBufferListPool") => "NET_BUFFER_LIST_POOL_PARAMETERS",
            Some("NdisAllocateNetBufferPool") => "NET_BUFFER_POOL_PARAMETERS",
            _ => return,
        };
        for store in &self.stores {
            if like_a_tag(store.value) && self.step.wrapping_sub(store.step) <= STORE_LIFE {
                let (value, at, site) = (store.value, store.at, store.site);
                self.notes.stored.push(Stored { value, at, site, structure });
            }
        }
    }
}
