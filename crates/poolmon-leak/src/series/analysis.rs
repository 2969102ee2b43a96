//! Takes samples in, one after the other.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use poolmon_model::delta::is_reboot;
use poolmon_model::summary::{self, PoolSummary, Summary, pool_bytes};
use poolmon_model::{Header, Keys, Origin, Pool, Row, Sample, Tag};

use super::buckets::SeriesStart;
use super::{BucketSeries, Timeline};
use crate::judge::owner::OwnerHint;
use crate::{AnalysisConfig, Report, judge};

/// What there is to be judged.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// Thresholds and sizes.
    pub config: AnalysisConfig,
    pub(crate) timeline: Timeline,
    pub(crate) series: Vec<BucketSeries>,
    pub(crate) pools: Vec<BucketSeries>,
    pub(crate) header: Header,
    pub(crate) start: Option<Timestamp>,
    pub(crate) samples: u64,
    pub(crate) last_seconds: f64,
    pub(crate) epoch: u32,
    pub(crate) out_of_order: u64,
    pub(crate) times_known: bool,
    /// Numbers of rows: their places in `series`.
    keys: Keys,
    /// Pools of which some sample listed every row.
    listed: Vec<Pool>,
    /// Pools of which some sample listed rows.
    shown: Vec<Pool>,
    /// The last sample was taken in, and every row had a series of its own: the next may tell its changes alone.
    chained: bool,
    pub(super) origin: Option<Arc<Origin>>,
    uptime: Option<Duration>,
    uptime_start: Option<Duration>,
    /// Wall time of the last sample.
    time: Option<Timestamp>,
    /// Seconds by which the wall clock was set since the first sample.
    set: f64,
}

impl Analysis {
    /// Before the first sample.
    pub fn new(config: AnalysisConfig) -> Self {
        Self {
            config,
            timeline: Timeline::default(),
            series: Vec::new(),
            pools: Vec::new(),
            header: Header::default(),
            start: None,
            samples: 0,
            last_seconds: 0.0,
            epoch: 0,
            out_of_order: 0,
            times_known: false,
            keys: Keys::default(),
            listed: Vec::new(),
            shown: Vec::new(),
            chained: false,
            origin: None,
            uptime: None,
            uptime_start: None,
            time: None,
            set: 0.0,
        }
    }

    /// Takes a sample in. One that is not later than the one before is left out and counted.
    pub fn push(&mut self, sample: &Sample) {
        self.take(sample, None);
    }

    /// As [`Analysis::push`], of a sample of which it is known that it has the rows of the one before, in its order, and
    /// that only those at the places `changed`, rising, have other figures: much faster where most do not.
    pub fn push_changed(&mut self, sample: &Sample, changed: &[u32]) {
        self.take(sample, Some(changed));
    }

    fn take(&mut self, sample: &Sample, changed: Option<&[u32]>) {
        let Some(seconds) = self.seconds(sample) else {
            self.out_of_order += 1;
            self.chained = false;
            return;
        };
        let step = seconds - self.last_seconds;
        let mut changed = changed.filter(|_| self.chained && self.keys.order().len() == sample.rows.len());
        if changed.is_none() {
            self.match_rows(sample);
        }
        let rebooted = self.samples > 0 && self.rebooted(sample);
        if rebooted {
            self.epoch += 1;
            // Nothing counts that was before: every row begins again.
            changed = None;
        }
        if self.samples == 1 {
            self.timeline.width = step.max(1e-3);
        } else if self.timeline.slots.len() as u64 == self.samples {
            self.timeline.narrow(step);
        }
        if self.timeline.is_new(seconds, self.epoch) {
            self.turn(seconds, rebooted, 0.0);
        }
        let load = match changed {
            Some(changed) => self.take_changed(sample, changed, step),
            None => self.take_all(sample, step),
        };
        self.push_pools(sample);
        // Between lists that leave rows out, allocations were made that no row shows.
        let tells = self.samples > 0 && !rebooted && load > 0.0 && sample.coverage.is_complete();
        self.timeline.count(seconds, tells.then_some(load));
        self.ended(sample, seconds, 1);
    }

    /// So many samples were taken in; this is the last of them.
    fn ended(&mut self, sample: &Sample, seconds: f64, samples: u64) {
        for &pool in &sample.origin.pools {
            for (all, pools) in [
                (sample.coverage.lists_all(pool), &mut self.listed),
                (sample.coverage.has(pool), &mut self.shown),
            ] {
                if all && !pools.contains(&pool) {
                    pools.push(pool);
                }
            }
        }
        self.samples += samples;
        self.last_seconds = seconds;
        self.uptime = sample.uptime;
        self.time = sample.time;
        self.origin = Some(Arc::clone(&sample.origin));
        self.header.clone_from(&sample.header);
    }

