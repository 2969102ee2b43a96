//! PE headers of images as they stand in memory: sections, the PDB's name, the version.

use std::fmt::Write as _;

use crate::bytes::{array, ascii, u16_at, u32_at};
use crate::container::runs::PAGE;
use crate::memory::Memory;

/// A section of an image in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSection {
    /// Its name (`.data`, `PAGE`).
    pub name: String,
    /// Offset from the image's base.
    pub start: u32,
    /// Size in memory.
    pub size: u32,
    /// Can be written to.
    pub writable: bool,
    /// Is code.
    pub code: bool,
    /// Thrown away after start.
    pub discardable: bool,
}

/// What the header of an image tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageHeader {
    /// PE machine number.
    pub machine: u16,
    /// Timestamp, or a hash where the build is reproducible.
    pub timestamp: u32,
    /// Size in memory.
    pub size: u32,
    /// Sections in order.
    pub sections: Vec<ImageSection>,
    /// Offset and size of the debug directory.
    debug: (u32, u32),
    /// Offset and size of the list of exports.
    pub(crate) exports: (u32, u32),
}

/// The PDB of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PdbId {
    /// File name (`ntkrnlmp.pdb`).
    pub name: String,
    /// GUID and age as symbol stores write them.
    pub key: String,
}

impl PdbId {
    /// Its place in a symbol store.
    pub fn symbol_key(&self) -> String {
        format!("{}/{}", self.name, self.key)
    }
}

/// What can be read of an image beside its header; `None` where its pages are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageDetails {
    /// Header, where its page is in the dump.
    pub image: Option<ImageHeader>,
    /// The timestamp is a hash of the content, not a time.
    pub reproducible: Option<bool>,
    /// Its PDB.
    pub pdb: Option<PdbId>,
    /// File version (`10.0.19041.1`).
    pub version: Option<String>,
}

impl ImageHeader {
    /// Reads the header at an image's base.
    pub(crate) fn read(memory: &Memory, base: u64) -> Option<Self> {
        let page = memory.page(base).ok()?;
        if !page.starts_with(b"MZ") {
            return None;
        }
        let at = u32_at(page, 0x3c)? as usize;
        let header = page.get(at..)?;
        if !header.starts_with(b"PE\0\0") {
            return None;
        }
        let count = usize::from(u16_at(header, 6)?).min(96);
        let optional = usize::from(u16_at(header, 0x14)?);
        let directories = match u16_at(header, 0x18)? {
            0x10b => 0x18 + 0x60,
            0x20b => 0x18 + 0x70,
            _ => return None,
        };
        let mut sections = Vec::with_capacity(count);
        for entry in header.get(0x18 + optional..)?.chunks_exact(40).take(count) {
            let flags = u32_at(entry, 36)?;
            sections.push(ImageSection {
                name: ascii(entry.get(..8)?),
                size: u32_at(entry, 8)?,
                start: u32_at(entry, 12)?,
                writable: flags & 0x8000_0000 != 0,
                code: flags & 0x20 != 0,
                discardable: flags & 0x0200_0000 != 0,
            });
        }
        let directory = |row: usize| {
            let at = directories + row * 8;
            (u32_at(header, at).unwrap_or(0), u32_at(header, at + 4).unwrap_or(0))
        };
        Some(Self {
            machine: u16_at(header, 4)?,
            timestamp: u32_at(header, 8)?,
            size: u32_at(header, 0x50)?,
            sections,
            debug: directory(6),
            exports: directory(0),
        })
    }

    /// Offset and size of what can be written to, as far as it lies in the image.
    pub(crate) fn writable_ranges(&self) -> Vec<(u32, u32)> {
        let inside = |section: &&ImageSection| section.writable && section.start < self.size;
        let range = |section: &ImageSection| (section.start, section.size.min(self.size - section.start));
        self.sections.iter().filter(inside).map(range).collect()
    }

    /// The section that an offset lies in.
    pub fn section_at(&self, offset: u32) -> Option<&ImageSection> {
        self.sections.iter().find(|section| offset >= section.start && offset - section.start < section.size)
    }

    /// PDB name and key, and whether the build is reproducible.
    fn debug(&self, memory: &Memory, base: u64) -> (Option<bool>, Option<PdbId>) {
        const CODEVIEW: u32 = 2;
        const REPRODUCIBLE: u32 = 16;
        let (at, size) = self.debug;
        let length = size.min(28 * 32) as usize;
        let Ok(directory) = memory.buffer(base.wrapping_add(at.into()), length) else { return (None, None) };
        let (mut reproducible, mut pdb) = (false, None);
        for entry in directory.chunks_exact(28) {
            let (kind, length, at) = (u32_at(entry, 12), u32_at(entry, 16), u32_at(entry, 20));
            match (kind, length, at) {
                (Some(REPRODUCIBLE), ..) => reproducible = true,
                (Some(CODEVIEW), Some(length), Some(at)) if at != 0 => {
                    let bytes = memory.buffer(base.wrapping_add(at.into()), length.min(512) as usize);
                    pdb = bytes.ok().as_deref().and_then(rsds).or(pdb);
                }
                _ => {}
            }
        }
        ((length > 0).then_some(reproducible), pdb)
    }

    /// The fixed version of the version resource, found by its signature.
    fn version(&self, memory: &Memory, base: u64) -> Option<String> {
        let resources = self.sections.iter().find(|section| section.name == ".rsrc")?;
        let signature = 0xfeef_04bd_u32.to_le_bytes();
        let mut at = 0;
        while at < u64::from(resources.size.min(1 << 20)) {
            let address = base.wrapping_add(u64::from(resources.start) + at);
            if let Ok(page) = memory.page(address)
                && let Some(hit) = memchr::memmem::find(page, &signature)
            {
                let found: [u8; 16] = memory.array(address.wrapping_add(hit as u64)).ok()?;
                let (high, low) = (u32_at(&found, 8)?, u32_at(&found, 12)?);
                return Some(format!("{}.{}.{}.{}", high >> 16, high & 0xffff, low >> 16, low & 0xffff));
            }
            at += PAGE;
        }
        None
    }
}

/// A `CodeView` record: GUID, age, path of the PDB.
fn rsds(bytes: &[u8]) -> Option<PdbId> {
    if !bytes.starts_with(b"RSDS") {
        return None;
    }
    let (a, b, c) = (u32_at(bytes, 4)?, u16_at(bytes, 8)?, u16_at(bytes, 10)?);
    let mut key = format!("{a:08X}{b:04X}{c:04X}");
    for byte in array::<8>(bytes, 12)? {
        let _ = write!(key, "{byte:02X}");
    }
    let _ = write!(key, "{:x}", u32_at(bytes, 20)?);
    let path = ascii(bytes.get(24..)?);
    Some(PdbId { name: path.rsplit(['\\', '/']).next().unwrap_or_default().to_owned(), key })
}

impl ImageDetails {
    pub(crate) fn read(memory: &Memory, base: u64) -> Self {
        let Some(image) = ImageHeader::read(memory, base) else { return Self::default() };
        let (reproducible, pdb) = image.debug(memory, base);
        let version = image.version(memory, base);
        Self { image: Some(image), reproducible, pdb, version }
    }
}
