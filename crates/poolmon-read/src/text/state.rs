//! Which layout a line belongs to, and where one snapshot ends and the next begins.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use poolmon_model::units::of_day_and_time;
use poolmon_model::{Counters, Delta, Header, Key, Pool, Sample, SourceKind, Tag};
use rustc_hash::FxHashMap;

use super::build::{HostFact, SampleBuilder, agrees};
use super::cut_table::TableLines;
use super::dates::FileDates;
use super::heading::SessionHeading;
use super::linux::Stamp;
use super::memory::MemoryLine;
use super::moment::FoundMoment;
use super::numbers::FileNumbers;
use super::poolmon::{PastedLine, RowFigures, is_cut, is_under, last_of_four};
use super::poolused::PoolUsedTable;
use super::seen::SeenRows;
use super::windbg::FigureEnd;
use super::wrapped::{OpenRow, counters};
use super::wrapped_cells::CellLines;
use crate::remark::{Remark, RemarkKind};

use super::{delimited, heading, memory, moment, poolmon, windbg};

/// The layout that lines are read as.
pub(super) enum TextLayout {
    /// PoolMon's, and anything before the first table.
    Text,
    /// CSV or TSV, and the time of the sample being read, as its cell has it.
    Delimited(delimited::TableColumns, Vec<u8>),
    /// WinDbg's `!poolused`.
    Windbg(PoolUsedTable),
}

/// Whether a line belongs to the sample being read.
#[derive(PartialEq, Eq)]
pub(super) enum LineUse {
    /// It does, or it does not matter.
    Taken,
    /// It begins the next one.
    Next,
}

#[expect(clippy::struct_excessive_bools, reason = "each is a mark of its own")]
pub(super) struct TextParser {
    pub(super) builder: SampleBuilder,
    pub(super) mode: TextLayout,
    pub(super) used_column: bool,
    /// A column line or memory figures were seen since the last row.
    pub(super) opened: bool,
    /// Figures of the row before, to recognise a last row that is cut short.
    figures: usize,
    /// The length of the longest line of the table so far.
    longest: usize,
    /// Figures of the longest row.
    most_figures: usize,
    /// Figures that the column line names; 0 if there was none.
    named: usize,
    /// The column line; empty if it was cut before the name of Bytes.
    titles: Option<Vec<u8>>,
    /// Bytes are in units of two to this power.
    unit: u32,
    /// The last line was a column line, or the rest of one.
    in_titles: bool,
    /// The last line had memory figures: the next one may be its rest.
    pub(super) memory: Option<MemoryLine>,
    /// A row that may go on in the next line.
    pub(super) open_row: Option<OpenRow>,
    /// Lines of a table of fields that may go on in the next one.
    pub(super) cells: CellLines,
    /// In which order the file's dates are written.
    pub(super) dates: FileDates,
    /// How the file writes large numbers.
    pub(super) numbers: FileNumbers,
    /// The computer whose rows a table of fields lists.
    pub(super) table_host: Option<String>,
    /// Rows of this list of fields: where they are, and what else their lines say.
    pub(super) listed: FxHashMap<Key, ListedRow>,
    /// Rows of this snapshot.
    pub(super) seen: SeenRows,
    /// What the beginning of a table of fields shows of its lines.
    pub(super) cut_table: TableLines,
    /// The time of a snapshot is below it.
    pub(super) dates_below: bool,
    /// Why the text is not read on.
    pub(super) refused: Option<Refusal>,
}

/// Where a row of a table of fields is, and what its line has in columns that are not known.
pub(super) type ListedRow = (usize, Vec<Box<[u8]>>);

/// Why a text is refused.
pub(super) struct Refusal {
    pub(super) line: u64,
    pub(super) problem: String,
    pub(super) remedy: &'static str,
}

/// The line at hand.
#[derive(Clone, Copy)]
pub(super) struct TextLine<'a> {
    pub(super) line: &'a [u8],
    pub(super) number: u64,
    pub(super) ended: bool,
}

pub(super) fn has_rows(sample: &Sample) -> bool {
    !sample.rows.is_empty() || !sample.sessions.is_empty()
}

