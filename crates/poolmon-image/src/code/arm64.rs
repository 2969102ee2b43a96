//! ARM64: the instructions that carry constants, addresses and calls, decoded; of all others, what they may write.
//!
//! Encodings are from the Arm Architecture Reference Manual (DDI 0487), C4.1.

use super::Registers;

/// The registers of a reader of ARM64 code. Number 31 is the zero register or the stack pointer and holds nothing.
pub type Arm64Registers<V> = Registers<V, 31>;

/// One instruction. Registers are numbers; distances are in bytes from the instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arm64 {
    /// `ldr wD, label`: loads 32 bits from a pool of literals.
    LoadLiteral {
        /// Written.
        to: u8,
        /// To the literal.
        distance: i64,
    },
    /// `movz`: a half, the rest is zero.
    MoveHalf {
        /// Written.
        to: u8,
        /// The half.
        half: u16,
        /// Bits that it is shifted by: 0, 16, 32 or 48.
        shift: u8,
    },
    /// `movk`: a half, the rest stays.
    KeepHalf {
        /// Written.
        to: u8,
        /// The half.
        half: u16,
        /// Bits that it is shifted by.
        shift: u8,
    },
    /// `mov` between registers; from 31 it is zero.
    Move {
        /// Written.
        to: u8,
        /// Read.
        from: u8,
        /// 64 bits.
        wide: bool,
    },
    /// `adrp`: the page of the instruction, and a distance in bytes that is a multiple of a page.
    PageAddress {
        /// Written.
        to: u8,
        /// From the start of the instruction's page.
        distance: i64,
    },
    /// `adr`.
    Address {
        /// Written.
        to: u8,
        /// To what is addressed.
        distance: i64,
    },
    /// `add xD, xN, #number`; base 31 is the stack pointer.
    AddNumber {
        /// Written.
        to: u8,
        /// Read.
        base: u8,
        /// Added.
        number: u32,
    },
    /// `ldr` from a base and a number; base 31 is the stack pointer.
    Load {
        /// Written.
        to: u8,
        /// Read.
        base: u8,
        /// Added to the base.
        number: u32,
        /// 64 bits.
        wide: bool,
    },
    /// `ldr xD, [xN, xM]`: an element of a table.
    LoadElement {
        /// Written.
        to: u8,
        /// The table.
        base: u8,
    },
    /// `str` to a base and a number; base 31 is the stack pointer.
    Store {
        /// Stored.
        from: u8,
        /// Read.
        base: u8,
        /// Added to the base.
        number: u32,
        /// 64 bits.
        wide: bool,
    },
    /// `csel`: one of two, by a condition.
    Select {
        /// Written.
        to: u8,
        /// Read.
        one: u8,
        /// Read.
        other: u8,
    },
    /// `cmp` of two registers.
    Compare {
        /// Read.
        one: u8,
        /// Read.
        other: u8,
    },
    /// `b` or `bl`.
    Branch {
        /// To the target.
        distance: i64,
        /// It is a call.
        call: bool,
    },
    /// `b.cond`, `cbz`, `cbnz`, `tbz` or `tbnz`.
    BranchIf {
        /// To the target.
        distance: i64,
    },
    /// `br` or `blr`.
    BranchRegister {
        /// Holds the target.
        register: u8,
        /// It is a call.
        call: bool,
    },
    /// `ret`.
    Return,
    /// Padding, or `brk`.
    Trap,
    /// Anything else, with the registers that it may write.
    Other {
        /// Written.
        writes: [Option<u8>; 2],
    },
}

/// Bits `from..from + count` with their sign.
const fn signed(word: u32, from: u32, count: u32) -> i64 {
    ((word << (32 - from - count)).cast_signed() >> (32 - count)) as i64
}

/// Five bits: a register's number.
const fn register(word: u32, from: u32) -> u8 {
    (word >> from & 31) as u8
}

impl Arm64 {
    /// Decodes one word.
    pub const fn decode(word: u32) -> Self {
        let to = register(word, 0);
        let base = register(word, 5);
        let half = (word >> 5 & 0xffff) as u16;
        let number = word >> 10 & 0xfff;
        if word & 0xff00_0000 == 0x1800_0000 {
            Self::LoadLiteral { to, distance: signed(word, 5, 19) * 4 }
        } else if word & 0x7f80_0000 == 0x5280_0000 {
            Self::MoveHalf { to, half, shift: 16 * (word >> 21 & 3) as u8 }
        } else if word & 0x7f80_0000 == 0x7280_0000 {
            Self::KeepHalf { to, half, shift: 16 * (word >> 21 & 3) as u8 }
        } else if word & 0x7fe0_ffe0 == 0x2a00_03e0 {
            Self::Move { to, from: register(word, 16), wide: word >> 31 == 1 }
        } else if word & 0x1f00_0000 == 0x1000_0000 {
            let distance = signed(word, 5, 19) * 4 + (word >> 29 & 3) as i64;
            if word >> 31 == 1 {
                Self::PageAddress { to, distance: distance * 4096 }
            } else {
                Self::Address { to, distance }
            }
        } else if word & 0xff80_0000 == 0x9100_0000 {
            Self::AddNumber { to, base, number: if word >> 22 & 1 == 1 { number << 12 } else { number } }
        } else if word & 0xbfc0_0000 == 0xb940_0000 {
            let wide = word >> 30 & 1 == 1;
            Self::Load { to, base, number: number * if wide { 8 } else { 4 }, wide }
        } else if word & 0xffe0_0c00 == 0xf860_0800 {
            Self::LoadElement { to, base }
        } else if word & 0xbfc0_0000 == 0xb900_0000 {
            let wide = word >> 30 & 1 == 1;
            Self::Store { from: to, base, number: number * if wide { 8 } else { 4 }, wide }
        } else if word & 0x7fe0_0c00 == 0x1a80_0000 {
            Self::Select { to, one: base, other: register(word, 16) }
        } else if word & 0x7fe0_fc1f == 0x6b00_001f {
            Self::Compare { one: base, other: register(word, 16) }
        } else if is_branch(word) {
            Self::Branch { distance: signed(word, 0, 26) * 4, call: word >> 31 == 1 }
        } else if word & 0xff00_0010 == 0x5400_0000 || word & 0x7e00_0000 == 0x3400_0000 {
            Self::BranchIf { distance: signed(word, 5, 19) * 4 }
        } else if word & 0x7e00_0000 == 0x3600_0000 {
            Self::BranchIf { distance: signed(word, 5, 14) * 4 }
        } else if word & 0xffdf_fc1f == 0xd61f_0000 {
            Self::BranchRegister { register: base, call: word >> 21 & 1 == 1 }
        } else if word & 0xffff_fc1f == 0xd65f_0000 {
            Self::Return
        } else if word == 0 || word & 0xffe0_001f == 0xd420_0000 {
            Self::Trap
        } else {
            Self::Other { writes: written(word) }
        }
    }
}

