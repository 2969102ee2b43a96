//! Rows of CSV and TSV that a console (at a column) or a mail program (at a blank) wrapped are joined again.
//!
//! A line with too few fields waits for the next one, unless that is a row itself. A row whose last figure ends at the edge may go
//! on, too: if the line that follows is the rest of a number, it is joined where other rows of the text were wrapped at this
//! column, and unknown otherwise.

use poolmon_model::Sample;

use super::delimited;
use super::moment;
use super::numbers::is_unclear;
use super::state::{LineUse, TextLayout, TextLine, TextParser};

/// Longest row that is joined.
const LONGEST: usize = 4096;

/// What is known of the lines of a table of fields.
#[derive(Default)]
pub(super) struct CellLines {
    /// A line that is too short for a row, its number, and how many lines it is made of.
    open: Option<(Vec<u8>, u64, u64)>,
    /// The row that was taken last, and how many rows were there before it.
    last: Vec<u8>,
    /// Length of its last line, if it is made of several.
    last_line: usize,
    last_rows: Option<usize>,
    last_number: u64,
    /// Length of the longest line.
    widest: usize,
    /// Width of the widest line on a screen, where tabs take up to eight columns.
    widest_shown: usize,
    /// Rows were wrapped at this column.
    edge: Option<usize>,
    /// The fields were cells between bars, which are gone: where a cell ends is unknown.
    pub(super) barred: bool,
    /// The column line, as long as no row was read.
    titles: Option<Vec<u8>>,
}

impl CellLines {
    /// A column line was read.
    pub(super) fn titled(&mut self, line: &[u8]) {
        let barred = self.barred;
        *self = Self {
            titles: Some(line.to_vec()),
            widest: line.len(),
            widest_shown: width(line),
            barred,
            ..Self::default()
        };
    }

    /// Whether no line is longer, or wider on a screen.
    pub(super) fn touches_edge(&self, line: &[u8]) -> bool {
        line.len() >= self.widest || (line.contains(&b'\t') && width(line) >= self.widest_shown)
    }

    /// A row was taken.
    pub(super) fn took(&mut self, at: TextLine<'_>, last_line: usize, rows_before: Option<usize>) {
        self.titles = None;
        self.widest = self.widest.max(last_line);
        if at.line.len() == last_line && at.line.contains(&b'\t') {
            self.widest_shown = self.widest_shown.max(width(at.line));
        }
        // Only the longest lines can have been cut at an edge.
        let may_go_on = !self.barred && at.ended && last_line >= self.widest;
        self.last_rows = rows_before.filter(|_| may_go_on);
        if may_go_on {
            self.last_line = last_line;
            self.last.clear();
            self.last.extend_from_slice(at.line);
            self.last_number = at.number;
        }
    }
}

impl TextParser {
    /// Joins a line to the one that waits for it, or to the column line. `None` if it stands for itself.
    pub(super) fn continued_cells(&mut self, at: TextLine<'_>, sample: &mut Sample) -> Option<LineUse> {
        if self.cells.titles.is_some() && self.more_titles(at.line) {
            return Some(LineUse::Taken);
        }
        let (open, number, parts) = self.cells.open.take()?;
        let TextLayout::Delimited(columns, _) = &self.mode else { return None };
        let stands_alone = is_row(columns, at.line);
        if !stands_alone && open.len() + at.line.len() < LONGEST {
            let direct = [&open, at.line].concat();
            let spaced = [&open, &b" "[..], at.line.trim_ascii_start()].concat();
            let has_time = |line: &[u8]| {
                let cells = columns.row(line, &mut delimited::RowTrouble::default());
                cells.is_some_and(|cells| {
                    cells.time.is_empty() || moment::cell(&cells.time, self.dates.rule).is_some()
                })
            };
            let fitting = [&direct, &spaced]
                .into_iter()
                .find(|line| columns.is_full(line) && is_row(columns, line) && has_time(line));
            if let Some(line) = fitting {
                let whole = TextLine { line, number, ended: at.ended };
                let before = sample.rows.len();
                let flow = self.row_of_cells(whole, sample)?;
                if flow == LineUse::Next {
                    // The line comes again, and then the row begins the next sample.
                    self.cells.open = Some((open, number, parts));
                    return Some(flow);
                }
                self.builder.noticed.joined += 1;
                if parts == 1 {
                    self.cells.edge = Some(open.len());
                }
                self.cells.widest = self.cells.widest.max(open.len());
                // What ends with a figure may go on in one more line.
                self.cells.last_rows = None;
                if *line == direct {
                    let before = self.builder.session.is_none().then_some(before);
                    self.cells.took(whole, at.line.len(), before);
                }
                return Some(flow);
            }
            if columns.count(&direct) < columns.least() && delimited::columns(at.line).is_none() {
                self.cells.open = Some((direct, number, parts + 1));
                return Some(LineUse::Taken);
            }
        }
        self.lose_cells(number, &open);
        None
    }

