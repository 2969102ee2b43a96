//! Who held objects, as a table of its own: a line for each holder and kind at each count.

use std::io::{self, Write};

use jiff::{SignedDuration, Timestamp};
use poolmon_holder::{Anonymous, Digest, Kind, Unit};
use poolmon_print::delimited::LineWriter;

use super::delimited::sink;
use super::seconds_since;
use super::select::{ExportOptions, Summary, start};
use crate::error::Result;
use crate::reader::Recording;

/// Its columns.
pub const COLUMNS: [&str; 10] =
    ["time", "t_s", "type", "id", "name", "group", "processes", "kind", "unit", "count"];

/// One line.
pub(super) struct HolderLine<'a> {
    pub(super) time: Timestamp,
    pub(super) seconds: f64,
    pub(super) kept: &'a poolmon_holder::Kept,
    pub(super) id: &'a str,
    pub(super) kind: Kind,
    pub(super) count: u64,
}

impl HolderLine<'_> {
    pub(super) const fn unit(&self) -> &'static str {
        match self.kind.unit() {
            Unit::Objects => "objects",
            Unit::Bytes => "bytes",
        }
    }
}

/// Passes every line to `each`, oldest first. Fails with the first error of `each`.
pub(super) fn each<E>(
    recording: &Recording,
    options: &ExportOptions,
    mut each: impl FnMut(&HolderLine<'_>) -> std::result::Result<(), E>,
) -> Result<(Summary, std::result::Result<(), E>)> {
    let mut summary = Summary::default();
    let Some(start) = start(recording)? else { return Ok((summary, Ok(()))) };
    let every = options.every.and_then(|every| SignedDuration::try_from(every).ok());
    let mut due: Option<Timestamp> = None;
    let mut names = options.anonymise.then(Anonymous::default);
    let mut scratch = Digest::default();
    let mut failed = Ok(());
    recording.holders(options.from, options.to, |time, digest| {
        if failed.is_err() || due.is_some_and(|due| time < due) {
            return;
        }
        due = every.and_then(|every| time.checked_add(every).ok());
        summary.samples += 1;
        let mut digest = digest;
        if let Some(names) = &mut names {
            scratch.clone_from(digest);
            names.digest(&mut scratch);
            digest = &scratch;
        }
        let seconds = seconds_since(start, time);
        for kept in &digest.kept {
            let id = kept.entry.holder.id.text();
            for (kind, count) in kept.entry.counts.known() {
                summary.rows += 1;
                if failed.is_ok() {
                    failed = each(&HolderLine { time, seconds, kept, id: &id, kind, count });
                }
            }
        }
    })?;
    Ok((summary, failed))
}

/// As CSV or TSV.
pub(super) fn delimited(
    recording: &Recording,
    options: &ExportOptions,
    separator: u8,
    out: &mut dyn Write,
) -> Result<Summary> {
    let mut lines = LineWriter::new(out, separator);
    lines.line(&COLUMNS).map_err(sink)?;
    let (summary, written) = each(recording, options, |line| -> io::Result<()> {
        let holder = &line.kept.entry.holder;
        lines.field(&super::delimited::stamp(line.time))?;
        lines.number(Some(format_args!("{:?}", line.seconds)))?;
        lines.field(holder.id.kind())?;
        lines.field(line.id)?;
        lines.field(&holder.name)?;
        lines.field(line.kept.entry.group.as_deref().unwrap_or_default())?;
        lines.number(Some(line.kept.processes))?;
        lines.field(line.kind.id())?;
        lines.field(line.unit())?;
        lines.number(Some(line.count))?;
        lines.end()
    })?;
    written.map_err(sink)?;
    Ok(summary)
}