    /// Takes a stretch of samples in, of which `sample` is the last. The sample before the stretch was the last that was
    /// taken in; nothing in it fell back behind the one before it.
    pub fn push_summary(&mut self, sample: &Sample, summary: &Summary) {
        if self.samples == 0 || summary.rows.len() != sample.rows.len() {
            return self.push(sample);
        }
        let Some(seconds) = self.seconds(sample) else {
            self.out_of_order += u64::from(summary.samples);
            self.chained = false;
            return;
        };
        let mean = (seconds - summary.mean_before.as_secs_f64()).max(self.last_seconds);
        self.match_rows(sample);
        let rebooted = self.rebooted(sample);
        self.epoch += u32::from(rebooted);
        // No slot is shorter than what is reported as one.
        let span = summary.span.as_secs_f64();
        if self.samples == 1 {
            self.timeline.width = span;
        }
        if self.timeline.is_new(mean, self.epoch) || self.timeline.width < span {
            self.turn(mean, rebooted, span);
        }
        let count = u64::from(summary.samples);
        let mut twice = false;
        for ((row, told), &index) in sample.rows.iter().zip(&summary.rows).zip(self.keys.order()) {
            let Some(series) = self.series.get_mut(index as usize) else { continue };
            twice |= series.seen == self.samples + count;
            series.seen = self.samples + count;
            series.sum_up(&row.counters, told, sample.width, self.samples, count);
        }
        self.chained = !twice;
        for (row, told) in &summary.gone {
            let index = self.find(row);
            if let Some(series) = self.series.get_mut(index as usize) {
                series.sum_up(&row.counters, told, sample.width, self.samples, count);
            }
        }
        if sample.rows.len() < self.series.len() {
            for series in &mut self.series {
                if series.seen <= self.samples && sample.coverage.lists_all(series.pool) {
                    series.absent(self.samples);
                }
            }
        }
        for pool in whole_pools(sample) {
            // Its figure is no part of a summary: that of the last sample stands for all.
            let bytes = pool_bytes(sample, pool);
            let told = PoolSummary { pool, least: bytes, most: bytes, mean: bytes };
            let now = self.samples;
            if let Some(series) = self.pool_series(sample, pool) {
                series.seen = now + count;
                series.sum_up_pool(bytes, &told, sample.width, now, count);
            }
        }
        for pool in &summary.pools {
            let last = pool_bytes(sample, pool.pool);
            let now = self.samples;
            if let Some(series) = self.pool_series(sample, pool.pool) {
                series.seen = now + count;
                series.sum_up_pool(last, pool, sample.width, now, count);
            }
        }
        self.timeline.count_many(mean, summary);
        self.ended(sample, seconds, count);
    }

    /// Takes every row in; gives the load.
    fn take_all(&mut self, sample: &Sample, step: f64) -> f64 {
        let mut load = 0.0;
        let mut twice = false;
        for (row, &index) in sample.rows.iter().zip(self.keys.order()) {
            let Some(series) = self.series.get_mut(index as usize) else { continue };
            twice |= series.seen == self.samples + 1;
            series.seen = self.samples + 1;
            if series.is_same(&row.counters) {
                continue;
            }
            load += summary::load(series.set(&row.counters, sample.width, self.samples), step);
        }
        self.chained = !twice;
        if sample.rows.len() < self.series.len() {
            for series in &mut self.series {
                if series.seen <= self.samples && sample.coverage.lists_all(series.pool) {
                    series.absent(self.samples);
                }
            }
        }
        load
    }

    /// Takes the rows in that changed. Rows that are not in the sample were not in the one before: they are done with.
    fn take_changed(&mut self, sample: &Sample, changed: &[u32], step: f64) -> f64 {
        let mut load = 0.0;
        for &at in changed {
            let at = at as usize;
            let Some((row, &index)) = sample.rows.get(at).zip(self.keys.order().get(at)) else { continue };
            let Some(series) = self.series.get_mut(index as usize) else { continue };
            if !series.is_same(&row.counters) {
                load += summary::load(series.set(&row.counters, sample.width, self.samples), step);
            }
        }
        load
    }

    /// Seconds since the first sample; `None` if the clock did not go forward.
    fn seconds(&mut self, sample: &Sample) -> Option<f64> {
        if self.samples == 0 {
            self.start = sample.time;
            self.uptime_start = sample.uptime;
            self.times_known = sample.time.is_some() || sample.uptime.is_some();
            return Some(0.0);
        }
        let seconds = match (self.start, sample.time, self.uptime_start, sample.uptime) {
            (Some(start), Some(now), _, _) => {
                self.set += self.set_now(sample, now);
                now.duration_since(start).as_secs_f64() - self.set
            }
            (None, _, Some(start), Some(now)) => now.checked_sub(start)?.as_secs_f64(),
            _ if !self.times_known => self.last_seconds + 60.0,
            _ => return None,
        };
        (seconds > self.last_seconds).then_some(seconds)
    }

