//! Where each physical page is in the file: runs of pages, or a bitmap with counts.
//!
//! Nothing here grows with the size of the memory: a full dump of any size is a handful of runs, and a bitmap is used in
//! place with one sum for every 2,048 pages.

use poolmon_image::bytes::{index, u64_at};

/// Size of a page, in bytes.
pub const PAGE: u64 = 0x1000;

/// Pages that follow each other in memory and in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PhysRun {
    /// First page number.
    pub(crate) pfn: u64,
    /// Number of pages.
    pub(crate) pages: u64,
    /// File offset of the first.
    pub(crate) offset: u64,
}

/// Physical page → file offset.
#[derive(Debug)]
pub(crate) enum PhysMap {
    /// Sorted by page number.
    Runs(Vec<PhysRun>),
    /// One bit for each page, used where it is in the file.
    Bitmap(Bitmap),
}

/// Page numbers beyond 52 address bits do not exist.
const PFN_END: u64 = 1 << 40;

impl PhysMap {
    /// A map of no pages.
    pub(crate) const fn empty() -> Self {
        Self::Runs(Vec::new())
    }

    /// Sorts the runs and cuts what the file does not hold. Reports how many pages that cost, and whether runs overlap.
    pub(crate) fn from_runs(mut runs: Vec<PhysRun>, file_size: u64) -> (Self, u64, bool) {
        let mut lost: u64 = 0;
        runs.retain_mut(|run| {
            let held = file_size.saturating_sub(run.offset) / PAGE;
            let kept = run.pages.min(held).min(PFN_END.saturating_sub(run.pfn));
            lost = lost.saturating_add(run.pages - kept);
            run.pages = kept;
            kept > 0
        });
        runs.sort_by_key(|run| run.pfn);
        let overlap = runs.windows(2).any(|pair| match pair {
            [a, b] => a.pfn + a.pages > b.pfn,
            _ => false,
        });
        (Self::Runs(runs), lost, overlap)
    }

    /// File offset of a physical address.
    pub(crate) fn offset(&self, file: &[u8], address: u64) -> Option<u64> {
        let (pfn, rest) = (address / PAGE, address % PAGE);
        match self {
            Self::Runs(runs) => {
                let at = runs.partition_point(|run| run.pfn <= pfn).checked_sub(1)?;
                let run = runs.get(at)?;
                let within = pfn - run.pfn;
                (within < run.pages).then(|| run.offset + within * PAGE + rest)
            }
            Self::Bitmap(bitmap) => bitmap.offset(file, pfn).map(|offset| offset + rest),
        }
    }

    /// Pages in the dump.
    pub(crate) fn pages(&self) -> u64 {
        match self {
            Self::Runs(runs) => runs.iter().fold(0, |sum: u64, run| sum.saturating_add(run.pages)),
            Self::Bitmap(bitmap) => bitmap.present,
        }
    }

    /// Calls back with every run (first page number, pages, file offset) until it answers `false`.
    pub(crate) fn each_run(&self, file: &[u8], mut each: impl FnMut(PhysRun) -> bool) {
        match self {
            Self::Runs(runs) => {
                for &run in runs {
                    if !each(run) {
                        return;
                    }
                }
            }
            Self::Bitmap(bitmap) => bitmap.each_run(file, each),
        }
    }
}

/// Bits per sum.
const BLOCK_BITS: u64 = 2048;

/// The bitmap of a type 5 or 6 dump.
#[derive(Debug)]
pub(crate) struct Bitmap {
    /// File offset of the bits.
    at: u64,
    /// Bits that count.
    bits: u64,
    /// File offset of the first page.
    first_page: u64,
    /// Set bits before each block of 2,048.
    before: Vec<u64>,
    /// Set bits in all, as far as the file holds their pages.
    present: u64,
}

impl Bitmap {
    /// Counts the bits of a bitmap; `None` if it does not lie in the file.
    pub(crate) fn new(file: &[u8], at: u64, bits: u64, first_page: u64) -> Option<Self> {
        let room = (file.len() as u64).checked_sub(at)?;
        if bits == 0 || bits > PFN_END || bits.div_ceil(8) > room {
            return None;
        }
        let held = (file.len() as u64).saturating_sub(first_page) / PAGE;
        let mut map = Self { at, bits, first_page, before: Vec::new(), present: 0 };
        let mut sum = 0;
        let mut bit = 0;
        // Once the file can hold no further page the remaining bits mean nothing: a lying length ends here.
        while bit < bits && sum <= held {
            map.before.push(sum);
            let mut word = bit;
            while word < (bit + BLOCK_BITS).min(bits) {
                sum += u64::from(map.word(file, word).count_ones());
                word += 64;
            }
            bit += BLOCK_BITS;
        }
        map.bits = bit.min(bits);
        map.present = sum.min(held);
        Some(map)
    }

    /// Set bits, whether or not the file holds their pages.
    pub(crate) fn present(&self) -> u64 {
        self.present
    }

