//! An image over all its bytes: a file, or memory in one piece.

use std::ops::Deref;

use super::{ImageBytes, PeError, PeHeader, PeSection, directory};
use crate::bytes::{text_at, u32_at, u64_at};

/// An image over its bytes. Its [`PeHeader`] is reached directly (`pe.machine`).
///
/// Every offset is checked. A section that claims more than the file holds is cut to what is there; sections may
/// overlap, the first one that covers an address wins, as a reader of the file would see it.
#[derive(Clone, Debug)]
pub struct Pe<'a> {
    /// All bytes.
    pub bytes: &'a [u8],
    header: PeHeader,
}

impl Deref for Pe<'_> {
    type Target = PeHeader;

    fn deref(&self) -> &PeHeader {
        &self.header
    }
}

impl<'a> Pe<'a> {
    /// Reads the headers of a file.
    ///
    /// # Errors
    ///
    /// As [`PeHeader::parse`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, PeError> {
        let mut header = PeHeader::parse(bytes)?;
        for section in &mut header.sections {
            section.raw_size = section.raw_size.min(bytes.len().saturating_sub(section.raw));
            section.raw = section.raw.min(bytes.len());
        }
        Ok(Self { bytes, header })
    }

    /// The same for an image as it stood in memory at `base`: every byte is at its RVA, the file offsets that the section
    /// table still holds mean nothing, and addresses are those of where it was loaded.
    ///
    /// # Errors
    ///
    /// As [`PeHeader::parse`].
    pub fn parse_mapped(bytes: &'a [u8], base: u64) -> Result<Self, PeError> {
        let mut header = PeHeader::parse(bytes)?;
        header.image_base = base;
        for section in &mut header.sections {
            section.raw = (section.rva as usize).min(bytes.len());
            section.raw_size = (section.virtual_size as usize).min(bytes.len() - section.raw);
        }
        // The signature lies behind the sections, in the file alone.
        if let Some(signature) = header.directories.get_mut(directory::SECURITY) {
            *signature = (0, 0);
        }
        Ok(Self { bytes, header })
    }

    /// File offset of the byte at an RVA.
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
    pub fn place(&self, at: usize) -> (Option<&PeSection>, Option<u32>) {
        if let Some(section) = self.sections.iter().find(|section| section.holds_offset(at)) {
            let inside = u32::try_from(at - section.raw).ok();
            return (Some(section), inside.and_then(|inside| section.rva.checked_add(inside)));
        }
        (None, u32::try_from(at).ok().filter(|&at| at < self.headers))
    }

    /// Whether any section of code holds this offset: hostile sections may overlap.
    pub fn is_code(&self, at: usize) -> bool {
        self.sections.iter().any(|section| section.is_code() && section.holds_offset(at))
    }

    /// The number at an RVA.
    pub fn u32(&self, rva: u32) -> Option<u32> {
        u32_at(self.bytes, self.offset(rva)?)
    }

    /// A pointer of the image's own width.
    pub fn pointer(&self, rva: u32) -> Option<u64> {
        let at = self.offset(rva)?;
        if self.is_64 { u64_at(self.bytes, at) } else { u32_at(self.bytes, at).map(u64::from) }
    }

    /// The RVA of an absolute address, if a section covers it.
    pub fn rva_of(&self, address: u64) -> Option<u32> {
        let rva = u32::try_from(address.checked_sub(self.image_base)?).ok()?;
        let covers = |section: &PeSection| {
            rva.checked_sub(section.rva).is_some_and(|inside| {
                inside < section.virtual_size.max(u32::try_from(section.raw_size).unwrap_or(0))
            })
        };
        self.sections.iter().any(covers).then_some(rva)
    }

    /// A printable name of at most 255 characters that ends with a zero.
    pub fn name(&self, rva: u32) -> Option<String> {
        let name = text_at(self.bytes, self.offset(rva)?, 255)?;
        name.iter().all(u8::is_ascii_graphic).then(|| String::from_utf8_lossy(name).into_owned())
    }

    /// Bytes of a section that are there.
    pub fn section_bytes(&self, section: &PeSection) -> &'a [u8] {
        self.bytes.get(section.raw..section.raw + section.raw_size).unwrap_or_default()
    }
}

impl ImageBytes for Pe<'_> {
    fn piece(&self, rva: u32) -> Option<&[u8]> {
        let at = self.offset(rva)?;
        let end = match self.place(at).0 {
            Some(section) => section.raw + section.raw_size,
            None => (self.headers as usize).min(self.bytes.len()),
        };
        self.bytes.get(at..end)
    }
}
