//! Samples, one after the other → summaries.

use std::sync::Arc;

use jiff::Timestamp;
use rustc_hash::FxHashMap;

use super::{PoolSummary, RowSummary, Summary, held, load, pool_bytes};
use crate::{CounterWidth, Counters, Delta, Origin, Pool, Row, Sample, Tag};

/// Gathers what happens after a first sample. [`Gather::finish`] ends a stretch and begins the next.
#[derive(Debug, Default)]
pub struct Gather {
    /// The last sample, as far as it is needed.
    last: Option<Last>,
    rows: Vec<Kept>,
    /// Place in `rows` of each row of the last sample.
    order: Vec<u32>,
    by_key: FxHashMap<(Tag, Pool), u32>,
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
    tag: Tag,
    pool: Pool,
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
    /// Takes a sample in. False where it does not continue the one before (another boot or source, a gap, a clock that did
    /// not go on, a row told twice): then the stretch begins again after it.
    pub fn push(&mut self, sample: &Sample) -> bool {
        self.push_changed(sample, None)
    }

    /// The same of a sample of which it is known, by `Some`, that it has the rows of the one before in its order, and that
    /// only those at the places told have other figures.
    pub fn push_changed(&mut self, sample: &Sample, changed: Option<&[u32]>) -> bool {
        let Some(time) = sample.time else {
            self.last = None;
            return false;
        };
        let continues = self.last.as_ref().is_some_and(|last| {
            last.width == sample.width
                && (Arc::ptr_eq(&last.origin, &sample.origin) || last.origin == sample.origin)
                && last.time < time
                && !self.is_gap(last.time, time)
                && last.uptime.zip(sample.uptime).is_none_or(|(before, now)| now >= before)
        });
        let changed = changed.filter(|_| self.order.len() == sample.rows.len());
        let continues = continues && (changed.is_some() || self.match_rows(sample)) && !self.fell(sample);
        if continues {
            self.take(sample, time, changed);
        } else {
            self.begin(sample, time);
        }
        let (origin, uptime) = (Arc::clone(&sample.origin), sample.uptime);
        let told_twice = self.order.is_empty() && !sample.rows.is_empty();
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
        self.by_key.clear();
        self.order.clear();
        if !self.match_rows(sample) {
            // Told twice: nobody can say which is which.
            self.rows.clear();
            self.by_key.clear();
            self.order.clear();
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

    /// Finds the place of every row. False where two rows have one name.
    fn match_rows(&mut self, sample: &Sample) -> bool {
        self.order.resize(sample.rows.len(), u32::MAX);
        let stamp = self.samples + 1;
        let mut once = true;
        for (at, row) in sample.rows.iter().enumerate() {
            let hint = self.order.get(at).copied().unwrap_or(u32::MAX);
            let fits =
                self.rows.get(hint as usize).is_some_and(|kept| kept.pool == row.pool && kept.tag == row.tag);
            let index = if fits { hint } else { self.find(sample, at, stamp) };
            if let Some(slot) = self.order.get_mut(at) {
                *slot = index;
            }
            if let Some(kept) = self.rows.get_mut(index as usize) {
                once &= kept.seen < stamp;
                kept.seen = stamp;
            }
        }
        once
    }

    fn find(&mut self, sample: &Sample, at: usize, stamp: u32) -> u32 {
        let Some(row) = sample.rows.get(at) else { return u32::MAX };
        let next = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        *self.by_key.entry((row.tag.clone(), row.pool)).or_insert_with(|| {
            let mut kept = Kept {
                tag: row.tag.clone(),
                pool: row.pool,
                now: row.counters,
                seen: 0,
                counted: 0,
                still: true,
                sum: 0,
                outstanding: 0,
                made: RowSummary::default(),
            };
            kept.renew(stamp - 1);
            kept.still = stamp == 1;
            self.rows.push(kept);
            next
        })
    }

    /// Most counters fell: a reboot that nothing else tells. The rules of [`crate::delta::rebooted`].
    fn fell(&self, sample: &Sample) -> bool {
        if sample.origin.boot.is_some() || self.last.as_ref().is_some_and(|last| last.uptime.is_some()) {
            return false;
        }
        let (mut both, mut fell) = (0_usize, 0_usize);
        for (row, &index) in sample.rows.iter().zip(&self.order) {
            let old = self.rows.get(index as usize).and_then(|kept| kept.now.allocs);
            if let (Some(now), Some(old)) = (row.counters.allocs, old.filter(|&old| old > 0)) {
                both += 1;
                fell += usize::from(now < old);
            }
        }
        both >= 4 && fell * 2 > both
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
                .filter_map(|&at| sample.rows.get(at as usize).zip(self.order.get(at as usize)))
                .for_each(|(row, &index)| each(row, index)),
            None => sample.rows.iter().zip(&self.order).for_each(|(row, &index)| each(row, index)),
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

    /// Ends the stretch with the sample that came last, and begins the next after it. `None` where there is none.
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
        let mut rows = Vec::with_capacity(self.order.len());
        for &index in &self.order {
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
            gone: if self.rows.len() > self.order.len() { self.take_gone(width) } else { Vec::new() },
        };
        self.next(time);
        Some(summary)
    }

    /// Rows that went are done with; should one come back, it is a new one.
    fn take_gone(&mut self, width: CounterWidth) -> Vec<(Row, RowSummary)> {
        let mut present = vec![false; self.rows.len()];
        for &index in &self.order {
            if let Some(slot) = present.get_mut(index as usize) {
                *slot = true;
            }
        }
        let samples = self.samples;
        let mut gone = Vec::new();
        let mut present = present.into_iter();
        self.rows.retain_mut(|kept| {
            let stays = present.next() == Some(true);
            if !stays {
                let summary = kept.summary(width, samples);
                let Kept { tag, pool, now: counters, .. } = kept;
                let row = Row { tag: tag.clone(), pool: *pool, counters: *counters, told_owner: None };
                gone.push((row, summary));
            }
            stays
        });
        self.by_key.clear();
        for (index, kept) in self.rows.iter().enumerate() {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            self.by_key.insert((kept.tag.clone(), kept.pool), index);
        }
        // Places that no longer fit are put right with the next sample; only figures changing is no more to be relied on.
        self.order.clear();
        gone
    }
}

impl Kept {
    /// The stretch begins, or the row in it, after so many samples.
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

    /// The row is not in the sample: everything was given back.
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
