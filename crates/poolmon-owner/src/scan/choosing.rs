//! x86 and x64 instructions that choose a constant without a branch, or compute one from another.
//!
//! Compilers turn `tag = condition ? a : b` into a conditional move, or into a carry or a bit that is masked and added.

use iced_x86::{ConditionCode, Instruction, Mnemonic, OpKind, Register};

/// What such an instruction does to its first operand, a register.
pub(super) enum Choosing {
    /// It stays, or takes the second operand.
    Move,
    /// It becomes 0 or 1.
    Bit,
    /// It becomes 0 or -1.
    Carry,
    /// It becomes the result of a register and a number.
    Computes { from: Register, number: u32, result: fn(u32, u32) -> u32 },
}

impl Choosing {
    /// Classifies an instruction whose first operand is a register.
    pub fn of(instruction: &Instruction) -> Option<Self> {
        use Mnemonic as M;
        // Most instructions are these, and what follows costs more than to decode one.
        if matches!(instruction.mnemonic(), M::Mov | M::Call | M::Jmp | M::Push | M::Pop | M::Test | M::Cmp) {
            return None;
        }
        let (to, from) = (instruction.op0_register(), instruction.op1_register());
        if instruction.condition_code() != ConditionCode::None {
            return match instruction.op_count() {
                1 => Some(Self::Bit),
                2 => Some(Self::Move),
                _ => None,
            };
        }
        let second = (instruction.op_count() > 1).then(|| instruction.op1_kind());
        let immediate = || instruction.try_immediate(1).ok().map(|number| number & u64::from(u32::MAX));
        let number = if second.is_none() {
            Some(0)
        } else {
            immediate().and_then(|number| u32::try_from(number).ok())
        };
        let computes = |result| number.map(|number| Self::Computes { from: to, number, result });
        match instruction.mnemonic() {
            M::Sbb if second == Some(OpKind::Register) && to == from => Some(Self::Carry),
            M::Movzx if second == Some(OpKind::Register) => {
                Some(Self::Computes { from, number: 0, result: |old, _| old })
            }
            M::Lea if instruction.memory_index() == Register::None && instruction.memory_base().is_gpr() => {
                let number = instruction.memory_displacement32();
                Some(Self::Computes { from: instruction.memory_base(), number, result: u32::wrapping_add })
            }
            M::Add => computes(u32::wrapping_add),
            M::Sub => computes(u32::wrapping_sub),
            M::And => computes(|old, number| old & number),
            M::Or => computes(|old, number| old | number),
            M::Xor => computes(|old, number| old ^ number),
            M::Shl => computes(u32::wrapping_shl),
            M::Shr => computes(u32::wrapping_shr),
            M::Neg => computes(|old, _| old.wrapping_neg()),
            M::Not => computes(|old, _| !old),
            M::Inc => computes(|old, _| old.wrapping_add(1)),
            M::Dec => computes(|old, _| old.wrapping_sub(1)),
            _ => None,
        }
    }
}

/// Whether a number is a part of the instruction.
pub(super) fn has_immediate(instruction: &Instruction) -> bool {
    // Numbers come last.
    let last = instruction.op_count().checked_sub(1).map(|last| instruction.op_kind(last));
    last.is_some_and(|kind| (OpKind::Immediate8..=OpKind::Immediate32to64).contains(&kind))
}
