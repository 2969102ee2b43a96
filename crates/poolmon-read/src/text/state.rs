//! Which layout a line belongs to, and where one snapshot ends and the next begins.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use poolmon_model::{Delta, Header, Pool, Sample, SourceKind, Tag};

use super::build::{Builder, Told, Which};
use super::heading::Sessions;
use super::moment::Moment;
use super::poolmon::{Figures, Pasted, is_cut};
use super::{delimited, heading, moment, poolmon, windbg};

/// The layout that lines are read as.
pub(super) enum Mode {
    /// PoolMon's, and anything before the first table.
    Text,
    /// CSV or TSV, and the time of the sample being read, as its cell has it.
    Delimited(delimited::Columns, Vec<u8>),
    /// WinDbg's `!poolused`.
    Windbg(Table),
}

/// A WinDbg table as it is read.
#[derive(Default)]
pub(super) struct Table {
    pub(super) columns: windbg::Columns,
    /// Allocations and bytes of the rows so far, nonpaged and paged.
    pub(super) sums: [(u64, u64); 2],
}

/// Whether a line belongs to the sample being read.
#[derive(PartialEq, Eq)]
pub(super) enum Flow {
    /// It does, or it does not matter.
    Taken,
    /// It begins the next one.
    Next,
}

pub(super) struct State {
    pub(super) builder: Builder,
    pub(super) mode: Mode,
    used_column: bool,
    /// A column line or memory figures were seen since the last row.
    pub(super) opened: bool,
    /// Figures of the row before, to tell a last row that is cut short.
    figures: usize,
}

/// The line at hand.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) line: &'a [u8],
    pub(super) number: u64,
    pub(super) ended: bool,
}

pub(super) fn has_rows(sample: &Sample) -> bool {
    !sample.rows.is_empty() || !sample.sessions.is_empty()
}

impl State {
    pub(super) fn new(name: &str) -> Self {
        Self {
            builder: Builder::new(name.to_owned()),
            mode: Mode::Text,
            used_column: false,
            opened: false,
            figures: 0,
        }
    }

    #[inline]
    /// Takes a line, or tells that the next snapshot begins with it.
    pub(super) fn take(&mut self, at: At<'_>, sample: &mut Sample) -> Flow {
        match &self.mode {
            Mode::Text => {
                if at.ended
                    && let Some((tag, pool, [allocs, frees, diff, bytes, per_alloc], owner)) =
                        poolmon::aligned(at.line)
                    && let Ok(diff) = i64::try_from(diff)
                    && !self.used_column
                {
                    let told = Told {
                        allocs: Some(allocs),
                        frees: Some(frees),
                        diff: Some(diff),
                        bytes: Some(bytes),
                        used: None,
                        per_alloc: Some(per_alloc),
                    };
                    self.figures = 5;
                    let owner = if owner.is_empty() { None } else { self.owner(owner) };
                    self.builder.push(sample, (Tag::Pool(tag), pool), told, owner, at.number);
                    return Flow::Taken;
                }
                self.text(at, sample)
            }
            Mode::Delimited(..) => self.delimited(at, sample),
            Mode::Windbg(_) => self.windbg(at, sample),
        }
    }

    fn owner(&mut self, text: &[u8]) -> Option<Arc<str>> {
        if is_cut(text) { None } else { self.builder.owner(text) }
    }

    /// A line outside of a delimited or WinDbg table that is not a row at its place.
    #[inline(never)]
    fn text(&mut self, at: At<'_>, sample: &mut Sample) -> Flow {
        if at.line.trim_ascii().is_empty() {
            return Flow::Taken;
        }
        if let Some(cleaned) = cleaned(at.line) {
            return self.plain_text(At { line: &cleaned, ..at }, sample);
        }
        self.plain_text(at, sample)
    }

    fn plain_text(&mut self, at: At<'_>, sample: &mut Sample) -> Flow {
        match poolmon::pasted(at.line, self.used_column) {
            Pasted::Row(tag, pool, figures) => {
                self.pasted_row(at, sample, (tag, pool), &figures);
                return Flow::Taken;
            }
            Pasted::Broken => {
                self.builder.noticed.broken.add(at.number);
                return Flow::Taken;
            }
            Pasted::Other => {}
        }
        let text = at.line.trim_ascii();
        if is_cut(text) && has_rows(sample) {
            self.builder.noticed.left_out.add(at.number);
            return Flow::Taken;
        }
        self.surroundings(at, sample)
    }

    fn pasted_row(&mut self, at: At<'_>, sample: &mut Sample, row: (Tag, Pool), figures: &Figures<'_>) {
        let [allocs, frees, diff, bytes, per_alloc, used] = figures.values;
        let unsigned = |value: Option<i128>| value.and_then(|value| u64::try_from(value).ok());
        let told = Told {
            allocs: unsigned(allocs),
            frees: unsigned(frees),
            diff: diff.and_then(|diff| i64::try_from(diff).ok()),
            bytes: unsigned(bytes),
            used: unsigned(used),
            per_alloc: unsigned(per_alloc),
        };
        // The file ends inside of this row: it may have been cut there, even within a figure.
        if !at.ended && figures.rest.is_empty() {
            if figures.count < self.figures || told.divides() == Some(false) {
                self.builder.noticed.broken.add(at.number);
                return;
            }
            if told.divides().is_none() {
                self.may_be_cut();
            }
        }
        self.figures = figures.count;
        let owner = self.owner(figures.rest);
        self.builder.push(sample, row, told, owner, at.number);
        let [allocs, frees, diff, bytes, per_alloc, used] = figures.deltas;
        self.builder.changes(sample, Delta { allocs, frees, diff, bytes, used, per_alloc });
    }

