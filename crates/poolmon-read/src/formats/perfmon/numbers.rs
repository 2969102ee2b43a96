//! How a file of counters writes numbers: decided once, from all cells, as `1.234` is a thousand or one and a bit.
//!
//! A cell that stays unclear is not read: Perfmon itself writes no thousands, but spreadsheets and scripts do, in the
//! way of their country.

/// Cells without which a mark stays unclear: more decide nothing more.
const MOST: usize = 100_000;

/// What was seen of one mark, `.` or `,`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Mark {
    /// It separates thousands: `1.234.567`, `1.234,5`.
    thousands: bool,
    /// It separates places: `12.5`, `1234.567`, `1,234.5`.
    places: bool,
    /// Either: `1.234`.
    either: bool,
}

/// What a mark means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Meaning {
    #[default]
    Unclear,
    Thousands,
    Places,
}

/// Looks at cells until it is clear what their marks mean.
#[derive(Debug, Default)]
pub(in crate::formats) struct NumberSurvey {
    stop: Mark,
    comma: Mark,
    cells: usize,
}

/// The marks of a file.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::formats) struct FileNumbers {
    stop: Meaning,
    comma: Meaning,
}

/// Why a cell is no figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::formats) enum NoFigure {
    /// Nothing was measured: a blank, or Perfmon's -1.
    Missing,
    /// `5.00E+08`: digits are missing.
    Rounded,
    /// `1.234`, and the file does not show what its mark means.
    Unclear,
    /// No number at all.
    NotANumber,
}

impl NumberSurvey {
    /// Takes a cell into account.
    pub(in crate::formats) fn see(&mut self, cell: &str) {
        let cell = cell.trim();
        let digits = cell.strip_prefix('-').unwrap_or(cell);
        if !digits.starts_with(|c: char| c.is_ascii_digit()) || !digits.chars().all(is_of_number) {
            return;
        }
        self.cells += 1;
        let (Some(stops), Some(commas)) = (places_of(digits, '.'), places_of(digits, ',')) else { return };
        match (stops.as_slice(), commas.as_slice()) {
            ([], []) => {}
            ([.., last], [.., other]) if last > other => {
                self.stop.places = true;
                self.comma.thousands = true;
            }
            ([.., _], [.., _]) => {
                self.comma.places = true;
                self.stop.thousands = true;
            }
            (stops, []) => self.stop.see(digits, '.', stops.len()),
            ([], commas) => self.comma.see(digits, ',', commas.len()),
        }
    }

    /// Whether more cells say nothing more.
    pub(in crate::formats) fn is_done(&self) -> bool {
        let seen = |mark: Mark| mark.thousands || mark.places;
        self.cells >= MOST || (seen(self.stop) && seen(self.comma))
    }

    /// What the marks mean.
    pub(in crate::formats) fn rule(&self) -> FileNumbers {
        let of = |mark: Mark, other: Mark| match (mark.thousands, mark.places, mark.either) {
            (true, false, _) => Meaning::Thousands,
            (false, true, _) => Meaning::Places,
            (true, true, _) | (_, _, false) => Meaning::Unclear,
            // One of the two separates places at most, and the other thousands.
            _ if other.places && !other.thousands => Meaning::Thousands,
            _ if other.thousands && !other.places => Meaning::Places,
            _ => Meaning::Unclear,
        };
        FileNumbers { stop: of(self.stop, self.comma), comma: of(self.comma, self.stop) }
    }
}

impl Mark {
    /// A number with this mark alone, N times.
    fn see(&mut self, digits: &str, mark: char, times: usize) {
        match (times, is_in_threes(digits, mark)) {
            (1, true) => self.either = true,
            (1, false) => self.places = true,
            (_, true) => self.thousands = true,
            // A version or an address.
            (_, false) => {}
        }
    }
}

impl FileNumbers {
    /// A cell as a number that is not negative.
    ///
    /// # Errors
    /// It is none, or it cannot be known which one.
    pub(in crate::formats) fn value(self, cell: &str) -> Result<f64, NoFigure> {
        let cell = cell.trim();
        if cell.is_empty() {
            return Err(NoFigure::Missing);
        }
        let number = self.plain(cell)?;
        if is_rounded(&number) {
            return Err(NoFigure::Rounded);
        }
        match number.parse::<f64>() {
            Ok(-1.0) => Err(NoFigure::Missing),
            Ok(value) if value.is_finite() && value >= 0.0 => Ok(value),
            _ => Err(NoFigure::NotANumber),
        }
    }

