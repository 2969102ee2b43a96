//! DOS, PE and optional header, data directories and section table.

use crate::Machine;
use crate::bytes::{u16_at, u32_at, u64_at};

/// More sections than Windows itself loads.
const MAX_SECTIONS: usize = 96;

/// Rows of the data directory.
pub mod directory {
    /// Functions that others may import.
    pub const EXPORT: usize = 0;
    /// Imported functions.
    pub const IMPORT: usize = 1;
    /// Resources, the version among them.
    pub const RESOURCE: usize = 2;
    /// Where functions begin.
    pub const EXCEPTION: usize = 3;
    /// The signature; the one row with a file offset instead of an RVA.
    pub const SECURITY: usize = 4;
    /// Places with addresses that move with the image.
    pub const RELOCATIONS: usize = 5;
    /// The name of the symbol file.
    pub const DEBUG: usize = 6;
    /// What the loader should know, such as security cookies.
    pub const LOAD_CONFIG: usize = 10;
    /// The slots of all imports.
    pub const ADDRESSES: usize = 12;
    /// Imports that are loaded when they are first called.
    pub const DELAY_IMPORT: usize = 13;
}

/// Why bytes are not read as an image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeError {
    /// They do not begin with `MZ`.
    #[error("not a Windows image: it does not start with MZ")]
    NotPe,
    /// They begin well, then something is out of place.
    #[error("damaged image: {0}")]
    Damaged(&'static str),
}

/// One row of the section table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeSection {
    /// Its name (`.data`, `PAGE`); characters that do not print are `?`.
    pub name: String,
    /// Offset from the image's base in memory.
    pub rva: u32,
    /// Size in memory.
    pub virtual_size: u32,
    /// Offset of its bytes.
    pub raw: usize,
    /// Number of its bytes; in a [`super::Pe`] those that are really there.
    pub raw_size: usize,
    /// Offset of the end that the header claims.
    pub claimed_end: u64,
    /// Characteristics.
    pub flags: u32,
}

impl PeSection {
    /// Whether its flags say that it is code.
    pub const fn is_code(&self) -> bool {
        self.flags & 0x2000_0020 != 0
    }

    /// Whether it can be written to.
    pub const fn is_writable(&self) -> bool {
        self.flags & 0x8000_0000 != 0
    }

    /// Whether the byte at an RVA is in it.
    pub const fn holds_rva(&self, rva: u32) -> bool {
        rva >= self.rva && rva - self.rva < self.virtual_size
    }

    pub(super) const fn holds_offset(&self, at: usize) -> bool {
        at >= self.raw && at - self.raw < self.raw_size
    }
}

/// What the headers of an image say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeHeader {
    /// What it was made for.
    pub machine: Machine,
    /// PE32+, with pointers of 64 bits.
    pub is_64: bool,
    /// Seconds since 1970, or a hash in a reproducible build.
    pub timestamp: u32,
    /// Address that it prefers; in memory the one where it was loaded.
    pub image_base: u64,
    /// Size in memory.
    pub image_size: u32,
    /// 1: runs in the kernel.
    pub subsystem: u16,
    /// Bytes of all headers.
    pub headers: u32,
    /// Sections in the order of their table.
    pub sections: Vec<PeSection>,
    pub(super) directories: Vec<(u32, u32)>,
}

impl PeHeader {
    /// Reads the headers from the first bytes of a file or of an image in memory; one page is enough as a rule.
    ///
    /// # Errors
    ///
    /// [`PeError::NotPe`] without `MZ`, else [`PeError::Damaged`] with what is out of place.
    pub fn parse(bytes: &[u8]) -> Result<Self, PeError> {
        if bytes.get(..2) != Some(b"MZ") {
            return Err(PeError::NotPe);
        }
        let nt = u32_at(bytes, 0x3c).ok_or(PeError::Damaged("it ends inside the DOS header"))? as usize;
        if bytes.get(nt..nt.saturating_add(4)) != Some(b"PE\0\0") {
            return Err(PeError::Damaged("no PE signature at the offset in the DOS header"));
        }
        let file = nt + 4;
        let gone = PeError::Damaged("it ends inside the PE headers");
        let word = |at| u16_at(bytes, at).ok_or(gone.clone());
        let double = |at| u32_at(bytes, at).ok_or(gone.clone());
        let machine = Machine::from_pe(word(file)?);
        let count = usize::from(word(file + 2)?);
        let timestamp = double(file + 4)?;
        let optional_size = usize::from(word(file + 16)?);
        let optional = file + 20;
        let is_64 = match word(optional)? {
            0x10b => false,
            0x20b => true,
            _ => return Err(PeError::Damaged("the optional header is neither PE32 nor PE32+")),
        };
        let image_base =
            if is_64 { u64_at(bytes, optional + 24) } else { u32_at(bytes, optional + 28).map(u64::from) };
        let image_base = image_base.ok_or(gone.clone())?;
        let image_size = double(optional + 56)?;
        let headers = double(optional + 60)?;
        let subsystem = word(optional + 68)?;
        let table = optional + if is_64 { 112 } else { 96 };
        let rows = u32_at(bytes, table - 4).unwrap_or(0).min(16) as usize;
        let end = optional + optional_size;
        let directories = (0..rows)
            .map(|row| table + row * 8)
            .take_while(|at| at + 8 <= end)
            .map_while(|at| Some((u32_at(bytes, at)?, u32_at(bytes, at + 4)?)))
            .collect();
        let sections = (0..count.min(MAX_SECTIONS)).map_while(|row| section(bytes, end + row * 40)).collect();
        Ok(Self {
            machine,
            is_64,
            timestamp,
            image_base,
            image_size,
            subsystem,
            headers,
            sections,
            directories,
        })
    }

    /// RVA (a file offset for [`directory::SECURITY`]) and size of a data directory, if it is not empty.
    pub fn directory(&self, row: usize) -> Option<(u32, u32)> {
        self.directories.get(row).copied().filter(|&(at, size)| at != 0 && size != 0)
    }

    /// The first section in which an RVA lies.
    pub fn section_at(&self, rva: u32) -> Option<&PeSection> {
        self.sections.iter().find(|section| section.holds_rva(rva))
    }

    /// RVA and size of the sections that can be written to, cut to the image.
    pub fn writable_ranges(&self) -> Vec<(u32, u32)> {
        let inside = |section: &&PeSection| section.is_writable() && section.rva < self.image_size;
        let range =
            |section: &PeSection| (section.rva, section.virtual_size.min(self.image_size - section.rva));
        self.sections.iter().filter(inside).map(range).collect()
    }
}

fn section(bytes: &[u8], at: usize) -> Option<PeSection> {
    let name: String = bytes
        .get(at..at.checked_add(8)?)?
        .iter()
        .take_while(|&&b| b != 0)
        .map(|&b| if b.is_ascii_graphic() { char::from(b) } else { '?' })
        .collect();
    let raw = u32_at(bytes, at + 20)? as usize;
    let raw_size = u32_at(bytes, at + 16)? as usize;
    Some(PeSection {
        name,
        rva: u32_at(bytes, at + 12)?,
        virtual_size: u32_at(bytes, at + 8)?,
        raw,
        raw_size,
        claimed_end: raw as u64 + raw_size as u64,
        flags: u32_at(bytes, at + 36)?,
    })
}