    pub(super) fn may_be_cut(&mut self) {
        let sentence = "the last line has no line end: its last figure may be cut short";
        self.builder.noticed.said.push(sentence.to_owned());
    }

    fn enter(&mut self, mode: Mode) -> Flow {
        self.builder.kind = match mode {
            Mode::Text => SourceKind::PoolmonLog,
            Mode::Delimited(..) => SourceKind::TableFile,
            Mode::Windbg(..) => SourceKind::Windbg,
        };
        self.mode = mode;
        self.figures = 0;
        Flow::Taken
    }

    /// A snapshot was begun and had no rows: its figures and its time are not those of the next one.
    fn drop_empty(&mut self, sample: &mut Sample) {
        if std::mem::take(&mut self.opened) {
            sample.header = Header::default();
            self.builder.around.forget_moment();
        }
    }

    /// Lines around rows: titles, memory figures, dates, comments. Most of them begin the next snapshot.
    pub(super) fn surroundings(&mut self, at: At<'_>, sample: &mut Sample) -> Flow {
        let line = at.line;
        let text = line.trim_ascii();
        let rows = has_rows(sample);
        let next = |flow: Flow| if rows { Flow::Next } else { flow };
        if heading::is_memory(line) {
            if !rows {
                self.drop_empty(sample);
                heading::memory(line, &mut sample.header);
                self.enter(Mode::Text);
            }
            return next(Flow::Taken);
        }
        if let Some(columns) = delimited::columns(line) {
            return if rows { Flow::Next } else { self.enter(Mode::Delimited(columns, Vec::new())) };
        }
        if let Some(titles) = heading::columns(line) {
            if !rows {
                self.drop_empty(sample);
                self.opened = true;
                self.used_column = titles.used;
                self.enter(Mode::Text);
                self.figures = titles.figures;
            }
            return next(Flow::Taken);
        }
        if let Some(columns) = windbg::columns(line) {
            return if rows {
                Flow::Next
            } else {
                self.enter(Mode::Windbg(Table { columns, ..Table::default() }))
            };
        }
        if windbg::starts(line) {
            return if rows { Flow::Next } else { self.enter(Mode::Windbg(Table::default())) };
        }
        if let Some(sessions) = heading::session(line) {
            match sessions {
                _ if rows => {}
                Sessions::One(id) => self.builder.session = Some(id),
                Sessions::All => {
                    let sentence = "the rows are of all sessions' pools, not of the system's";
                    self.builder.noticed.said.push(sentence.into());
                }
            }
            return next(Flow::Taken);
        }
        if let Some(fields) = heading::stamp(line) {
            if !rows {
                self.drop_empty(sample);
                self.stamp(&fields);
            }
            return next(Flow::Taken);
        }
        if let Some((name, value)) = heading::memsnap(line) {
            if !rows {
                self.memsnap(&name, &value);
            }
            return next(Flow::Taken);
        }
        if heading::is_process(line) {
            self.builder.noticed.processes += 1;
            return Flow::Taken;
        }
        if let Some(uptime) = heading::uptime(text) {
            self.builder.around.uptime = Some(uptime);
            return Flow::Taken;
        }
        self.date(line, sample)
    }

    fn date(&mut self, line: &[u8], sample: &mut Sample) -> Flow {
        let Some(found) = moment::find(line).filter(|found| found.alone || found.instant().is_some()) else {
            return Flow::Taken;
        };
        if has_rows(sample) {
            return Flow::Next;
        }
        self.drop_empty(sample);
        let around = &mut self.builder.around;
        // `date /t` and `time /t` write a line each.
        around.date = found.date.or(around.date);
        around.clock = found.time.or(around.clock);
        let whole = Moment { date: around.date, time: around.clock, ..found };
        if let Some((time, assumed)) = whole.instant() {
            around.time = Some(time);
            around.assumed = assumed;
        }
        Flow::Taken
    }

    fn stamp(&mut self, fields: &[(String, String)]) {
        let value =
            |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
        let around = &mut self.builder.around;
        around.forget_moment();
        around.time = value("time").and_then(|time| time.parse::<Timestamp>().ok());
        around.set(Which::Host, value("host"));
        around.set(Which::Boot, value("boot"));
        around.set(Which::System, value("system"));
    }

    fn memsnap(&mut self, name: &str, value: &str) {
        let around = &mut self.builder.around;
        match name {
            "SystemTime" => {
                around.time = moment::memsnap(value);
                around.assumed = !value.contains("GMT");
            }
            "TickCount" => around.uptime = value.trim().parse().ok().map(Duration::from_millis),
            "ComputerName" => around.set(Which::Host, Some(value.trim())),
            "buildnumber" => around.set(Which::System, Some(&format!("Windows build {}", value.trim()))),
            _ => {}
        }
    }
}

/// A line with blanks where web pages have no-break spaces; and without the NULs of UTF-16 text that PowerShell's
/// `>>` appended to a file of single bytes. `None` where there is nothing to clean.
fn cleaned(line: &[u8]) -> Option<Vec<u8>> {
    let nuls = memchr::memchr_iter(0, line).count();
    if nuls > 0 && nuls * 3 >= line.len() {
        return Some(line.iter().copied().filter(|&b| b != 0).collect());
    }
    let finder = memchr::memmem::find(line, b"\xc2\xa0".as_slice());
    finder.map(|_| {
        let mut out = Vec::with_capacity(line.len());
        let mut rest = line;
        while let Some(at) = memchr::memmem::find(rest, b"\xc2\xa0") {
            out.extend_from_slice(rest.get(..at).unwrap_or_default());
            out.push(b' ');
            rest = rest.get(at + 2..).unwrap_or_default();
        }
        out.extend_from_slice(rest);
        out
    })
}