    /// Seconds by which the wall clock was set since the last sample, as the uptime of a boot shows.
    fn set_now(&self, sample: &Sample, now: Timestamp) -> f64 {
        let (Some(time), Some(before), Some(after)) = (self.time, self.uptime, sample.uptime) else {
            return 0.0;
        };
        let boot = |origin: &Origin| origin.boot.clone();
        let is_same = self.origin.as_deref().and_then(boot) == boot(&sample.origin);
        let Some(passed) = after.checked_sub(before).filter(|_| is_same) else { return 0.0 };
        let set = now.duration_since(time).as_secs_f64() - passed.as_secs_f64();
        // Clocks differ a little, and times in logs have few digits.
        if set.abs() > 1.0 + passed.as_secs_f64() * 0.01 { set } else { 0.0 }
    }

    /// Finds the series of every row.
    fn match_rows(&mut self, sample: &Sample) {
        self.keys.match_rows(&sample.rows);
        if self.keys.len() == self.series.len() {
            return;
        }
        let first = self.next_slot();
        for (row, &index) in sample.rows.iter().zip(self.keys.order()) {
            if index as usize == self.series.len() {
                self.series.push(BucketSeries::new(
                    row.tag.clone(),
                    row.pool,
                    row.reported_owner.clone(),
                    first,
                ));
                if let Some(series) = self.series.last_mut() {
                    series.start = if self.samples == 0 || self.listed.contains(&row.pool) {
                        SeriesStart::Seen
                    } else if self.shown.contains(&row.pool) {
                        SeriesStart::Unknown
                    } else {
                        SeriesStart::FirstListed
                    };
                }
            }
        }
    }

    /// The series of one row.
    fn find(&mut self, row: &Row) -> u32 {
        let index = self.keys.number(row);
        if index as usize == self.series.len() {
            let first = self.next_slot();
            self.series.push(BucketSeries::new(row.tag.clone(), row.pool, row.reported_owner.clone(), first));
        }
        index
    }

    /// The first slot of a new series. One that comes with the sample that opens a slot belongs to the slot after this one;
    /// `turn` sees to it.
    fn next_slot(&self) -> usize {
        self.timeline.slots.len().saturating_sub(1)
    }

    fn rebooted(&self, sample: &Sample) -> bool {
        let before = |index: u32| self.series.get(index as usize).and_then(BucketSeries::now);
        let rows = sample.rows.iter().zip(self.keys.order());
        let counters =
            rows.map(|(row, &index)| (row.counters.allocs.and_then(|_| before(index)), &row.counters));
        let boot = self.origin.as_ref().and_then(|origin| origin.boot.as_deref());
        is_reboot((boot, sample.origin.boot.as_deref()), (self.uptime, sample.uptime), counters)
    }

    /// Closes the open slot of all series and opens the next. Slots become at least `least_width` seconds wide.
    fn turn(&mut self, seconds: f64, rebooted: bool, least_width: f64) {
        let slots = self.timeline.slots.len();
        let room = self.config.buckets.max(16);
        if slots > 0 {
            for series in self.series.iter_mut().chain(&mut self.pools) {
                // A row that comes with this very sample starts in the new slot.
                if series.now().is_none() && series.buckets.is_empty() && series.seen == 0 {
                    series.first = slots;
                } else {
                    series.close(self.samples, room);
                }
                if rebooted {
                    series.restart();
                }
            }
        }
        if slots >= room {
            self.halve();
            // The new sample may belong to the slot that was just closed by half; it opens the next one instead.
        }
        while self.timeline.is_narrower(least_width) {
            self.halve();
        }
        self.timeline.open(seconds, self.epoch);
    }

    /// Slots of twice the width, half as many.
    fn halve(&mut self) {
        let into = self.timeline.halve();
        for series in self.series.iter_mut().chain(&mut self.pools) {
            if series.first >= into.len() {
                series.first = self.timeline.slots.len();
            } else {
                series.halve(&into);
            }
        }
    }

    /// Whole pools are series of their own: the header's figure, else the sum of the rows.
    fn push_pools(&mut self, sample: &Sample) {
        for pool in sample.origin.pools.iter().copied().chain(whole_pools(sample)) {
            if sample.header.pool_total(pool).is_none() && !sums_up(sample, pool) {
                continue;
            }
            let Some(bytes) = self.pool_bytes(sample, pool) else { continue };
            let counters = poolmon_model::Counters { bytes: Some(bytes), ..Default::default() };
            let now = self.samples;
            if let Some(series) = self.pool_series(sample, pool) {
                series.seen = now + 1;
                if !series.is_same(&counters) {
                    series.set(&counters, sample.width, now);
                }
            }
        }
    }

