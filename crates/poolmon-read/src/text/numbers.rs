//! How a file writes large numbers: decided once, from all numbers at its beginning.
//!
//! `899.600` is 899600 for a German and less than 900 for an American. Counts and bytes are whole, so a file whose numbers
//! are cut into threes writes thousands; one in which some number is not is left alone.

use std::borrow::Cow;

use super::input::{LineStep, Lines};

/// The marks between thousands of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FileNumbers {
    /// A full stop separates thousands.
    stops: bool,
}

/// Looks at the numbers of a text's beginning.
pub(super) fn survey(start: &[u8]) -> FileNumbers {
    let mut lines = Lines::new(Box::new(std::io::Cursor::new(start.to_vec())));
    let (mut grouped, mut plain, mut short) = (0_u32, false, false);
    let mut count = |word: &[u8]| match grouping(word) {
        Grouping::Once => grouped += 1,
        Grouping::Twice => grouped += 1000,
        Grouping::Fraction => plain = true,
        Grouping::Short => short = true,
        Grouping::None => {}
    };
    let mut last: Vec<u8> = Vec::new();
    while let Ok(LineStep::Line | LineStep::TooLong) = lines.advance() {
        let mut words = lines.line().split(|b| b" \t;,|\"()".contains(b)).peekable();
        // A console may have broken the last number of the line before.
        let whole = [&last, words.peek().copied().unwrap_or_default()].concat();
        if !last.is_empty() && whole.len() > last.len() && is_grouped(&whole) && !is_grouped(&last) {
            count(&whole);
            words.next();
        } else {
            count(&last);
        }
        last.clear();
        while let Some(word) = words.next() {
            if words.peek().is_none() {
                last.extend_from_slice(word);
            } else {
                count(word);
            }
        }
    }
    count(&last);
    // One group of three may be a fraction with three digits; then all numbers have one.
    FileNumbers { stops: !plain && (grouped >= 1000 || (grouped > 0 && short)) }
}

enum Grouping {
    /// `86.361.600`
    Twice,
    /// `899.600`
    Once,
    /// `12.5`, `1234.567`, `0.128`
    Fraction,
    /// `640`
    Short,
    /// No number, or one without marks.
    None,
}

fn is_grouped(word: &[u8]) -> bool {
    matches!(grouping(word), Grouping::Once | Grouping::Twice)
}

fn grouping(word: &[u8]) -> Grouping {
    let word = word.strip_prefix(b"-").unwrap_or(word);
    if !word.first().is_some_and(u8::is_ascii_digit) || !word.iter().all(|b| b.is_ascii_digit() || *b == b'.')
    {
        return Grouping::None;
    }
    let parts: Vec<&[u8]> = word.split(|&b| b == b'.').collect();
    let threes = parts.iter().skip(1).all(|part| part.len() == 3);
    match parts.as_slice() {
        [only] if only.len() <= 3 => Grouping::Short,
        [_] => Grouping::None,
        [first, ..] if threes && matches!(first.len(), 1..=3) && !first.starts_with(b"0") => {
            if parts.len() > 2 { Grouping::Twice } else { Grouping::Once }
        }
        [_, _] => Grouping::Fraction,
        // A date or a version.
        _ => Grouping::None,
    }
}

impl FileNumbers {
    /// A line of a log whose numbers have commas between their thousands; `None` if they have no other mark.
    pub(super) fn line(self, line: &[u8]) -> Option<Vec<u8>> {
        let marked = |b: &u8| matches!(b, b'\'' | 0x92 | 0xa0 | 0xaf | 0x99) || (self.stops && *b == b'.');
        if !line.iter().any(marked) {
            return None;
        }
        let mut changed = false;
        let mut out = Vec::with_capacity(line.len());
        for (at, word) in line.split(|&b| b == b' ').enumerate() {
            if at > 0 {
                out.push(b' ');
            }
            let cell = if word.is_empty() { Cow::Borrowed(word) } else { self.cell(word) };
            changed |= matches!(cell, Cow::Owned(_));
            out.extend_from_slice(&cell);
        }
        changed.then_some(out)
    }

    /// A number with commas between its thousands, as `number` reads it, or plain.
    pub(super) fn cell(self, text: &[u8]) -> Cow<'_, [u8]> {
        let text = text.trim_ascii();
        if text.iter().all(u8::is_ascii_digit) {
            return Cow::Borrowed(text);
        }
        let text = without_cents(text);
        if self.stops && text.first().is_some_and(u8::is_ascii_digit) && text.contains(&b',') {
            // Its comma is a decimal one: `361,600` is less than 362.
            return Cow::Borrowed(b"?");
        }
        let stops: &[u8] = if self.stops { b"." } else { b"" };
        [stops, b"'", "’".as_bytes(), b"\xc2\xa0", "\u{202f}".as_bytes(), b" ", b"\xa0", b"\x92"]
            .into_iter()
            .filter(|mark| !mark.is_empty())
            .find_map(|mark| with_commas(text, mark))
            .map_or(Cow::Borrowed(text), Cow::Owned)
    }
}

