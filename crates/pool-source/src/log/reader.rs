//! Lines become samples: which layout a line belongs to, and where one snapshot ends and the next begins.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use pool_model::{CounterWidth, Delta, Header, Origin, Pool, Sample, SourceKind, Tag};

use super::build::{Builder, Told, Which};
use super::encoding::Verdict;
use super::heading::Sessions;
use super::input::{Lines, Step};
use super::moment::Moment;
use super::poolmon::{Figures, Pasted, is_cut};
use super::{delimited, heading, moment, poolmon, windbg};
use crate::{Result, SourceError};

/// Reads samples from a stream, one after the other, in bounded memory.
pub struct SampleReader {
    lines: Lines,
    state: State,
    done: bool,
    found: bool,
}

/// The layout that lines are read as.
enum Mode {
    /// PoolMon's, and anything before the first table.
    Text,
    /// CSV or TSV, and the time of the sample being read, as its cell has it.
    Delimited(delimited::Columns, Vec<u8>),
    /// WinDbg's `!poolused`.
    Windbg(Table),
}

/// A WinDbg table as it is read.
#[derive(Default)]
struct Table {
    columns: windbg::Columns,
    /// Allocations and bytes of the rows so far, nonpaged and paged.
    sums: [(u64, u64); 2],
}

/// Whether a line belongs to the sample being read.
#[derive(PartialEq, Eq)]
enum Flow {
    /// It does, or it does not matter.
    Taken,
    /// It begins the next one.
    Next,
}

struct State {
    builder: Builder,
    mode: Mode,
    used_column: bool,
    /// A column line or memory figures were seen since the last row.
    opened: bool,
    /// Figures of the row before, to tell a last row that is cut short.
    figures: usize,
}

/// The line at hand.
#[derive(Clone, Copy)]
struct At<'a> {
    line: &'a [u8],
    number: u64,
    ended: bool,
}

const LAYOUTS: &str = "understood are: logs and screen copies of PoolMon, CSV or TSV with a header line that names tag, \
     pool, allocs, frees and bytes, and the output of WinDbg's !poolused";

impl SampleReader {
    /// Reads from anything. `name` stands in messages and in [`Origin::file`].
    pub fn new(name: &str, input: impl Read + Send + 'static) -> Self {
        Self {
            lines: Lines::new(Box::new(input)),
            state: State {
                builder: Builder::new(name.to_owned()),
                mode: Mode::Text,
                used_column: false,
                opened: false,
                figures: 0,
            },
            done: false,
            found: false,
        }
    }

    /// A sample to be filled by [`SampleReader::next_into`].
    pub fn empty_sample() -> Sample {
        let pools = [Pool::Nonpaged, Pool::Paged];
        Sample::new(Arc::new(Origin::new(SourceKind::PoolmonLog, &pools)), CounterWidth::Bits32)
    }

    /// Fills `sample` with the next snapshot and uses its memory again; `false` at the end.
    ///
    /// # Errors
    /// The input is empty, is not text, holds no row at all, or cannot be read. After an error there is nothing more.
    pub fn next_into(&mut self, sample: &mut Sample) -> Result<bool> {
        if self.done {
            return Ok(false);
        }
        let result = self.read(sample);
        match result {
            Ok(true) => self.found = true,
            _ => self.done = true,
        }
        match result {
            Ok(false) if !self.found => Err(self.nothing()),
            result => result,
        }
    }

    /// Judges the beginning of the input: an empty or binary one is an error at once.
    pub(super) fn check(&mut self) -> Result<()> {
        let verdict = self.lines.verdict().map_err(|error| self.failed(error))?;
        match verdict {
            Verdict::Text => Ok(()),
            Verdict::Empty => Err(self.malformed(
                "offset 0",
                "the file is empty",
                "check how it was saved, and save it again",
            )),
            Verdict::Binary(what, remedy) => Err(self.malformed("offset 0", what, remedy)),
        }
    }

    fn read(&mut self, sample: &mut Sample) -> Result<bool> {
        self.check()?;
        self.state.builder.start(sample);
        self.state.opened = false;
        loop {
            match self.lines.advance().map_err(|error| self.failed(error))? {
                Step::End => break,
                Step::TooLong => self.state.builder.noticed.long.add(self.lines.number()),
                Step::Line => {
                    let at = At {
                        line: self.lines.line(),
                        number: self.lines.number(),
                        ended: self.lines.ended(),
                    };
                    if self.state.take(at, sample) == Flow::Next {
                        self.lines.unread();
                        break;
                    }
                }
            }
        }
        if has_rows(sample) {
            self.state.builder.finish(sample);
            return Ok(true);
        }
        Ok(false)
    }

    fn nothing(&self) -> SourceError {
        let lines = self.lines.number();
        let mut problem = String::from("no row of a pool table was found");
        let mut said = Vec::new();
        self.state.builder.noticed.say(false, &mut said);
        for sentence in said {
            problem.push_str("; ");
            problem.push_str(&sentence);
        }
        let place = if lines == 1 { "line 1".to_owned() } else { format!("lines 1 to {lines}") };
        self.malformed(&place, &problem, LAYOUTS)
    }

