//! A series that is read to its end and then judged: files, or what a live source gave.

use std::collections::HashMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use poolmon_holder::History;
use poolmon_leak::{Analysis, Report};
use poolmon_model::{Labeler, Sample};
use poolmon_owner::linux::MergedCaches;
use poolmon_read::{ReadError, RemarkKind, RemarkLog, SampleSeries, add_pools};
use poolmon_report::{AnalysedSeries, main_holder, owner_hint};

/// With this many summaries, a series has as many points as when every sample is read: half of `AnalysisConfig::buckets` at
/// least.
const ENOUGH: usize = 128;

/// Takes in samples, oldest first, and judges them once there are no more.
pub struct SeriesJudge {
    source: String,
    host: Option<String>,
    system: Option<String>,
    span: Option<(Timestamp, Timestamp)>,
    analysis: Analysis,
    /// The first sample, with the first rows of pools that it leaves out.
    begun: Sample,
    /// The last one, with the last rows of pools that it leaves out.
    last: Sample,
    /// Rows could not be read.
    lost_rows: bool,
}

impl SeriesJudge {
    /// Before the first sample of a source with this name.
    pub fn new(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            host: None,
            system: None,
            span: None,
            analysis: Analysis::new(AnalysedSeries::config()),
            begun: Sample::empty(),
            last: Sample::empty(),
            lost_rows: false,
        }
    }

    /// Takes in one sample.
    pub fn push(&mut self, sample: &Sample) {
        self.analysis.push(sample);
        self.keep(sample);
    }

    /// Reads a series from one moment to another, one sample in each step of `every`; of weeks, what their recorder said of each ten
    /// minutes or so is read instead of every sample. Returns what its files remarked.
    ///
    /// # Errors
    ///
    /// A file cannot be read.
    pub fn read(
        &mut self,
        series: &mut SampleSeries,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
        every: Option<Duration>,
    ) -> Result<RemarkLog, ReadError> {
        if let Some(from) = from {
            series.skip_before(from)?;
        }
        let mut sample = Sample::empty();
        let mut remarks = RemarkLog::default();
        let every = every.and_then(|every| SignedDuration::try_from(every).ok());
        let strides = every.is_none() && series.summaries(from, to)? >= ENOUGH;
        let mut summary = None;
        loop {
            let more = if strides {
                series.next_stretch(to, &mut sample, &mut summary)?
            } else {
                series.next_in_steps(every, &mut sample)?
            };
            if !more || sample.time.is_some_and(|time| to.is_some_and(|to| time > to)) {
                return Ok(remarks);
            }
            if sample.time.is_some_and(|time| from.is_some_and(|from| time < from)) {
                continue;
            }
            match (&summary, series.changed()) {
                (Some(summary), _) => self.analysis.push_summary(&sample, summary),
                (None, Some(changed)) => self.analysis.push_changed(&sample, changed),
                (None, None) => self.analysis.push(&sample),
            }
            self.keep(&sample);
            self.lost_rows |= sample.coverage.is_partial()
                && series.remarks().iter().any(|remark| remark.kind == RemarkKind::NotUnderstood);
            let file = series.part().filter(|_| series.parts().len() > 1).map(|part| part.input.name());
            remarks.push(file, &sample.remarks, series.remarks());
        }
    }

    /// Takes in what the first and the last sample list.
    fn keep(&mut self, sample: &Sample) {
        let copy = |into: &mut Sample| {
            into.rows.clone_from(&sample.rows);
            (into.coverage, into.width) = (sample.coverage, sample.width);
            (into.time, into.uptime) = (sample.time, sample.uptime);
            into.origin.clone_from(&sample.origin);
        };
        let before =
            (!sample.coverage.is_complete()).then(|| std::mem::replace(&mut self.last, Sample::empty()));
        copy(&mut self.last);
        if let Some(before) = before {
            add_pools(&mut self.last, &before);
        }
        if self.begun.rows.is_empty() {
            copy(&mut self.begun);
        } else {
            add_pools(&mut self.begun, sample);
        }
        if let Some(time) = sample.time {
            self.span = Some((self.span.map_or(time, |span| span.0), time));
        }
        if self.host.is_none() {
            self.host.clone_from(&sample.origin.host);
        }
        if self.system.is_none() {
            self.system.clone_from(&sample.origin.system);
        }
    }

    /// Samples taken in.
    pub fn samples(&self) -> u64 {
        self.analysis.samples()
    }

    /// The first and the last moment.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        self.span
    }

    /// What the verdicts will rest on.
    pub fn analysis(&self) -> &Analysis {
        &self.analysis
    }

    /// Judges all of it. `perfmon` is what figures of the machine beside the rows say of the pools.
    pub fn judged(
        self,
        owners: &dyn Labeler,
        perfmon: Option<Report>,
        holders: &History,
        merged: &MergedCaches,
    ) -> AnalysedSeries {
        let holder = main_holder(&self.analysis, holders, merged);
        let mut report = self.analysis.report_with(&owner_hint(owners), &holder);
        report.lost_rows = self.lost_rows;
        drop(holder);
        AnalysedSeries {
            source: self.source,
            host: self.host,
            system: self.system,
            span: self.span,
            needs: self.analysis.needs(),
            report,
            perfmon,
            analysis: self.analysis,
            last: self.last,
            holders: HashMap::default(),
        }
        .with_first(&self.begun.rows)
        .with_holders(holders, merged)
        .with_merged(merged)
        .with_owners(owner_hint(owners))
    }
}
