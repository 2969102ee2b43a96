//! A small reader of PE images that believes nothing.
//!
//! Every offset is checked, every table has a limit. A section that claims more than the file holds is cut to what is
//! there; sections may overlap, the first one that covers an address wins, as a reader of the file would see it.

use std::fmt;

/// More sections than Windows itself loads.
const MAX_SECTIONS: usize = 96;

/// What the image was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// 32-bit Intel.
    X86,
    /// 64-bit Intel and AMD.
    X64,
    /// 64-bit ARM.
    Arm64,
    /// Anything else: literals are searched, code is not read.
    Other(u16),
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::X86 => f.write_str("x86"),
            Self::X64 => f.write_str("x64"),
            Self::Arm64 => f.write_str("ARM64"),
            Self::Other(raw) => write!(f, "machine {raw:#06x}"),
        }
    }
}

/// Why a file is not searched. The text goes after the file's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// It does not begin with `MZ`.
    #[error("not a Windows image: it does not begin with MZ")]
    NotPe,
    /// It begins well, then something is out of place.
    #[error("damaged image: {0}")]
    Damaged(&'static str),
    /// More than the search takes into memory.
    #[error(
        "too large: its headers speak of {bytes} bytes, and at most {limit} are taken into memory; it was skipped"
    )]
    TooLarge {
        /// What the file would need.
        bytes: u64,
        /// What is allowed.
        limit: u64,
    },
    /// The system did not give it to us.
    #[error("cannot read: {0}")]
    Io(String),
}

/// One row of the section table, cut to the file.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    pub name: String,
    pub rva: u32,
    pub virtual_size: u32,
    pub raw: usize,
    /// Bytes that the file really holds.
    pub raw_size: usize,
    /// Offset of the end that the header claims.
    pub claimed_end: u64,
    pub flags: u32,
}

impl Section {
    /// Code, by its own account.
    pub fn is_code(&self) -> bool {
        self.flags & 0x2000_0020 != 0
    }

    fn holds_offset(&self, at: usize) -> bool {
        at >= self.raw && at - self.raw < self.raw_size
    }
}

/// Headers of one image over its bytes.
#[derive(Clone, Debug)]
pub(crate) struct Pe<'a> {
    pub bytes: &'a [u8],
    pub machine: Machine,
    pub is_64: bool,
    pub timestamp: u32,
    pub image_base: u64,
    pub subsystem: u16,
    pub headers: u32,
    pub sections: Vec<Section>,
    directories: Vec<(u32, u32)>,
}

pub(crate) const EXCEPTION: usize = 3;
pub(crate) const IMPORT: usize = 1;
pub(crate) const RESOURCE: usize = 2;
pub(crate) const SECURITY: usize = 4;
pub(crate) const DEBUG: usize = 6;
/// The slots of all imports.
pub(crate) const ADDRESSES: usize = 12;
pub(crate) const DELAY_IMPORT: usize = 13;

impl<'a> Pe<'a> {
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ScanError> {
        if bytes.get(..2) != Some(b"MZ") {
            return Err(ScanError::NotPe);
        }
        let short = |what| ScanError::Damaged(what);
        let nt = u32_at(bytes, 0x3c).ok_or(short("it ends inside the DOS header"))? as usize;
        if bytes.get(nt..nt.saturating_add(4)) != Some(b"PE\0\0") {
            return Err(short("no PE signature where the DOS header points"));
        }
        let file = nt + 4;
        let gone = short("it ends inside the PE headers");
        let machine = match u16_at(bytes, file).ok_or(gone.clone())? {
            0x014c => Machine::X86,
            0x8664 => Machine::X64,
            0xaa64 => Machine::Arm64,
            other => Machine::Other(other),
        };
        let count = usize::from(u16_at(bytes, file + 2).ok_or(gone.clone())?);
        let timestamp = u32_at(bytes, file + 4).ok_or(gone.clone())?;
        let optional_size = usize::from(u16_at(bytes, file + 16).ok_or(gone.clone())?);
        let optional = file + 20;
        let is_64 = match u16_at(bytes, optional).ok_or(gone.clone())? {
            0x10b => false,
            0x20b => true,
            _ => return Err(short("the optional header is neither PE32 nor PE32+")),
        };
        let image_base =
            if is_64 { u64_at(bytes, optional + 24) } else { u32_at(bytes, optional + 28).map(u64::from) };
        let image_base = image_base.ok_or(gone.clone())?;
        let headers = u32_at(bytes, optional + 60).ok_or(gone.clone())?;
        let subsystem = u16_at(bytes, optional + 68).ok_or(gone)?;
        let table = optional + if is_64 { 112 } else { 96 };
        let rows = u32_at(bytes, table - 4).unwrap_or(0).min(16) as usize;
        let end = optional + optional_size;
        let directories = (0..rows)
            .map(|row| table + row * 8)
            .take_while(|at| at + 8 <= end)
            .map_while(|at| Some((u32_at(bytes, at)?, u32_at(bytes, at + 4)?)))
            .collect();
        let sections = (0..count.min(MAX_SECTIONS)).map_while(|row| section(bytes, end + row * 40)).collect();
        Ok(Self { bytes, machine, is_64, timestamp, image_base, subsystem, headers, sections, directories })
    }