impl TextParser {
    pub(super) fn new(name: &str) -> Self {
        Self {
            builder: SampleBuilder::new(name.to_owned()),
            mode: TextLayout::Text,
            used_column: false,
            opened: false,
            figures: 0,
            longest: 0,
            most_figures: 0,
            named: 0,
            titles: None,
            unit: 0,
            in_titles: false,
            memory: None,
            open_row: None,
            cells: CellLines::default(),
            dates: FileDates::default(),
            numbers: FileNumbers::default(),
            table_host: None,
            listed: FxHashMap::default(),
            seen: SeenRows::default(),
            cut_table: TableLines::default(),
            dates_below: false,
            refused: None,
        }
    }

    /// Figures of a whole row.
    pub(super) fn named_figures(&self) -> usize {
        // A column line may be cut or wrapped as its rows are: PoolMon writes five.
        self.named.max(5)
    }

    #[inline]
    /// Takes a line, or tells that the next snapshot begins with it.
    pub(super) fn take(&mut self, at: TextLine<'_>, sample: &mut Sample) -> LineUse {
        if self.open_row.is_some() && self.continued(at, sample) {
            return LineUse::Taken;
        }
        match &self.mode {
            TextLayout::Text => {
                if at.ended
                    && let Some((tag, pool, [allocs, frees, diff, bytes, per_alloc], owner)) =
                        poolmon::aligned(at.line)
                    && let Ok(diff) = i64::try_from(diff)
                    && !self.used_column
                    && self.unit == 0
                {
                    let reported = Counters {
                        reported_diff: Some(diff),
                        reported_per_alloc: Some(per_alloc),
                        ..Counters::windows(allocs, frees, bytes)
                    };
                    if let Some(flow) = self.seen_before(sample, (tag, pool), &reported, (at.number, at.line))
                    {
                        return flow;
                    }
                    self.figures = 5;
                    self.most_figures = 5;
                    self.longest = self.longest.max(at.line.len());
                    let owner = if owner.is_empty() { None } else { self.owner(owner) };
                    self.builder.push(sample, (Tag::Pool(tag), pool), reported, owner, at.number);
                    return LineUse::Taken;
                }
                self.text(at, sample)
            }
            TextLayout::Delimited(..) => self.delimited(at, sample),
            TextLayout::Windbg(_) => self.windbg(at, sample),
        }
    }

    fn owner(&mut self, text: &[u8]) -> Option<Arc<str>> {
        if is_cut(text) { None } else { self.builder.owner(text) }
    }

    /// A line outside of a delimited or WinDbg table that is not a row at its place.
    #[inline(never)]
    fn text(&mut self, at: TextLine<'_>, sample: &mut Sample) -> LineUse {
        if at.line.trim_ascii().is_empty() {
            self.settle_memory();
            return LineUse::Taken;
        }
        let in_titles = std::mem::take(&mut self.in_titles);
        if in_titles && let Some(more) = heading::more_columns(at.line) {
            self.named += more;
            self.figures = self.named;
            self.in_titles = true;
            return LineUse::Taken;
        }
        let numbers = self.numbers.line(at.line);
        let line = numbers.as_deref().unwrap_or(at.line);
        let cleaned = cleaned(line);
        let line = cleaned.as_deref().unwrap_or(line);
        let flow = self.plain_text(TextLine { line, ..at }, sample);
        if numbers.is_some() && self.open_row.is_some() {
            // Its last number may be broken: it is read once it is whole.
            self.hold(at);
        }
        flow
    }

    /// A line that is known to be a row, or to be broken.
    pub(super) fn row(&mut self, at: TextLine<'_>, sample: &mut Sample) {
        match poolmon::pasted(at.line, self.used_column) {
            PastedLine::Row(tag, pool, figures) => self.pasted_row(at, sample, (tag, pool), &figures),
            PastedLine::Broken => self.builder.noticed.broken.add(at.number, at.line),
            PastedLine::Other => {}
        }
    }

