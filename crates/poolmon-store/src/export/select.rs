//! Which samples and rows are exported.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use poolmon_model::units::is_dateless;
use poolmon_model::{Coverage, Filter, Row, Sample, SourceKind};

use crate::error::{Result, StoreError};
use crate::reader::Recording;
use crate::segment::cursor::Entry;
use crate::segment::frame::{time_of, wall_of};

/// Rows that Excel opens, without the heading.
pub const EXCEL_ROWS: u64 = 1_048_575;

/// Steps that people think in, in seconds.
const NICE: [u64; 16] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 86_400];

/// What is exported.
#[derive(Clone, Debug, Default)]
pub struct ExportOptions {
    /// Not before.
    pub from: Option<Timestamp>,
    /// Not after.
    pub to: Option<Timestamp>,
    /// One sample in each step, the first; `None` = every sample. Counters are not averaged: each row is a fact.
    pub every: Option<Duration>,
    /// Tags and pools. Its scope is not looked at: sessions' rows are exported, too, and say their session.
    pub filter: Filter,
    /// Names of holders are replaced by pseudonyms.
    pub anonymise: bool,
}

/// Refuses times of day of a log, whose dates are not known, where a format needs dates. The clock of a machine without a battery begins
/// in 1970, too: that is what it reported.
pub(super) fn check_dated(recording: &Recording, sample: &Sample, time: Timestamp) -> Result<()> {
    let is_log =
        matches!(sample.origin.kind, SourceKind::PoolmonLog | SourceKind::TableFile | SourceKind::Windbg);
    if !(is_log && is_dateless(time)) {
        return Ok(());
    }
    Err(StoreError::Malformed {
        path: recording.folder().into(),
        offset: 0,
        problem: "its times are times of day without a date, which this format has no place for".into(),
        remedy: "export CSV or JSON lines, or import the log with the day of its first sample (--date 2026-11-22)",
    })
}

/// What was exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Samples.
    pub samples: u64,
    /// Rows.
    pub rows: u64,
    /// Samples left out because they do not say when they were taken.
    pub untimed: u64,
    /// What damage took.
    pub losses: crate::Losses,
}

impl Summary {
    /// Excel would drop rows.
    pub fn is_too_long_for_excel(&self) -> bool {
        self.rows > EXCEL_ROWS
    }
}

/// How large an export will be, from indexes and one sample of each segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Samples.
    pub samples: u64,
    /// Rows.
    pub rows: u64,
    /// Seconds from the first to the last sample.
    pub seconds: u64,
}

impl Estimate {
    /// Refuses what Excel would cut, and says which step fits.
    pub fn check_excel(&self) -> Result<()> {
        if self.rows <= EXCEL_ROWS {
            return Ok(());
        }
        let rows = self.rows.div_ceil(self.samples.max(1));
        let samples = (EXCEL_ROWS / rows.max(1)).max(1);
        let least = self.seconds.div_ceil(samples).max(1);
        let every = NICE.into_iter().find(|&nice| nice >= least).unwrap_or(least);
        Err(StoreError::TooManyRows { rows: self.rows, every })
    }
}

impl ExportOptions {
    /// Whether a row is wanted. Rows of zeros are: a gap in a series would look like a loss.
    pub fn admits(&self, row: &Row) -> bool {
        self.filter.admits_tag(&row.tag, row.pool)
    }

    /// Which rows of a sample are left out: those that it does not list, and those that are not wanted.
    pub fn coverage(&self, sample: &Sample) -> Coverage {
        let filter = &self.filter;
        let pools = sample.origin.pools.iter().filter(|&&pool| !filter.view.admits(pool));
        let coverage = pools.fold(sample.coverage, |coverage, &pool| coverage.without(pool));
        if filter.is_part_of_a_pool() { coverage.partial() } else { coverage }
    }

