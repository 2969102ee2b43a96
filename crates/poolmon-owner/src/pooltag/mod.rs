//! pooltag.txt: `<tag> - <binary> - <description>`, one entry a line, and every way in which real files break that.
//!
//! [`text`] decodes the bytes, [`mod@line`] reads one line, this file joins wrapped lines and keeps the index,
//! [`pattern`] matches wildcards, [`places`] knows where the file is usually found. localtag.txt, written by the
//! `/c` switch of an old PoolMon, has the same shape.

pub mod line;
pub mod pattern;
pub mod places;
pub mod text;

use std::cmp::Reverse;
use std::io;
use std::path::{Path, PathBuf};

use poolmon_model::PoolTag;

pub use line::{EntryFields, LineKind, LineProblem};
pub use pattern::TagPattern;

/// One entry of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PooltagEntry {
    /// The tag or wildcard.
    pub tag: TagPattern,
    /// The binary as the file writes it (`ntfs.sys`, `nt!mm`, `a.sys or b.sys`); `None` if it says
    /// `<unknown>` or nothing.
    pub binary: Option<Box<str>>,
    /// The description; empty if there is none.
    pub description: Box<str>,
    /// What follows the tag's dash, as PoolMon prints it in brackets.
    pub text: Box<str>,
    /// Line number of the tag, from 1.
    pub line: u32,
}

/// A line that is not `<tag> - <binary> - <description>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Irregular {
    /// Line number, from 1.
    pub line: u32,
    /// What is wrong with it.
    pub problem: LineProblem,
}

/// The file could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {path}: {source}")]
#[non_exhaustive]
pub struct PooltagError {
    /// The file.
    pub path: PathBuf,
    /// The system's answer.
    pub source: io::Error,
}

impl poolmon_model::problem::Remedy for PooltagError {
    fn remedy(&self) -> Option<String> {
        Some("name another pooltag.txt, or leave out the option: the built-in table is used anyway".into())
    }
}

/// A pooltag.txt or localtag.txt, read and indexed.
#[derive(Clone, Debug, Default)]
pub struct PooltagFile {
    name: String,
    entries: Vec<PooltagEntry>,
    irregular: Vec<Irregular>,
    lines: u32,
    comments: u32,
    blanks: u32,
    /// Exact tags with the place of their entry, sorted: a search takes a dozen steps and keeps file order.
    exact: Vec<(u32, u32)>,
    /// Places of the wildcard entries, the most specific first.
    wild: Vec<u32>,
}

/// Most bytes of a file: that of the debuggers has 0.2 MB.
const LARGEST: u64 = 64 << 20;