/// A number without two places that are zero: `86,361,600.00`.
fn without_cents(text: &[u8]) -> &[u8] {
    let whole = text.strip_suffix(b".00").or_else(|| text.strip_suffix(b",00"));
    whole.filter(|whole| whole.last().is_some_and(u8::is_ascii_digit)).unwrap_or(text)
}

/// The number with commas instead of another mark between its thousands; `None` if it is not cut into threes by it.
fn with_commas(text: &[u8], mark: &[u8]) -> Option<Vec<u8>> {
    let (sign, digits) = match text {
        [sign @ (b'-' | b'+'), digits @ ..] => (Some(*sign), digits),
        _ => (None, text),
    };
    let mut out: Vec<u8> = sign.into_iter().collect();
    let mut rest = digits;
    let mut groups = 0;
    loop {
        let at = memchr::memmem::find(rest, mark);
        let group = rest.get(..at.unwrap_or(rest.len()))?;
        let fits = if groups == 0 { matches!(group.len(), 1..=3) } else { group.len() == 3 };
        if !fits || !group.iter().all(u8::is_ascii_digit) {
            return None;
        }
        out.extend_from_slice(group);
        let Some(at) = at else { break };
        groups += 1;
        out.push(b',');
        rest = rest.get(at + mark.len()..)?;
    }
    (groups > 0).then_some(out)
}

/// Whether the mark of a figure may separate thousands or places: `195.312`.
pub(super) fn is_unclear(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let Some(at) = memchr::memchr2(b'.', b',', text) else { return false };
    let (whole, places) = (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default());
    let digits = |text: &[u8]| text.iter().all(u8::is_ascii_digit);
    (1..=3).contains(&whole.len()) && places.len() == 3 && digits(whole) && digits(places)
}

/// Whether a figure was rounded: a spreadsheet's `8,64E+10`.
pub(super) fn is_rounded(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    let Some(at) = memchr::memchr2(b'E', b'e', text) else { return false };
    let (before, after) = (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default());
    let after = after.strip_prefix(b"+").or_else(|| after.strip_prefix(b"-")).unwrap_or(after);
    let number =
        |text: &[u8]| !text.is_empty() && text.iter().all(|b| b.is_ascii_digit() || b".,".contains(b));
    number(before.strip_prefix(b"-").unwrap_or(before)) && number(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str, cell: &str) -> String {
        String::from_utf8_lossy(&survey(file.as_bytes()).cell(cell.as_bytes())).into_owned()
    }

    #[test]
    fn stops_between_thousands_are_the_files() {
        assert_eq!(read("Tst1;Nonp;899.600;86.361.600\n", "899.600"), "899,600");
        assert_eq!(read("Tst1;Nonp;899.600;640\n", "899.600"), "899,600");
        assert_eq!(read("Tst1;Nonp;899.600;1.200\n", "899.600"), "899.600", "perhaps fractions");
        assert_eq!(read("Tst1;Nonp;899.600;640;1234.567\n", "899.600"), "899.600");
        assert_eq!(read("Tst1;Nonp;86.361.600;0.5\n", "899.600"), "899.600");
    }

    #[test]
    fn numbers_that_a_console_broke_are_no_fractions() {
        for file in [
            " Tst1 Nonp  899.600  640  86.361.6\n00  96\n",
            " Tst1 Nonp  899.600  640  86.\n361.600  96\n",
            " Tst1 Nonp  640  899.6\n00  86.361.600  96\n",
        ] {
            assert_eq!(read(file, "899.600"), "899,600", "{file}");
        }
        assert_eq!(read("Tst1;Nonp;86.361.600;0.5\n2026-03-01;Nonp;1\n", "899.600"), "899.600");
    }

    #[test]
    fn marks_that_mean_nothing_else() {
        for cell in ["1\u{a0}234\u{a0}567", "1\u{202f}234\u{202f}567", "1'234'567", "1’234’567", "1 234 567"]
        {
            assert_eq!(read("", cell), "1,234,567", "{cell}");
        }
        assert_eq!(survey(b"").cell(b"1\xa0234"), b"1,234".as_slice(), "a single byte");
        for cell in ["12'34", "1234'567", "1'23", "1'234 567", "a'bcd"] {
            assert_eq!(read("", cell), cell);
        }
    }

    #[test]
    fn figures_that_a_spreadsheet_rounded() {
        for cell in ["8,64E+10", "9.00E+08", "1e9", "-1,2E+09"] {
            assert!(is_rounded(cell.as_bytes()), "{cell}");
        }
        for cell in ["File", "1234", "E", "e5", "12E", "0x1e5"] {
            assert!(!is_rounded(cell.as_bytes()), "{cell}");
        }
    }
}
