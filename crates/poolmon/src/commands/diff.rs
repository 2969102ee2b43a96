//! `poolmon diff`: what grew from one moment to another.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{bail, ensure};
use poolmon_model::problem::{Problem, shell_path};
use poolmon_model::{Sample, Sort, Table, column};
use poolmon_print::PrintOptions;
use poolmon_read::ReadOptions;
use poolmon_render::diff::DateTrust;

use crate::app::outcome::Outcome;
use crate::app::owners;
use crate::app::say::{self, note, warning};
use crate::cli::diff::DiffArgs;
use crate::cli::top::FormatArg;
use crate::input::{self, FileMoment};

/// Compares, and prints what changed.
pub fn run(args: &DiffArgs) -> anyhow::Result<Outcome> {
    let (mut before, mut after, complete, file_dates) = match &args.after {
        Some(after) => {
            let (a, b) = (take(&args.before)?, take(after)?);
            ensure!(
                args.before == *after || a.pair.now.time.is_none() || a.pair.now != b.pair.now,
                Problem::new(
                    "A and B are the same sample",
                    "name two moments with a sample of each: poolmon info RECORDING"
                )
            );
            let (mut now, mut then) = (b.pair.now, a.pair.now);
            if path_of(&args.before).0 != path_of(after).0
                && poolmon_render::diff::separate_days(&mut then, &mut now)
            {
                note!(
                    "times of day without a date are those of any day: the time between A and B is unknown"
                );
            }
            (then, now, a.complete && b.complete, a.file_date && b.file_date)
        }
        None => ends(Path::new(&args.before))?,
    };
    for text in poolmon_render::diff::machines(&before, &after)? {
        warning!("{text}");
    }
    if let (Some(a), Some(b)) = (before.time, after.time)
        && a > b
    {
        note!("A is later than B: comparing B with A");
        std::mem::swap(&mut before, &mut after);
    }
    poolmon_read::note_cut_lists(&mut before, &mut after);
    // What both say, such as that the time zone is unknown, is said once.
    after.remarks.retain(|remark| !before.remarks.contains(remark));
    for sample in [&before, &after] {
        input::tell_remarks(sample);
    }
    let owners = owners::load(&args.rows)?;
    let mut filter = args.rows.filter();
    filter.show_gone = true;
    let mut table = Table::new(Some(&before), &after, &filter, Some(&owners));
    if table.rebooted {
        ensure!(
            args.force,
            Problem::new(
                "the machine was rebooted between A and B: counters were reset, and a difference has no meaning",
                "compare two samples of one boot, or use --force"
            )
        );
        for sample in [&mut before, &mut after] {
            Arc::make_mut(&mut sample.origin).boot = Some("any".to_owned());
        }
        table = Table::new(Some(&before), &after, &filter, Some(&owners));
    }
    if !args.all {
        table.rows.retain(|row| row.delta.is_some_and(|delta| delta.is_change()));
    }
    let sort = if args.rows.sort.is_some() {
        args.rows.order(&column::BYTES)
    } else {
        Sort { by_change: true, reversed: args.rows.reverse, ..Sort::by(&column::BYTES) }
    };
    table.sort(sort);
    let hidden = args.limit.map_or(0, |limit| table.rows.len().saturating_sub(limit));
    if let Some(limit) = args.limit {
        table.rows.truncate(limit);
    }
    let mut out = say::out(args.format == FormatArg::Table);
    if args.format == FormatArg::Table {
        let dates = if file_dates { DateTrust::FileDates } else { DateTrust::Saved };
        if file_dates {
            note!("times come from file dates: rates are not shown");
        }
        poolmon_render::diff::text(&mut out, (&before, &after), &table, &filter, hidden, dates)?;
    } else {
        let driver = owners.asked_for() || table.rows.iter().any(|row| row.row.reported_owner.is_some());
        let options =
            PrintOptions { totals: args.rows.totals, stamp: true, driver, ..PrintOptions::default() };
        poolmon_print::write(&mut out, args.format.into(), &after, &table, options)?;
    }
    out.flush()?;
    drop(out);
    Ok(Outcome::done_if(complete))
}

/// One moment of what `spec` names: `PATH` or `PATH@TIME`.
fn take(spec: &str) -> anyhow::Result<FileMoment> {
    let (path, at) = path_of(spec);
    input::at(&[path], at, None, ReadOptions::default())
}

fn path_of(spec: &str) -> (PathBuf, Option<&str>) {
    let whole = Path::new(spec);
    match spec.rsplit_once('@') {
        Some((path, at)) if !whole.exists() && !path.is_empty() => (PathBuf::from(path), Some(at)),
        _ => (whole.to_path_buf(), None),
    }
}

/// The first and the last sample of a series.
fn ends(path: &Path) -> anyhow::Result<(Sample, Sample, bool, bool)> {
    let mut series = input::reported_series(&[path.to_path_buf()], ReadOptions::default())?;
    let ends = series.ends()?;
    input::tell_files(&mut series);
    match ends {
        Ok((first, last)) => Ok((first, last, series.is_complete(), series.is_dated_by_files())),
        Err(number) => bail!(Problem::new(
            format!(
                "{}: there is only {}, a difference needs two",
                path.display(),
                if number == 1 { "one sample" } else { "no sample" }
            ),
            format!("name another sample: poolmon diff {} OTHER", shell_path(path))
        )),
    }
}
