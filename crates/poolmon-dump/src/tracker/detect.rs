//! Finds a table's entry size and number of slots without symbols: a tag has to be where its hash puts it.
//!
//! The table is hashed with linear probing and keys are never removed, so every key is reached from its hash over
//! occupied slots only. Of all entry sizes and power-of-two sizes, the right one scores 100 %, twice its size about
//! 51 %, and half its size nearly 100 % again; so the largest that fits wins.

use poolmon_image::bytes::{index, u32_at, u64_at};
use rustc_hash::FxHashSet;

use super::layout::TrackerLayout;
use crate::container::runs::PAGE;
use crate::memory::Memory;

/// Sizes that the kernel can choose: 64 to 65,536 slots.
const SMALLEST: u32 = 6;
const LARGEST: u32 = 16;
/// Fewer keys than this prove nothing.
const FEWEST_KEYS: usize = 8;

/// Bytes of a table as far as they are in the dump.
pub(super) struct TableBytes {
    bytes: Vec<u8>,
    /// One for each page.
    present: Vec<bool>,
}

impl TableBytes {
    /// Reads up to `length` bytes of a page-aligned table. Ends after many absent pages in a row.
    pub(super) fn read(memory: &Memory, address: u64, length: usize) -> Self {
        let mut table = Self { bytes: Vec::new(), present: Vec::new() };
        let mut absent = 0;
        while table.bytes.len() < length && absent < 32 {
            let start = table.bytes.len();
            table.bytes.resize(start + index(PAGE), 0);
            let page = table.bytes.get_mut(start..).unwrap_or_default();
            let is_there = memory.copy_page(address.wrapping_add(start as u64), page);
            absent = if is_there { 0 } else { absent + 1 };
            table.present.push(is_there);
        }
        table
    }

    /// Pages that are absent among the first `length` bytes.
    pub(super) fn absent_pages(&self, length: usize) -> u64 {
        let pages = length.div_ceil(index(PAGE));
        let read = self.present.iter().take(pages).filter(|&&there| there).count();
        (pages - read.min(pages)) as u64
    }

    /// Whether any page is there.
    pub(super) fn is_any_present(&self) -> bool {
        self.present.contains(&true)
    }

    /// The key of a slot; `None` if its page is absent.
    pub(super) fn key(&self, slot: usize, stride: usize) -> Option<u32> {
        let at = slot * stride;
        let there = *self.present.get(at / index(PAGE))?;
        u32_at(&self.bytes, at).filter(|_| there)
    }

    /// The bytes of a slot; `None` if a page of it is absent.
    pub(super) fn entry(&self, slot: usize, stride: usize) -> Option<&[u8]> {
        let (start, end) = (slot * stride, (slot + 1) * stride);
        let there = |at: usize| self.present.get(at / index(PAGE)).copied().unwrap_or(false);
        self.bytes.get(start..end).filter(|_| there(start) && there(end - 1))
    }
}

/// The slot at which a key would be in an empty table.
fn home(key: u32, mask: usize) -> usize {
    // Multiply, fold the high half in, cut: public through several independent implementations.
    let product = u64::from(key) * 40_543;
    let folded = product ^ product >> 32;
    usize::try_from(folded & 0xffff_ffff).unwrap_or(0) & mask
}