    fn plain_text(&mut self, at: TextLine<'_>, sample: &mut Sample) -> LineUse {
        match poolmon::pasted(at.line, self.used_column) {
            PastedLine::Row(_, _, figures)
                if at.ended
                    && (figures.rest.is_empty() && figures.count < self.named_figures()
                        || is_open_bracket(figures.rest)) =>
            {
                self.hold(at);
                return LineUse::Taken;
            }
            PastedLine::Row(tag, pool, figures) => {
                if let Some(plain) = tag.as_pool()
                    && let Some(flow) =
                        self.seen_before(sample, (plain, pool), &counters(&figures), (at.number, at.line))
                {
                    return flow;
                }
                self.pasted_row(at, sample, (tag, pool), &figures);
                return LineUse::Taken;
            }
            PastedLine::Broken if at.ended && may_go_on(at.line) => {
                self.hold(at);
                return LineUse::Taken;
            }
            PastedLine::Broken => {
                self.builder.noticed.broken.add(at.number, at.line);
                return LineUse::Taken;
            }
            PastedLine::Other => {}
        }
        let text = at.line.trim_ascii();
        if is_cut(text) && has_rows(sample) {
            self.builder.noticed.left_out.add(at.number, at.line);
            return LineUse::Taken;
        }
        self.surroundings(at, sample)
    }

    fn pasted_row(
        &mut self,
        at: TextLine<'_>,
        sample: &mut Sample,
        row: (Tag, Pool),
        figures: &RowFigures<'_>,
    ) {
        let mut reported = counters(figures);
        if self.unit > 0 {
            reported.bytes = reported.bytes.and_then(|bytes| bytes.checked_mul(1 << self.unit));
            (reported.reported_per_alloc, reported.inexact) = (None, true);
            self.builder.noticed.units.add(at.number, at.line);
        }
        // PoolMon prints Per Alloc, or a change in brackets, behind Bytes.
        let ends_with_bytes = figures.count == 4
            && figures.rest.is_empty()
            && figures.deltas.get(3).is_some_and(Option::is_none);
        if ends_with_bytes {
            let end = last_of_four(at.line);
            // The column line was cut at the same edge, or before it. Where figures end below their titles, both end there.
            let cut_titles = self.titles.as_ref().is_some_and(|titles| {
                titles.is_empty() || (titles.len() == at.line.len() && !is_under(at.line, titles))
            });
            let changes = figures.deltas.first().is_some_and(Option::is_some);
            let more = self.named > 4 || self.most_figures > 4 || cut_titles || changes;
            let others_have_more = more && at.line.len() >= self.longest;
            if end == FigureEnd::Cut || (end == FigureEnd::Perhaps && others_have_more) {
                reported.bytes = None;
                self.builder.noticed.cut.add(at.number, at.line);
            }
        }
        self.most_figures = self.most_figures.max(figures.count);
        self.longest = self.longest.max(at.line.len());
        // The file ends inside of this row: it may have been cut there, even within a figure.
        if !at.ended && figures.rest.is_empty() {
            if figures.count < self.figures || agrees(&reported) == Some(false) {
                self.builder.noticed.broken.add(at.number, at.line);
                return;
            }
            let is_open = at.line.last().is_some_and(|&last| last.is_ascii_digit());
            if is_open && agrees(&reported).is_none() && forget_last(figures.count, &mut reported) {
                self.ends_in_figure();
            }
        }
        self.figures = figures.count;
        let owner = self.owner(figures.rest);
        self.builder.push(sample, row, reported, owner, at.number);
        let [allocs, frees, diff, bytes, per_alloc, used] = figures.deltas;
        let bytes = bytes.and_then(|bytes| bytes.checked_mul(1 << self.unit));
        let mut changes = Delta { allocs, frees, diff, bytes, per_alloc, ..Delta::default() };
        changes.used = used;
        self.builder.changes(sample, changes);
    }

    pub(super) fn ends_in_figure(&mut self) {
        let sentence = "the last line has no line end: its last figure may be cut, and is not known";
        self.builder.noticed.said.push(Remark::new(RemarkKind::CutShort, sentence));
    }

    fn enter(&mut self, mode: TextLayout) -> LineUse {
        self.flush_cells();
        self.builder.kind = match mode {
            TextLayout::Text => SourceKind::PoolmonLog,
            TextLayout::Delimited(..) => SourceKind::TableFile,
            TextLayout::Windbg(..) => SourceKind::Windbg,
        };
        self.mode = mode;
        self.figures = 0;
        self.named = 0;
        self.titles = None;
        self.unit = 0;
        self.longest = 0;
        LineUse::Taken
    }

