//! A small reader of 64-bit ELF files that believes nothing: kernel modules (relocatable) and kernels (executable).
//!
//! Every offset is checked and every table is cut to the file. Symbols and relocations are read where they are asked
//! for, from start to end, once.

use std::fmt;

use super::ModuleError;

/// More sections than any module has; `e_shnum` cannot say more without an extension that no module uses.
const MAX_SECTIONS: usize = 0xff00;

/// Section holds no bytes in the file.
const NOBITS: u32 = 8;
/// Section has symbols.
const SYMTAB: u32 = 2;
/// Section has relocations with addends.
pub(crate) const RELA: u32 = 4;
/// Symbol is not defined here.
pub(crate) const UNDEFINED: u16 = 0;

/// What the file was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// 64-bit Intel and AMD.
    X64,
    /// 64-bit ARM.
    Arm64,
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X64 => "x64",
            Self::Arm64 => "ARM64",
        })
    }
}

/// One section, cut to the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section<'a> {
    pub name: &'a [u8],
    pub kind: u32,
    flags: u64,
    /// Where it is loaded; 0 in modules.
    pub address: u64,
    /// Place in the file.
    pub offset: u64,
    pub link: u32,
    pub info: u32,
    pub bytes: &'a [u8],
}

impl Section<'_> {
    pub const fn is_loaded(&self) -> bool {
        self.flags & 2 != 0
    }

    pub const fn is_code(&self) -> bool {
        self.flags & 6 == 6
    }
}

/// One symbol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Symbol<'a> {
    pub name: &'a [u8],
    pub value: u64,
    pub size: u64,
    info: u8,
    pub section: u16,
}

impl Symbol<'_> {
    pub const fn is_function(&self) -> bool {
        self.info & 15 == 2
    }

    pub const fn is_object(&self) -> bool {
        self.info & 15 == 1
    }
}

/// One relocation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relocation {
    pub offset: u64,
    pub kind: u32,
    pub symbol: u32,
    pub addend: i64,
}

/// A file over its bytes.
#[derive(Debug)]
pub(crate) struct Elf<'a> {
    pub bytes: &'a [u8],
    pub machine: Machine,
    /// A module; else a kernel with fixed addresses.
    pub relocatable: bool,
    pub sections: Vec<Section<'a>>,
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

/// The bytes up to the next zero, at most `most`.
pub(crate) fn text_at(bytes: &[u8], at: usize, most: usize) -> Option<&[u8]> {
    let rest = bytes.get(at..)?;
    let end = memchr::memchr(0, rest.get(..rest.len().min(most.saturating_add(1)))?)?;
    rest.get(..end)
}

