//! x86 and x64: what an instruction does to the registers that a reader follows. Decoding itself is iced-x86's.

use iced_x86::{Instruction, Mnemonic, OpKind, Register};

use super::Registers;
use crate::bytes::u32_at;

/// The registers of a reader of x86 code. A part of a register counts as all of it when it is written.
pub type X86Registers<V> = Registers<V, 16>;

impl<V: Copy + Default> X86Registers<V> {
    /// What a register of 32 or 64 bits holds; parts of one are unknown.
    pub fn of(&self, register: Register) -> V {
        if register.is_gpr32() || register.is_gpr64() { self.get(register.number()) } else { V::default() }
    }

    /// Notes what was written to a register, or to a part of one.
    pub fn put(&mut self, register: Register, value: V) {
        if register.is_gpr() {
            self.set(register.full_register().number(), value);
        }
    }

    /// Notes the result of a move: only a register of 32 or 64 bits takes the value as it is.
    pub fn put_whole(&mut self, register: Register, value: V) {
        let whole = register.is_gpr32() || register.is_gpr64();
        self.put(register, if whole { value } else { V::default() });
    }
}

/// What an instruction does, as far as a reader cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum X86Effect {
    /// Calls.
    Call,
    /// Jumps without a condition.
    Jump,
    /// Ends a function, or traps.
    Return,
    /// Padding between functions that traps (`int3`).
    Trap,
    /// Moves operand 1 to operand 0.
    Move,
    /// Loads the address of operand 1 into operand 0.
    Address,
    /// Sets operand 0 to zero.
    Zero,
    /// Adds operand 1 to the register that is operand 0.
    Add,
    /// Pushes operand 0.
    Push,
    /// Pops into operand 0.
    Pop,
    /// Leaves all registers that are followed as they are.
    ///
    /// Conditional moves are among them: the value stays one of the two that the register may hold.
    Keep,
    /// Writes what is not followed into these registers.
    Clobber([Register; 3]),
}

impl X86Effect {
    /// Classifies a decoded instruction.
    pub fn of(instruction: &Instruction) -> Self {
        use Mnemonic as M;
        let none = Register::None;
        let (first, second) = (instruction.op0_register(), instruction.op1_register());
        let to_register = instruction.op_count() > 0 && instruction.op_kind(0) == OpKind::Register;
        match instruction.mnemonic() {
            M::Call => Self::Call,
            M::Jmp => Self::Jump,
            M::Ret | M::Iretd | M::Iretq | M::Ud2 => Self::Return,
            M::Int3 => Self::Trap,
            M::Mov => Self::Move,
            M::Lea => Self::Address,
            M::Push => Self::Push,
            M::Pop => Self::Pop,
            M::Xor if to_register && instruction.op_kind(1) == OpKind::Register && second == first => {
                Self::Zero
            }
            M::Add if to_register => Self::Add,
            M::Cmp | M::Test | M::Bt | M::Nop | M::Endbr64 | M::Cmove | M::Cmovne => Self::Keep,
            M::Xchg | M::Xadd => Self::Clobber([first, second, none]),
            M::Imul if instruction.op_count() > 1 => Self::Clobber([first, none, none]),
            M::Mul | M::Div | M::Idiv | M::Cdq | M::Cqo | M::Cpuid | M::Rdtsc | M::Rdmsr | M::Imul => {
                Self::Clobber([Register::RAX, Register::RDX, first])
            }
            _ if to_register => Self::Clobber([first, none, none]),
            _ => Self::Keep,
        }
    }
}

/// Bytes of a call or a jump with a distance of 32 bits.
pub const NEAR_BRANCH: u64 = 5;

/// Places of such calls and jumps, by their first byte; most other bytes of this value are none.
pub fn near_branches(code: &[u8]) -> impl Iterator<Item = usize> + '_ {
    memchr::memchr2_iter(0xe8, 0xe9, code)
}

/// Where a call or a jump at `address` leads to, by the distance behind its first byte.
pub fn near_target(address: u64, distance: &[u8]) -> Option<u64> {
    let distance = u32_at(distance, 0)?.cast_signed();
    Some(address.wrapping_add(NEAR_BRANCH).wrapping_add_signed(i64::from(distance)))
}

#[cfg(test)]
mod tests {
    use iced_x86::{Decoder, DecoderOptions};

    use super::*;

    fn effect(code: &[u8]) -> X86Effect {
        X86Effect::of(&Decoder::with_ip(64, code, 0x1000, DecoderOptions::NONE).decode())
    }

    #[test]
    fn instructions_by_their_effect() {
        let clobber = |a, b, c| X86Effect::Clobber([a, b, c]);
        let none = Register::None;
        for (code, expected) in [
            (&[0xe8, 0, 0, 0, 0][..], X86Effect::Call),
            (&[0xeb, 0], X86Effect::Jump),
            (&[0xc3], X86Effect::Return),
            (&[0xcc], X86Effect::Trap),
            (&[0x8b, 0xc1], X86Effect::Move),
            (&[0x48, 0x8d, 0x05, 0, 0, 0, 0], X86Effect::Address),
            (&[0x33, 0xd2], X86Effect::Zero),
            (&[0x33, 0xd1], clobber(Register::EDX, none, none)),
            (&[0x48, 0x83, 0xc0, 1], X86Effect::Add),
            (&[0x0f, 0x44, 0xc1], X86Effect::Keep),
            (&[0x48, 0x87, 0xd1], clobber(Register::RCX, Register::RDX, none)),
            (&[0xf7, 0xe1], clobber(Register::RAX, Register::RDX, Register::ECX)),
            (&[0x0f, 0xaf, 0xc1], clobber(Register::EAX, none, none)),
            (&[0x01, 0x01], X86Effect::Keep),
        ] {
            assert_eq!(effect(code), expected, "{code:02x?}");
        }
    }

    #[test]
    fn a_part_of_a_register_counts_as_all_of_it() {
        let mut registers = X86Registers::<u8>::default();
        registers.put(Register::EDX, 7);
        assert_eq!((registers.of(Register::RDX), registers.of(Register::DX)), (7, 0));
        registers.put_whole(Register::DH, 9);
        assert_eq!(registers.of(Register::RDX), 0);
        registers.put(Register::XMM0, 9);
        assert!(registers.iter().all(|value| value == 0));
    }

    #[test]
    fn distances_are_from_the_next_instruction() {
        assert_eq!(near_target(0x1000, &[0xfb, 0xff, 0xff, 0xff]), Some(0x1000));
        assert_eq!(near_target(0x1000, &[0, 0, 0]), None);
        assert_eq!(near_branches(&[0xe8, 0x90, 0xe9]).collect::<Vec<_>>(), [0, 2]);
    }
}