    /// The 64 bits from `bit` on (a multiple of 64); bits past the end are 0.
    fn word(&self, file: &[u8], bit: u64) -> u64 {
        let at = index(self.at + bit / 8);
        let word = u64_at(file, at).unwrap_or_else(|| {
            let mut last = [0; 8];
            let tail = file.get(at..).unwrap_or_default();
            for (to, from) in last.iter_mut().zip(tail) {
                *to = *from;
            }
            u64::from_le_bytes(last)
        });
        // Bits may not be a multiple of 64, nor of 8; what follows the last is not theirs.
        let left = self.bits.saturating_sub(bit);
        if left < 64 { word & ((1 << left) - 1) } else { word }
    }

    fn offset(&self, file: &[u8], pfn: u64) -> Option<u64> {
        if pfn >= self.bits {
            return None;
        }
        let word = self.word(file, pfn / 64 * 64);
        if word >> (pfn % 64) & 1 == 0 {
            return None;
        }
        let block = pfn / BLOCK_BITS;
        let mut rank = *self.before.get(index(block))?;
        let mut bit = block * BLOCK_BITS;
        while bit + 64 <= pfn {
            rank += u64::from(self.word(file, bit).count_ones());
            bit += 64;
        }
        rank += u64::from((word & ((1 << (pfn % 64)) - 1)).count_ones());
        self.first_page.checked_add(rank.checked_mul(PAGE)?)
    }

    fn each_run(&self, file: &[u8], mut each: impl FnMut(PhysRun) -> bool) {
        let mut open: Option<PhysRun> = None;
        let mut rank = 0;
        let mut bit = 0;
        while bit < self.bits && rank <= self.present {
            let mut word = self.word(file, bit);
            if word == u64::MAX && open.is_some() {
                open = open.map(|run| PhysRun { pages: run.pages + 64, ..run });
                rank += 64;
            } else {
                for at in 0..64 {
                    if word & 1 == 1 {
                        let new = PhysRun {
                            pfn: bit + at,
                            pages: 0,
                            offset: self.first_page.saturating_add(rank * PAGE),
                        };
                        let run = open.unwrap_or(new);
                        open = Some(PhysRun { pages: run.pages + 1, ..run });
                        rank += 1;
                    } else if let Some(run) = open.take()
                        && !each(run)
                    {
                        return;
                    }
                    word >>= 1;
                }
            }
            bit += 64;
        }
        if let Some(run) = open {
            each(run);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_bitmap_counts_like_a_plain_list(bits in 1_u64..9000, seed: u64, dense: bool) {
            let mut state = seed | 1;
            let mut file = vec![0_u8; 64];
            let mut set = Vec::new();
            for pfn in 0..bits {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let on = if dense { state >> 60 != 0 } else { state >> 61 == 0 };
                if pfn % 8 == 0 { file.push(0); }
                if on { *file.last_mut().unwrap() |= 1 << (pfn % 8); set.push(pfn); }
            }
            // Rubbish behind the last bit must not count.
            *file.last_mut().unwrap() |= if bits % 8 == 0 { 0 } else { 0xff << (bits % 8) };
            let first = (file.len() as u64).next_multiple_of(PAGE);
            file.resize(index(first + set.len() as u64 * PAGE), 0xff);
            let map = Bitmap::new(&file, 64, bits, first).unwrap();
            prop_assert_eq!(map.present(), set.len() as u64);
            let mut seen = Vec::new();
            map.each_run(&file, |run| {
                for page in 0..run.pages {
                    assert_eq!(map.offset(&file, run.pfn + page), Some(run.offset + page * PAGE));
                    seen.push(run.pfn + page);
                }
                true
            });
            prop_assert_eq!(&seen, &set);
            for pfn in 0..bits + 70 {
                let rank = set.binary_search(&pfn).ok();
                prop_assert_eq!(map.offset(&file, pfn), rank.map(|r| first + r as u64 * PAGE));
            }
        }
    }

    #[test]
    fn runs_outside_the_file_are_cut() {
        let run = |pfn, pages, offset| PhysRun { pfn, pages, offset };
        let (map, lost, overlap) = PhysMap::from_runs(vec![run(9, 4, 0x3000), run(1, 2, 0x1000)], 0x5000);
        assert_eq!((lost, overlap), (2, false));
        assert_eq!(map.pages(), 4);
        assert_eq!(map.offset(&[], 0xa123), Some(0x4123));
        assert_eq!(map.offset(&[], 0xb000), None);
        assert_eq!(map.offset(&[], 0x0), None);
        let (map, lost, _) =
            PhysMap::from_runs(vec![run(u64::MAX, u64::MAX, 0), run(1, 1, u64::MAX)], 0x5000);
        assert_eq!((map.pages(), lost), (0, u64::MAX));
        let (_, _, overlap) = PhysMap::from_runs(vec![run(0, 2, 0), run(1, 1, 0)], 0x5000);
        assert!(overlap);
    }
}
