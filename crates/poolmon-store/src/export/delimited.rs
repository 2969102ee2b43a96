//! CSV (RFC 4180) and TSV: one line for each row of each sample; unknown figures stay empty.

use std::io::{self, Write};

use jiff::Timestamp;
use poolmon_model::header::FIGURES;

use super::seconds_since;
use super::select::{Options, Summary};
use crate::error::{Result, StoreError};
use crate::reader::Recording;
use crate::segment::marks::Mark;

/// Columns of a row.
pub const COLUMNS: [&str; 14] = [
    "time", "t_s", "host", "boot", "session", "tag", "tag_raw", "pool", "allocs", "frees", "diff", "bytes",
    "used", "owner",
];

/// Writes fields of a line.
pub(crate) struct Line<'a> {
    pub out: &'a mut dyn Write,
    pub separator: u8,
    first: bool,
}

impl<'a> Line<'a> {
    pub(crate) fn new(out: &'a mut dyn Write, separator: u8) -> Self {
        Self { out, separator, first: true }
    }

    fn begin(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.first) { Ok(()) } else { self.out.write_all(&[self.separator]) }
    }

    /// A text; quoted where it must be. Blanks at an end are part of a tag (`Irp `): quotes keep them.
    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        self.begin()?;
        let special = |b: u8| b == self.separator || matches!(b, b'"' | b'\n' | b'\r');
        if text.bytes().any(special) || text.starts_with(' ') || text.ends_with(' ') {
            write!(self.out, "\"{}\"", text.replace('"', "\"\""))
        } else {
            self.out.write_all(text.as_bytes())
        }
    }

    /// A number, or nothing.
    pub(crate) fn number(&mut self, number: Option<impl std::fmt::Display>) -> io::Result<()> {
        self.begin()?;
        number.map_or(Ok(()), |number| write!(self.out, "{number}"))
    }

    /// Seconds, always with a point: readers that guess types from the first lines would take 0 for a whole number
    /// (Polars did, in recordings of more than 100 rows a sample).
    fn seconds(&mut self, seconds: f64) -> io::Result<()> {
        self.begin()?;
        write!(self.out, "{seconds:?}")
    }

    pub(crate) fn end(&mut self) -> io::Result<()> {
        self.first = true;
        self.out.write_all(b"\n")
    }
}

/// Writing to the caller's sink failed. A closed pipe is the caller's to tell from the rest.
pub(crate) fn sink(error: io::Error) -> StoreError {
    StoreError::io("write", "the output")(error)
}

pub(super) fn rows(
    recording: &Recording,
    options: &Options,
    separator: u8,
    out: &mut dyn Write,
) -> Result<Summary> {
    let mut line = Line::new(out, separator);
    for name in COLUMNS {
        line.text(name).map_err(sink)?;
    }
    line.end().map_err(sink)?;
    options.each(recording, |start, time, sample| {
        let (mut count, stamp) = (0, time.to_string());
        let seconds = seconds_since(start, time);
        for (session, row) in options.rows(sample) {
            let mut write = || {
                line.text(&stamp)?;
                line.seconds(seconds)?;
                line.text(sample.origin.host.as_deref().unwrap_or_default())?;
                line.text(sample.origin.boot.as_deref().unwrap_or_default())?;
                line.number(session)?;
                line.text(&row.tag.to_string())?;
                line.number(row.tag.as_pool().map(poolmon_model::PoolTag::to_u32))?;
                line.text(row.pool.id())?;
                line.number(row.counters.allocs)?;
                line.number(row.counters.frees)?;
                line.number(row.counters.diff(sample.width))?;
                line.number(row.counters.bytes)?;
                line.number(row.counters.used)?;
                line.text(row.told_owner.as_deref().unwrap_or_default())?;
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
    options: &Options,
    separator: u8,
    out: &mut dyn Write,
) -> Result<Summary> {
    let mut line = Line::new(out, separator);
    let mut titles = || {
        for name in ["time", "t_s", "host", "boot"].into_iter().chain(FIGURES.iter().map(|figure| figure.id))
        {
            line.text(name)?;
        }
        line.end()
    };
    titles().map_err(sink)?;
    options.each(recording, |start, time, sample| {
        let mut write = || {
            line.text(&time.to_string())?;
            line.seconds(seconds_since(start, time))?;
            line.text(sample.origin.host.as_deref().unwrap_or_default())?;
            line.text(sample.origin.boot.as_deref().unwrap_or_default())?;
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
    options: &Options,
    separator: u8,
    out: &mut dyn Write,
) -> Result<Summary> {
    let marks = recording.marks(options.from, options.to)?;
    let mut line = Line::new(out, separator);
    let mut rows = 0;
    let mut titles = || {
        for name in ["time", "kind", "seconds", "text"] {
            line.text(name)?;
        }
        line.end()
    };
    titles().map_err(sink)?;
    let mut write = |time: Option<Timestamp>, kind: &str, seconds: Option<f64>, text: &str| {
        line.text(&time.map(|time| time.to_string()).unwrap_or_default())?;
        line.text(kind)?;
        line.number(seconds)?;
        line.text(text)?;
        rows += 1;
        line.end()
    };
    let mut all = || {
        for mark in &marks {
            match &mark.mark {
                Mark::Gap(gap) => {
                    let seconds = gap.length_ns as f64 / 1e9;
                    write(
                        mark.time,
                        gap.kind.id(),
                        Some(seconds),
                        gap.reason.as_deref().unwrap_or_default(),
                    )?;
                }
                Mark::Note(text) => write(mark.time, "note", None, text)?,
                Mark::Modules(changes) => {
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