    /// The wanted rows of a sample with their session.
    pub fn rows<'a>(&'a self, sample: &'a Sample) -> impl Iterator<Item = (Option<u32>, &'a Row)> {
        let sessions = sample.sessions.iter();
        let sessions =
            sessions.flat_map(|session| session.rows.iter().map(move |row| (Some(session.id), row)));
        sample.rows.iter().map(|row| (None, row)).chain(sessions).filter(|(_, row)| self.admits(row))
    }

    /// Whether a sample is between [`ExportOptions::from`] and [`ExportOptions::to`].
    pub fn finds(&self, recording: &Recording) -> Result<bool> {
        let Some(from) = self.from.or(start(recording)?) else { return Ok(true) };
        let mut cursor = recording.cursor();
        let mut sample = Sample::empty();
        let mut time = if cursor.seek(from, &mut sample)? { sample.time } else { None };
        loop {
            if time.is_some_and(|time| time >= from) {
                return Ok(time <= self.to.or(time));
            }
            time = match cursor.next_entry()? {
                Some(Entry::Sample { time }) => time,
                Some(Entry::Mark(_)) => None,
                None => return Ok(self.from.is_none() && self.to.is_none()),
            };
        }
    }

    /// How large an export will be.
    pub fn estimate(&self, recording: &Recording) -> Result<Estimate> {
        let mut estimate = Estimate::default();
        let (mut first, mut last) = (i64::MAX, i64::MIN);
        let mut sample = Sample::empty();
        for file in recording.segments() {
            let (mut segment, index) = recording.indexed(file)?;
            let Some((begin, end)) = index.span else { continue };
            let from = self.from.map_or(begin, |from| wall_of(Some(from)).max(begin));
            let to = self.to.map_or(end, |to| wall_of(Some(to)).min(end));
            if from > to {
                continue;
            }
            let (part, all) = (u128::from(from.abs_diff(to)), u128::from(begin.abs_diff(end)));
            let samples = (u128::from(index.samples) * part).checked_div(all).unwrap_or(0) + 1;
            let mut samples = u64::try_from(samples).unwrap_or(u64::MAX).min(index.samples.into());
            if let Some(every) = self.every.filter(|every| !every.is_zero()) {
                let steps = u64::try_from(part / every.as_nanos()).unwrap_or(u64::MAX);
                samples = samples.min(steps.saturating_add(1));
            }
            segment.seek(&index, from).map_err(StoreError::io("read", &file.path))?;
            segment.sample_into(&mut sample);
            estimate.samples += samples;
            estimate.rows += samples * self.rows(&sample).count() as u64;
            (first, last) = (first.min(from), last.max(to));
        }
        estimate.seconds = last.saturating_sub(first).max(0).unsigned_abs() / 1_000_000_000;
        Ok(estimate)
    }

    /// Calls `each` for every wanted sample that knows its time, with the start of the recording.
    pub(crate) fn each(
        &self,
        recording: &Recording,
        mut each: impl FnMut(Timestamp, Timestamp, &Sample) -> Result<u64>,
    ) -> Result<Summary> {
        let mut summary = Summary::default();
        let Some(start) = start(recording)? else { return Ok(summary) };
        let every = self.every.and_then(|every| SignedDuration::try_from(every).ok());
        let every = every.filter(|every| !every.is_zero());
        let mut due: Option<Timestamp> = None;
        let mut cursor = recording.cursor();
        let mut sample = Sample::empty();
        let mut held = match self.from {
            Some(from) => cursor.seek(from, &mut sample)?,
            None => false,
        };
        loop {
            let time = if std::mem::take(&mut held) {
                sample.time
            } else {
                match cursor.next_entry()? {
                    Some(Entry::Sample { time }) => time,
                    Some(Entry::Mark(_)) => continue,
                    None => break,
                }
            };
            let Some(time) = time else {
                summary.untimed += 1;
                continue;
            };
            if self.to.is_some_and(|to| time > to) {
                break;
            }
            // A clock that was set back begins a new count of steps.
            let waits = due.is_some_and(|due| {
                time < due && every.is_some_and(|every| due.duration_since(time) <= every)
            });
            if self.from.is_some_and(|from| time < from) || waits {
                continue;
            }
            due = every.and_then(|every| {
                let next = due.filter(|&due| due <= time).and_then(|due| due.checked_add(every).ok());
                next.filter(|&next| next > time).or_else(|| time.checked_add(every).ok())
            });
            cursor.sample_into(&mut sample);
            summary.samples += 1;
            summary.rows += each(start, time, &sample)?;
        }
        summary.losses = cursor.losses();
        Ok(summary)
    }
}

/// Time of the first sample of a recording: where `t_s` is 0.
pub(crate) fn start(recording: &Recording) -> Result<Option<Timestamp>> {
    for file in recording.segments() {
        let (_, index) = recording.indexed(file)?;
        if let Some(start) = index.span.and_then(|(first, _)| time_of(first)) {
            return Ok(Some(start));
        }
    }
    Ok(None)
}
