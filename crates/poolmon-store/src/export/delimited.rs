//! CSV (RFC 4180) and TSV: one line for each row of each sample; unknown figures stay empty.

use std::io::{self, Write};

use jiff::Timestamp;
use poolmon_model::figure;
use poolmon_model::header::FIGURES;
use poolmon_model::units::day_and_time;
use poolmon_print::delimited::LineWriter;

use super::names::OtherNames;
use super::seconds_since;
use super::select::{ExportOptions, Summary};
use crate::error::{Result, StoreError};
use crate::reader::Recording;
use crate::segment::marks::RecordedMark;

/// Columns before the figures.
pub const BEFORE: [&str; 8] = ["time", "t_s", "host", "boot", "session", "tag", "tag_raw", "pool"];

/// The columns after the figures. `header` holds the figures of the machine, by name; on the first row of each sample.
pub const AFTER: [&str; 3] = ["owner", "other_names", "header"];

/// Writes seconds, always with a point: readers that guess types from the first lines would take 0 for a whole number
/// (Polars did, in recordings of more than 100 rows a sample).
fn seconds(line: &mut LineWriter<'_>, seconds: f64) -> io::Result<()> {
    line.number(Some(format_args!("{seconds:?}")))
}

/// A moment, or a time of day if its date is not known.
pub(super) fn stamp(time: Timestamp) -> String {
    day_and_time(Some(time)).unwrap_or_else(|| time.to_string())
}

/// Writing to the caller's sink failed. A closed pipe is for the caller to distinguish from the rest.
pub(crate) fn sink(error: io::Error) -> StoreError {
    StoreError::io("write", "the output")(error)
}

pub(super) fn rows(
    recording: &Recording,
    options: &ExportOptions,
    separator: u8,
    out: &mut dyn Write,
) -> Result<Summary> {
    let names = OtherNames::of(recording)?;
    let mut line = LineWriter::new(out, separator);
    let figures = figure::FIGURES.iter().map(|figure| figure.id);
    let titles: Vec<&str> = BEFORE.into_iter().chain(figures).chain(AFTER).collect();
    line.line(&titles).map_err(sink)?;
    options.each(recording, |start, time, sample| {
        let (mut count, stamp) = (0, stamp(time));
        let machine = poolmon_print::poolmon::machine_and_system(sample, options.coverage(sample));
        let since = seconds_since(start, time);
        for (session, row) in options.rows(sample) {
            let mut write = || {
                line.field(&stamp)?;
                seconds(&mut line, since)?;
                line.field(sample.origin.host.as_deref().unwrap_or_default())?;
                line.field(sample.origin.boot.as_deref().unwrap_or_default())?;
                line.number(session)?;
                line.field(&row.tag.to_string())?;
                line.number(row.tag.as_pool().map(poolmon_model::PoolTag::to_u32))?;
                line.field(row.pool.id())?;
                for figure in figure::FIGURES {
                    line.value(&figure.value(&row.counters, sample.width))?;
                }
                line.field(row.reported_owner.as_deref().unwrap_or_default())?;
                line.field(&names.text(&row.tag).unwrap_or_default())?;
                line.field(if count == 0 { &machine } else { "" })?;
                line.end()
            };
            write().map_err(sink)?;
            count += 1;
        }
        Ok(count)
    })
}

/// Machine-wide figures: one line for each sample, one column for each figure.
pub(super) fn header(
    recording: &Recording,
    options: &ExportOptions,
    separator: u8,
    out: &mut dyn Write,
) -> Result<Summary> {
    let mut line = LineWriter::new(out, separator);
    let mut titles = || {
        for name in ["time", "t_s", "host", "boot"].into_iter().chain(FIGURES.iter().map(|figure| figure.id))
        {
            line.field(name)?;
        }
        line.end()
    };
    titles().map_err(sink)?;
    options.each(recording, |start, time, sample| {
        let mut write = || {
            line.field(&stamp(time))?;
            seconds(&mut line, seconds_since(start, time))?;
            line.field(sample.origin.host.as_deref().unwrap_or_default())?;
            line.field(sample.origin.boot.as_deref().unwrap_or_default())?;
            for figure in FIGURES {
                line.number((figure.get)(&sample.header))?;
            }
            line.end()
        };
        write().map_err(sink)?;
        Ok(1)
    })
}

/// Gaps, notes and modules: `time,kind,seconds,text`.
pub(super) fn marks(
    recording: &Recording,
    options: &ExportOptions,
    separator: u8,
    out: &mut dyn Write,
) -> Result<Summary> {
    let marks = recording.marks(options.from, options.to)?;
    let mut line = LineWriter::new(out, separator);
    let mut rows = 0;
    let mut titles = || {
        for name in ["time", "kind", "seconds", "text"] {
            line.field(name)?;
        }
        line.end()
    };
    titles().map_err(sink)?;
    let mut write = |time: Option<Timestamp>, kind: &str, seconds: Option<f64>, text: &str| {
        line.field(&time.map(stamp).unwrap_or_default())?;
        line.field(kind)?;
        line.number(seconds)?;
        line.field(text)?;
        rows += 1;
        line.end()
    };
    let mut all = || {
        for mark in &marks {
            match &mark.mark {
                RecordedMark::Gap(gap) => {
                    let seconds = gap.length_ns as f64 / 1e9;
                    write(
                        mark.time,
                        gap.kind.id(),
                        Some(seconds),
                        gap.reason.as_deref().unwrap_or_default(),
                    )?;
                }
                RecordedMark::Note(text) => write(mark.time, "note", None, text)?,
                RecordedMark::Modules(changes) => {
                    for change in changes {
                        let kind = if change.loaded { "loaded" } else { "unloaded" };
                        write(mark.time, kind, None, &change.name)?;
                    }
                }
            }
        }
        Ok(())
    };
    all().map_err(sink)?;
    Ok(Summary { rows, ..Summary::default() })
}
