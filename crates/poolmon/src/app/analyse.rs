//! A source, judged: what `leaks` and `report` reports of.

use std::collections::HashMap;
use std::path::Path;
#[cfg(feature = "serve")]
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::ensure;
use jiff::{SignedDuration, Timestamp};
use poolmon_holder::{History, PATIENCE, Watch};
use poolmon_leak::{Analysis, Report};
use poolmon_model::problem::Problem;
use poolmon_model::{PoolView, Sample, shell, units};
use poolmon_owner::linux::MergedCaches;
use poolmon_read::{RemarkKind, RemarkLog, SampleSeries};
use poolmon_record::Stop;
use poolmon_report::{AnalysedSeries, main_holder, owner_hint};
use poolmon_store::TimedMark;

use super::owners::KnownOwners;
use crate::app::say::{Progress, warning};
use crate::cli::source::SourceArgs;
use crate::input;
use crate::input::moment;

/// With this many summaries, a series has as many points as when every sample is read: half of `AnalysisConfig::buckets` at
/// least.
const ENOUGH: usize = 128;

/// Reads the source, or watches this machine, and judges. True if watching was interrupted.
pub fn source(
    args: &SourceArgs,
    view: PoolView,
    owners: &KnownOwners,
) -> anyhow::Result<(AnalysedSeries, bool)> {
    if args.sources.is_empty() { live(args, view, owners) } else { Ok((files(args, owners, None)?, false)) }
}

/// As [`source`], with the notes, gaps and module changes of the recordings, oldest first.
pub fn source_with_marks(
    args: &SourceArgs,
    view: PoolView,
    owners: &KnownOwners,
) -> anyhow::Result<(AnalysedSeries, Vec<TimedMark>, bool)> {
    let mut marks = Vec::new();
    let (judged, interrupted) = if args.sources.is_empty() {
        live(args, view, owners)?
    } else {
        (files(args, owners, Some(&mut marks))?, false)
    };
    Ok((judged, marks, interrupted))
}

/// Judges all of some files, with their notes, gaps and module changes.
#[cfg(feature = "serve")]
pub fn whole(files: &[PathBuf], owners: &KnownOwners) -> anyhow::Result<(AnalysedSeries, Vec<TimedMark>)> {
    let args = SourceArgs {
        sources: files.to_vec(),
        length: Duration::ZERO,
        interval: Duration::ZERO,
        every: None,
        range: crate::cli::groups::RangeArgs::default(),
        anonymise: false,
    };
    let mut marks = Vec::new();
    let judged = self::files(&args, owners, Some(&mut marks))?;
    Ok((judged, marks))
}

fn live(args: &SourceArgs, view: PoolView, owners: &KnownOwners) -> anyhow::Result<(AnalysedSeries, bool)> {
    input::tell_unread_pipe("leaks");
    let mut source = input::live(view)?;
    let stop = Stop::on_signals()?;
    let mut analysis = Analysis::new(AnalysedSeries::config());
    let mut sample = source.sample()?;
    input::tell_remarks(&sample);
    let first = sample.time;
    let mut progress = Progress::new();
    let start = Instant::now();
    let mut due = start;
    let (mut failed, mut reading) = (0_u64, Duration::ZERO);
    analysis.push(&sample);
    let mut holders = Watch::new(Some(args.length));
    holders.look(PATIENCE);
    let begun = sample.clone();
    loop {
        due = (due + args.interval).max(Instant::now());
        if due > start + args.length || stop.wait_until(due) {
            break;
        }
        let asked = Instant::now();
        let result = source.sample_into(&mut sample);
        reading += asked.elapsed();
        match result {
            Ok(()) => analysis.push(&sample),
            Err(error) => {
                failed += 1;
                if failed == 1 {
                    warning!("sampling failed: {error}; retrying");
                }
            }
        }
        holders.look(PATIENCE);
        progress.show(|| {
            let left = args.length.saturating_sub(start.elapsed());
            format!(
                "{} samples, {} to go (Ctrl-C stops and shows the \
                result)",
                analysis.samples(),
                units::span(left)
            )
        });
    }
    drop(progress);
    let (elapsed, taken) = (start.elapsed(), analysis.samples());
    let wanted = elapsed.as_nanos() / args.interval.as_nanos().max(1);
    if u128::from(taken + failed) < wanted / 2 {
        let why = if reading > elapsed / 2 {
            let each = reading / u32::try_from(taken + failed).unwrap_or(u32::MAX);
            format!("one takes {} to read; a longer --interval leaves none out", units::span(each))
        } else {
            "the machine was busy or asleep".to_owned()
        };
        warning!("{taken} of {wanted} samples were taken: {why}");
    }
    let interrupted = stop.flag().load(Ordering::Relaxed);
    stop.done();
    let origin = source.origin();
    let seen = Seen {
        source: AnalysedSeries::THIS_MACHINE.into(),
        host: origin.host.clone(),
        system: origin.system.clone(),
        span: first.zip(sample.time),
        analysis,
        begun,
        last: sample,
        lost_rows: false,
    };
    let merged = MergedCaches::new(source.merged()).with_makers(Path::new("/sys"));
    let holders = named(args, holders.history().clone());
    Ok((seen.judged(owners, None, &holders, &merged), interrupted))
}

