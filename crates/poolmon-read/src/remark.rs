//! What a person should know about what was read: odd lines, counted, with the first of them and their text.

use std::fmt;

use poolmon_model::units::grouped;

/// Lines of which number and text are kept.
const KEPT: usize = 5;
/// Lines of which the text is shown.
const QUOTED: usize = 3;
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
    /// The date of a time is not known.
    DateAssumed,
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
    /// A time that a file's name gives whole: nothing is assumed.
    TimeFromName,
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
    /// What is counted, so that remarks of several samples can be one.
    pub(crate) counted: Option<CountedWords>,
}

/// What a count is of, and whether the first lines are quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CountedWords {
    one: &'static str,
    many: &'static str,
    quoted: bool,
}

impl Remark {
    /// A remark that is about no line.
    pub(crate) fn new(kind: RemarkKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), count: 0, lines: Vec::new(), counted: None }
    }

    /// `{count} {one or many}: line 3 (`text`), 8 (`text`), …`.
    fn of_lines(kind: RemarkKind, count: u64, lines: Vec<RemarkLine>, words: CountedWords) -> Self {
        let what = if count == 1 { words.one } else { words.many };
        let more = if count > lines.len() as u64 { ", …" } else { "" };
        let mut shown: Vec<String> = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            let number = line.number.to_string();
            let text = shortened(&line.text);
            if words.quoted && at < QUOTED && !text.is_empty() {
                shown.push(format!("{number} (`{text}`)"));
            } else if shown.last() != Some(&number) {
                // Several cells of one line are one.
                shown.push(number);
            }
        }
        let text = format!("{} {what}: line {}{more}", grouped(count), shown.join(", "));
        Self { kind, text, count, lines, counted: Some(words) }
    }

    /// Adds what another remark counts, if both count the same. Says whether it was so.
    fn add(&mut self, other: &Self) -> bool {
        let Some(words) = self.counted.filter(|_| self.counted == other.counted && self.kind == other.kind)
        else {
            return false;
        };
        let mut lines = std::mem::take(&mut self.lines);
        lines.extend(other.lines.iter().take(KEPT - lines.len().min(KEPT)).cloned());
        *self = Self::of_lines(self.kind, self.count + other.count, lines, words);
        true
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
    pub(crate) fn remark(&self, kind: RemarkKind, one: &'static str, many: &'static str) -> Option<Remark> {
        self.in_words(kind, CountedWords { one, many, quoted: false })
    }

    /// As [`CountedLines::remark`], with the texts of the first lines.
    pub(crate) fn remark_with_text(
        &self,
        kind: RemarkKind,
        one: &'static str,
        many: &'static str,
    ) -> Option<Remark> {
        self.in_words(kind, CountedWords { one, many, quoted: true })
    }

    fn in_words(&self, kind: RemarkKind, words: CountedWords) -> Option<Remark> {
        (self.count > 0).then(|| Remark::of_lines(kind, self.count, self.first.clone(), words))
    }
}

/// What was remarked on many samples: each thing once, with how often it was so.
#[derive(Debug, Default)]
pub struct RemarkLog {
    remarks: Vec<(Option<String>, Remark)>,
    /// Remarks that were not kept.
    left: u64,
}

/// Remarks that are kept: a person does not read more.
const MOST: usize = 20;

impl RemarkLog {
    /// Takes the remarks on a sample in: their texts, and what is behind them as far as it is known. `file` is named with
    /// numbers of lines.
    pub fn push(&mut self, file: Option<&str>, texts: &[String], known: &[Remark]) {
        for text in texts {
            let found = known.iter().find(|remark| remark.text == *text);
            let remark = found.cloned().unwrap_or_else(|| Remark::new(RemarkKind::Other, text.clone()));
            let file = file.filter(|_| text.contains(": line ")).map(ToOwned::to_owned);
            let same = |kept: &mut (Option<String>, Remark)| {
                kept.0 == file && (kept.1.text == remark.text || kept.1.add(&remark))
            };
            if self.remarks.iter_mut().any(same) {
                continue;
            }
            if self.remarks.len() < MOST {
                self.remarks.push((file, remark));
            } else {
                self.left += 1;
            }
        }
    }

    /// What was remarked, in the order of its first time.
    pub fn texts(&self) -> Vec<String> {
        let text = |(file, remark): &(Option<String>, Remark)| match file {
            Some(file) => format!("{file}: {remark}"),
            None => remark.to_string(),
        };
        let mut texts: Vec<String> = self.remarks.iter().map(text).collect();
        if self.left > 0 {
            let remarks = if self.left == 1 { "remark" } else { "remarks" };
            texts.push(format!("and {} more {remarks}", grouped(self.left)));
        }
        texts
    }
}

/// The first words of a line, in a sentence.
fn shortened(text: &str) -> String {
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

    #[test]
    fn remarks_on_many_samples_are_one_with_a_count() {
        let (mut log, mut lines) = (RemarkLog::default(), CountedLines::default());
        for number in 1..=10_000 {
            lines.add(number, format!("row {number}").as_bytes());
            let remarks: Vec<Remark> = std::mem::take(&mut lines)
                .remark_with_text(RemarkKind::Other, "row was odd", "rows were odd")
                .into_iter()
                .collect();
            let texts =
                remarks.iter().map(ToString::to_string).chain(["the same".to_owned()]).collect::<Vec<_>>();
            log.push(Some("a.log"), &texts, &remarks);
        }
        assert_eq!(
            log.texts(),
            ["a.log: 10,000 rows were odd: line 1 (`row 1`), 2 (`row 2`), 3 (`row 3`), 4, 5, …", "the same"]
        );
        // What cannot be counted together is bounded.
        let texts: Vec<String> = (0..1000).map(|n| format!("remark {n}")).collect();
        log.push(None, &texts, &[]);
        assert_eq!(log.texts().len(), MOST + 1);
        assert_eq!(log.texts().last().unwrap(), "and 982 more remarks");
    }
}
