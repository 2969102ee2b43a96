//! Finds the table of every processor: an array of pointers somewhere in the kernel's data that starts with the first
//! processor's table.
//!
//! A tag is at the same slot in every table, so thousands of keys prove or refute each pointer.

use poolmon_image::pe::PeHeader;

use super::detect::{FoundLayout, TableBytes};
use crate::container::runs::PAGE;
use crate::kdbg::KernelData;
use crate::memory::Memory;
use crate::pe;

/// The kernel's array has this many slots at most.
const MOST_TABLES: u64 = 2048;
/// Tables that are read in one search; a sound dump needs one for each processor, and a few for decoys.
const MOST_READ: u32 = 8192;

/// The tables of the other processors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tables {
    /// Where the array is.
    pub(super) array: u64,
    /// Tables that were checked, without the first processor's.
    pub(super) others: Vec<u64>,
    /// Tables without a single tag: a processor that never ran. They add nothing.
    pub(super) empty: u64,
    /// Tables of which nothing is in the dump.
    pub(super) unreadable: u64,
}

/// Searches the array. Of several places that hold the first table's address, the one followed by the most tables wins.
pub(super) fn find(
    memory: &Memory,
    data: &KernelData,
    first: u64,
    found: &FoundLayout,
    keys: &TableBytes,
) -> Option<Tables> {
    let base = data.kernel_base;
    let image = pe::header(memory, base);
    let size = image.as_ref().map_or(0x200_0000, |image| image.image_size.min(0x1000_0000));
    let mut ranges = image.as_ref().map(PeHeader::writable_ranges).unwrap_or_default();
    // Second pass: everything, should the array be in a section that is read-only by now.
    ranges.push((0, size));
    let last = ranges.len() - 1;
    let mut best: Option<Tables> = None;
    let mut budget = MOST_READ;
    for (at, (start, length)) in ranges.into_iter().enumerate() {
        if at == last && best.as_ref().is_some_and(|best| !best.others.is_empty()) {
            break;
        }
        search(memory, base, (start, length), first, &mut |place| {
            let tables = follow(memory, place, first, (found, keys), &mut budget);
            let more = |best: &Tables| tables.others.len() > best.others.len();
            if place != memory.address(data.pool_track_table) && best.as_ref().is_none_or(more) {
                best = Some(tables);
            }
        });
    }
    best
}

/// Reads the tables of an array at a known place; `None` if it does not start with the first table.
pub(super) fn at(
    memory: &Memory,
    array: u64,
    first: u64,
    found: &FoundLayout,
    keys: &TableBytes,
) -> Option<Tables> {
    let mut budget = MOST_READ;
    let starts = memory.pointer_at(array).ok() == Some(memory.address(first));
    starts.then(|| follow(memory, array, first, (found, keys), &mut budget))
}

/// Calls back with every aligned place in a range that holds the pointer.
pub(super) fn search(memory: &Memory, base: u64, range: (u32, u32), pointer: u64, each: &mut dyn FnMut(u64)) {
    let narrow = memory.is_narrow();
    let size = memory.pointer();
    let bytes = pointer.to_le_bytes();
    let needle = if narrow { bytes.get(..4) } else { bytes.get(..) }.unwrap_or_default();
    let finder = memchr::memmem::Finder::new(needle);
    let mut at = u64::from(range.0) & !(PAGE - 1);
    let end = u64::from(range.0) + u64::from(range.1);
    let mut hits = 0;
    while at < end && hits < 4096 {
        let page = base.wrapping_add(at);
        if let Ok(bytes) = memory.page(page) {
            for hit in finder.find_iter(bytes).filter(|hit| hit.is_multiple_of(size)) {
                hits += 1;
                each(memory.address(page.wrapping_add(hit as u64)));
            }
        }
        at += PAGE;
    }
}

/// Reads the pointers that follow, as long as they are tables. Gaps are processors that are not there.
fn follow(
    memory: &Memory,
    array: u64,
    first: u64,
    (found, keys): (&FoundLayout, &TableBytes),
    budget: &mut u32,
) -> Tables {
    let mut tables = Tables { array, ..Tables::default() };
    let (mut unread, mut empty) = (0, 0);
    let mut gap = 0;
    for slot in 1..MOST_TABLES {
        let Ok(pointer) = memory.pointer_at(array.wrapping_add(slot * memory.pointer() as u64)) else {
            break;
        };
        if pointer == 0 {
            // Hot-added processors are behind gaps; hundreds of empty slots are the rest of the array.
            gap += 1;
            if gap > 256 {
                break;
            }
            continue;
        }
        let other = pointer != first && !tables.others.contains(&pointer);
        if !other || pointer % PAGE != 0 || !memory.is_kernel(pointer) {
            break;
        }
        if *budget == 0 || empty + unread > 256 {
            break;
        }
        match belongs(memory, pointer, found, keys, budget) {
            Belongs::Yes => {
                // What could not be read, or holds nothing, counts only between tables that were proved.
                tables.unreadable += std::mem::take(&mut unread);
                tables.empty += std::mem::take(&mut empty);
                tables.others.push(pointer);
            }
            Belongs::No => break,
            Belongs::Empty => empty += 1,
            Belongs::Absent => unread += 1,
        }
        gap = 0;
    }
    tables
}

/// What a page-aligned pointer behind the first table's is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Belongs {
    /// Every key is the first table's key of the same slot.
    Yes,
    /// Not a single key: proves nothing.
    Empty,
    /// Something else.
    No,
    /// Nothing of it is in the dump.
    Absent,
}

fn belongs(
    memory: &Memory,
    address: u64,
    found: &FoundLayout,
    keys: &TableBytes,
    budget: &mut u32,
) -> Belongs {
    let stride = found.layout.stride;
    // The first page refutes nearly everything that is no table, at little cost.
    let first = TableBytes::read(memory, address, 0x1000);
    if agrees(&first, keys, 0x1000 / stride, stride) == Belongs::No {
        return Belongs::No;
    }
    *budget -= 1;
    let table = TableBytes::read(memory, address, found.length());
    if table.is_any_present() { agrees(&table, keys, found.entries(), stride) } else { Belongs::Absent }
}

fn agrees(table: &TableBytes, keys: &TableBytes, slots: usize, stride: usize) -> Belongs {
    let (mut reported, mut new) = (0, 0);
    for slot in 0..slots {
        let (Some(key), Some(first)) = (table.key(slot, stride), keys.key(slot, stride)) else { continue };
        if key == 0 {
            continue;
        }
        reported += 1;
        if first == 0 {
            // A live dump copies the tables one after the other: a tag may have come in between.
            new += 1;
        } else if first != key {
            return Belongs::No;
        }
    }
    match (reported, new) {
        (0, _) => Belongs::Empty,
        _ if new * 100 <= reported => Belongs::Yes,
        _ => Belongs::No,
    }
}
