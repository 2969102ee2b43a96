//! Sections, symbols and relocations of modules and kernels.

use super::{ElfError, ElfHeader, ElfKind};
use crate::Machine;
use crate::bytes::{text_at, u16_at, u32_at, u64_at};

/// More sections than any module has; `e_shnum` cannot say more without an extension that no module uses.
const MAX_SECTIONS: usize = 0xff00;

/// Section holds no bytes in the file.
const NOBITS: u32 = 8;
/// Section has symbols.
const SYMTAB: u32 = 2;
/// Section has relocations with addends.
pub const RELA: u32 = 4;
/// Symbol is not defined here.
pub const UNDEFINED: u16 = 0;

/// One section, cut to the file.
#[derive(Clone, Copy, Debug)]
pub struct ElfSection<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Its type.
    pub kind: u32,
    flags: u64,
    /// Where it is loaded; 0 in modules.
    pub address: u64,
    /// Place in the file.
    pub offset: u64,
    /// Another section that belongs to it.
    pub link: u32,
    /// Of relocations: the section that they fill in.
    pub info: u32,
    /// Its bytes; none if it is filled with zeros when it is loaded.
    pub bytes: &'a [u8],
}

impl ElfSection<'_> {
    /// Whether it is in memory when the code runs.
    pub const fn is_loaded(&self) -> bool {
        self.flags & 2 != 0
    }

    /// Whether it is loaded and can be executed.
    pub const fn is_code(&self) -> bool {
        self.flags & 6 == 6
    }
}

/// One symbol.
#[derive(Clone, Copy, Debug)]
pub struct ElfSymbol<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Its address; in a module from the start of its section.
    pub value: u64,
    /// Bytes; 0 if not known.
    pub size: u64,
    info: u8,
    /// Its section, or [`UNDEFINED`].
    pub section: u16,
}

impl ElfSymbol<'_> {
    /// Whether it is a function.
    pub const fn is_function(&self) -> bool {
        self.info & 15 == 2
    }

    /// Whether it is a variable or a table.
    pub const fn is_object(&self) -> bool {
        self.info & 15 == 1
    }
}

/// One relocation.
#[derive(Clone, Copy, Debug)]
pub struct ElfRelocation {
    /// Place in the section that is filled in.
    pub offset: u64,
    /// How, by the machine's own numbers.
    pub kind: u32,
    /// Number of the symbol.
    pub symbol: u32,
    /// What is added to it.
    pub addend: i64,
}

/// A file over its bytes.
#[derive(Debug)]
pub struct Elf<'a> {
    /// All bytes.
    pub bytes: &'a [u8],
    /// What it was made for.
    pub machine: Machine,
    /// A module; else a kernel with fixed addresses.
    pub relocatable: bool,
    /// In the order of their table.
    pub sections: Vec<ElfSection<'a>>,
}

impl<'a> Elf<'a> {
    /// Reads header and section table.
    ///
    /// # Errors
    ///
    /// As [`ElfHeader::parse`]; [`ElfError::Unsupported`] of files that are neither module nor kernel, of other machines,
    /// and without sections; [`ElfError::Damaged`] if a table or a section reaches beyond the end of the file.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ElfError> {
        let header = ElfHeader::parse(bytes)?;
        let relocatable = match header.kind {
            ElfKind::Relocatable => true,
            ElfKind::Executable => false,
            ElfKind::Core | ElfKind::Other(_) => {
                return Err(ElfError::Unsupported("it is neither a module nor a kernel".into()));
            }
        };
        let machine = match header.machine {
            62 => Machine::X64,
            183 => Machine::Arm64,
            raw => {
                let name = machine_name(raw).map_or_else(String::new, |name| format!(" ({name})"));
                return Err(ElfError::Unsupported(format!("it is for ELF machine {raw}{name}")));
            }
        };
        let (table, row) = (header.sections, header.section_size);
        let count = usize::from(header.section_count);
        let names = usize::from(header.section_names);
        if count == 0 {
            return Err(ElfError::Unsupported("it has no section table".into()));
        }
        if row != 64 || count > MAX_SECTIONS {
            return Err(ElfError::Damaged("the section table's rows or their number are wrong", 58));
        }
        let beyond = || ElfError::Damaged("the section table extends past the end of the file", table);
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
    pub fn section(&self, name: &[u8]) -> Option<&ElfSection<'a>> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// All symbols in the order of their table, so that relocations can number them.
    pub fn symbols(&self) -> impl Iterator<Item = ElfSymbol<'a>> + use<'a> {
        let table = self.sections.iter().find(|section| section.kind == SYMTAB);
        let rows = table.map_or(&[][..], |table| table.bytes);
        let texts = table.and_then(|table| self.sections.get(table.link as usize));
        let texts = texts.map_or(&[][..], |section| section.bytes);
        rows.chunks_exact(24).map(move |row| ElfSymbol {
            name: text_at(texts, u32_at(row, 0).unwrap_or(0) as usize, 511).unwrap_or_default(),
            value: u64_at(row, 8).unwrap_or(0),
            size: u64_at(row, 16).unwrap_or(0),
            info: row.get(4).copied().unwrap_or(0),
            section: u16_at(row, 6).unwrap_or(0),
        })
    }

    /// The relocations of a section of kind [`RELA`].
    pub fn relocations(section: &ElfSection<'a>) -> impl Iterator<Item = ElfRelocation> + use<'a> {
        section.bytes.chunks_exact(24).map(|row| ElfRelocation {
            offset: u64_at(row, 0).unwrap_or(0),
            kind: u32_at(row, 8).unwrap_or(0),
            symbol: u32_at(row, 12).unwrap_or(0),
            addend: u64_at(row, 16).unwrap_or(0).cast_signed(),
        })
    }
}

/// Processors that Linux runs on and that are not read (`elf.h`).
const fn machine_name(number: u16) -> Option<&'static str> {
    match number {
        8 => Some("MIPS"),
        21 => Some("64-bit PowerPC"),
        22 => Some("S390"),
        243 => Some("RISC-V"),
        258 => Some("LoongArch"),
        _ => None,
    }
}

fn section<'a>(bytes: &'a [u8], row: &[u8], at: u64) -> Result<ElfSection<'a>, ElfError> {
    let cut = || ElfError::Damaged("a row of the section table is cut", at);
    let kind = u32_at(row, 4).ok_or_else(cut)?;
    let offset = u64_at(row, 24).ok_or_else(cut)?;
    let size = u64_at(row, 32).ok_or_else(cut)?;
    let beyond =
        || ElfError::Damaged("a section extends past the end of the file, which may be truncated", at);
    let own = if kind == NOBITS || kind == 0 {
        &[][..]
    } else {
        let start = usize::try_from(offset).map_err(|_| beyond())?;
        let size = usize::try_from(size).map_err(|_| beyond())?;
        bytes.get(start..start.checked_add(size).ok_or_else(beyond)?).ok_or_else(beyond)?
    };
    Ok(ElfSection {
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