    fn malformed(&self, place: &str, problem: &str, remedy: &str) -> SourceError {
        SourceError::Malformed {
            path: self.state.builder.file().to_owned(),
            place: place.to_owned(),
            problem: problem.to_owned(),
            remedy: remedy.to_owned(),
        }
    }

    fn failed(&self, source: io::Error) -> SourceError {
        SourceError::Io { action: "read", path: PathBuf::from(self.state.builder.file()), source }
    }
}

fn has_rows(sample: &Sample) -> bool {
    !sample.rows.is_empty() || !sample.sessions.is_empty()
}

impl State {
    #[inline]
    fn take(&mut self, at: At<'_>, sample: &mut Sample) -> Flow {
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

    fn may_be_cut(&mut self) {
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
    fn surroundings(&mut self, at: At<'_>, sample: &mut Sample) -> Flow {
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

    fn delimited(&mut self, at: At<'_>, sample: &mut Sample) -> Flow {
        let Mode::Delimited(columns, time_now) = &mut self.mode else { return Flow::Taken };
        if at.line.trim_ascii().is_empty() {
            return Flow::Taken;
        }
        let rows = has_rows(sample);
        if let Some(cells) = columns.row(at.line)
            && let Some(found) = columns.rows(&cells)
        {
            let around = &mut self.builder.around;
            let host = String::from_utf8_lossy(cells.host.trim_ascii());
            if rows && (*time_now != *cells.time || !(host.is_empty() || around.is_host(&host))) {
                return Flow::Next;
            }
            if !rows {
                time_now.clear();
                time_now.extend_from_slice(&cells.time);
                if let Some((time, assumed)) = moment::cell(&cells.time) {
                    around.time = Some(time);
                    around.assumed = assumed;
                } else if !cells.time.trim_ascii().is_empty() {
                    around.forget_moment();
                    let shown = String::from_utf8_lossy(&cells.time).chars().take(40).collect::<String>();
                    self.builder.noticed.said.push(format!("`{shown}` is not read as a time"));
                }
                if !host.is_empty() {
                    self.builder.around.set(Which::Host, Some(&host));
                }
            }
            let owner = self.builder.owner(&cells.owner());
            let ends_with_figure = columns.ends_with_figure();
            for (tag, pool, told) in found.into_iter().flatten() {
                self.builder.push(sample, (tag, pool), told, owner.clone(), at.number);
                self.builder.changes(sample, cells.change);
            }
            if !at.ended && ends_with_figure {
                self.may_be_cut();
            }
            return Flow::Taken;
        }
        if delimited::columns(at.line).is_some()
            || heading::is_memory(at.line)
            || heading::columns(at.line).is_some()
            || windbg::starts(at.line)
            || at.line.starts_with(b"#")
        {
            return self.surroundings(at, sample);
        }
        let noticed = &mut self.builder.noticed;
        let few = if is_cut(at.line.trim_ascii()) { &mut noticed.left_out } else { &mut noticed.broken };
        few.add(at.number);
        Flow::Taken
    }

    fn windbg(&mut self, at: At<'_>, sample: &mut Sample) -> Flow {
        let Mode::Windbg(table) = &mut self.mode else { return Flow::Taken };
        match windbg::line(at.line, &table.columns) {
            windbg::Line::Row(tag, halves, text) => {
                let owner = windbg::owner(text).and_then(|text| self.builder.owner(&text));
                let unknown_bytes =
                    tag.as_pool().is_some_and(|tag| tag.0.contains(&b'.')) && !windbg::names_tag(text);
                if unknown_bytes {
                    self.builder.noticed.dots.add(at.number);
                }
                if !has_rows(sample) {
                    table.sums = Default::default();
                }
                for ((half, pool), sum) in halves.into_iter().zip(windbg::POOLS).zip(&mut table.sums) {
                    sum.0 = sum.0.wrapping_add(half.live);
                    sum.1 = sum.1.wrapping_add(half.bytes);
                    if half == windbg::Half::default() || half.is_nothing() {
                        continue;
                    }
                    let told = Told {
                        allocs: half.allocs,
                        frees: half.frees,
                        diff: i64::try_from(half.live).ok(),
                        bytes: Some(half.bytes),
                        ..Told::default()
                    };
                    self.builder.push(sample, (tag.clone(), pool), told, owner.clone(), at.number);
                }
            }
            windbg::Line::Total(halves) if has_rows(sample) => {
                for ((total, pool), sum) in halves.into_iter().zip(windbg::POOLS).zip(&table.sums) {
                    if (total.live, total.bytes) != *sum {
                        self.builder.noticed.said.push(format!(
                            "WinDbg's TOTAL line says {} allocations and {} bytes of {}, the rows add up to {} and {}: rows are missing",
                            total.live, total.bytes, pool.long(), sum.0, sum.1
                        ));
                    }
                }
            }
            windbg::Line::Total(_) => {}
            windbg::Line::Broken => self.builder.noticed.broken.add(at.number),
            windbg::Line::Other => {
                let text = at.line.trim_ascii();
                if is_cut(text) && has_rows(sample) {
                    self.builder.noticed.left_out.add(at.number);
                } else if !text.is_empty() {
                    return self.surroundings(at, sample);
                }
            }
        }
        Flow::Taken
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