/// Holders by the names that may be shown.
fn named(args: &SourceArgs, holders: History) -> History {
    if args.anonymise { holders.anonymised() } else { holders }
}

fn files(
    args: &SourceArgs,
    owners: &KnownOwners,
    marks: Option<&mut Vec<TimedMark>>,
) -> anyhow::Result<AnalysedSeries> {
    let (mut rows, totals) = input::judged_series(&args.sources)?;
    if let Some(marks) = marks {
        *marks = rows.marks()?;
    }
    let merged = MergedCaches::new(rows.merged()?).made_by(rows.makers()?);
    let totals = totals.map(|mut totals| series(&mut totals, args)).transpose()?;
    let only_totals = rows.holds_only_totals();
    let seen = series(&mut rows, args)?;
    let holders = seen.span.map(|(first, last)| rows.holder_history(first, last)).transpose()?;
    let figures = totals.as_ref().or(only_totals.then_some(&seen)).map(|totals| totals.analysis.report());
    let holders = named(args, holders.unwrap_or_default());
    Ok(seen.judged(owners, figures, &holders, &merged))
}

/// A series that was read to its end.
struct Seen {
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

impl Seen {
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
            poolmon_read::add_pools(&mut self.last, &before);
        }
        if self.begun.rows.is_empty() {
            copy(&mut self.begun);
        } else {
            poolmon_read::add_pools(&mut self.begun, sample);
        }
    }

    fn judged(
        self,
        owners: &KnownOwners,
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

fn series(series: &mut SampleSeries, args: &SourceArgs) -> anyhow::Result<Seen> {
    let texts = (args.range.from.as_deref(), args.range.to.as_deref());
    // The series is read once where they are relative to its ends.
    let (from, to) = moment::range(texts, || anyhow::Ok(series.span()?))?;
    let mut sample = Sample::empty();
    let mut seen = Seen {
        source: series.name().to_owned(),
        host: None,
        system: None,
        span: None,
        analysis: Analysis::new(AnalysedSeries::config()),
        begun: Sample::empty(),
        last: Sample::empty(),
        lost_rows: false,
    };
    if let Some(from) = from {
        series.skip_before(from)?;
    }
    let mut remarks = RemarkLog::default();
    let every = args.every.and_then(|every| SignedDuration::try_from(every).ok());
    // Of weeks, what their recorder said of each ten minutes or so is read instead of every sample.
    let strides = every.is_none() && series.summaries(from, to)? >= ENOUGH;
    let mut summary = None;
    loop {
        let more = if strides {
            series.next_stretch(to, &mut sample, &mut summary)?
        } else {
            series.next_in_steps(every, &mut sample)?
        };
        if !more {
            break;
        }
        let time = sample.time;
        if time.is_some_and(|time| from.is_some_and(|from| time < from)) {
            continue;
        }
        if time.is_some_and(|time| to.is_some_and(|to| time > to)) {
            break;
        }
        match (&summary, series.changed()) {
            (Some(summary), _) => seen.analysis.push_summary(&sample, summary),
            (None, Some(changed)) => seen.analysis.push_changed(&sample, changed),
            (None, None) => seen.analysis.push(&sample),
        }
        seen.keep(&sample);
        if let Some(time) = time {
            seen.span = Some((seen.span.map_or(time, |span| span.0), time));
        }
        if seen.host.is_none() {
            seen.host.clone_from(&sample.origin.host);
        }
        if seen.system.is_none() {
            seen.system.clone_from(&sample.origin.system);
        }
        seen.lost_rows |= sample.coverage.is_partial()
            && series.remarks().iter().any(|remark| remark.kind == RemarkKind::NotUnderstood);
        let file = series.part().filter(|_| series.parts().len() > 1).map(|part| part.input.name());
        remarks.push(file, &sample.remarks, series.remarks());
    }
    input::tell_files(series);
    for remark in remarks.texts() {
        warning!("{remark}");
    }
    if let Some(lost) = series.losses().in_words(seen.analysis.samples()) {
        warning!("{}: {lost}; poolmon verify shows where", seen.source);
    }
    let (none, remedy) = match (from, to) {
        (None, None) => {
            let first = args.sources.first().map_or_else(String::new, |path| shell::path(path));
            ("no sample in it can be read", format!("see why: poolmon verify {first}"))
        }
        (from, to) => {
            let (none, given) = match (from, to) {
                (Some(_), None) => ("no samples after --from", "--from"),
                (None, _) => ("no samples before --to", "--to"),
                _ => ("no samples between --from and --to", "--from and --to"),
            };
            (none, format!("leave out {given} to analyse all samples"))
        }
    };
    ensure!(seen.analysis.samples() > 0, Problem::new(format!("{}: {none}", seen.source), remedy));
    Ok(seen)
}