fn is_printable(key: u32) -> bool {
    (key & 0x7fff_ffff).to_le_bytes().iter().all(|byte| (0x20..0x7f).contains(byte))
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FoundLayout {
    pub(super) layout: TrackerLayout,
    /// Hashed slots less one.
    pub(super) mask: usize,
    /// Keys among them.
    pub(super) keys: usize,
}

impl FoundLayout {
    /// Entries of the table: the hashed slots, and the overflow bucket behind them.
    pub(super) const fn entries(&self) -> usize {
        self.mask + 2
    }

    /// Bytes of the table.
    pub(super) const fn length(&self) -> usize {
        self.entries() * self.layout.stride
    }
}

/// Bytes worth reading before a table's size is known.
pub(super) fn most_bytes(narrow: bool) -> usize {
    let stride = if narrow { 0x40 } else { 0x50 };
    ((1 << LARGEST) + 2) * stride
}

/// Finds entry size and slots. `near` are figures next to the table's variable: the kernel keeps the mask there.
pub(super) fn detect(
    table: &TableBytes,
    candidates: [TrackerLayout; 3],
    near: &[u64],
) -> Option<FoundLayout> {
    let mut best: Option<(FoundLayout, bool)> = None;
    for layout in candidates {
        let slots = (table.bytes.len() / layout.stride).min((1 << LARGEST) + 1);
        let keys: Vec<Option<u32>> = (0..slots).map(|slot| table.key(slot, layout.stride)).collect();
        for power in SMALLEST..=LARGEST {
            let mask = (1_usize << power) - 1;
            let Some(hashed) = keys.get(..=mask) else { break };
            let Some(occupied) = score(hashed, mask) else { continue };
            let found = FoundLayout { layout, mask, keys: occupied };
            let confirmed = near.contains(&(mask as u64));
            let better = best.is_none_or(|(best, was_confirmed)| {
                // Few keys fit into several sizes; then the mask next to the variable decides.
                (occupied, confirmed) > (best.keys, was_confirmed)
            });
            if better {
                best = Some((found, confirmed));
            }
        }
    }
    best.map(|(found, _)| found)
}

/// Finds the entry size of a table whose number of slots is known.
pub(super) fn detect_sized(
    table: &TableBytes,
    candidates: [TrackerLayout; 3],
    slots: usize,
) -> Option<FoundLayout> {
    let mask = slots.checked_sub(1).filter(|_| slots.is_power_of_two())?;
    let sized = candidates.into_iter().filter_map(|layout| {
        let keys: Vec<Option<u32>> = (0..slots).map(|slot| table.key(slot, layout.stride)).collect();
        score(&keys, mask).map(|keys| FoundLayout { layout, mask, keys })
    });
    sized.max_by_key(|found| found.keys)
}

/// Number of keys, where at least 99 % are reached from their hash, all differ and nearly all are tags.
fn score(keys: &[Option<u32>], mask: usize) -> Option<usize> {
    // A slot whose page is absent may hold a key: it interrupts no probing.
    let is_occupied = |key: &Option<u32>| *key != Some(0);
    let mut before = keys.iter().rev().take_while(|key| is_occupied(key)).count();
    let (mut occupied, mut right, mut printable) = (0, 0, 0);
    for (slot, key) in keys.iter().enumerate() {
        match *key {
            Some(0) => {
                before = 0;
                continue;
            }
            Some(key) => {
                occupied += 1;
                let distance = slot.wrapping_sub(home(key, mask)) & mask;
                right += usize::from(distance <= before);
                printable += usize::from(is_printable(key));
                if occupied >= 64 && printable * 10 < occupied * 7 {
                    return None;
                }
            }
            None => {}
        }
        before += 1;
    }
    let enough = occupied >= FEWEST_KEYS && right * 100 >= occupied * 99 && printable * 10 >= occupied * 8;
    // No tag occurs twice. Checked last, as it costs most.
    let mut seen =
        FxHashSet::with_capacity_and_hasher(if enough { occupied } else { 0 }, rustc_hash::FxBuildHasher);
    let differ = enough && keys.iter().flatten().all(|&key| key == 0 || seen.insert(key));
    differ.then_some(occupied)
}

/// Whether the first page of a table could be one: most of its keys are at or a little behind their hash, for some
/// entry size. Cheap, and enough to skip nearly all other pages.
pub(super) fn looks_like(page: &[u8], candidates: [TrackerLayout; 3]) -> bool {
    candidates.iter().any(|layout| {
        let (mut keys, mut near) = (0, [0_usize; 11]);
        for (slot, entry) in page.chunks_exact(layout.stride).enumerate() {
            let Some(key) = u32_at(entry, 0).filter(|&key| key != 0) else { continue };
            if !is_printable(key) {
                return false;
            }
            keys += 1;
            for (count, power) in near.iter_mut().zip(SMALLEST..) {
                let mask = (1_usize << power) - 1;
                *count += usize::from(slot.wrapping_sub(home(key, mask)) & mask < 64);
            }
        }
        keys >= 3 && near.iter().any(|&count| count * 10 >= keys * 9)
    })
}

/// Figures within 0x100 bytes of a variable, as 32 and 64 bits.
pub(super) fn figures_near(memory: &Memory, variable: u64) -> Vec<u64> {
    let mut figures = Vec::new();
    let start = variable.wrapping_sub(0x100) & !7;
    for at in (0..0x200).step_by(8) {
        if let Ok(bytes) = memory.array::<8>(start.wrapping_add(at)) {
            figures.extend(u64_at(&bytes, 0));
            figures.extend(u32_at(&bytes, 0).map(u64::from));
            figures.extend(u32_at(&bytes, 4).map(u64::from));
        }
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(layout: TrackerLayout, mask: usize, keys: usize) -> TableBytes {
        let mut bytes = vec![0; ((mask + 2) * layout.stride).next_multiple_of(0x1000) * 3];
        let mut state = 0x1234_5678_9abc_def0_u64;
        for _ in 0..keys {
            let mut tag = [0; 4];
            for byte in &mut tag {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                *byte = b'A' + u8::try_from(state >> 58).unwrap() % 58;
            }
            let key = u32::from_le_bytes(tag);
            let mut slot = home(key, mask);
            while !matches!(u32_at(&bytes, slot * layout.stride), Some(0)) {
                if u32_at(&bytes, slot * layout.stride) == Some(key) {
                    break;
                }
                slot = (slot + 1) & mask;
            }
            bytes[slot * layout.stride..slot * layout.stride + 4].copy_from_slice(&tag);
        }
        let present = vec![true; bytes.len() / 0x1000];
        TableBytes { bytes, present }
    }

    #[test]
    fn every_size_is_found_whatever_the_build_says() {
        for narrow in [false, true] {
            for build in [2600, 18_000, 26_100] {
                let candidates = TrackerLayout::candidates(narrow, build);
                for layout in candidates {
                    for (mask, keys) in [(511, 300), (2047, 1800), (4095, 3000), (16_383, 2500)] {
                        let table = filled(layout, mask, keys);
                        for build in [2600, 26_100] {
                            let found =
                                detect(&table, TrackerLayout::candidates(narrow, build), &[]).unwrap();
                            assert_eq!((found.layout.stride, found.mask), (layout.stride, mask));
                        }
                        assert!(looks_like(&table.bytes[..0x1000], candidates));
                    }
                }
            }
        }
    }

    #[test]
    fn absent_pages_interrupt_nothing() {
        let layout = TrackerLayout::candidates(false, 19_041)[0];
        let mut table = filled(layout, 4095, 3000);
        for page in [0, 7, 20] {
            table.present[page] = false;
        }
        let found = detect(&table, TrackerLayout::candidates(false, 19_041), &[]).unwrap();
        assert_eq!(found.mask, 4095);
        assert_eq!(table.absent_pages(found.length()), 3);
        assert_eq!(table.entry(1, layout.stride), None);
    }

    #[test]
    fn few_keys_need_the_mask_beside_the_variable() {
        let layout = TrackerLayout::candidates(false, 19_041)[0];
        let table = filled(layout, 4095, 40);
        assert_eq!(detect(&table, TrackerLayout::candidates(false, 19_041), &[4095]).unwrap().mask, 4095);
    }

    #[test]
    fn rubbish_is_no_table() {
        let bytes: Vec<u8> =
            (0..0x40_000_u32).flat_map(|n| (n.wrapping_mul(2_654_435_761) | 1).to_le_bytes()).collect();
        let present = vec![true; bytes.len() / 0x1000];
        let table = TableBytes { bytes, present };
        assert_eq!(detect(&table, TrackerLayout::candidates(false, 19_041), &[]), None);
        assert!(!looks_like(&table.bytes[..0x1000], TrackerLayout::candidates(false, 19_041)));
        let nothing = TableBytes { bytes: vec![0; 0x10_0000], present: vec![true; 256] };
        assert_eq!(detect(&nothing, TrackerLayout::candidates(false, 19_041), &[4095]), None);
    }
}