    /// A snapshot was begun and had no rows: its figures and its time are not those of the next one.
    fn drop_empty(&mut self, sample: &mut Sample) {
        if std::mem::take(&mut self.opened) {
            sample.header = Header::default();
            self.builder.around.forget_moment();
        }
    }

    /// Lines around rows: titles, memory figures, dates, comments. Most of them begin the next snapshot.
    pub(super) fn surroundings(&mut self, at: TextLine<'_>, sample: &mut Sample) -> LineUse {
        let line = at.line;
        let text = line.trim_ascii();
        let rows = has_rows(sample);
        let next = |flow: LineUse| if rows { LineUse::Next } else { flow };
        if memory::is_memory(line) {
            if !rows {
                self.drop_empty(sample);
                self.memory_line(at, sample);
                self.enter(TextLayout::Text);
            }
            return next(LineUse::Taken);
        }
        if self.memory.is_some() && !rows && self.rest_of_memory(at, sample) {
            return LineUse::Taken;
        }
        if let Some(columns) = delimited::columns(line) {
            let columns = columns.with_numbers(self.numbers);
            if rows {
                return LineUse::Next;
            }
            self.cells.titled(line);
            return self.enter(TextLayout::Delimited(columns, Vec::new()));
        }
        if let Some(titles) = heading::columns(line) {
            if !rows {
                self.drop_empty(sample);
                self.opened = true;
                self.used_column = titles.used;
                self.enter(TextLayout::Text);
                self.figures = titles.figures;
                self.named = titles.figures;
                self.longest = line.len();
                self.titles = Some(if titles.bytes { line.to_vec() } else { Vec::new() });
                self.unit = titles.unit;
                self.in_titles = true;
            }
            return next(LineUse::Taken);
        }
        if let Some(columns) = windbg::columns(line) {
            return if rows {
                LineUse::Next
            } else {
                let table = PoolUsedTable::new(columns).titled(line, &self.mode);
                self.enter(TextLayout::Windbg(table))
            };
        }
        if windbg::starts(line) {
            return if rows {
                LineUse::Next
            } else {
                // `/t20`: the twenty largest.
                self.builder.cut_list |= memchr::memmem::find(line, b" /t").is_some();
                self.enter(TextLayout::Windbg(PoolUsedTable::headed()))
            };
        }
        if let Some(pool) = windbg::sorted_by(text).filter(|_| !rows) {
            self.builder.first_pool = Some(pool);
            return LineUse::Taken;
        }
        if let Some(sessions) = heading::session(line) {
            match sessions {
                _ if rows => {}
                SessionHeading::One(id) => self.builder.session = Some(id),
                SessionHeading::All => {
                    let sentence = "the rows are from the pools of all sessions, not of the system";
                    self.builder.noticed.said.push(Remark::new(RemarkKind::Other, sentence));
                }
            }
            return next(LineUse::Taken);
        }
        if let Some(fields) = heading::stamp(line) {
            if !rows {
                self.drop_empty(sample);
                self.stamp(&fields, at.number);
                heading::machine(&fields, sample, &mut self.builder.around.uptime);
            }
            return next(LineUse::Taken);
        }
        if let Some((name, value)) = heading::memsnap(line) {
            if !rows {
                self.memsnap(&name, &value, at.number);
            }
            return next(LineUse::Taken);
        }
        if heading::is_process(line) {
            self.builder.noticed.processes += 1;
            return LineUse::Taken;
        }
        if let Some(uptime) = heading::uptime(text) {
            self.builder.around.uptime = Some(uptime);
            return LineUse::Taken;
        }
        self.date(at, sample)
    }

    fn date(&mut self, at: TextLine<'_>, sample: &mut Sample) -> LineUse {
        let found = moment::find(at.line, self.dates.rule);
        let Some(found) = found.filter(|found| found.alone || found.instant().is_some()) else {
            if !heading::is_furniture(at.line.trim_ascii()) {
                self.builder.noticed.other.add(at.number, at.line);
            }
            return LineUse::Taken;
        };
        if has_rows(sample) {
            if !self.dates_below || self.builder.around.time.is_some() {
                return LineUse::Next;
            }
        } else {
            self.drop_empty(sample);
        }
        self.dated(found, at.number);
        LineUse::Taken
    }

