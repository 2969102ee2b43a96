//! Finds the table of large allocations and its number of slots in the kernel's data.
//!
//! Both are variables of their own: next to each other in two thirds of all kernels, up to 16 KiB apart in the others.
//! So every pointer in the data is tried, what it points to decides, and of all numbers of slots that are in the
//! data, only those count that end neither within the table's content nor behind its memory.

use rustc_hash::FxHashSet;

use super::{BigPoolLayout, SLOTS, Slot, slot_of};
use crate::container::runs::PAGE;
use crate::memory::Memory;
use crate::paging::Absent;
use crate::scan;

/// Fewer allocations than this prove nothing.
const FEWEST: u64 = 8;
/// Pages without a single allocation, after which it is no table.
const EMPTY_PAGES: u64 = 64;
/// More of either are not kept; a kernel has some ten thousand pointers in its data.
const MOST_KEPT: usize = 1 << 16;

/// Address and number of slots.
pub(super) fn find(memory: &Memory, base: u64, layout: BigPoolLayout) -> Option<(u64, u64)> {
    let mut counts = Vec::new();
    let mut tables = Vec::new();
    let mut seen = FxHashSet::default();
    scan::words(memory, base, &mut |place, word| {
        if SLOTS.contains(&word) && word.is_power_of_two() && counts.len() < MOST_KEPT {
            counts.push((place, word));
        } else if word != 0
            && word.is_multiple_of(PAGE)
            && memory.is_kernel(word)
            && seen.len() < MOST_KEPT
            && seen.insert(word)
        {
            tables.push((place, word));
        }
        true
    });
    // A circle in damaged page tables is a table without end.
    let mut budget = memory.map.pages().saturating_mul(PAGE / 8).saturating_add(1 << 22);
    let extents = tables.into_iter().filter_map(|(place, table)| {
        let extent = Extent::of(memory, table, layout, &mut budget)?;
        Some((place, table, extent))
    });
    let (place, table, extent) = extents.max_by_key(|(.., extent)| extent.used)?;
    let fitting = counts.into_iter().filter(|(_, slots)| (extent.last..=extent.end).contains(slots));
    let nearest = fitting.min_by_key(|(at, _)| at.abs_diff(place));
    // No number that fits: its page is not in the dump. The content still shows how far it goes.
    let slots = nearest.map_or_else(|| extent.last.next_power_of_two().max(SLOTS.start), |(_, slots)| slots);
    Some((table, slots))
}

/// How far a table goes.
struct Extent {
    /// Slots with an allocation.
    used: u64,
    /// Slots up to the last allocation.
    last: u64,
    /// Slots until something else or nothing follows.
    end: u64,
}

impl Extent {
    /// `None` if it is no table.
    fn of(memory: &Memory, table: u64, layout: BigPoolLayout, budget: &mut u64) -> Option<Self> {
        let stride = layout.stride as u64;
        let mut extent = Self { used: 0, last: 0, end: 0 };
        let mut wrong = 0;
        let mut entry = [0; 0x20];
        let entry = entry.get_mut(..layout.stride)?;
        while extent.end < SLOTS.end && *budget > 0 {
            // A page at a time: the first with more rubbish than allocations is behind the end.
            let page_end = ((extent.end * stride / PAGE + 1) * PAGE).div_ceil(stride);
            let (mut page_used, mut page_last, mut page_wrong, mut free) = (0, extent.last, 0, 0);
            let mut is_mapped = true;
            for slot in extent.end..page_end {
                *budget = budget.saturating_sub(1);
                match memory.read(table.wrapping_add(slot * stride), entry) {
                    Ok(()) => match slot_of(memory, entry, layout) {
                        Slot::Free => free += 1,
                        Slot::Wrong => page_wrong += 1,
                        Slot::Used(_) => (page_used, page_last) = (page_used + 1, slot + 1),
                    },
                    Err(Absent::Unmapped) => {
                        is_mapped = false;
                        break;
                    }
                    Err(_) => break,
                }
            }
            if !is_mapped || page_wrong > page_used + free / 8 {
                break;
            }
            (extent.used, extent.last) = (extent.used + page_used, page_last);
            (extent.end, wrong) = (page_end, wrong + page_wrong);
            if extent.used == 0 && extent.end > EMPTY_PAGES * PAGE / stride {
                return None;
            }
        }
        // The last page may end within an entry that belongs to what follows.
        extent.end = extent.end.max(extent.last);
        (extent.used >= FEWEST && wrong * 20 <= extent.used).then_some(extent)
    }
}
