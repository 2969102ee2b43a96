//! x64 code: constants and addresses, followed from register to register in the order of the bytes.
//!
//! A compiler puts a name close to its call, and what is kept over calls in registers that survive them; so the order of
//! the bytes is nearly always that of the program where it matters. Behind a jump, what calls destroy is forgotten.

use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};
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
    registers: [RegisterValue; 16],
    stack: FxHashMap<i64, RegisterValue>,
    printed: Printed,
}

/// The operand's memory.
enum MemoryOperand {
    Fixed { address: u64, indexed: bool },
    Stack(i64),
    Unknown,
}

/// Reads the code from `start` up to `end`, which `begins` a function or not; tells every call with a known target.
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
        registers: Default::default(),
        stack: FxHashMap::default(),
        printed: Printed::default(),
    };
    if begins {
        for (n, register) in (0..).zip(PASSED) {
            reader.set(register, RegisterValue::Argument(n));
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
    let distance = super::elf::u32_at(layout.bytes_at(at + 1)?, 0)?.cast_signed();
    Some(at.wrapping_add(5).wrapping_add_signed(i64::from(distance)))
}

impl CodeReader<'_, '_> {
    fn get(&self, register: Register) -> RegisterValue {
        if register.is_gpr32() || register.is_gpr64() {
            return self.registers.get(register.number()).copied().unwrap_or_default();
        }
        RegisterValue::Unknown
    }

    fn set(&mut self, register: Register, value: RegisterValue) {
        // Part of a register (`ch`) counts as all of it.
        if register.is_gpr()
            && let Some(own) = self.registers.get_mut(register.full_register().number() % 16)
        {
            *own = value;
        }
    }

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
            _ => match self.get(base) {
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
            OpKind::Register => self.get(instruction.op_register(operand)),
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
        use Mnemonic as M;
        let first = instruction.op0_register();
        match instruction.mnemonic() {
            M::Call => self.transfer(instruction, tell),
            M::Jmp => {
                // What leaves the function hands its arguments on; a jump within it passes nothing that we look for.
                self.transfer(instruction, tell);
            }
            M::Ret | M::Ud2 => self.forget(),
            // Padding between functions.
            M::Int3 => self.registers = Default::default(),
            M::Mov => {
                let value = self.read(instruction, 1, fields);
                if instruction.op_kind(0) == OpKind::Register {
                    let whole = first.is_gpr32() || first.is_gpr64();
                    self.set(first, if whole { value } else { RegisterValue::Unknown });
                } else if let MemoryOperand::Stack(at) = self.memory(instruction, fields)
                    && self.stack.len() < 1024
                {
                    self.stack.insert(at, value);
                }
            }
            M::Lea => {
                let value = match self.memory(instruction, fields) {
                    MemoryOperand::Fixed { address, indexed: false } => RegisterValue::Constant(address),
                    MemoryOperand::Stack(at) => RegisterValue::Stack(at),
                    _ => RegisterValue::Unknown,
                };
                self.set(first, value);
            }
            M::Xor if instruction.op_kind(1) == OpKind::Register && instruction.op1_register() == first => {
                self.set(first, RegisterValue::Constant(0));
            }
            M::Add if instruction.op_kind(0) == OpKind::Register => {
                let value = match (self.get(first), self.read(instruction, 1, fields)) {
                    (RegisterValue::Constant(a), RegisterValue::Constant(b)) => {
                        RegisterValue::Constant(a.wrapping_add(b))
                    }
                    _ => RegisterValue::Unknown,
                };
                self.set(first, value);
            }
            // A conditional move may leave the name in its place: one of the two that the call gets.
            M::Cmp | M::Test | M::Bt | M::Nop | M::Push | M::Endbr64 | M::Cmove | M::Cmovne => {}
            M::Xchg | M::Xadd => {
                self.set(first, RegisterValue::Unknown);
                self.set(instruction.op1_register(), RegisterValue::Unknown);
            }
            M::Mul | M::Div | M::Idiv | M::Cdq | M::Cqo | M::Cpuid | M::Rdtsc | M::Rdmsr => {
                self.set(Register::RAX, RegisterValue::Unknown);
                self.set(Register::RDX, RegisterValue::Unknown);
            }
            _ => {
                if instruction.op_count() > 0 && instruction.op_kind(0) == OpKind::Register && first.is_gpr()
                {
                    self.set(first, RegisterValue::Unknown);
                }
            }
        }
    }

    fn forget(&mut self) {
        for register in DESTROYED {
            self.set(register, RegisterValue::Unknown);
        }
    }

    fn transfer(&mut self, instruction: &Instruction, tell: &mut impl FnMut(KnownCall)) {
        let near = matches!(instruction.op_kind(0), OpKind::NearBranch32 | OpKind::NearBranch64);
        let target = match (near, instruction.len()) {
            (true, 5) => branch(self.layout, instruction.ip()),
            _ => None,
        };
        let mut arguments = PASSED.map(|register| self.get(register));
        let made = self.printed.call(self.printers, target, &arguments);
        if let Some(target) = target {
            for value in &mut arguments {
                *value = self.printed.passed(*value);
            }
            tell(KnownCall { at: instruction.ip(), target, arguments, formats: self.printed.formats() });
        }
        self.forget();
        self.set(Register::RAX, made);
    }
}

/// A displacement that is itself an address of the kernel: the upper half of the 64-bit space, beyond small negatives.
const fn fixed(displacement: u64) -> bool {
    displacement >= 0xffff_ffff_8000_0000 && displacement < 0xffff_ffff_ff00_0000
}
