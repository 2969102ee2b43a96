//! Samples, one after the other → summaries.

use std::sync::Arc;

use super::{PoolSummary, RowSummary, Summary, held, known, load, pool_bytes};
use crate::delta::is_reboot;
use crate::{CounterWidth, Counters, Delta, Key, Keys, Origin, Row, Sample};
use jiff::Timestamp;

/// Gathers what happens after a first sample. [`Gather::finish`] ends a stretch and begins the next.
#[derive(Debug, Default)]
pub struct Gather {
    /// The last sample, as far as it is needed.
    last: Option<Last>,
    /// Numbers of rows: their places in `rows`.
    keys: Keys,
    rows: Vec<Kept>,
    pools: Vec<KeptPool>,
    samples: u32,
    /// Microseconds from the sample before the stretch to each of its samples, summed.
    times: u128,
    start: Option<Timestamp>,
    load: f64,
    loads: u32,
    /// Seconds from sample to sample in the stretch before; 0 = none.
    usual: f64,
}

/// So many times the usual step is a gap: a stretch does not go across it.
const GAP: f64 = 8.0;

#[derive(Debug)]
struct Last {
    origin: Arc<Origin>,
    width: CounterWidth,
    time: Timestamp,
    uptime: Option<std::time::Duration>,
}

#[derive(Debug)]
struct Kept {
    now: Counters,
    /// Number of the last sample that had it, counted in the stretch from 1; 0 = none yet.
    seen: u32,
    /// Samples of the stretch that are in the figures below, or came before the row.
    counted: u32,
    /// Nothing happened to it in this stretch.
    still: bool,
    sum: u128,
    outstanding: i128,
    made: RowSummary,
}

#[derive(Debug)]
struct KeptPool {
    summary: PoolSummary,
    sum: u128,
}

impl Gather {
    /// Takes a sample in. False if it does not continue the one before (another boot or source, a gap, a clock that did
    /// not go on, a row reported twice): then the stretch begins again after it.
    pub fn push(&mut self, sample: &Sample) -> bool {
        self.push_changed(sample, None)
    }

    /// The same of a sample of which it is known, by `Some`, that it has the rows of the one before in its order, and that
    /// only those at the given places have other figures.
    pub fn push_changed(&mut self, sample: &Sample, changed: Option<&[u32]>) -> bool {
        // Of a list that leaves rows out, no stretch can say which of them went.
        let Some(time) = sample.time.filter(|_| sample.coverage.is_complete()) else {
            self.last = None;
            return false;
        };
        // A summary has no place for bytes that are not known.
        let is_unknown = |row: &Row| known(&row.counters).is_none();
        let unknown = match changed.filter(|_| self.last.is_some()) {
            Some(places) => places.iter().filter_map(|&at| sample.rows.get(at as usize)).any(is_unknown),
            None => sample.rows.iter().any(is_unknown),
        };
        if unknown {
            self.last = None;
            return false;
        }
        let continues = self.last.as_ref().is_some_and(|last| {
            last.width == sample.width
                && (Arc::ptr_eq(&last.origin, &sample.origin) || last.origin == sample.origin)
                && last.time < time
                && !self.is_gap(last.time, time)
                && last.uptime.zip(sample.uptime).is_none_or(|(before, now)| now >= before)
        });
        let changed = changed.filter(|_| self.keys.order().len() == sample.rows.len());
        let continues = continues && (changed.is_some() || self.match_rows(sample)) && !self.fell(sample);
        if continues {
            self.take(sample, time, changed);
        } else {
            self.begin(sample, time);
        }
        let (origin, uptime) = (Arc::clone(&sample.origin), sample.uptime);
        let told_twice = self.keys.order().is_empty() && !sample.rows.is_empty();
        self.last = (!told_twice).then_some(Last { origin, width: sample.width, time, uptime });
        continues
    }

    fn is_gap(&self, before: Timestamp, now: Timestamp) -> bool {
        let usual = if self.samples > 0 { self.step() } else { self.usual };
        usual > 0.0 && now.duration_since(before).as_secs_f64() > GAP * usual
    }

    /// Seconds from sample to sample.
    fn step(&self) -> f64 {
        self.span().as_secs_f64() / f64::from(self.samples.max(1))
    }

    /// Samples since the stretch began.
    pub fn samples(&self) -> u32 {
        self.samples
    }

    /// Time since the sample before the stretch.
    pub fn span(&self) -> std::time::Duration {
        let span = self.last.as_ref().zip(self.start).map(|(last, start)| last.time.duration_since(start));
        span.and_then(|span| span.try_into().ok()).unwrap_or_default()
    }

