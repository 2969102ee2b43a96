//! One series: its buckets, and the samples of the open slot that are not yet in one.

use std::sync::Arc;

use poolmon_model::summary::{PoolSummary, RowSummary, held, known};
use poolmon_model::{CounterWidth, Counters, Delta, Pool, Tag};

/// What happened to one (tag, pool) in one slot.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a mark of its own")]
pub struct Bucket {
    /// Samples in it whose bytes are known; 0 if the row had not been seen since boot.
    pub samples: u32,
    /// Some sample's Diff was the kernel's clamp, not a fact.
    pub inexact: bool,
    /// Outstanding allocations fell to some sample of it, or may have between samples that a summary stands for.
    pub fell: bool,
    /// Bytes fell to some sample of it, or may have, likewise.
    pub dropped: bool,
    /// Samples at which bytes were others than before.
    pub moves: u32,
    /// It may have been more samples: a summary stands for some.
    pub moves_unknown: bool,
    /// Mean bytes.
    pub mean: f64,
    /// Least bytes.
    pub min: f64,
    /// Greatest bytes.
    pub max: f64,
    /// Bytes at its end.
    pub last: f64,
    /// Mean outstanding allocations.
    pub outstanding: f64,
    /// Allocations counted since the row was first seen in this boot.
    pub allocs: f64,
    /// Frees, likewise.
    pub frees: f64,
}

impl Bucket {
    fn merge(&mut self, later: &Self) {
        if later.samples == 0 {
            return;
        }
        if self.samples == 0 {
            let (fell, dropped) = (self.fell || later.fell, self.dropped || later.dropped);
            let moves_unknown = self.moves_unknown || later.moves_unknown;
            *self = Self { fell, dropped, moves: self.moves + later.moves, moves_unknown, ..*later };
            return;
        }
        self.fell |= later.fell;
        self.dropped |= later.dropped;
        self.moves += later.moves;
        self.moves_unknown |= later.moves_unknown;
        let (a, b) = (f64::from(self.samples), f64::from(later.samples));
        self.mean = (self.mean * a + later.mean * b) / (a + b);
        self.outstanding = (self.outstanding * a + later.outstanding * b) / (a + b);
        self.min = self.min.min(later.min);
        self.max = self.max.max(later.max);
        self.samples += later.samples;
        self.inexact |= later.inexact;
        (self.last, self.allocs, self.frees) = (later.last, later.allocs, later.frees);
    }
}

/// What the first sample of a series says about its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeriesStart {
    /// It was in the first sample, or an earlier one listed its pool without it.
    Seen,
    /// No earlier sample had rows of its pool: it may have been there since the first.
    FirstListed,
    /// It came into a list that was cut or filtered: it may have been there long before.
    Unknown,
}

/// The series of one (tag, pool).
#[derive(Clone, Debug)]
pub struct BucketSeries {
    /// Who.
    pub tag: Tag,
    /// Of which pool.
    pub pool: Pool,
    /// Owner that the rows reported.
    pub owner: Option<Arc<str>>,
    /// Slot of the first bucket.
    pub first: usize,
    /// One for each slot since, without the open one.
    pub buckets: Vec<Bucket>,
    /// Number of the sample that last had the row.
    pub seen: u64,
    /// What its first sample says about its beginning.
    pub start: SeriesStart,
    /// Times that a counter passed 2³².
    pub wraps: u32,
    now: Option<Counters>,
    width: CounterWidth,
    tells: (bool, bool),
    counted: u64,
    /// Outstanding allocations when it was first seen since boot.
    first_objects: Option<i64>,
    /// Bytes in the first sample that had the row since boot; `None` if a summary stands for it.
    first_bytes: Option<u64>,
    open: Bucket,
}

impl BucketSeries {
    /// A series whose first bucket will belong to slot `first`, before its first row.
    pub fn new(tag: Tag, pool: Pool, owner: Option<Arc<str>>, first: usize) -> Self {
        Self {
            tag,
            pool,
            owner,
            first,
            buckets: Vec::new(),
            seen: 0,
            start: SeriesStart::Seen,
            wraps: 0,
            now: None,
            width: CounterWidth::default(),
            tells: (false, false),
            counted: 0,
            first_objects: None,
            first_bytes: None,
            open: Bucket::default(),
        }
    }