    fn dated(&mut self, found: FoundMoment, line: u64) {
        let around = &mut self.builder.around;
        around.line = line;
        if found.time.is_some() {
            around.coarse = found.coarse;
        }
        // `date /t` and `time /t` write a line each.
        around.date = found.date.or(around.date);
        around.clock = found.time.or(around.clock);
        let whole = FoundMoment { date: around.date, time: around.clock, ..found };
        if let Some((time, assumed)) = whole.instant() {
            around.time = Some(time);
            around.assumed = assumed;
        }
    }

    /// The time in front of a line.
    pub(super) fn time_of(&self, front: &[u8], line: u64) -> Option<Stamp> {
        Stamp::of(front, line, Timestamp::now(), self.dates.rule)
    }

    /// The time before a line of a text in which each line has one.
    pub(super) fn prefix_time(&mut self, stamp: &[u8], line: u64) {
        let around = &self.builder.around;
        if around.time.is_some() || around.date.is_some() || around.clock.is_some() {
            return;
        }
        if let Some(found) = self.time_of(stamp, line) {
            let around = &mut self.builder.around;
            if found.date_assumed {
                (around.clock, around.line) = (Some(Offset::UTC.to_datetime(found.time).time()), line);
                return;
            }
            (around.time, around.assumed, around.line) = (Some(found.time), found.zone_assumed, line);
            if found.year_assumed {
                let text = "the year of the times is not in the text: the last possible one is assumed";
                self.builder.noticed.said.push(Remark::new(RemarkKind::Time, text));
            }
        }
    }

    fn stamp(&mut self, fields: &[(String, String)], line: u64) {
        let value =
            |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
        let around = &mut self.builder.around;
        around.forget_moment();
        around.line = line;
        let of_day = |time| of_day_and_time(time, &TimeZone::UTC);
        around.time = value("time").and_then(|time| time.parse::<Timestamp>().ok().or_else(|| of_day(time)));
        around.set(HostFact::Host, value("host"));
        around.set(HostFact::Boot, value("boot"));
        around.set(HostFact::System, value("system"));
    }

    fn memsnap(&mut self, name: &str, value: &str, line: u64) {
        let around = &mut self.builder.around;
        match name {
            "SystemTime" => {
                around.time = moment::memsnap(value);
                around.line = line;
                around.assumed = !value.contains("GMT");
            }
            "TickCount" => around.uptime = value.trim().parse().ok().map(Duration::from_millis),
            "ComputerName" => around.set(HostFact::Host, Some(value.trim())),
            "buildnumber" => around.set(HostFact::System, Some(&format!("Windows build {}", value.trim()))),
            _ => {}
        }
    }
}

/// Takes the last of `count` figures out of a row; false if it is 0, which no longer one begins with.
fn forget_last(count: usize, row: &mut Counters) -> bool {
    match count {
        4 if row.bytes != Some(0) => row.bytes = None,
        5 if row.reported_per_alloc != Some(0) => row.reported_per_alloc = None,
        6 if row.used != Some(0) => row.used = None,
        _ => return false,
    }
    true
}

/// Whether the line ends inside of a change in brackets.
fn is_open_bracket(rest: &[u8]) -> bool {
    let inside = rest.strip_prefix(b"(").map(<[u8]>::trim_ascii_start);
    let digits = inside.map(|inside| inside.strip_prefix(b"-").unwrap_or(inside));
    digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_digit))
}

/// Whether a row ends so that its last figure may go on in the next line.
fn may_go_on(line: &[u8]) -> bool {
    match line {
        [.., digit, b'.' | b',' | b'\''] => digit.is_ascii_digit(),
        [.., last] => last.is_ascii_digit() || b" )(".contains(last),
        [] => false,
    }
}

/// A line with blanks where web pages have no-break spaces; and without the NULs of UTF-16 text that PowerShell's
/// `>>` appended to a file of single bytes. `None` if there is nothing to clean.
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