    /// Keeps a line that has too few fields for a row.
    pub(super) fn hold_cells(&mut self, at: TextLine<'_>) -> bool {
        let TextLayout::Delimited(columns, _) = &self.mode else { return false };
        let count = columns.count(at.line);
        let holds = at.ended && !self.cells.barred && count >= 2 && count <= columns.least();
        if holds {
            self.cells.open = Some((at.line.to_vec(), at.number, 1));
        }
        holds
    }

    /// Counts a line that is no row, by the reason.
    fn lose_cells(&mut self, number: u64, line: &[u8]) {
        let noticed = &mut self.builder.noticed;
        match &self.mode {
            TextLayout::Delimited(columns, _) if columns.is_full(line) && columns.holds(line, is_unclear) => {
                noticed.unclear.add(number, line);
            }
            _ => noticed.broken.add(number, line),
        }
    }

    /// Nothing follows: a line that waits is a broken row.
    pub(super) fn flush_cells(&mut self) {
        if let Some((line, number, _)) = self.cells.open.take() {
            self.lose_cells(number, &line);
        }
        self.cells.last_rows = None;
    }

    /// Whether a line is the rest of the row before, whose last figure was cut at the edge.
    pub(super) fn rest_of_last(&mut self, at: TextLine<'_>, sample: &mut Sample) -> bool {
        let Some(rows) = self.cells.last_rows.take() else { return false };
        let TextLayout::Delimited(columns, _) = &self.mode else { return false };
        let is_rest = at.line.first().is_some_and(|b| b.is_ascii_digit() || b"\"',. ;\t-".contains(b));
        if !columns.is_open(&self.cells.last) || !is_rest || rows > sample.rows.len() {
            return false;
        }
        let joined = [&self.cells.last, at.line].concat();
        // With as many fields as a row and more than columns, it is a row that cannot be read, and not the rest of one.
        if columns.has_too_many(&joined) && columns.count(at.line) >= columns.least() {
            return false;
        }
        if self.cells.edge == Some(self.cells.last_line)
            && columns.is_full(&joined)
            && is_row(columns, &joined)
        {
            sample.rows.truncate(rows);
            self.listed.retain(|_, (at, _)| *at < rows);
            sample.reported_deltas.truncate(rows);
            self.builder.noticed.joined += 1;
            let number = self.cells.last_number;
            self.row_of_cells(TextLine { line: &joined, number, ended: at.ended }, sample);
            return true;
        }
        // It may be the rest of the figure or something else: the figure is not known.
        let last = sample.rows.get_mut(rows..).unwrap_or_default();
        for row in last {
            columns.forget_last_figure(&self.cells.last, &mut row.counters);
        }
        self.builder.noticed.cut.add(self.cells.last_number, &self.cells.last);
        true
    }

    /// Joins a line to the column line, if that gives more columns that are known.
    fn more_titles(&mut self, line: &[u8]) -> bool {
        let TextLayout::Delimited(columns, _) = &mut self.mode else { return false };
        let barred = self.cells.barred;
        let Some(titles) = self.cells.titles.take().filter(|_| !barred && !is_row(columns, line)) else {
            return false;
        };
        // A console that trims lines loses a tab at its edge.
        for between in [&b""[..], b"\t", b" "] {
            let joined = [&titles, between, line].concat();
            if let Some(more) = delimited::columns(&joined).filter(|more| more.extends(columns)) {
                *columns = more.with_numbers(self.numbers);
                if between != b" " && self.cells.edge.is_none() {
                    self.cells.edge = Some(titles.len() + between.len());
                }
                self.cells.titles = Some(joined);
                return true;
            }
        }
        false
    }
}

fn is_row(columns: &delimited::TableColumns, line: &[u8]) -> bool {
    let cells = columns.row(line, &mut delimited::RowTrouble::default());
    cells.is_some_and(|cells| columns.rows(&cells).is_some())
}

/// Columns that a line takes on a screen.
fn width(line: &[u8]) -> usize {
    line.iter().fold(0, |at, &byte| if byte == b'\t' { (at / 8 + 1) * 8 } else { at + 1 })
}
