//! What an image or a dump was made for.

use std::fmt;

/// A processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// 32-bit Intel.
    X86,
    /// 64-bit Intel and AMD.
    X64,
    /// 64-bit ARM.
    Arm64,
    /// Any other, by its PE number: its code is not read.
    Other(u16),
}

impl Machine {
    /// From the number in a PE header.
    pub const fn from_pe(number: u16) -> Self {
        match number {
            0x014c => Self::X86,
            0x8664 => Self::X64,
            0xaa64 => Self::Arm64,
            other => Self::Other(other),
        }
    }

    /// The number in a PE header.
    pub const fn to_pe(self) -> u16 {
        match self {
            Self::X86 => 0x014c,
            Self::X64 => 0x8664,
            Self::Arm64 => 0xaa64,
            Self::Other(number) => number,
        }
    }

    /// Name in a sentence.
    pub const fn name(self) -> &'static str {
        match self {
            Self::X86 => "x86",
            Self::X64 => "x64",
            Self::Arm64 => "ARM64",
            Self::Other(_) => "unknown processor",
        }
    }

    /// Bytes of a pointer.
    pub const fn pointer(self) -> usize {
        if matches!(self, Self::X86) { 4 } else { 8 }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(number) => write!(f, "machine {number:#06x}"),
            known => f.write_str(known.name()),
        }
    }
}
