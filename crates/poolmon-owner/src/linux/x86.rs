//! x64 code: constants and addresses, followed from register to register in the order of the bytes.
//!
//! A compiler puts a name close to its call, and what is kept over calls in registers that survive them; so the order of
//! the bytes is nearly always that of the program where it matters. Behind a jump, what calls destroy is forgotten.

use iced_x86::{Decoder, DecoderOptions, Instruction, OpKind, Register};
use poolmon_image::code::x86::{X86Effect, X86Registers, near_target};
use rustc_hash::FxHashMap;

use super::flow::{ARGUMENTS, KnownCall, Printed, Printers, RegisterValue};
use super::layout::AddressSpace;

const PASSED: [Register; ARGUMENTS] =
    [Register::RDI, Register::RSI, Register::RDX, Register::RCX, Register::R8, Register::R9];
const DESTROYED: [Register; 9] = [
    Register::RAX,
    Register::RCX,
    Register::RDX,
    Register::RSI,
    Register::RDI,
    Register::R8,
    Register::R9,
    Register::R10,
    Register::R11,
];

struct CodeReader<'a, 'l> {
    layout: &'l AddressSpace<'a>,
    printers: &'l Printers,
    registers: X86Registers<RegisterValue>,
    stack: FxHashMap<i64, RegisterValue>,
    printed: Printed,
}

/// The operand's memory.
enum MemoryOperand {
    Fixed { address: u64, indexed: bool },
    Stack(i64),
    Unknown,
}

/// Reads the code from `start` up to `end`, which `begins` a function or not; reports every call with a known target.
pub(crate) fn function(
    layout: &AddressSpace<'_>,
    printers: &Printers,
    (start, end): (u64, u64),
    begins: bool,
    mut tell: impl FnMut(KnownCall),
) {
    let Some(bytes) = layout.bytes_at(start) else { return };
    let length = usize::try_from(end.saturating_sub(start)).unwrap_or(0).min(bytes.len());
    let bytes = bytes.get(..length).unwrap_or_default();
    let mut reader = CodeReader {
        layout,
        printers,
        registers: X86Registers::default(),
        stack: FxHashMap::default(),
        printed: Printed::default(),
    };
    if begins {
        for (n, register) in (0..).zip(PASSED) {
            reader.registers.put(register, RegisterValue::Argument(n));
        }
    }
    let mut decoder = Decoder::with_ip(64, bytes, start, DecoderOptions::NONE);
    let mut instruction = Instruction::default();
    while decoder.can_decode() {
        decoder.decode_out(&mut instruction);
        let constant = decoder.get_constant_offsets(&instruction);
        let field =
            |has: bool, at: usize| if has { layout.field(instruction.ip() + at as u64) } else { None };
        let fields = RelocatedFields {
            immediate: field(constant.has_immediate(), constant.immediate_offset()),
            displacement: field(constant.has_displacement(), constant.displacement_offset()),
            behind: (instruction.len() - constant.displacement_offset().min(instruction.len())) as u64,
        };
        reader.instruction(&instruction, &fields, &mut tell);
    }
}

/// What relocations put into an instruction.
struct RelocatedFields {
    immediate: Option<u64>,
    displacement: Option<u64>,
    /// From the displacement to the end of the instruction.
    behind: u64,
}

/// Where a jump or a call with a distance of 32 bits at `at` leads to.
pub(crate) fn branch(layout: &AddressSpace<'_>, at: u64) -> Option<u64> {
    if let Some(target) = layout.field(at + 1) {
        return Some(target.wrapping_add(4));
    }
    near_target(at, layout.bytes_at(at + 1)?)
}

impl CodeReader<'_, '_> {
    fn memory(&self, instruction: &Instruction, fields: &RelocatedFields) -> MemoryOperand {
        let (base, index) = (instruction.memory_base(), instruction.memory_index());
        let displacement = instruction.memory_displacement64();
        if instruction.is_ip_rel_memory_operand() {
            let address = fields.displacement.map_or(displacement, |to| to.wrapping_add(fields.behind));
            return MemoryOperand::Fixed { address, indexed: false };
        }
        // What per-CPU data holds is known at run time alone.
        if matches!(instruction.segment_prefix(), Register::GS | Register::FS) {
            return MemoryOperand::Unknown;
        }
        let number = fields.displacement.unwrap_or(displacement);
        match (base, index) {
            (Register::None, Register::None) => MemoryOperand::Fixed { address: number, indexed: false },
            (Register::RSP, Register::None) => MemoryOperand::Stack(displacement.cast_signed()),
            // `table(,%rax,8)` and `table(%rax)`
            _ if fields.displacement.is_some() || fixed(number) => {
                MemoryOperand::Fixed { address: number, indexed: true }
            }
            _ => match self.registers.of(base) {
                RegisterValue::Constant(from) => {
                    let address = from.wrapping_add(displacement);
                    MemoryOperand::Fixed { address, indexed: index != Register::None }
                }
                RegisterValue::Stack(from) if index == Register::None => {
                    MemoryOperand::Stack(from.wrapping_add(displacement.cast_signed()))
                }
                _ => MemoryOperand::Unknown,
            },
        }
    }