impl PooltagFile {
    /// Reads and parses a file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, PooltagError> {
        let path = path.as_ref();
        let bytes = poolmon_image::bounded::read(path, LARGEST)
            .map_err(|source| PooltagError { path: path.to_owned(), source })?;
        Ok(Self::parse(&path.display().to_string(), &bytes))
    }

    /// Parses the bytes of a file; `name` is what messages call it. Nothing is refused: lines that are not entries
    /// are counted in [`irregular`](Self::irregular).
    pub fn parse(name: &str, bytes: &[u8]) -> Self {
        let text = text::decode(bytes);
        let mut file = Self { name: name.to_owned(), ..Self::default() };
        // Folklore: an entry can be wrapped, its second line being indented. Whether the line before was an entry
        // decides; after a comment or prose, an indented line is prose.
        let mut wraps = false;
        for (at, raw) in text::lines(&text).enumerate() {
            let number = u32::try_from(at).unwrap_or(u32::MAX).saturating_add(1);
            file.lines = number;
            match line::read(raw) {
                LineKind::Blank => {
                    file.blanks += 1;
                    wraps = false;
                }
                LineKind::Comment => {
                    file.comments += 1;
                    wraps = false;
                }
                LineKind::Entry { tag, fields, problem } => {
                    file.push(tag, &fields, number);
                    file.note(number, problem);
                    wraps = true;
                }
                LineKind::NoEntry => {
                    let indented = raw.starts_with([' ', '\t']);
                    let joined = wraps && indented && file.join(raw.trim());
                    file.note(
                        number,
                        Some(if joined { LineProblem::Continuation } else { LineProblem::Prose }),
                    );
                    wraps = joined;
                }
            }
        }
        file.index();
        file
    }

    fn push(&mut self, tag: TagPattern, fields: &EntryFields<'_>, line: u32) {
        self.entries.push(PooltagEntry {
            tag,
            binary: fields.binary.map(Into::into),
            description: fields.description.into(),
            text: line::squeezed(fields.text).into(),
            line,
        });
    }

    fn note(&mut self, line: u32, problem: Option<LineProblem>) {
        self.irregular.extend(problem.map(|problem| Irregular { line, problem }));
    }

    /// Joins a continuation line to the last entry.
    fn join(&mut self, more: &str) -> bool {
        let Some(last) = self.entries.last_mut() else { return false };
        // Seen in a real file: the second line is the binary alone.
        if last.binary.is_none() && !last.description.is_empty() && line::is_binary(more) {
            last.binary = poolmon_model::owner::known_binary(more).map(Into::into);
            last.text = format!("{more} - {}", last.text).into();
            return true;
        }
        let whole = format!("{} {more}", last.text);
        let (fields, _) = line::fields(whole.trim());
        last.binary = fields.binary.map(Into::into);
        last.description = fields.description.into();
        last.text = line::squeezed(fields.text).into();
        true
    }

    fn index(&mut self) {
        for (at, entry) in (0_u32..).zip(&self.entries) {
            match entry.tag.exact() {
                Some(tag) => self.exact.push((tag.to_u32(), at)),
                None => self.wild.push(at),
            }
        }
        self.exact.sort_unstable();
        let entries = &self.entries;
        self.wild.sort_by_key(|&at| {
            let tag = entries.get(at as usize).map(|entry| &entry.tag);
            (Reverse(tag.map(TagPattern::specificity)), at)
        });
    }

    /// What messages call the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All entries, in file order.
    pub fn entries(&self) -> &[PooltagEntry] {
        &self.entries
    }

    /// Lines that are not in the format, in file order; some of them were still understood.
    pub fn irregular(&self) -> &[Irregular] {
        &self.irregular
    }

    /// Lines in the file.
    pub fn lines(&self) -> u32 {
        self.lines
    }

    /// Comment lines.
    pub fn comments(&self) -> u32 {
        self.comments
    }

    /// Lines with nothing on them.
    pub fn blanks(&self) -> u32 {
        self.blanks
    }

    /// Every entry that fits a tag: exact ones in file order, then wildcards, the most specific first (more literal
    /// characters, then `?` before `*`, then the earlier line). The protection bit does not count.
    pub fn matches(&self, tag: PoolTag) -> impl Iterator<Item = &PooltagEntry> {
        let wild = self.wild.iter().filter_map(|&at| self.entries.get(at as usize));
        self.exact_entries(tag.unprotected()).chain(wild.filter(move |entry| entry.tag.matches(tag)))
    }

    /// The owners of a tag: all exact entries, or else all entries of the most specific wildcard that fits.
    pub fn lookup(&self, tag: PoolTag) -> impl Iterator<Item = &PooltagEntry> {
        let rank = |entry: &PooltagEntry| (entry.tag.exact().is_some(), entry.tag.specificity());
        let best = self.matches(tag).next().map(rank);
        self.matches(tag).take_while(move |entry| Some(rank(entry)) == best)
    }

    fn exact_entries(&self, tag: PoolTag) -> impl Iterator<Item = &PooltagEntry> {
        let raw = tag.to_u32();
        let from = self.exact.partition_point(|&(other, _)| other < raw);
        let same = self.exact.iter().skip(from).take_while(move |&&(other, _)| other == raw);
        same.filter_map(|&(_, at)| self.entries.get(at as usize))
    }
}

#[cfg(test)]
mod tests;