/// Whether the word is a call or a jump to a fixed place: cheaper than to decode it.
pub const fn is_branch(word: u32) -> bool {
    word & 0x7c00_0000 == 0x1400_0000
}

/// Where the call or jump at `address` leads to.
pub const fn branch_target(address: u64, word: u32) -> u64 {
    address.wrapping_add_signed(signed(word, 0, 26) * 4)
}

/// What any other instruction may write.
const fn written(word: u32) -> [Option<u8>; 2] {
    let to = Some(register(word, 0));
    let group = word >> 25 & 15;
    // Conditional branches and system instructions.
    if group & 0b1110 == 0b1010 {
        return [None, None];
    }
    // Loads and stores.
    if group & 0b0101 == 0b0100 {
        let literal = word & 0x3b00_0000 == 0x1800_0000;
        let pair = word >> 27 & 7 == 0b101;
        return match (pair, word >> 22 & 1 == 1, word >> 22 & 3 != 0) {
            (true, true, _) => [to, Some(register(word, 10))],
            (true, false, _) => [None, None],
            (false, _, load) => [if load || literal { to } else { None }, None],
        };
    }
    [to, None]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_by_their_words() {
        for (word, expected) in [
            (0x1800_0042, Arm64::LoadLiteral { to: 2, distance: 8 }),
            (0x528e_8a82, Arm64::MoveHalf { to: 2, half: 0x7454, shift: 0 }),
            (0xd2a0_0020, Arm64::MoveHalf { to: 0, half: 1, shift: 16 }),
            (0x72ae_6ca2, Arm64::KeepHalf { to: 2, half: 0x7365, shift: 16 }),
            (0x2a13_03e2, Arm64::Move { to: 2, from: 19, wide: false }),
            (0xaa1f_03e0, Arm64::Move { to: 0, from: 31, wide: true }),
            (0xb000_0010, Arm64::PageAddress { to: 16, distance: 4096 }),
            (0xf0ff_ffe0, Arm64::PageAddress { to: 0, distance: -4096 }),
            (0x10ff_ffe0, Arm64::Address { to: 0, distance: -4 }),
            (0x9140_0421, Arm64::AddNumber { to: 1, base: 1, number: 0x1000 }),
            (0xf940_0a10, Arm64::Load { to: 16, base: 16, number: 16, wide: true }),
            (0xb940_0a10, Arm64::Load { to: 16, base: 16, number: 8, wide: false }),
            (0xf863_7841, Arm64::LoadElement { to: 1, base: 2 }),
            (0xf900_0be0, Arm64::Store { from: 0, base: 31, number: 16, wide: true }),
            (0xb900_0be2, Arm64::Store { from: 2, base: 31, number: 8, wide: false }),
            (0x6b0a_029f, Arm64::Compare { one: 20, other: 10 }),
            (0x1a89_0142, Arm64::Select { to: 2, one: 10, other: 9 }),
            (0x97ff_ffff, Arm64::Branch { distance: -4, call: true }),
            (0x1400_0002, Arm64::Branch { distance: 8, call: false }),
            (0xd61f_0200, Arm64::BranchRegister { register: 16, call: false }),
            (0xd63f_0100, Arm64::BranchRegister { register: 8, call: true }),
            (0xd65f_03c0, Arm64::Return),
            (0xd420_0000, Arm64::Trap),
            (0, Arm64::Trap),
            (0x5400_0040, Arm64::BranchIf { distance: 8 }),
            (0xb4ff_ffe0, Arm64::BranchIf { distance: -4 }),
            (0x3678_0069, Arm64::BranchIf { distance: 12 }),
            (0xa940_0fe2, Arm64::Other { writes: [Some(2), Some(3)] }),
            (0xa900_0fe2, Arm64::Other { writes: [None, None] }),
            (0xa9bf_7bfd, Arm64::Other { writes: [None, None] }),
            (0x5800_0042, Arm64::Other { writes: [Some(2), None] }),
            (0x1a81_0400, Arm64::Other { writes: [Some(0), None] }),
        ] {
            assert_eq!(Arm64::decode(word), expected, "{word:08x}");
        }
        assert_eq!(branch_target(0x1000, 0x97ff_ffff), 0xffc);
        assert!(is_branch(0x97ff_ffff) && !is_branch(0x5400_0040));
    }
}
