//! In which order a file writes day and month: decided once, from all of its dates.

use std::io::{Cursor, Read};

use jiff::civil::Date;

use super::input::{LineStep, Lines};
use super::moment::{DateRule, figures};
use crate::{DateOrder, Input, Result};

/// Unclear dates that are looked at: more say nothing more.
const MOST: usize = 4096;

/// The order of a file's dates, and what a person has to know of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FileDates {
    pub(crate) rule: DateRule,
    /// Why the order is not certain.
    pub(crate) doubt: Option<String>,
}

/// Looks at the dates of a file. A file is read to its first date that has one order only; of a stream, what is there.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn survey(input: &Input, named: Option<DateOrder>) -> Result<FileDates> {
    if named.is_some() {
        return Ok(FileDates { rule: DateRule { order: named, named: true }, doubt: None });
    }
    let mut dates = UnclearDates::default();
    dates.read(Box::new(Cursor::new(input.start().to_vec())));
    let is_unclear = !dates.unclear.is_empty() || !dates.short.is_empty();
    if dates.clear.is_none() && is_unclear && input.is_repeatable() {
        dates = UnclearDates::default();
        dates.read(input.reader()?);
    }
    Ok(dates.decide())
}

/// Dates with two numbers that could each be the month.
#[derive(Default)]
struct UnclearDates {
    /// The order of the first date that has one order only.
    clear: Option<DateOrder>,
    /// First number, second number, year.
    unclear: Vec<(i64, i64, i64)>,
    /// Dates of three small numbers: `09/05/26`.
    short: Vec<(i64, i64, i64)>,
    dashes: bool,
}

impl UnclearDates {
    fn read(&mut self, input: Box<dyn Read + Send>) {
        let mut lines = Lines::new(input);
        while self.clear.is_none() && self.unclear.len() < MOST && self.short.len() < MOST {
            match lines.advance() {
                Ok(LineStep::Line) => self.line(lines.line()),
                Ok(LineStep::TooLong) => {}
                // An error comes again when the file is read.
                Ok(LineStep::End) | Err(_) => break,
            }
        }
    }

    fn line(&mut self, line: &[u8]) {
        for at in memchr::memchr2_iter(b'/', b'-', line) {
            // The first of two marks: `31/05/2026`, one or two digits before it.
            let before = line.get(..at).unwrap_or_default();
            let length = before.iter().rev().take_while(|b| b.is_ascii_digit()).count();
            if !matches!(length, 1 | 2) {
                continue;
            }
            let word = line.get(at - length..(at + 10).min(line.len())).unwrap_or_default();
            let end =
                word.iter().position(|b| !b.is_ascii_digit() && !b"/-".contains(b)).unwrap_or(word.len());
            let word = word.get(..end).and_then(|word| std::str::from_utf8(word).ok());
            let Some(((first, second, year), mark, "")) = word.and_then(figures) else { continue };
            if (0..100).contains(&year) && first < 100 && mark == '/' {
                if self.short.last() != Some(&(first, second, year)) {
                    self.short.push((first, second, year));
                }
                return;
            }
            if !(1970..=2200).contains(&year) {
                continue;
            }
            match (first, second) {
                (13..=31, 1..=12) => self.clear = Some(DateOrder::Dmy),
                (1..=12, 13..=31) => self.clear = Some(DateOrder::Mdy),
                (1..=12, 1..=12) if first != second => {
                    self.dashes |= mark == '-';
                    if self.unclear.last() != Some(&(first, second, year)) {
                        self.unclear.push((first, second, year));
                    }
                }
                _ => continue,
            }
            return;
        }
    }

    fn decide(self) -> FileDates {
        if self.clear.is_some() {
            return FileDates { rule: DateRule { order: self.clear, named: false }, doubt: None };
        }
        let Some(&(first, second, year)) = self.unclear.first() else { return self.decide_short() };
        // Americans write slashes; with dashes, the day comes first nearly everywhere.
        let usual = if self.dashes { DateOrder::Dmy } else { DateOrder::Mdy };
        let [dmy, mdy] = [DateOrder::Dmy, DateOrder::Mdy].map(|order| distance(&made(&self.unclear, order)));
        let order = match dmy.cmp(&mdy) {
            std::cmp::Ordering::Less => DateOrder::Dmy,
            std::cmp::Ordering::Greater => DateOrder::Mdy,
            std::cmp::Ordering::Equal => usual,
        };
        let (words, other) = match order {
            DateOrder::Dmy => ("day/month/year", "mdy"),
            _ => ("month/day/year", "dmy"),
        };
        let mark = if self.dashes { '-' } else { '/' };
        let doubt = format!(
            "dates such as {first:02}{mark}{second:02}{mark}{year} are read as {words}, which no date of the file proves; \
                if this is wrong, use --dates {other}"
        );
        FileDates { rule: DateRule { order: Some(order), named: false }, doubt: Some(doubt) }
    }