    /// The same for an image as it stood in memory at `base`: every byte is at its RVA, the file's own offsets, which the
    /// section table still holds, mean nothing, and addresses are those of where it was loaded.
    pub fn parse_mapped(bytes: &'a [u8], base: u64) -> Result<Self, ScanError> {
        let mut pe = Self::parse(bytes)?;
        pe.image_base = base;
        for section in &mut pe.sections {
            section.raw = (section.rva as usize).min(bytes.len());
            section.raw_size = (section.virtual_size as usize).min(bytes.len() - section.raw);
        }
        // The signature lies behind the sections, in the file alone.
        if let Some(signature) = pe.directories.get_mut(SECURITY) {
            *signature = (0, 0);
        }
        Ok(pe)
    }

    /// RVA (a file offset for [`SECURITY`]) and size of a data directory, where it is not empty.
    pub fn directory(&self, row: usize) -> Option<(u32, u32)> {
        self.directories.get(row).copied().filter(|&(at, size)| at != 0 && size != 0)
    }

    /// Where in the file the byte at an RVA is.
    pub fn offset(&self, rva: u32) -> Option<usize> {
        for section in &self.sections {
            if let Some(inside) = rva.checked_sub(section.rva)
                && (inside as usize) < section.raw_size
            {
                return Some(section.raw + inside as usize);
            }
        }
        let at = rva as usize;
        (rva < self.headers && at < self.bytes.len()).then_some(at)
    }

    /// The section of a file offset, and the RVA there.
    pub fn place(&self, at: usize) -> (Option<&Section>, Option<u32>) {
        if let Some(section) = self.sections.iter().find(|section| section.holds_offset(at)) {
            let inside = u32::try_from(at - section.raw).ok();
            return (Some(section), inside.and_then(|inside| section.rva.checked_add(inside)));
        }
        (None, u32::try_from(at).ok().filter(|&at| at < self.headers))
    }

    /// Does any section of code hold this offset: hostile sections may overlap.
    pub fn is_code(&self, at: usize) -> bool {
        self.sections.iter().any(|section| section.is_code() && section.holds_offset(at))
    }

    pub fn u32(&self, rva: u32) -> Option<u32> {
        u32_at(self.bytes, self.offset(rva)?)
    }

    /// A pointer of the image's own width.
    pub fn pointer(&self, rva: u32) -> Option<u64> {
        let at = self.offset(rva)?;
        if self.is_64 { u64_at(self.bytes, at) } else { u32_at(self.bytes, at).map(u64::from) }
    }

    /// The RVA that an absolute address means, where a section covers it.
    pub fn rva_of(&self, address: u64) -> Option<u32> {
        let rva = u32::try_from(address.checked_sub(self.image_base)?).ok()?;
        let covers = |section: &Section| {
            rva.checked_sub(section.rva).is_some_and(|inside| {
                inside < section.virtual_size.max(u32::try_from(section.raw_size).unwrap_or(0))
            })
        };
        self.sections.iter().any(covers).then_some(rva)
    }

    /// A name of at most 256 characters that ends with a zero.
    pub fn name(&self, rva: u32) -> Option<String> {
        let at = self.offset(rva)?;
        let bytes = self.bytes.get(at..)?;
        let bytes = bytes.get(..bytes.len().min(256))?;
        let end = memchr::memchr(0, bytes)?;
        let name = bytes.get(..end)?;
        name.iter().all(u8::is_ascii_graphic).then(|| String::from_utf8_lossy(name).into_owned())
    }

    /// Where the sections end by their own account, whatever the bytes at hand hold.
    pub fn ends(&self) -> impl Iterator<Item = u64> + '_ {
        self.sections.iter().map(|section| section.claimed_end)
    }

    /// Bytes of a section that the file holds.
    pub fn section_bytes(&self, section: &Section) -> &'a [u8] {
        self.bytes.get(section.raw..section.raw + section.raw_size).unwrap_or_default()
    }
}

fn section(bytes: &[u8], at: usize) -> Option<Section> {
    let name = bytes.get(at..at + 8)?;
    let name: String = name
        .iter()
        .take_while(|&&b| b != 0)
        .map(|&b| if b.is_ascii_graphic() { char::from(b) } else { '?' })
        .collect();
    let raw = u32_at(bytes, at + 20)? as usize;
    let claimed = u32_at(bytes, at + 16)? as usize;
    let flags = u32_at(bytes, at + 36)?;
    let raw_size = claimed.min(bytes.len().saturating_sub(raw));
    Some(Section {
        name,
        rva: u32_at(bytes, at + 12)?,
        virtual_size: u32_at(bytes, at + 8)?,
        raw: raw.min(bytes.len()),
        raw_size,
        claimed_end: raw as u64 + claimed as u64,
        flags,
    })
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_le_bytes)
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at.checked_add(8)?)?.try_into().ok().map(u64::from_le_bytes)
}