    /// Counters at the last sample; `None` before the first since boot.
    pub const fn now(&self) -> Option<&Counters> {
        self.now.as_ref()
    }

    /// Whether rows reported allocs and frees, and whether they reported outstanding allocations.
    pub const fn tells(&self) -> (bool, bool) {
        self.tells
    }

    /// Whether the last sample that had the row does not show its bytes.
    pub fn is_unknown(&self) -> bool {
        self.now.as_ref().is_some_and(|now| known(now).is_none())
    }

    /// Outstanding allocations when it was first seen since boot and at the last sample, where the source reports them.
    pub fn objects(&self) -> Option<(i64, i64)> {
        self.first_objects.zip(self.now.as_ref()?.diff(self.width))
    }

    /// Bytes in the first sample that had the row since boot; `None` if a summary stands for it.
    pub const fn first_bytes(&self) -> Option<u64> {
        self.first_bytes
    }

    /// Whether the row is as it was.
    pub fn is_same(&self, counters: &Counters) -> bool {
        self.now.as_ref() == Some(counters)
    }

    /// Takes new figures from sample number `sample` on. Gives the allocations since the last.
    pub fn set(&mut self, counters: &Counters, width: CounterWidth, sample: u64) -> f64 {
        self.settle(sample);
        let mut made = 0.0;
        if let Some(before) = &self.now {
            let (allocs, frees) = Delta::made(before, counters, width);
            made = allocs.unwrap_or(0).max(0) as f64;
            self.open.allocs += made;
            self.open.frees += frees.unwrap_or(0).max(0) as f64;
            let fell = |a: Option<u64>, b: Option<u64>| u32::from(a > b);
            self.wraps += fell(before.allocs, counters.allocs) + fell(before.frees, counters.frees);
            let (held, now) = (before.diff(width), counters.diff(width));
            self.open.fell |= held.zip(now).is_some_and(|(held, now)| now < held);
            if let Some((before, now)) = before.bytes.zip(counters.bytes) {
                self.open.dropped |= now < before;
                self.open.moves += u32::from(now != before);
            }
        }
        if self.now.is_none() {
            self.first_bytes = known(counters);
        }
        self.now = Some(*counters);
        self.width = width;
        let diff = counters.diff(width);
        self.first_objects = self.first_objects.or(diff);
        self.tells = (counters.allocs.is_some() && counters.frees.is_some(), diff.is_some());
        made
    }

    /// Takes a stretch of `count` samples in, from sample number `sample` on; `last` are the figures at its end.
    pub fn sum_up(
        &mut self,
        last: &Counters,
        summary: &RowSummary,
        width: CounterWidth,
        sample: u64,
        count: u64,
    ) {
        // What does not move is counted when it does.
        if self.is_same(last)
            && u64::from(summary.samples) == count
            && summary.least == summary.most
            && summary.allocs == 0
        {
            return;
        }
        self.settle(sample);
        self.open.allocs += summary.allocs as f64;
        self.open.frees += summary.frees as f64;
        self.wraps += summary.wraps;
        // Only where nothing was freed is it certain that nothing fell in between.
        let fell = summary.frees > 0 || last.frees.is_none();
        let piece = Bucket {
            samples: summary.samples,
            inexact: summary.inexact,
            fell,
            dropped: fell && summary.least < summary.most,
            moves: u32::from(summary.least < summary.most),
            moves_unknown: summary.least < summary.most,
            mean: summary.mean(),
            min: summary.least as f64,
            max: summary.most as f64,
            last: held(last) as f64,
            outstanding: summary.outstanding as f64 / 4.0,
            allocs: self.open.allocs,
            frees: self.open.frees,
        };
        if known(last).is_some() {
            self.open.merge(&piece);
        }
        self.counted = sample + count;
        self.now = Some(*last);
        self.width = width;
        self.tells = (last.allocs.is_some() && last.frees.is_some(), last.diff(width).is_some());
    }