impl<'a> Elf<'a> {
    /// Reads header and section table.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ModuleError> {
        if bytes.get(..4) != Some(b"\x7fELF") {
            return Err(ModuleError::NotElf);
        }
        let cut = || ModuleError::Damaged("the file ends within its header", 0);
        match bytes.get(4..6).ok_or_else(cut)? {
            [2, 1] => {}
            [1, _] => return Err(ModuleError::Unsupported("it is 32-bit".into())),
            [_, 2] => return Err(ModuleError::Unsupported("its numbers are big-endian".into())),
            _ => return Err(ModuleError::Damaged("neither 32-bit nor 64-bit", 4)),
        }
        let relocatable = match u16_at(bytes, 16).ok_or_else(cut)? {
            1 => true,
            2 | 3 => false,
            _ => return Err(ModuleError::Unsupported("it is neither a module nor a kernel".into())),
        };
        let machine = match u16_at(bytes, 18).ok_or_else(cut)? {
            62 => Machine::X64,
            183 => Machine::Arm64,
            raw => return Err(ModuleError::Unsupported(format!("it is for ELF machine {raw}"))),
        };
        let table = u64_at(bytes, 40).ok_or_else(cut)?;
        let row = u16_at(bytes, 58).ok_or_else(cut)?;
        let count = usize::from(u16_at(bytes, 60).ok_or_else(cut)?);
        let names = usize::from(u16_at(bytes, 62).ok_or_else(cut)?);
        if count == 0 {
            return Err(ModuleError::Unsupported("it has no section table".into()));
        }
        if row != 64 || count > MAX_SECTIONS {
            return Err(ModuleError::Damaged("the section table's rows or their number are wrong", 58));
        }
        let beyond = || ModuleError::Damaged("the section table reaches beyond the end of the file", table);
        let start = usize::try_from(table).map_err(|_| beyond())?;
        let end = start.checked_add(count * 64).ok_or_else(beyond)?;
        let rows = bytes.get(start..end).ok_or_else(beyond)?;
        let mut sections = Vec::with_capacity(count);
        for (n, row) in rows.chunks_exact(64).enumerate() {
            let at = table + (n as u64) * 64;
            sections.push(section(bytes, row, at)?);
        }
        let texts = sections.get(names).map_or(&[][..], |section| section.bytes);
        for (section, row) in sections.iter_mut().zip(rows.chunks_exact(64)) {
            let at = u32_at(row, 0).unwrap_or(0) as usize;
            section.name = text_at(texts, at, 255).unwrap_or_default();
        }
        Ok(Self { bytes, machine, relocatable, sections })
    }

    /// The first section of this name.
    pub fn section(&self, name: &[u8]) -> Option<&Section<'a>> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// All symbols in the order of their table, so that relocations can number them.
    pub fn symbols(&self) -> impl Iterator<Item = Symbol<'a>> + use<'a> {
        let table = self.sections.iter().find(|section| section.kind == SYMTAB);
        let rows = table.map_or(&[][..], |table| table.bytes);
        let texts = table.and_then(|table| self.sections.get(table.link as usize));
        let texts = texts.map_or(&[][..], |section| section.bytes);
        rows.chunks_exact(24).map(move |row| Symbol {
            name: text_at(texts, u32_at(row, 0).unwrap_or(0) as usize, 511).unwrap_or_default(),
            value: u64_at(row, 8).unwrap_or(0),
            size: u64_at(row, 16).unwrap_or(0),
            info: row.get(4).copied().unwrap_or(0),
            section: u16_at(row, 6).unwrap_or(0),
        })
    }

    /// The relocations of a section of kind [`RELA`].
    pub fn relocations(section: &Section<'a>) -> impl Iterator<Item = Relocation> + use<'a> {
        section.bytes.chunks_exact(24).map(|row| Relocation {
            offset: u64_at(row, 0).unwrap_or(0),
            kind: u32_at(row, 8).unwrap_or(0),
            symbol: u32_at(row, 12).unwrap_or(0),
            addend: u64_at(row, 16).unwrap_or(0).cast_signed(),
        })
    }
}

fn section<'a>(bytes: &'a [u8], row: &[u8], at: u64) -> Result<Section<'a>, ModuleError> {
    let cut = || ModuleError::Damaged("a row of the section table is cut", at);
    let kind = u32_at(row, 4).ok_or_else(cut)?;
    let offset = u64_at(row, 24).ok_or_else(cut)?;
    let size = u64_at(row, 32).ok_or_else(cut)?;
    let beyond = || ModuleError::Damaged("a section reaches beyond the end of the file (is it cut?)", at);
    let own = if kind == NOBITS || kind == 0 {
        &[][..]
    } else {
        let start = usize::try_from(offset).map_err(|_| beyond())?;
        let size = usize::try_from(size).map_err(|_| beyond())?;
        bytes.get(start..start.checked_add(size).ok_or_else(beyond)?).ok_or_else(beyond)?
    };
    Ok(Section {
        name: &[],
        kind,
        flags: u64_at(row, 8).ok_or_else(cut)?,
        address: u64_at(row, 16).ok_or_else(cut)?,
        offset,
        link: u32_at(row, 40).ok_or_else(cut)?,
        info: u32_at(row, 44).ok_or_else(cut)?,
        bytes: own,
    })
}