    /// What a pool holds, measured as in its first sample: a header that is missing or comes late is no change of the pool. If only the
    /// very first sample has a header, the sums of rows count.
    fn pool_bytes(&mut self, sample: &Sample, pool: Pool) -> Option<u64> {
        let header = sample.header.pool_total(pool);
        let of_header =
            self.pools.iter().find(|series| series.pool == pool).map(|series| series.owner.is_some());
        match (of_header, header) {
            (Some(true), None) if self.samples == 1 => self.pools.retain(|series| series.pool != pool),
            (Some(true), None) => return None,
            (Some(false), Some(_)) => {
                return sums_up(sample, pool).then(|| sample.tagged_bytes(pool));
            }
            _ => {}
        }
        Some(pool_bytes(sample, pool))
    }

    fn pool_series(&mut self, sample: &Sample, pool: Pool) -> Option<&mut BucketSeries> {
        let at = self.pools.iter().position(|series| series.pool == pool).unwrap_or_else(|| {
            let first = self.timeline.slots.len().saturating_sub(1);
            let owner = sample.header.pool_total(pool).map(|_| "header".into());
            self.pools.push(BucketSeries::new(Tag::name(pool.whole().unwrap_or("pool")), pool, owner, first));
            self.pools.len() - 1
        });
        self.pools.get_mut(at)
    }

    /// All that is judged: the rows, and the pools that are a single figure.
    pub(crate) fn rows(&self) -> Vec<&BucketSeries> {
        self.series.iter().chain(self.pools.iter().filter(|series| series.pool.whole().is_some())).collect()
    }

    /// How long samples have to come until anything can be said; `None` if there are enough.
    pub fn needs(&self) -> Option<Duration> {
        let step = if self.samples > 1 { self.last_seconds / (self.samples - 1) as f64 } else { 0.0 };
        let missing = (self.config.least_points as u64).saturating_sub(self.samples);
        let seconds = (self.config.least_hours * 3600.0 - self.last_seconds).max(missing as f64 * step);
        (seconds > 0.0).then(|| Duration::from_secs_f64(seconds))
    }

    /// Hours that the system had been running at the first sample of the boot that slot `from` belongs to; `None` if unknown.
    pub(crate) fn uptime_at(&self, from: usize) -> Option<f64> {
        let slot = self.timeline.slots.get(from)?;
        if slot.epoch == 0 {
            return self.uptime_start.map(|uptime| uptime.as_secs_f64() / 3600.0);
        }
        // Of a boot in between, no uptime is kept.
        let uptime = self.uptime.filter(|_| slot.epoch == self.epoch)?;
        Some((uptime.as_secs_f64() - self.last_seconds) / 3600.0 + slot.hours()).map(|hours| hours.max(0.0))
    }

    /// Judges everything there is by now.
    pub fn report(&self) -> Report {
        self.report_with(&|_, _| None, &|_, _| None)
    }

    /// The same, with what the caller knows of the owners of tags, and of who keeps a row's objects: one holder that explains most of
    /// its growth, under any name that is its own. Rows that different holders keep are never one cause.
    pub fn report_with(
        &self,
        owner: &dyn Fn(&Tag, Pool) -> Option<OwnerHint>,
        holder: &dyn Fn(&Tag, Pool) -> Option<String>,
    ) -> Report {
        judge::report(self, owner, holder)
    }

    /// The verdicts alone, leaking first.
    pub fn verdicts(&self) -> Vec<crate::Verdict> {
        self.report().verdicts
    }

    /// Series kept: one for each (tag, pool) seen.
    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// Before the first row.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Samples taken in.
    pub const fn samples(&self) -> u64 {
        self.samples
    }

    /// About how many bytes the series take.
    pub fn memory(&self) -> usize {
        let one = |series: &BucketSeries| {
            size_of::<BucketSeries>() + series.buckets.capacity() * size_of::<super::Bucket>()
        };
        self.series.iter().chain(&self.pools).map(one).sum()
    }
}

/// Whether the sum of a pool's rows is its size: none is left out, and the bytes of all are known.
fn sums_up(sample: &Sample, pool: Pool) -> bool {
    let is_known = |row: &Row| row.pool != pool || row.counters.bytes.is_some();
    sample.coverage.lists_all(pool) && sample.rows.iter().all(is_known)
}

/// The pools of a sample that are a single figure.
fn whole_pools(sample: &Sample) -> impl Iterator<Item = Pool> {
    Pool::WHOLE.into_iter().filter(|pool| sample.header.pool_total(*pool).is_some())
}
