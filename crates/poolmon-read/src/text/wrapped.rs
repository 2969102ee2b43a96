//! Rows that a console (at a column) or a mail program (at a blank) wrapped are joined again.
//!
//! A row with fewer figures than its column line names waits for the next line. Joined, it has to have exactly the figures
//! that are named, and its Per Alloc has to agree: a guess is never taken for a figure.

use std::borrow::Cow;

use poolmon_model::{CounterWidth, Counters, Sample};

use super::build::agrees;
use super::poolmon::{self, PastedLine, RowFigures};
use super::state::{TextLine, TextParser};

/// Longest row that is joined.
const LONGEST: usize = 512;

/// A row that may go on in the next line.
pub(super) struct OpenRow {
    line: Vec<u8>,
    number: u64,
    /// Lines that were joined to it.
    parts: u64,
}

/// How one line continues another.
enum Join {
    /// It is the rest of the row.
    Whole(Vec<u8>),
    /// It is more of it.
    More(Vec<u8>),
    /// It does not.
    None,
}

impl TextParser {
    /// Keeps a row that has fewer figures than it should.
    pub(super) fn hold(&mut self, at: TextLine<'_>) {
        self.open_row = Some(OpenRow { line: at.line.to_vec(), number: at.number, parts: 0 });
    }

    /// Joins a line to the row that waits for it. False if it does not belong to it: then the row was taken as it is.
    pub(super) fn continued(&mut self, at: TextLine<'_>, sample: &mut Sample) -> bool {
        let Some(mut row) = self.open_row.take() else { return false };
        match self.join(&row.line, at.line) {
            Join::Whole(line) => {
                self.builder.noticed.joined += 1;
                let line = self.with_numbers(&line);
                let whole = TextLine { line: &line, number: row.number, ended: at.ended };
                self.row(whole, sample);
                true
            }
            Join::More(line) => {
                row.line = line;
                row.parts += 1;
                self.open_row = Some(row);
                true
            }
            // Figures that do not fit: the last one of the row may go on in them.
            Join::None if is_figures(at.line) => {
                self.builder.noticed.broken.add(row.number, &row.line);
                true
            }
            Join::None => {
                self.take_open(&row, sample);
                false
            }
        }
    }

    /// Takes the row that waits as it is: nothing follows.
    pub(super) fn flush(&mut self, sample: &mut Sample) {
        self.settle_memory();
        self.flush_cells();
        self.settle_windbg(None, sample);
        self.settle_unsure(sample);
        if let Some(row) = self.open_row.take() {
            self.take_open(&row, sample);
        }
    }

    fn take_open(&mut self, row: &OpenRow, sample: &mut Sample) {
        let line = self.with_numbers(&row.line);
        let line = TextLine { line: &line, number: row.number, ended: true };
        // Some lines were joined and something is still missing: whatever the last figure is, it is no whole one.
        if row.parts > 0 {
            self.builder.noticed.broken.add(row.number, &row.line);
        } else {
            self.row(line, sample);
        }
    }

    /// A line whose numbers have commas, or no marks, between their thousands.
    fn with_numbers<'a>(&self, line: &'a [u8]) -> Cow<'a, [u8]> {
        self.numbers.line(line).map_or(Cow::Borrowed(line), Cow::Owned)
    }

    fn join(&self, row: &[u8], line: &[u8]) -> Join {
        let text = line.trim_ascii();
        let is_rest = text.first().is_some_and(|b| b.is_ascii_digit() || b"(-),.'".contains(b));
        if !is_rest || row.len() + line.len() > LONGEST || has_type(line) {
            return Join::None;
        }
        let direct = [row, line.trim_ascii_end()].concat();
        let spaced = [row, b" ", text].concat();
        match (self.fits(&direct), self.fits(&spaced)) {
            // A line that begins with a blank reads the same in both ways.
            (Some(Fit::Whole), Some(Fit::Whole)) if begins_blank(row, &direct) => Join::Whole(direct),
            // Where figures that touch are two anyway.
            (Some(Fit::Whole), Some(Fit::Whole)) if self.figures_of(&direct) == self.figures_of(&spaced) => {
                Join::Whole(spaced)
            }
            (Some(Fit::Whole), Some(Fit::Whole)) => Join::None,
            (Some(Fit::Whole), _) => Join::Whole(direct),
            (_, Some(Fit::Whole)) => Join::Whole(spaced),
            // Where a number may have been cut, only the whole row can say how it goes on.
            (_, Some(Fit::More)) => Join::More(spaced),
            _ => Join::None,
        }
    }

    fn figures_of(&self, line: &[u8]) -> Option<Counters> {
        match poolmon::pasted(&self.with_numbers(line), self.used_column) {
            PastedLine::Row(_, _, figures) => Some(counters(&figures)),
            _ => None,
        }
    }

    /// Whether a joined line is a row, or more of one.
    fn fits(&self, line: &[u8]) -> Option<Fit> {
        let line = &*self.with_numbers(line);
        let PastedLine::Row(_, _, figures) = poolmon::pasted(line, self.used_column) else {
            // Too few figures for a row, and nothing else: more may come.
            let few = matches!(poolmon::pasted(line, self.used_column), PastedLine::Broken);
            return few.then_some(Fit::More);
        };
        if figures.count < self.named_figures() {
            return Some(Fit::More);
        }
        let reported = counters(&figures);
        // Windows' counts have 32 bits.
        let plain = Counters { reported_diff: None, ..reported };
        let counted =
            plain.diff(CounterWidth::Bits32).zip(reported.reported_diff).is_none_or(|(a, b)| a == b);
        let ends = !figures.rest.first().is_some_and(u8::is_ascii_digit);
        (ends && counted && agrees(&reported) != Some(false)).then_some(Fit::Whole)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    Whole,
    More,
}

fn begins_blank(row: &[u8], joined: &[u8]) -> bool {
    joined.get(row.len()).is_some_and(|b| matches!(b, b' ' | b'\t')) || row.ends_with(b" ")
}

/// Whether a line holds figures and nothing else.
fn is_figures(line: &[u8]) -> bool {
    line.iter().any(u8::is_ascii_digit)
        && line.iter().all(|b| b.is_ascii_digit() || b" \t,.'()-".contains(b))
        && !line.windows(2).any(|two| matches!(two, [b'0'..=b'9', b'-']))
}

fn has_type(line: &[u8]) -> bool {
    line.split(u8::is_ascii_whitespace).any(|word| matches!(word, b"Nonp" | b"Paged"))
}

/// The figures of a row, as they are stored.
pub(super) fn counters(figures: &RowFigures<'_>) -> Counters {
    let [allocs, frees, diff, bytes, per_alloc, used] = figures.values;
    let unsigned = |value: Option<i128>| value.and_then(|value| u64::try_from(value).ok());
    let mut reported = Counters {
        allocs: unsigned(allocs),
        frees: unsigned(frees),
        reported_diff: diff.and_then(|diff| i64::try_from(diff).ok()),
        bytes: unsigned(bytes),
        reported_per_alloc: unsigned(per_alloc),
        ..Counters::default()
    };
    // Only our own tables of Linux have this column.
    reported.used = unsigned(used);
    reported
}
