//! The page containers of Windows: runs (type 1), bitmap (2, 5, 6, 7), ranges (8, 9, 0xA).

use poolmon_image::bytes::{index, u32_at, u64_at};
use poolmon_model::units::counted;

use super::header::DumpHeader;
use super::runs::{Bitmap, PAGE, PhysMap, PhysRun};
use crate::error::{COPY_AGAIN, DumpError, Result};

/// More ranges than any machine has; a list beyond it is a lie about a length.
const MOST_RANGES: u64 = 1 << 22;

fn malformed(what: &'static str, offset: u64, problem: impl Into<String>) -> DumpError {
    DumpError::Malformed { what, offset, problem: problem.into(), remedy: COPY_AGAIN }
}

/// Type 1: the pages follow the header in the order of its runs.
pub(super) fn full(header: &DumpHeader, file_size: u64, warnings: &mut Vec<String>) -> Result<PhysMap> {
    if header.runs.is_empty() {
        return Err(malformed("run list of the dump header", 0x88, "it is empty"));
    }
    if header.runs_cut {
        warnings
            .push("the header lists more memory runs than fit: pages of the last runs are missing".into());
    }
    let mut runs = Vec::with_capacity(header.runs.len());
    let mut offset = header.size();
    for &(pfn, pages) in &header.runs {
        runs.push(PhysRun { pfn, pages, offset });
        offset = offset.saturating_add(pages.saturating_mul(PAGE));
    }
    Ok(sorted(runs, file_size, warnings))
}

/// Sorts runs and reports what the file does not hold.
pub(super) fn sorted(runs: Vec<PhysRun>, file_size: u64, warnings: &mut Vec<String>) -> PhysMap {
    let (map, lost, overlap) = PhysMap::from_runs(runs, file_size);
    if lost > 0 {
        warnings.push(format!("the file is truncated, {} missing; {COPY_AGAIN}", counted(lost, "page")));
    }
    if overlap {
        warnings.push("some pages are listed twice; the first listing is used".into());
    }
    map
}

/// Types 2, 5, 6, 7: a bitmap behind `SDMP` or `FDMP`.
pub(super) fn bitmap(file: &[u8], start: u64, warnings: &mut Vec<String>) -> Result<PhysMap> {
    const WHAT: &str = "page bitmap";
    let b = file.get(index(start)..).unwrap_or_default();
    let cut = || malformed(WHAT, start, "the file ends inside it");
    let (first, present) = (u64_at(b, 0x20).ok_or_else(cut)?, u64_at(b, 0x28).ok_or_else(cut)?);
    let bits = u64_at(b, 0x30).ok_or_else(cut)?;
    let file_size = file.len() as u64;
    let plausible =
        |first: u64, bits: u64| first > start && first <= file_size && bits > 0 && first.is_multiple_of(PAGE);
    if plausible(first, bits) {
        let map = Bitmap::new(file, start + 0x38, bits, first)
            .ok_or_else(|| malformed(WHAT, start + 0x30, format!("{bits} bits do not fit into the file")))?;
        if map.present() < present {
            let missing = present - map.present();
            warnings.push(format!("{missing} of the {present} pages of this dump are missing; {COPY_AGAIN}"));
        }
        return Ok(PhysMap::Bitmap(map));
    }
    // Folklore: the oldest summary dumps (type 2) hold 32-bit figures: size of header and bitmap at +0C, pages at +14,
    // bits at +18, and the bitmap behind the pointer that follows. Described by several old tools; no real file was
    // at hand, so it counts only where the number of set bits is exactly the number of pages reported.
    let old = |at| u32_at(b, at).map(u64::from);
    if let (Some(first), Some(pages), Some(bits)) = (old(0xc), old(0x14), old(0x18)) {
        for bits_at in [0x20, 0x28] {
            if plausible(first, bits)
                && let Some(map) = Bitmap::new(file, start + bits_at, bits, first)
                && map.present() == pages
            {
                return Ok(PhysMap::Bitmap(map));
            }
        }
    }
    Err(malformed(WHAT, start + 0x20, format!("first page at {first:#x} and {bits} bits cannot be right")))
}

/// Types 8, 9, 0xA: ranges of page numbers behind `RDMP`.
pub(super) fn ranges(file: &[u8], start: u64, dump_type: u32, warnings: &mut Vec<String>) -> Result<PhysMap> {
    const WHAT: &str = "page range list";
    let b = file.get(index(start)..).unwrap_or_default();
    let cut = || malformed(WHAT, start, "the file ends inside it");
    let (size, first) = (u64_at(b, 0x10).ok_or_else(cut)?, u64_at(b, 0x18).ok_or_else(cut)?);
    let expected = first.checked_sub(start + 0x40).and_then(|rest| rest.checked_add(0x20));
    if expected != Some(size) || first > file.len() as u64 {
        let problem = format!("{size:#x} bytes of ranges do not end at the first page, {first:#x}");
        return Err(malformed(WHAT, start + 0x10, problem));
    }
    // A complete dump (0xA) reports its number of pages; the others end with page number 0.
    let most_pages = if dump_type == 0xa { u64_at(b, 0x28).ok_or_else(cut)? } else { u64::MAX };
    let room = (first - start - 0x30) / 16;
    if room > MOST_RANGES {
        return Err(malformed(WHAT, start + 0x10, format!("{room} ranges are more than any machine has")));
    }
    let mut runs = Vec::new();
    let (mut offset, mut pages) = (first, 0_u64);
    for at in 0..index(room) {
        let (pfn, count) = (u64_at(b, 0x30 + at * 16), u64_at(b, 0x38 + at * 16));
        let (Some(pfn), Some(count)) = (pfn, count) else { break };
        if pages >= most_pages || pfn == 0 || offset >= file.len() as u64 {
            break;
        }
        runs.push(PhysRun { pfn, pages: count, offset });
        pages = pages.saturating_add(count);
        offset = offset.saturating_add(count.saturating_mul(PAGE));
    }
    if most_pages != u64::MAX && pages < most_pages {
        warnings.push(format!(
            "{} of {most_pages} pages of this dump are missing; {COPY_AGAIN}",
            most_pages - pages
        ));
    }
    if runs.is_empty() {
        return Err(malformed(WHAT, start + 0x30, "it is empty"));
    }
    Ok(sorted(runs, file.len() as u64, warnings))
}
