//! The code of an image: sections of code without what lies in them and is data.

use std::ops::Range;

use poolmon_image::pe::imports::PeImports;
use poolmon_image::pe::{Pe, PeSection, directory};

/// Tables of the loader. Some linkers put them into a section of code.
const TABLES: [usize; 9] = [
    directory::EXPORT,
    directory::IMPORT,
    directory::RESOURCE,
    directory::EXCEPTION,
    directory::RELOCATIONS,
    directory::DEBUG,
    directory::LOAD_CONFIG,
    directory::ADDRESSES,
    directory::DELAY_IMPORT,
];

/// One section of code.
pub(super) struct Code<'a> {
    pub section: &'a PeSection,
    /// Its bytes, as far as they are read.
    pub bytes: &'a [u8],
    /// Those of them that are code, in order.
    pub pieces: Vec<Range<usize>>,
}

/// Code that is read: all sections of it, cut where the budget of bytes ends, since hostile sections may overlap.
pub(super) fn read<'a>(pe: &'a Pe<'_>, imports: &PeImports, mut budget: usize) -> Vec<Code<'a>> {
    let tables = TABLES.into_iter().filter_map(|table| {
        let (rva, size) = pe.directory(table)?;
        Some(rva..rva.checked_add(size)?)
    });
    let mut data: Vec<Range<u32>> = tables.chain(imports.data.iter().cloned()).collect();
    data.sort_unstable_by_key(|range| range.start);
    let mut all = Vec::new();
    for section in pe.sections.iter().filter(|section| section.is_code()) {
        let bytes = pe.section_bytes(section);
        let bytes = bytes.get(..bytes.len().min(budget)).unwrap_or_default();
        budget -= bytes.len();
        all.push(Code { section, bytes, pieces: pieces(section.rva, bytes.len(), &data) });
    }
    all
}

/// What is left of a section at an RVA without ranges of data, which are in order and may overlap.
fn pieces(rva: u32, length: usize, data: &[Range<u32>]) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let mut from = 0;
    let inside = |at: u32| (at.saturating_sub(rva) as usize).min(length);
    for range in data {
        let (start, end) = (inside(range.start), inside(range.end));
        if start > from {
            pieces.push(from..start);
        }
        from = from.max(end);
    }
    if from < length {
        pieces.push(from..length);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_cut_out_of_code() {
        let cut = |data: &[Range<u32>]| -> Vec<(usize, usize)> {
            pieces(0x1000, 0x100, data).iter().map(|piece| (piece.start, piece.end)).collect()
        };
        assert_eq!(cut(&[]), [(0, 0x100)]);
        assert_eq!(cut(&[0x1010..0x1020, 0x1018..0x1030]), [(0, 0x10), (0x30, 0x100)]);
        assert_eq!(cut(&[0..0x1008, 0x10f0..0x2000]), [(8, 0xf0)]);
        assert_eq!(cut(&[0x10..0x20, 0x2000..0x3000]), [(0, 0x100)]);
        assert!(cut(&[0..0x1080, 0x1080..0x2000]).is_empty());
    }
}