    /// The number with a full stop before its places, and nothing between its thousands.
    fn plain(self, cell: &str) -> Result<String, NoFigure> {
        let mut text = cell.to_owned();
        // They separate nothing but thousands.
        for mark in ['\u{a0}', '\u{202f}', '\u{2009}', ' ', '\'', '’'] {
            if text.contains(mark) {
                let whole = text.split(['.', ',']).next().unwrap_or_default();
                if !is_in_threes(whole, mark) {
                    return Err(NoFigure::NotANumber);
                }
                text = text.replace(mark, "");
            }
        }
        let (stops, commas) = (text.matches('.').count(), text.matches(',').count());
        let places = match (stops, commas) {
            (0, 0) => return Ok(text),
            (_, 0) => mark_before_places(&text, '.', self.stop)?,
            (0, _) => mark_before_places(&text, ',', self.comma)?,
            // The last of two marks separates places, if it comes once.
            _ => {
                let last = if text.rfind('.') > text.rfind(',') { '.' } else { ',' };
                (text.matches(last).count() == 1).then_some(last).ok_or(NoFigure::NotANumber)?.into()
            }
        };
        let (whole, fraction) = match places.and_then(|mark: char| text.split_once(mark)) {
            Some((whole, fraction)) => (whole, fraction),
            None => (text.as_str(), ""),
        };
        let separator = if whole.contains('.') { '.' } else { ',' };
        if whole.contains(separator) && !is_in_threes(whole, separator) {
            return Err(NoFigure::NotANumber);
        }
        let whole = whole.replace(separator, "");
        Ok(if fraction.is_empty() { whole } else { format!("{whole}.{fraction}") })
    }
}

/// The mark before the places of a number that has no other mark; `None` if it separates thousands.
fn mark_before_places(text: &str, mark: char, meaning: Meaning) -> Result<Option<char>, NoFigure> {
    let number = text.split(['e', 'E']).next().unwrap_or_default();
    match (text.matches(mark).count(), is_in_threes(number, mark), meaning) {
        (1, false, _) | (1, true, Meaning::Places) => Ok(Some(mark)),
        (1, true, Meaning::Unclear) if number.len() == text.len() => Err(NoFigure::Unclear),
        // `1.234E+06`: whatever has an exponent has places.
        (1, true, _) if number.len() < text.len() => Ok(Some(mark)),
        (_, true, _) => Ok(None),
        _ => Err(NoFigure::NotANumber),
    }
}

fn is_of_number(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '.' | ',' | '\u{a0}' | '\u{202f}' | '\u{2009}' | ' ' | '\'' | '’')
}

/// Where a mark is; `None` if a number cannot have that number of marks.
fn places_of(text: &str, mark: char) -> Option<Vec<usize>> {
    let places: Vec<usize> = text.match_indices(mark).map(|(at, _)| at).collect();
    (places.len() < 8).then_some(places)
}

/// Whether a mark cuts a whole number into threes: `1.234`, `12.345.678`; not `0.128` or `1234.567`.
fn is_in_threes(text: &str, mark: char) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let mut groups = text.split(mark);
    let first = groups.next().unwrap_or_default();
    let digits = |group: &str| group.bytes().all(|b| b.is_ascii_digit());
    matches!(first.len(), 1..=3)
        && digits(first)
        && !first.starts_with('0')
        && groups.all(|group| group.len() == 3 && digits(group))
}