    fn begin(&mut self, sample: &Sample, time: Timestamp) {
        self.rows.clear();
        self.keys.clear();
        if !self.match_rows(sample) {
            // A row twice: there is no saying which is which.
            self.rows.clear();
            self.keys.clear();
        }
        for (kept, row) in self.rows.iter_mut().zip(&sample.rows) {
            kept.now = row.counters;
        }
        self.next(time);
    }

    /// An empty stretch after the sample of this time.
    fn next(&mut self, time: Timestamp) {
        self.usual = if self.samples > 0 { self.step() } else { 0.0 };
        self.start = Some(time);
        (self.samples, self.times, self.load, self.loads) = (0, 0, 0.0, 0);
        self.pools.clear();
        for kept in &mut self.rows {
            kept.renew(0);
        }
    }

    /// Finds the place of every row. False if two rows have one name.
    fn match_rows(&mut self, sample: &Sample) -> bool {
        self.keys.match_rows(&sample.rows);
        let stamp = self.samples + 1;
        let mut once = true;
        for (row, &index) in sample.rows.iter().zip(self.keys.order()) {
            if index as usize == self.rows.len() {
                self.rows.push(Kept::new(row.counters, stamp));
            }
            if let Some(kept) = self.rows.get_mut(index as usize) {
                once &= kept.seen < stamp;
                kept.seen = stamp;
            }
        }
        once
    }

    /// Most counters fell: a reboot that nothing else shows.
    fn fell(&self, sample: &Sample) -> bool {
        let before = |index: u32| self.rows.get(index as usize).map(|kept| &kept.now);
        let rows = sample.rows.iter().zip(self.keys.order());
        let counters = rows.map(|(row, &index)| (before(index), &row.counters));
        // The samples are of one boot, if it is known.
        let boot = sample.origin.boot.as_deref();
        let uptime = self.last.as_ref().and_then(|last| last.uptime);
        is_reboot((boot, boot), (uptime, sample.uptime), counters)
    }

    fn take(&mut self, sample: &Sample, time: Timestamp, changed: Option<&[u32]>) {
        let micros = |from: Option<Timestamp>| {
            from.map_or(0, |from| u128::try_from(time.duration_since(from).as_micros()).unwrap_or(0))
        };
        let step = micros(self.last.as_ref().map(|last| last.time)) as f64 / 1e6;
        self.times += micros(self.start);
        let mut sum = 0.0;
        let mut each = |row: &Row, index: u32| {
            if let Some(kept) = self.rows.get_mut(index as usize)
                && kept.now != row.counters
            {
                sum += load(kept.set(&row.counters, sample.width, self.samples), step);
            }
        };
        match changed {
            Some(places) => places
                .iter()
                .filter_map(|&at| sample.rows.get(at as usize).zip(self.keys.order().get(at as usize)))
                .for_each(|(row, &index)| each(row, index)),
            None => sample.rows.iter().zip(self.keys.order()).for_each(|(row, &index)| each(row, index)),
        }
        if changed.is_none() && sample.rows.len() < self.rows.len() {
            let stamp = self.samples + 1;
            for kept in self.rows.iter_mut().filter(|kept| kept.seen < stamp) {
                kept.absent(sample.width, self.samples);
            }
        }
        if sum > 0.0 {
            self.load += sum;
            self.loads += 1;
        }
        for (at, &pool) in sample.origin.pools.iter().enumerate() {
            let bytes = pool_bytes(sample, pool);
            if let Some(kept) = self.pools.get_mut(at) {
                kept.summary.least = kept.summary.least.min(bytes);
                kept.summary.most = kept.summary.most.max(bytes);
                kept.sum += u128::from(bytes);
            } else {
                let summary = PoolSummary { pool, least: bytes, most: bytes, mean: bytes };
                self.pools.push(KeptPool { summary, sum: bytes.into() });
            }
        }
        self.samples += 1;
    }

    /// Ends the stretch with the sample that came last, and begins the next after it. `None` if there is none.
    pub fn finish(&mut self) -> Option<Summary> {
        let last = self.last.as_ref()?;
        let (width, time, samples) = (last.width, last.time, self.samples);
        if samples == 0 || self.rows.is_empty() {
            return None;
        }
        let whole =
            |micros: u128| std::time::Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
        let span = self.start.map_or(0, |start| time.duration_since(start).as_micros());
        let span = u128::try_from(span).unwrap_or(0);
        let mean = self.times / u128::from(samples);
        #[expect(clippy::cast_possible_truncation, reason = "a load is no exact figure")]
        let load = self.load as f32;
        let mut rows = Vec::with_capacity(self.keys.order().len());
        for &index in self.keys.order() {
            rows.push(self.rows.get_mut(index as usize)?.summary(width, samples));
        }
        let mean_of = |kept: &KeptPool| {
            u64::try_from((kept.sum + u128::from(samples) / 2) / u128::from(samples)).unwrap_or(u64::MAX)
        };
        let pools = self.pools.iter();
        let pools = pools.map(|kept| PoolSummary { mean: mean_of(kept), ..kept.summary }).collect();
        let summary = Summary {
            samples,
            span: whole(span),
            mean_before: whole(span.saturating_sub(mean)),
            load,
            loads: self.loads,
            pools,
            rows,
            gone: if self.rows.len() > self.keys.order().len() { self.take_gone(width) } else { Vec::new() },
        };
        self.next(time);
        Some(summary)
    }

