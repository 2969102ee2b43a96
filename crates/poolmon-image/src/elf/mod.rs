//! 64-bit little-endian ELF files, read without trust: kernel modules (relocatable), kernels (executable), and cores of
//! virtual machines.
//!
//! [`ElfHeader`] is the first 64 bytes, with the tables of segments and their notes. [`Elf`] is a module or a kernel with
//! its sections, symbols and relocations: these are read when they are asked for, from start to end, once.

mod core;
mod sections;

pub use self::core::{ElfNote, ElfSegment, notes};
pub use sections::{Elf, ElfRelocation, ElfSection, ElfSymbol, RELA, UNDEFINED};

use crate::bytes::{u16_at, u64_at};

/// Why bytes are not read as an ELF file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ElfError {
    /// They do not begin with `\x7fELF`.
    #[error("not an ELF file: it does not start with 7f 45 4c 46")]
    NotElf,
    /// They begin well, then something is out of place; with the offset.
    #[error("damaged: {0}, at offset {1:#x}")]
    Damaged(&'static str, u64),
    /// They may be right, but are not for this reader.
    #[error("not supported: {0}")]
    Unsupported(String),
}

/// What an ELF file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElfKind {
    /// Sections to be placed and relocated: a kernel module.
    Relocatable,
    /// Code at fixed addresses: a kernel.
    Executable,
    /// Memory.
    Core,
    /// Any other, by its number.
    Other(u16),
}

/// The first 64 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElfHeader {
    /// What it holds.
    pub kind: ElfKind,
    /// Number of the machine (62 x64, 183 ARM64).
    pub machine: u16,
    /// Offset of the table of segments.
    segments: u64,
    segment_count: u16,
    /// Offset of the section table.
    sections: u64,
    section_size: u16,
    section_count: u16,
    /// Section with the names of sections.
    section_names: u16,
}

impl ElfHeader {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// [`ElfError::NotElf`] without the magic number; [`ElfError::Unsupported`] of 32-bit and big-endian files;
    /// [`ElfError::Damaged`] of short ones.
    pub fn parse(bytes: &[u8]) -> Result<Self, ElfError> {
        if bytes.get(..4) != Some(b"\x7fELF") {
            return Err(ElfError::NotElf);
        }
        let cut = ElfError::Damaged("the file ends within its header", 0);
        match bytes.get(4..6).ok_or(cut.clone())? {
            [2, 1] => {}
            [1, _] => return Err(ElfError::Unsupported("it is 32-bit".into())),
            [_, 2] => return Err(ElfError::Unsupported("its numbers are big-endian".into())),
            _ => return Err(ElfError::Damaged("neither 32-bit nor 64-bit", 4)),
        }
        let word = |at| u16_at(bytes, at).ok_or(cut.clone());
        let long = |at| u64_at(bytes, at).ok_or(cut.clone());
        let kind = match word(16)? {
            1 => ElfKind::Relocatable,
            2 | 3 => ElfKind::Executable,
            4 => ElfKind::Core,
            other => ElfKind::Other(other),
        };
        Ok(Self {
            kind,
            machine: word(18)?,
            segments: long(32)?,
            segment_count: word(56)?,
            sections: long(40)?,
            section_size: word(58)?,
            section_count: word(60)?,
            section_names: word(62)?,
        })
    }
}
