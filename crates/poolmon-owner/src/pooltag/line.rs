//! One line of pooltag.txt.

use poolmon_model::owner::known_binary;

use super::TagPattern;

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
pub enum LineKind<'a> {
    /// Nothing on it.
    Blank,
    /// Starts with `//` or `rem`.
    Comment,
    /// An entry.
    Entry {
        /// Its tag.
        tag: TagPattern,
        /// What follows.
        fields: EntryFields<'a>,
        /// What is unusual in it.
        problem: Option<LineProblem>,
    },
    /// Prose, or the second line of an entry.
    NoEntry,
}

/// What follows a tag.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct EntryFields<'a> {
    /// The binary, where one is known.
    pub binary: Option<&'a str>,
    /// The description.
    pub description: &'a str,
    /// Both, as written.
    pub text: &'a str,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LineProblem {
    /// Two fields only: the second is taken as the description, or as the binary where it looks like one.
    TwoFields,
    /// A dash is missing or has no blanks around it; the fields were distinguished by their look.
    Dash,
    /// The second line of the entry before, joined to it.
    Continuation,
    /// No entry: nothing was taken from the line.
    Prose,
}

impl LineProblem {
    /// In words.
    pub const fn about(self) -> &'static str {
        match self {
            Self::TwoFields => "two fields instead of three",
            Self::Dash => "a dash is missing or glued to a word",
            Self::Continuation => "continues the previous entry",
            Self::Prose => "is not an entry; it was skipped",
        }
    }
}

/// Reads a line without its end.
pub fn read(line: &str) -> LineKind<'_> {
    let trimmed = line.trim();
    if trimmed.is_empty() {
        return LineKind::Blank;
    }
    if is_comment(trimmed) {
        return LineKind::Comment;
    }
    if let Some((first, rest)) = split_dash(line)
        && let Some(tag) = tag(first)
    {
        let (fields, problem) = fields(rest.trim());
        return LineKind::Entry { tag, fields, problem };
    }
    glued(trimmed).unwrap_or(LineKind::NoEntry)
}

fn is_comment(trimmed: &str) -> bool {
    let word = trimmed.split_ascii_whitespace().next().unwrap_or_default();
    trimmed.starts_with("//") || word.eq_ignore_ascii_case("rem")
}

/// The tag field. A tag may start with spaces (`  rx`): those count as long as it stays within four characters.
fn tag(field: &str) -> Option<TagPattern> {
    let field = field.trim_end();
    // Tabs never belong to a tag.
    let as_written = (!field.contains('\t')).then(|| TagPattern::new(field)).flatten();
    as_written.or_else(|| TagPattern::new(field.trim_start()))
}

/// Cuts at the first dash with white space, or the line's end, on both sides.
fn split_dash(text: &str) -> Option<(&str, &str)> {
    let blank = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_whitespace);
    let bytes = text.as_bytes();
    let at = text.match_indices('-').map(|(at, _)| at).find(|&at| {
        let before = at.checked_sub(1).map(|before| bytes.get(before));
        before.is_some_and(|byte| byte.is_some() && blank(byte)) && blank(bytes.get(at + 1))
    })?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// Binary and description of what follows the tag's dash.
pub fn fields(text: &str) -> (EntryFields<'_>, Option<LineProblem>) {
    // A dash at once: the binary column is empty.
    if let Some(rest) = text.strip_prefix('-')
        && rest.starts_with([' ', '\t'])
    {
        return (EntryFields { binary: None, description: rest.trim(), text }, None);
    }
    if let Some((binary, description)) = split_dash(text) {
        let description = description.trim();
        return (EntryFields { binary: known_binary(binary), description, text }, None);
    }
    if is_binary(text) {
        return (
            EntryFields { binary: known_binary(text), description: "", text },
            Some(LineProblem::TwoFields),
        );
    }
    let (word, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    if is_binary(word.trim_end_matches('-')) {
        let description = rest.trim_start_matches(['-', ' ', '\t']).trim_end();
        let binary = known_binary(word.trim_end_matches('-'));
        return (EntryFields { binary, description, text }, Some(LineProblem::Dash));
    }
    (EntryFields { binary: None, description: text, text }, Some(LineProblem::TwoFields))
}

/// Lines whose tag has no free-standing dash: `Abcd -x.sys - …`, `Abc- x.sys - …`, `Abcd x.sys - …`.
fn glued(trimmed: &str) -> Option<LineKind<'_>> {
    let (word, rest) = trimmed.split_once([' ', '\t'])?;
    let rest = rest.trim_start();
    let (name, rest, dash) = match (word.strip_suffix('-'), rest.strip_prefix('-')) {
        (Some(name), _) if !name.is_empty() => (name, rest, true),
        (_, Some(rest)) => (word, rest.trim_start(), true),
        _ => (word, rest, false),
    };
    let tag = TagPattern::new(name)?;
    let (fields, _) = fields(rest);
    // Without any dash only something that looks like a binary distinguishes an entry from prose.
    let first = rest.split_ascii_whitespace().next().unwrap_or_default();
    (dash || is_binary(first)).then_some(LineKind::Entry { tag, fields, problem: Some(LineProblem::Dash) })
}

/// Whether a single word looks like a binary: `x.sys`, `nt!mm`, `<unknown>`.
pub fn is_binary(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    let shape = [".sys", ".dll", ".exe", ".drv"].iter().any(|end| lower.ends_with(end))
        || word.split_once('!').is_some_and(|(module, rest)| !module.is_empty() && !rest.is_empty())
        || (word.starts_with('<') && word.ends_with('>'));
    shape && !word.contains(char::is_whitespace)
}

/// The text as PoolMon prints it: the padding of the columns (three blanks and more) is one blank, two stay.
///
/// PoolMon's pictures show `[ntfs.sys  -  AttrSup.c]`; logs of today `[nt!ps - Thread objects]` where the file pads.
pub fn squeezed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut blanks = 0;
    for c in text.trim().chars() {
        if c == ' ' || c == '\t' {
            blanks += if c == '\t' { 3 } else { 1 };
            continue;
        }
        out.push_str(match blanks {
            0 => "",
            2 => "  ",
            _ => " ",
        });
        blanks = 0;
        out.push(c);
    }
    out
}
