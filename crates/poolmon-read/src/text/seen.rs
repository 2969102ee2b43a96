//! The rows of a snapshot of PoolMon's: it prints each once, so that one that comes again begins the next snapshot, though no line
//! announces that.

use poolmon_model::{Counters, Pool, PoolTag, Sample, Tag};

use super::state::{LineUse, TextParser};
use super::tables::is_plain;

/// Slots at first: enough for the tags of most machines, and small enough to stay in the processor's cache.
const SLOTS: usize = 4096;
/// The bits of a slot that are a row; those above are the number of the snapshot, so that nothing is cleared between two.
const ROW_BITS: u32 = 33;

/// Which rows were seen in this snapshot.
#[derive(Default)]
pub(super) struct SeenRows {
    slots: Vec<u64>,
    count: usize,
    snapshot: u64,
}

impl SeenRows {
    /// A snapshot begins.
    pub(super) fn start(&mut self) {
        (self.count, self.snapshot) = (0, self.snapshot + 1);
        if self.snapshot >> (u64::BITS - ROW_BITS) != 0 {
            self.slots.clear();
            self.snapshot = 1;
        }
    }

    /// Notes a row; false if it was seen before.
    #[inline]
    fn insert(&mut self, tag: PoolTag, pool: Pool) -> bool {
        if self.count * 2 >= self.slots.len() {
            self.grow();
        }
        let row = u64::from(pool == Pool::Paged) << 32 | u64::from(tag.to_u32());
        if !self.place(self.snapshot << ROW_BITS | row) {
            return false;
        }
        self.count += 1;
        true
    }

    fn place(&mut self, value: u64) -> bool {
        let mask = self.slots.len().wrapping_sub(1);
        let row = value & ((1 << ROW_BITS) - 1);
        let mut at = (row.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize & mask;
        while let Some(slot) = self.slots.get_mut(at) {
            if *slot >> ROW_BITS != self.snapshot {
                *slot = value;
                return true;
            }
            if *slot == value {
                return false;
            }
            at = (at + 1) & mask;
        }
        true
    }

    fn grow(&mut self) {
        let slots = vec![0; (self.slots.len() * 2).max(SLOTS)];
        let old = std::mem::replace(&mut self.slots, slots);
        let snapshot = self.snapshot;
        for value in old.into_iter().filter(|value| value >> ROW_BITS == snapshot) {
            self.place(value);
        }
    }
}

impl TextParser {
    /// What becomes of a row that is listed already; `None` if it is not.
    #[inline]
    pub(super) fn seen_before(
        &mut self,
        sample: &Sample,
        (tag, pool): (PoolTag, Pool),
        reported: &Counters,
        line: (u64, &[u8]),
    ) -> Option<LineUse> {
        if self.builder.session.is_some() || self.seen.insert(tag, pool) {
            return None;
        }
        self.again(sample, (Tag::Pool(tag), pool), reported, line)
    }

    #[cold]
    fn again(
        &mut self,
        sample: &Sample,
        (tag, pool): (Tag, Pool),
        reported: &Counters,
        (number, line): (u64, &[u8]),
    ) -> Option<LineUse> {
        // Tags of bytes that do not print may look the same.
        let at = sample.rows.iter().position(|row| row.tag == tag && row.pool == pool)?;
        let known = sample.rows.get(at).filter(|_| is_plain(&tag))?.counters;
        let differs = known.bytes != reported.bytes || known.allocs != reported.allocs;
        if differs || at == 0 {
            return Some(LineUse::Next);
        }
        self.builder.noticed.repeated.add(number, line);
        Some(LineUse::Taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_seen_once_in_each_snapshot() {
        let mut seen = SeenRows::default();
        for _ in 0..3 {
            seen.start();
            for number in 0..10_000 {
                assert!(seen.insert(PoolTag::from_u32(number), Pool::Nonpaged));
                assert!(seen.insert(PoolTag::from_u32(number), Pool::Paged));
            }
            assert!((0..10_000).all(|number| !seen.insert(PoolTag::from_u32(number), Pool::Paged)));
        }
    }
}
