//! What a person should know about what was read: odd lines, counted, with the first of them and their text.

use std::fmt;

/// Lines of which number and text are kept.
const KEPT: usize = 5;
/// Characters of a line that are kept.
const SHOWN: usize = 80;

/// What a remark is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemarkKind {
    /// Lines that are not understood, and were skipped.
    NotUnderstood,
    /// Rows are missing: left out by the person who saved the text, or the totals say so.
    RowsMissing,
    /// Lines longer than what is held.
    TooLong,
    /// A figure that contradicts the others of its row.
    Contradiction,
    /// A tag of which bytes are not known.
    UnclearTag,
    /// Rows of another kind, skipped.
    OtherRows,
    /// The zone of a time is not known: UTC is assumed.
    ZoneAssumed,
    /// A time that cannot be read, or that goes back.
    Time,
    /// Figures that were rounded before they were saved.
    Inexact,
    /// Rows that a console or a mail program wrapped, joined again.
    Joined,
    /// A column that holds figures and is not known.
    UnknownColumn,
    /// The text ends within a row.
    CutShort,
    /// A file of a folder that cannot be read, and was left out.
    FileLeftOut,
    /// A time that comes from a file's name or date.
    TimeFromFile,
    /// Anything else.
    Other,
}

/// A line that a remark is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemarkLine {
    /// Its number, from 1.
    pub number: u64,
    /// Its first characters; empty if they do not matter.
    pub text: String,
}

/// A remark: a sentence, and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// What it is about.
    pub kind: RemarkKind,
    /// The sentence for a person.
    pub text: String,
    /// How many lines it is about; 0 if it is about none.
    pub count: u64,
    /// The first of them.
    pub lines: Vec<RemarkLine>,
}

impl Remark {
    /// A remark that is about no line.
    pub(crate) fn new(kind: RemarkKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), count: 0, lines: Vec::new() }
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Lines of one kind, counted; the first few are kept.
#[derive(Debug, Default)]
pub(crate) struct CountedLines {
    count: u64,
    first: Vec<RemarkLine>,
}

impl CountedLines {
    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Counts a line.
    pub(crate) fn add(&mut self, number: u64, text: &[u8]) {
        if self.first.len() < KEPT {
            let text = String::from_utf8_lossy(text.get(..SHOWN * 4).unwrap_or(text));
            self.first.push(RemarkLine { number, text: text.trim().chars().take(SHOWN).collect() });
        }
        self.count += 1;
    }

    /// `{count} {one or many}: line 3, 8, …`; `None` if there is none.
    pub(crate) fn remark(&self, kind: RemarkKind, one: &str, many: &str) -> Option<Remark> {
        if self.count == 0 {
            return None;
        }
        let shown: Vec<String> = self.first.iter().map(|line| line.number.to_string()).collect();
        let what = if self.count == 1 { one } else { many };
        let more = if self.count > shown.len() as u64 { ", …" } else { "" };
        let text = format!("{} {what}: line {}{more}", self.count, shown.join(", "));
        Some(Remark { kind, text, count: self.count, lines: self.first.clone() })
    }

    /// As [`CountedLines::remark`], with the text of the first line.
    pub(crate) fn remark_with_text(&self, kind: RemarkKind, one: &str, many: &str) -> Option<Remark> {
        let mut remark = self.remark(kind, one, many)?;
        if let Some(first) = self.first.first() {
            remark.text.extend([" (`", &shown(&first.text), "`)"]);
        }
        Some(remark)
    }
}

/// The first words of a line, in a sentence.
fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(40).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().count() > 40 {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_lines_are_kept_with_their_text() {
        let mut lines = CountedLines::default();
        assert_eq!(lines.remark(RemarkKind::Other, "row", "rows"), None);
        for number in 10..17 {
            lines.add(number, format!("  line {number} {} \r", "x".repeat(500)).as_bytes());
        }
        let remark = lines.remark(RemarkKind::Other, "row", "rows").unwrap();
        assert_eq!(remark.to_string(), "7 rows: line 10, 11, 12, 13, 14, …");
        assert_eq!((remark.count, remark.lines.len(), remark.lines[0].text.len()), (7, 5, SHOWN));
        assert!(remark.lines[1].text.starts_with("line 11 xxx"));
    }
}