    fn read(&self, instruction: &Instruction, operand: u32, fields: &RelocatedFields) -> RegisterValue {
        match instruction.op_kind(operand) {
            OpKind::Register => self.registers.of(instruction.op_register(operand)),
            OpKind::Memory => match self.memory(instruction, fields) {
                MemoryOperand::Fixed { address, indexed } => RegisterValue::Loaded { address, indexed },
                MemoryOperand::Stack(at) => self.stack.get(&at).copied().unwrap_or_default(),
                MemoryOperand::Unknown => RegisterValue::Unknown,
            },
            OpKind::Immediate32 | OpKind::Immediate32to64 | OpKind::Immediate64 => {
                RegisterValue::Constant(fields.immediate.unwrap_or_else(|| instruction.immediate(operand)))
            }
            _ => RegisterValue::Unknown,
        }
    }

    fn instruction(
        &mut self,
        instruction: &Instruction,
        fields: &RelocatedFields,
        tell: &mut impl FnMut(KnownCall),
    ) {
        let first = instruction.op0_register();
        match X86Effect::of(instruction) {
            // What leaves the function hands its arguments on; a jump within it passes nothing that we look for.
            X86Effect::Call | X86Effect::Jump => self.transfer(instruction, tell),
            X86Effect::Return => self.forget(),
            X86Effect::Trap => self.registers = X86Registers::default(),
            X86Effect::Move => {
                let value = self.read(instruction, 1, fields);
                if instruction.op_kind(0) == OpKind::Register {
                    self.registers.put_whole(first, value);
                } else if let MemoryOperand::Stack(at) = self.memory(instruction, fields)
                    && self.stack.len() < 1024
                {
                    self.stack.insert(at, value);
                }
            }
            X86Effect::Address => {
                let value = match self.memory(instruction, fields) {
                    MemoryOperand::Fixed { address, indexed: false } => RegisterValue::Constant(address),
                    MemoryOperand::Stack(at) => RegisterValue::Stack(at),
                    _ => RegisterValue::Unknown,
                };
                self.registers.put(first, value);
            }
            X86Effect::Zero => self.registers.put(first, RegisterValue::Constant(0)),
            X86Effect::Add => {
                let value = match (self.registers.of(first), self.read(instruction, 1, fields)) {
                    (RegisterValue::Constant(a), RegisterValue::Constant(b)) => {
                        RegisterValue::Constant(a.wrapping_add(b))
                    }
                    _ => RegisterValue::Unknown,
                };
                self.registers.put(first, value);
            }
            X86Effect::Push | X86Effect::Keep => {}
            X86Effect::Pop => self.registers.put(first, RegisterValue::Unknown),
            X86Effect::Clobber(registers) => {
                for register in registers {
                    self.registers.put(register, RegisterValue::Unknown);
                }
            }
        }
    }

    fn forget(&mut self) {
        for register in DESTROYED {
            self.registers.put(register, RegisterValue::Unknown);
        }
    }

    fn transfer(&mut self, instruction: &Instruction, tell: &mut impl FnMut(KnownCall)) {
        let near = matches!(instruction.op_kind(0), OpKind::NearBranch32 | OpKind::NearBranch64);
        let target = match (near, instruction.len()) {
            (true, 5) => branch(self.layout, instruction.ip()),
            _ => None,
        };
        // What traces functions is called where one begins, and leaves everything as it is.
        if target.is_some() && target == self.layout.tracer {
            return;
        }
        let mut arguments = PASSED.map(|register| self.registers.of(register));
        let made = self.printed.call(self.printers, target, &arguments);
        if let Some(target) = target {
            for value in &mut arguments {
                *value = self.printed.passed(*value);
            }
            tell(KnownCall { at: instruction.ip(), target, arguments, formats: self.printed.formats() });
        }
        self.forget();
        self.registers.put(Register::RAX, made);
    }
}

/// A displacement that is itself an address of the kernel: the upper half of the 64-bit space, beyond small negatives.
const fn fixed(displacement: u64) -> bool {
    displacement >= 0xffff_ffff_8000_0000 && displacement < 0xffff_ffff_ff00_0000
}
