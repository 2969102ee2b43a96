//! Segments, and the notes in them: what a core is made of.

use super::{ElfError, ElfHeader};
use crate::bytes::{index, u32_at, u64_at};

/// Bytes of a row of the table of segments.
const ROW: usize = 0x38;
/// A core of a virtual machine has a segment for each stretch of memory; thousands would be a lie.
const MAX_SEGMENTS: usize = 1 << 16;

/// One segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElfSegment {
    /// 1 memory, 4 notes.
    pub kind: u32,
    /// Offset in the file.
    pub offset: u64,
    /// Physical address.
    pub physical: u64,
    /// Bytes in the file.
    pub size: u64,
}

impl ElfSegment {
    /// Memory (`PT_LOAD`).
    pub const LOAD: u32 = 1;
    /// Notes (`PT_NOTE`).
    pub const NOTE: u32 = 4;

    /// Its bytes, cut to the file.
    pub fn bytes<'a>(&self, file: &'a [u8]) -> &'a [u8] {
        let start = index(self.offset);
        let end = start.saturating_add(index(self.size)).min(file.len());
        file.get(start..end).unwrap_or_default()
    }
}

/// One note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElfNote<'a> {
    /// Whose it is (`QEMU\0`, `CORE\0`).
    pub name: &'a [u8],
    /// Its content.
    pub content: &'a [u8],
}

impl ElfHeader {
    /// The segments in the order of their table.
    ///
    /// # Errors
    ///
    /// [`ElfError::Damaged`] if the file ends inside the table.
    pub fn segments(&self, file: &[u8]) -> Result<Vec<ElfSegment>, ElfError> {
        let cut = || ElfError::Damaged("the file ends inside its program headers", self.segments);
        let mut count = usize::from(self.segment_count);
        if count == 0xffff {
            // More than 65,534 segments: their number is in the first section header.
            let place = index(self.sections).checked_add(0x2c);
            count = place.and_then(|at| u32_at(file, at)).ok_or_else(cut)? as usize;
        }
        let table = file.get(index(self.segments)..).unwrap_or_default();
        let row = |n: usize| {
            let row = table.get(n * ROW..n * ROW + ROW)?;
            Some(ElfSegment {
                kind: u32_at(row, 0)?,
                offset: u64_at(row, 8)?,
                physical: u64_at(row, 0x18)?,
                size: u64_at(row, 0x20)?,
            })
        };
        (0..count.min(MAX_SEGMENTS)).map(|n| row(n).ok_or_else(cut)).collect()
    }
}

/// The notes of a segment, one after the other, as far as they go.
pub fn notes(segment: &[u8]) -> impl Iterator<Item = ElfNote<'_>> {
    let mut rest = segment;
    std::iter::from_fn(move || {
        let (name_size, size) = (u32_at(rest, 0)?, u32_at(rest, 4)?);
        let name_end = 12_usize.saturating_add(name_size as usize);
        let start = name_end.saturating_add(3) & !3;
        let end = start.saturating_add(size as usize);
        let name = rest.get(12..name_end).unwrap_or_default();
        let content = rest.get(start..end).unwrap_or_default();
        rest = rest.get(end.saturating_add(3) & !3..).unwrap_or_default();
        Some(ElfNote { name, content })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_padded_to_four_bytes() {
        let mut bytes = Vec::new();
        for (name, content) in [(&b"QEMU\0"[..], &[1, 2, 3][..]), (b"CORE\0", b"abcd")] {
            bytes.extend(u32::try_from(name.len()).unwrap().to_le_bytes());
            bytes.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
            bytes.extend([0; 4]);
            for part in [name, content] {
                bytes.extend(part);
                bytes.resize(bytes.len().next_multiple_of(4), 0);
            }
        }
        let found: Vec<ElfNote<'_>> = notes(&bytes).collect();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].name, found[0].content), (&b"QEMU\0"[..], &[1, 2, 3][..]));
        assert_eq!((found[1].name, found[1].content), (&b"CORE\0"[..], &b"abcd"[..]));
        assert_eq!(notes(&[0xff; 12]).count(), 1, "lengths that lie end the walk");
    }
}