    /// The one order in which all dates of three small numbers exist and follow each other best; nothing if there are two.
    fn decide_short(&self) -> FileDates {
        let Some((first, second, third)) = self.short.first().filter(|_| self.short.len() > 1) else {
            return FileDates::default();
        };
        let orders = [
            (DateOrder::Dmy, "day/month/year"),
            (DateOrder::Mdy, "month/day/year"),
            (DateOrder::Ymd, "year/month/day"),
        ];
        let mut found: Vec<_> = orders
            .into_iter()
            .filter_map(|(order, words)| {
                let dates = made(&self.short, order);
                (dates.len() == self.short.len()).then(|| (distance(&dates), order, words))
            })
            .collect();
        found.sort_by_key(|(distance, ..)| *distance);
        let (best, order, words) = match found.as_slice() {
            [(best, order, words), rest @ ..] if rest.first().is_none_or(|next| next.0 > *best) => {
                (best, order, words)
            }
            _ => return FileDates::default(),
        };
        let doubt = (best.0 > 0 || found.len() > 1).then(|| {
            format!("dates such as {first:02}/{second:02}/{third:02} are read as {words}; if this is wrong, use --dates")
        });
        FileDates { rule: DateRule { order: Some(*order), named: true }, doubt }
    }
}

/// The dates of three numbers in an order; those that do not exist are left out. Years of two digits are of this century.
fn made(numbers: &[(i64, i64, i64)], order: DateOrder) -> Vec<Date> {
    let date = |&(first, second, third): &(i64, i64, i64)| {
        let (year, month, day) = match order {
            DateOrder::Dmy => (third, second, first),
            DateOrder::Mdy => (third, first, second),
            DateOrder::Ymd => (first, second, third),
        };
        let year = if year < 100 { year + 2000 } else { year };
        Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
    };
    numbers.iter().filter_map(date).collect()
}

/// How far dates are apart: steps back, then days in all. Snapshots follow each other in hours and days, not in months.
fn distance(dates: &[Date]) -> (usize, i32) {
    let steps = dates.windows(2).filter_map(|two| match two {
        [a, b] => a.until(*b).ok().map(|span| span.get_days()),
        _ => None,
    });
    steps.fold((0, 0), |(back, days), step| (back + usize::from(step < 0), days + step.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (Option<DateOrder>, bool) {
        let found = survey(&Input::from_bytes("log", text.as_bytes().to_vec()), None).unwrap();
        (found.rule.order, found.doubt.is_some())
    }

    #[test]
    fn one_clear_date_decides_for_all() {
        assert_eq!(of("01/06/2026 00:05\n\n31/05/2026 23:55\n"), (Some(DateOrder::Dmy), false));
        assert_eq!(of("x,01/06/2026 00:05\nx,05/31/2026 23:55\n"), (Some(DateOrder::Mdy), false));
        // Behind what a format is recognised by, too.
        let far = format!("01/06/2026\n{}13/06/2026\n", "a line of nothing\n".repeat(9000));
        assert_eq!(of(&far), (Some(DateOrder::Dmy), false));
    }

    #[test]
    fn years_of_two_digits() {
        assert_eq!(of("09/05/26 10:00\n10/05/26 10:00\n11/05/26 10:00\n"), (Some(DateOrder::Dmy), true));
        assert_eq!(of("05/30/26 10:00\n05/31/26 10:00\n06/01/26 10:00\n"), (Some(DateOrder::Mdy), false));
        assert_eq!(of("26/05/09 10:00\n26/05/10 10:00\n"), (Some(DateOrder::Ymd), true));
        assert_eq!(of("09/05/26 10:00\n"), (None, false), "one date does not show its order");
    }

    #[test]
    fn what_stays_unclear_is_said() {
        assert_eq!(of("05/06/2026 10:00\n"), (Some(DateOrder::Mdy), true));
        assert_eq!(of("05-06-2026 10:00\n"), (Some(DateOrder::Dmy), true));
        // Daily, from the first to the fourth of June; read the other way, they would be months apart.
        assert_eq!(of("01/06/2026\n02/06/2026\n03/06/2026\n04/06/2026\n"), (Some(DateOrder::Dmy), true));
        assert_eq!(of("05/06/2026\n06/06/2026\n05/07/2026\n"), (Some(DateOrder::Mdy), true));
        assert_eq!(of("06/06/2026\n"), (None, false), "both orders mean the same");
        assert_eq!(of("2026-05-06 10:00\n1.2.3-4 77/88/2026\n"), (None, false));
    }
}