    /// The same of a whole pool.
    pub fn sum_up_pool(
        &mut self,
        last: u64,
        summary: &PoolSummary,
        width: CounterWidth,
        sample: u64,
        count: u64,
    ) {
        self.settle(sample);
        let piece = Bucket {
            samples: u32::try_from(count).unwrap_or(u32::MAX),
            mean: summary.mean as f64,
            min: summary.least as f64,
            max: summary.most as f64,
            last: last as f64,
            ..Bucket::default()
        };
        self.open.merge(&piece);
        self.counted = sample + count;
        self.now = Some(Counters { bytes: Some(last), ..Counters::default() });
        self.width = width;
    }

    /// The row is not in the sample: everything was freed.
    pub fn absent(&mut self, sample: u64) {
        let Some(now) = self.now else { return };
        let empty = now.freed();
        if empty != now {
            self.settle(sample);
            self.open.fell = true;
            self.open.dropped |= empty.bytes < now.bytes;
            self.open.moves += u32::from(empty.bytes != now.bytes);
            self.now = Some(empty);
        }
    }

    /// Counts the samples up to `sample` (which is not among them) with the figures of now.
    fn settle(&mut self, sample: u64) {
        let n = sample.saturating_sub(self.counted) as u32;
        self.counted = sample;
        let Some(now) = &self.now else { return };
        // Bytes that are not known are not 0.
        let Some(value) = known(now).filter(|_| n > 0) else { return };
        let value = value as f64;
        let outstanding = now.diff(self.width).unwrap_or(0) as f64;
        let inexact = now.is_inexact(self.width);
        let piece = Bucket {
            samples: n,
            inexact,
            fell: false,
            dropped: false,
            moves: 0,
            moves_unknown: false,
            mean: value,
            min: value,
            max: value,
            last: value,
            outstanding,
            allocs: self.open.allocs,
            frees: self.open.frees,
        };
        self.open.merge(&piece);
    }

    /// The open slot ends before sample number `sample`; there will never be more than `room` buckets.
    pub fn close(&mut self, sample: u64, room: usize) {
        self.settle(sample);
        let held = self.buckets.len();
        if held == self.buckets.capacity() && held < room && held * 2 > room {
            self.buckets.reserve_exact(room - held);
        }
        self.buckets.push(self.open);
        self.open = Bucket { allocs: self.open.allocs, frees: self.open.frees, ..Bucket::default() };
    }

    /// The machine rebooted: nothing is compared with what was before.
    pub fn restart(&mut self) {
        self.now = None;
        self.first_objects = None;
        self.first_bytes = None;
        self.open = Bucket::default();
    }

    /// Buckets including the open one.
    pub fn all(&self, sample: u64) -> Vec<Bucket> {
        let mut copy = Self { buckets: Vec::new(), ..self.clone_head() };
        copy.settle(sample);
        let mut all = Vec::with_capacity(self.buckets.len() + 1);
        all.extend_from_slice(&self.buckets);
        all.push(copy.open);
        all
    }

    fn clone_head(&self) -> Self {
        Self {
            tag: self.tag.clone(),
            pool: self.pool,
            owner: None,
            first: self.first,
            buckets: Vec::new(),
            seen: self.seen,
            start: self.start,
            wraps: self.wraps,
            now: self.now,
            width: self.width,
            tells: self.tells,
            counted: self.counted,
            first_objects: self.first_objects,
            first_bytes: self.first_bytes,
            open: self.open,
        }
    }

    /// Merges buckets as the slots were merged; the open slot was the last of `into`.
    pub fn halve(&mut self, into: &[u32]) {
        let mut merged: Vec<Bucket> = Vec::with_capacity(self.buckets.capacity());
        let mut last = None;
        for (bucket, &to) in self.buckets.iter().zip(into.get(self.first..).unwrap_or_default()) {
            match merged.last_mut() {
                Some(slot) if last == Some(to) => slot.merge(bucket),
                _ => merged.push(*bucket),
            }
            last = Some(to);
        }
        self.first = into.get(self.first).map_or(0, |&to| to as usize);
        self.buckets = merged;
    }
}