/// Whether a number has an exponent that is larger than its digits can say: `5.00E+08`, not `5.00000000E+08`.
fn is_rounded(number: &str) -> bool {
    let Some((digits, exponent)) = number.split_once(['e', 'E']) else { return false };
    let known = digits.split_once('.').map_or(0, |(_, places)| places.len());
    exponent.parse::<i32>().is_ok_and(|exponent| usize::try_from(exponent).is_ok_and(|exponent| exponent > known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(cells: &[&str]) -> FileNumbers {
        let mut survey = NumberSurvey::default();
        for cell in cells {
            survey.see(cell);
        }
        survey.rule()
    }

    #[test]
    fn thousands_of_any_country() {
        for cell in [
            "1.234.567",
            "1,234,567",
            "1\u{a0}234\u{a0}567",
            "1\u{202f}234\u{202f}567",
            "1 234 567",
            "1'234'567",
            "1’234’567",
            "1234567",
            "1.234.567,0",
            "1,234,567.0",
            "1234567.000",
            "1 234 567,00",
            "1.234567E+06",
            "1.2345670000000000e+006",
        ] {
            assert_eq!(rule(&[cell]).value(cell), Ok(1_234_567.0), "{cell}");
        }
    }

    #[test]
    fn a_mark_means_the_same_in_the_whole_file() {
        assert_eq!(rule(&["899.600", "1.234.567"]).value("899.600"), Ok(899_600.0));
        assert_eq!(rule(&["899.600", "3.5"]).value("899.600"), Ok(899.6));
        assert_eq!(rule(&["899.600", "3,5"]).value("899.600"), Ok(899_600.0), "the comma separates places");
        assert_eq!(rule(&["899.600", "640"]).value("899.600"), Err(NoFigure::Unclear));
        assert_eq!(rule(&["1.234.567", "3.5"]).value("899.600"), Err(NoFigure::Unclear), "it means both");
        // Seen only after the survey had enough.
        assert_eq!(FileNumbers::default().value("899,600"), Err(NoFigure::Unclear));
    }

    #[test]
    fn what_is_no_figure() {
        let rule = rule(&["12.5"]);
        for (cell, why) in [
            ("", NoFigure::Missing),
            (" ", NoFigure::Missing),
            ("-1", NoFigure::Missing),
            ("-1.0000", NoFigure::Missing),
            ("5.00E+08", NoFigure::Rounded),
            ("5E8", NoFigure::Rounded),
            ("5,00E+08", NoFigure::Rounded),
            ("-10", NoFigure::NotANumber),
            ("1.2.3", NoFigure::NotANumber),
            ("12 34", NoFigure::NotANumber),
            ("1,23,456", NoFigure::NotANumber),
            ("1.234,567.8", NoFigure::NotANumber),
            ("NaN", NoFigure::NotANumber),
            ("inf", NoFigure::NotANumber),
            ("#N/A", NoFigure::NotANumber),
        ] {
            assert_eq!(rule.value(cell), Err(why), "{cell}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_number_is_read_as_it_was_written_or_not_at_all(
            numbers in proptest::collection::vec(0_u64..1 << 45, 1..20),
            // What a country writes between thousands and before places: never the same.
            (mark, point) in proptest::sample::select(
                vec![("", "."), ("", ","), (".", ","), (",", "."), ("'", "."), (" ", ","), ("\u{a0}", ","), ("\u{202f}", ",")]
            ),
            digits in proptest::sample::select(vec!["", "5", "25", "125", "000", "1250"]),
        ) {
            let places = if digits.is_empty() { String::new() } else { format!("{point}{digits}") };
            let cells: Vec<String> =
                numbers.iter().map(|number| format!("{}{places}", grouped(*number, mark))).collect();
            let rule = rule(&cells.iter().map(String::as_str).collect::<Vec<_>>());
            let fraction: f64 = if digits.is_empty() { 0.0 } else { format!("0.{digits}").parse().unwrap() };
            for (cell, number) in cells.iter().zip(&numbers) {
                match rule.value(cell) {
                    Ok(value) => {
                        let off = (value - (*number as f64 + fraction)).abs();
                        proptest::prop_assert!(off < 1e-9 * value.max(1.0), "{} is {}", cell, value);
                    }
                    Err(why) => proptest::prop_assert_eq!(why, NoFigure::Unclear, "{}", cell),
                }
            }
        }
    }

    fn grouped(number: u64, mark: &str) -> String {
        let digits = number.to_string();
        let lead = (digits.len() - 1) % 3 + 1;
        let (first, rest) = digits.split_at(lead);
        let rest: Vec<&str> = rest.as_bytes().chunks(3).map(|three| std::str::from_utf8(three).unwrap()).collect();
        std::iter::once(first).chain(rest).collect::<Vec<_>>().join(mark)
    }
}
