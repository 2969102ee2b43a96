//! Physical memory: only pages that were written exist; page numbers are handed out in no order.

use std::collections::BTreeMap;

use super::Dice;

/// Bytes of a page.
pub const PAGE_BYTES: u64 = 4096;

/// Sparse physical memory.
#[derive(Clone, Debug)]
pub struct Physical {
    /// Page number → bytes.
    pub pages: BTreeMap<u64, Vec<u8>>,
    /// Stretches that are memory: first page and count, as firmware would report them.
    pub runs: Vec<(u64, u64)>,
    small: u64,
    lost: u64,
    large: u64,
    dice: Dice,
}

impl Physical {
    /// Memory of this many pages with the usual hole below 1 MiB, and another further up.
    pub fn new(pages: u64, seed: u64) -> Self {
        let middle = pages / 2 + 0x80;
        let runs = vec![(1, 0x9e), (0x100, middle - 0x110), (middle, pages - middle)];
        // Blocks for large pages come from the top, everything else from below them.
        let small = if pages >= 0x2000 { pages - 0x1000 } else { pages };
        Self { pages: BTreeMap::new(), runs, small, lost: pages + 0x40, large: pages, dice: Dice::new(seed) }
    }

    /// Whether a page number is memory.
    pub fn is_memory(&self, pfn: u64) -> bool {
        self.runs.iter().any(|&(first, count)| pfn >= first && pfn < first + count)
    }

    /// A fresh page of zeros.
    pub fn page(&mut self) -> u64 {
        // Only the first gigabyte: 32-bit tables reach no further, and a sparse file stays quick to write.
        let end = self.small.min(0x4_0000);
        loop {
            let pfn = self.dice.below(end);
            if self.is_memory(pfn) && !self.pages.contains_key(&pfn) {
                self.pages.insert(pfn, vec![0; 4096]);
                return pfn;
            }
        }
    }

    /// A page number that no dump will hold.
    pub fn lost_page(&mut self) -> u64 {
        self.lost += 1;
        self.lost
    }

    /// First page of an aligned block of `count` fresh pages.
    pub fn block(&mut self, count: u64) -> u64 {
        self.large = (self.large - count) / count * count;
        assert!(self.large >= self.small, "no room for a large page");
        for pfn in self.large..self.large + count {
            self.pages.insert(pfn, vec![0; 4096]);
        }
        self.large
    }

    /// Writes inside existing pages.
    pub fn write(&mut self, address: u64, bytes: &[u8]) {
        for (at, &byte) in (address..).zip(bytes) {
            let page = self.pages.get_mut(&(at / PAGE_BYTES)).expect("the page exists");
            page[(at % PAGE_BYTES) as usize] = byte;
        }
    }

    /// Reads eight bytes of an existing page.
    pub fn word(&self, address: u64) -> u64 {
        let page = &self.pages[&(address / PAGE_BYTES)];
        let at = (address % PAGE_BYTES) as usize;
        u64::from_le_bytes(page[at..at + 8].try_into().expect("eight bytes"))
    }

    /// Reads four bytes of an existing page.
    pub fn half(&self, address: u64) -> u32 {
        let page = &self.pages[&(address / PAGE_BYTES)];
        let at = (address % PAGE_BYTES) as usize;
        u32::from_le_bytes(page[at..at + 4].try_into().expect("four bytes"))
    }
}
