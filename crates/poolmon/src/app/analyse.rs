//! A source, judged: what `leaks` and `report` reports of.

use std::path::Path;
#[cfg(feature = "serve")]
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::ensure;
use poolmon_holder::{History, PATIENCE, Watch};
use poolmon_model::problem::Problem;
use poolmon_model::{PoolView, shell, units};
use poolmon_owner::linux::MergedCaches;
use poolmon_read::SampleSeries;
use poolmon_record::Stop;
use poolmon_report::AnalysedSeries;
use poolmon_store::TimedMark;
use poolmon_watch::SeriesJudge;

use super::owners::KnownOwners;
use crate::app::say::{Progress, warning};
use crate::cli::source::SourceArgs;
use crate::input;
use crate::input::moment;

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
    let mut judge = SeriesJudge::new(AnalysedSeries::THIS_MACHINE);
    let mut sample = source.sample()?;
    input::tell_remarks(&sample);
    let mut progress = Progress::new();
    let start = Instant::now();
    let mut due = start;
    let (mut failed, mut reading) = (0_u64, Duration::ZERO);
    judge.push(&sample);
    let mut holders = Watch::new(Some(args.length));
    holders.look(PATIENCE);
    loop {
        due = (due + args.interval).max(Instant::now());
        if due > start + args.length || stop.wait_until(due) {
            break;
        }
        let asked = Instant::now();
        let result = source.sample_into(&mut sample);
        reading += asked.elapsed();
        match result {
            Ok(()) => judge.push(&sample),
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
                judge.samples(),
                units::span(left)
            )
        });
    }
    drop(progress);
    let (elapsed, taken) = (start.elapsed(), judge.samples());
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
    let merged = MergedCaches::new(source.merged()).with_makers(Path::new("/sys"));
    let holders = named(args, holders.history().clone());
    Ok((judge.judged(owners, None, &holders, &merged), interrupted))
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
    let judge = series(&mut rows, args)?;
    let holders = judge.span().map(|(first, last)| rows.holder_history(first, last)).transpose()?;
    let figures = totals.as_ref().or(only_totals.then_some(&judge)).map(|totals| totals.analysis().report());
    let holders = named(args, holders.unwrap_or_default());
    Ok(judge.judged(owners, figures, &holders, &merged))
}

fn series(series: &mut SampleSeries, args: &SourceArgs) -> anyhow::Result<SeriesJudge> {
    let texts = (args.range.from.as_deref(), args.range.to.as_deref());
    // The series is read once where they are relative to its ends.
    let (from, to) = moment::range(texts, || anyhow::Ok(series.span()?))?;
    let mut judge = SeriesJudge::new(series.name());
    let remarks = judge.read(series, from, to, args.every)?;
    input::tell_files(series);
    for remark in remarks.texts() {
        warning!("{remark}");
    }
    if let Some(lost) = series.losses().in_words(judge.samples()) {
        warning!("{}: {lost}; poolmon verify shows where", series.name());
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
    ensure!(judge.samples() > 0, Problem::new(format!("{}: {none}", series.name()), remedy));
    Ok(judge)
}