    /// Rows that went are done with; should one come back, it is a new one.
    fn take_gone(&mut self, width: CounterWidth) -> Vec<(Row, RowSummary)> {
        let mut present = vec![false; self.rows.len()];
        for &index in self.keys.order() {
            if let Some(slot) = present.get_mut(index as usize) {
                *slot = true;
            }
        }
        let samples = self.samples;
        let mut gone = Vec::new();
        let mut rows = present.iter().zip(self.keys.known());
        self.rows.retain_mut(|kept| {
            let Some((&stays, key)) = rows.next() else { return false };
            if !stays {
                let summary = kept.summary(width, samples);
                let Key { tag, pool } = key.clone();
                gone.push((Row { tag, pool, counters: kept.now, reported_owner: None }, summary));
            }
            stays
        });
        // The order is forgotten: that only figures change can no longer be relied on.
        self.keys.retain(|number| present.get(number as usize) == Some(&true));
        gone
    }
}

impl Kept {
    /// A row that is first seen in sample number `stamp` of the stretch, counted from 1.
    fn new(now: Counters, stamp: u32) -> Self {
        let made = RowSummary::default();
        let mut kept = Self { now, seen: 0, counted: 0, still: true, sum: 0, outstanding: 0, made };
        kept.renew(stamp - 1);
        kept.still = stamp == 1;
        kept
    }

    /// The stretch begins, or the row in it, after this many samples.
    fn renew(&mut self, counted: u32) {
        (self.seen, self.counted, self.still) = (0, counted, true);
        (self.sum, self.outstanding) = (0, 0);
        self.made = RowSummary { least: u64::MAX, ..RowSummary::default() };
    }

    /// Counts the samples before number `sample` (from 0) with the figures of now.
    fn settle(&mut self, width: CounterWidth, sample: u32) {
        let count = sample.saturating_sub(self.counted);
        self.counted = sample;
        if count == 0 {
            return;
        }
        let value = held(&self.now);
        self.sum += u128::from(value) * u128::from(count);
        self.outstanding += i128::from(self.now.diff(width).unwrap_or(0)) * i128::from(count);
        self.made.samples += count;
        self.made.least = self.made.least.min(value);
        self.made.most = self.made.most.max(value);
        self.made.inexact |= self.now.is_inexact(width);
    }

    /// Takes new figures; gives the allocations made.
    fn set(&mut self, counters: &Counters, width: CounterWidth, sample: u32) -> f64 {
        self.settle(width, sample);
        self.still = false;
        let (allocs, frees) = Delta::made(&self.now, counters, width);
        let made = |figure: Option<i64>| u64::try_from(figure.unwrap_or(0)).unwrap_or(0);
        let allocs = made(allocs);
        self.made.allocs = self.made.allocs.saturating_add(allocs);
        self.made.frees = self.made.frees.saturating_add(made(frees));
        let fell = |before: Option<u64>, now: Option<u64>| u32::from(before > now);
        self.made.wraps += fell(self.now.allocs, counters.allocs) + fell(self.now.frees, counters.frees);
        self.now = *counters;
        allocs as f64
    }

    /// The row is not in the sample: everything was freed.
    fn absent(&mut self, width: CounterWidth, sample: u32) {
        let empty = self.now.freed();
        if empty != self.now {
            self.settle(width, sample);
            self.still = false;
            self.now = empty;
        }
    }

    fn summary(&mut self, width: CounterWidth, samples: u32) -> RowSummary {
        self.settle(width, samples);
        if self.still {
            return RowSummary::still(&self.now, width, samples);
        }
        let mut summary = self.made;
        let count = summary.samples.max(1);
        summary.place(self.sum as f64 / f64::from(count));
        let count = i128::from(count);
        let quarters = (self.outstanding * 4 + count / 2).div_euclid(count);
        summary.outstanding = i64::try_from(quarters).unwrap_or(0);
        // A difference that the mean does not show is no news: it need not be written.
        if let Some((expected, error)) = summary.expected_outstanding(&self.now, width)
            && summary.outstanding.abs_diff(expected) <= error.unsigned_abs()
        {
            summary.outstanding = expected;
        }
        summary
    }
}
