//! The kernel's writable data, where the variables are that no export names.

use poolmon_image::bytes::{index, u32_at, u64_at};
use poolmon_image::pe::PeHeader;

use crate::container::runs::PAGE;
use crate::memory::Memory;
use crate::pe;

/// No kernel has more in one section; a larger section is a damaged header.
const LARGEST: u32 = 0x400_0000;
/// What is searched of an image whose header is absent.
const WITHOUT_HEADER: u32 = 0x200_0000;

/// Offset and length of what can hold variables in the image at `base`.
pub(crate) fn ranges(memory: &Memory, base: u64) -> Vec<(u32, u32)> {
    let image = pe::header(memory, base);
    let mut ranges = image.as_ref().map(PeHeader::writable_ranges).unwrap_or_default();
    if ranges.is_empty() {
        ranges.push((0, image.map_or(WITHOUT_HEADER, |image| image.image_size)));
    }
    for range in &mut ranges {
        range.1 = range.1.min(LARGEST);
    }
    ranges
}

/// Calls back with the address and the bytes of every page that can hold variables, until it answers `false`.
pub(crate) fn pages(memory: &Memory, base: u64, each: &mut dyn FnMut(u64, &[u8]) -> bool) {
    for (start, length) in ranges(memory, base) {
        let end = u64::from(start) + u64::from(length);
        let mut at = u64::from(start);
        while at < end {
            let place = memory.address(base.wrapping_add(at));
            let to_page_end = PAGE - place % PAGE;
            if let Ok(page) = memory.page(place) {
                let page = page.get(..index((end - at).min(to_page_end))).unwrap_or(page);
                if !each(place, page) {
                    return;
                }
            }
            at += to_page_end;
        }
    }
}

/// Calls back with the address and the value of every aligned word, until it answers `false`.
pub(crate) fn words(memory: &Memory, base: u64, each: &mut dyn FnMut(u64, u64) -> bool) {
    let size = memory.pointer();
    let value = |page: &[u8], at| match size {
        4 => u32_at(page, at).map(u64::from),
        _ => u64_at(page, at),
    };
    pages(memory, base, &mut |place, page| {
        (0..page.len())
            .step_by(size)
            .all(|at| value(page, at).is_none_or(|word| each(place + at as u64, word)))
    });
}
