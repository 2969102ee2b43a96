//! Dates and times as scripts and people write them before a snapshot.

use std::borrow::Cow;
use std::str::FromStr as _;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::month_names::{east_asian, month, with_english_halves};
use crate::DateOrder;

/// In which order dates in figures are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DateRule {
    /// What the file's own dates say, or the person; `None` if a single line is all there is.
    pub(super) order: Option<DateOrder>,
    /// The person said so: then a year of two digits is one, too.
    pub(super) named: bool,
}

impl DateRule {
    /// What the file shows.
    pub(crate) const fn found(order: DateOrder) -> Self {
        Self { order: Some(order), named: false }
    }

    /// The order, if it is known.
    pub(crate) const fn order(self) -> Option<DateOrder> {
        self.order
    }
}

/// A date, a time of day or both, found in a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FoundMoment {
    pub(super) date: Option<Date>,
    pub(super) time: Option<Time>,
    pub(super) offset: Option<Offset>,
    /// The line holds nothing else that matters.
    pub(super) alone: bool,
    /// The time of day has no seconds.
    pub(super) coarse: bool,
}

impl FoundMoment {
    /// The instant, and whether its zone had to be assumed (UTC). A date without a time of day is no instant.
    pub(super) fn instant(&self) -> Option<(Timestamp, bool)> {
        let local = DateTime::from_parts(self.date?, self.time?);
        let zone = TimeZone::fixed(self.offset.unwrap_or(Offset::UTC));
        Some((zone.to_timestamp(local).ok()?, self.offset.is_none()))
    }
}

/// Longest line that is searched for a date.
const LONGEST: usize = 256;

/// Finds a date or a time in a line.
///
/// Folklore, all seen before PoolMon's own lines: ISO 8601; `2026.01.02-03:04:05 Pacific Standard Time (local ...)`
/// (Microsoft's support scripts); PowerShell's `Get-Date`; `%date% %time%` of a batch file; `date /t` and
/// `time /t` on a line each; `date` of a Unix shell.
pub(super) fn find(line: &[u8], rule: DateRule) -> Option<FoundMoment> {
    if line.len() > LONGEST || !line.iter().any(u8::is_ascii_digit) {
        return None;
    }
    // WinDbg: `Mon Nov 23 06:13:47.000 2026 (UTC - 8:00)`.
    let text = with_marks_of_code_pages(line);
    let text = text.replace("UTC - ", "UTC-").replace("UTC + ", "UTC+");
    let mut text = with_english_halves(&text);
    let mut found = MomentWords { rule, ..MomentWords::default() };
    if let Some(((year, month, day), rest)) = east_asian(&text) {
        found.date = Date::new(year, month, day).ok();
        text = rest;
    }
    // Windows 11 puts U+202F before AM and PM.
    let blank = |c: char| c.is_whitespace() || matches!(c, '\u{202f}' | '\u{200e}' | '(' | ')' | '"' | '\'');
    for word in text.split(blank) {
        let word = word.trim_matches([',', ';']);
        if !word.is_empty() {
            found.word(word);
        }
    }
    found.finish()
}

/// A line as text. The marks behind year, month and day are understood in the code pages of East Asian Windows (932, 936, 949, 950).
fn with_marks_of_code_pages(line: &[u8]) -> Cow<'_, str> {
    const MARKS: [[&[u8]; 3]; 4] = [
        [b"\x94\x4e", b"\x8c\x8e", b"\x93\xfa"],
        [b"\xc4\xea", b"\xd4\xc2", b"\xc8\xd5"],
        [b"\xb3\xe2", b"\xbf\xf9", b"\xc0\xcf"],
        [b"\xa6\x7e", b"\xa4\xeb", b"\xa4\xe9"],
    ];
    let lossy = String::from_utf8_lossy(line);
    if lossy.contains('\u{fffd}') {
        let has_month = |text: &String| text.split_whitespace().any(|word| month(word).is_some());
        if let Some(text) = super::encoding::cyrillic(line).into_iter().find(has_month) {
            return Cow::Owned(text);
        }
    }
    let has = |mark: &[u8]| memchr::memmem::find(line, mark).is_some();
    let marks = MARKS.iter().find(|marks| lossy.contains('\u{fffd}') && marks.iter().all(|mark| has(mark)));
    let Some(marks) = marks else { return lossy };
    let mut text = line.to_vec();
    for (mark, letter) in marks.iter().zip(["年", "月", "日"]) {
        if let Some(at) = memchr::memmem::find(&text, mark) {
            text.splice(at..at + mark.len(), letter.bytes());
        }
    }
    Cow::Owned(String::from_utf8_lossy(&text).into_owned())
}

/// A cell of a table: as [`find`], or seconds or milliseconds since 1970.
pub(crate) fn cell(text: &[u8], rule: DateRule) -> Option<(Timestamp, bool)> {
    let text = text.trim_ascii();
    if let Ok(text) = std::str::from_utf8(text) {
        if let Ok(time) = Timestamp::from_str(text) {
            return Some((time, false));
        }
        if let Some(time) = poolmon_model::units::of_day_and_time(text, &jiff::tz::TimeZone::UTC) {
            return Some((time, false));
        }
        if let Ok(number) = i64::from_str(text) {
            let time = match text.len() {
                10 => Timestamp::from_second(number),
                13 => Timestamp::from_millisecond(number),
                _ => return None,
            };
            return time.ok().map(|time| (time, false));
        }
    }
    find(text, rule)?.instant()
}

#[derive(Default)]
struct MomentWords {
    rule: DateRule,
    /// Numbers with a full stop behind each: `1. 3. 2026`, `2026. 03. 01.`
    stopped: Vec<i16>,
    date: Option<Date>,
    /// One without marks, which is one only next to a time of day.
    compact: Option<Date>,
    time: Option<Time>,
    offset: Option<Offset>,
    month: Option<i8>,
    day: Option<i8>,
    year: Option<i16>,
    afternoon: Option<bool>,
    foreign: bool,
    coarse: bool,
}

impl MomentWords {
    fn word(&mut self, word: &str) {
        if word.eq_ignore_ascii_case("am") || word.eq_ignore_ascii_case("pm") {
            self.afternoon = Some(word.eq_ignore_ascii_case("pm"));
        } else if matches!(word, "UTC" | "GMT" | "Z") {
            self.offset = Some(Offset::UTC);
        } else if let Some(offset) = word.strip_prefix("UTC").and_then(offset) {
            self.offset = Some(offset);
        } else if let Some(month) = month(word) {
            self.month.get_or_insert(month);
        } else if weekday(word)
            || ["the", "current", "date", "time", "is", "is:", "date:", "time:"]
                .iter()
                .any(|w| word.eq_ignore_ascii_case(w))
        {
            // Words that are around a date and say nothing.
        } else if word.starts_with(|c: char| c.is_ascii_digit()) {
            self.number(word);
        } else if let Some(offset) = offset(word)
            && self.time.is_some()
        {
            self.offset = Some(offset);
        } else if let Some((_, after)) = word.split_once('=')
            && after.starts_with(|c: char| c.is_ascii_digit())
        {
            self.number(after);
        } else {
            self.foreign = true;
        }
    }

    fn number(&mut self, word: &str) {
        if let Some((date, clock)) = compact(word) {
            self.compact = self.compact.or(Some(date));
            self.time = self.time.or(clock);
        } else if let Some((day, month, year)) = day_month_year(word) {
            (self.day, self.month, self.year) =
                (self.day.or(Some(day)), self.month.or(Some(month)), self.year.or(Some(year)));
        } else if let Some((date, rest)) = date(word, self.rule) {
            if self.date.is_none() {
                self.date = Some(date);
                match rest.split_at_checked(1) {
                    Some(("T" | "t" | "-" | "_", clock)) => {
                        // `2026-03-01_10-00-00`, as names of files have it.
                        let dashes =
                            clock.len() >= 5 && clock.bytes().all(|b| b.is_ascii_digit() || b == b'-');
                        self.clock(&if dashes { clock.replace('-', ":") } else { clock.to_owned() });
                    }
                    Some(_) => self.foreign = true,
                    None => {}
                }
            }
        } else if word.contains(':') {
            self.clock(word);
        } else if let Some(clock) = self.dotted_clock(word) {
            self.clock(&clock);
        } else if let Ok(number) = word.trim_end_matches(['.', ',']).parse::<i16>() {
            if (word.ends_with('.') || !self.stopped.is_empty()) && self.stopped.len() < 3 {
                self.stopped.push(number);
            }
            match number {
                1..=31 if self.day.is_none() => self.day = i8::try_from(number).ok(),
                1980..=2200 if self.year.is_none() => self.year = Some(number),
                _ if self.stopped.len() > 1 => {}
                _ => self.foreign = true,
            }
        } else {
            self.foreign = true;
        }
    }

    /// `10.00.00`, as Finns and Danes write a time of day, once there is a date.
    fn dotted_clock(&self, word: &str) -> Option<String> {
        let dated = self.date.is_some() || self.month.is_some() || self.stopped.len() > 1;
        let parts: Vec<&str> = word.split('.').collect();
        let short = |part: &&str| matches!(part.len(), 1 | 2) && part.bytes().all(|b| b.is_ascii_digit());
        (dated && self.time.is_none() && matches!(parts.len(), 2 | 3) && parts.iter().all(short))
            .then(|| parts.join(":"))
    }

    /// The date of `1. 3. 2026` or `2026. 03. 01.`
    fn stopped_date(&self) -> Option<Date> {
        let ([year @ 1970..=2200, month, day] | [day, month, year @ 1970..=2200]) = *self.stopped.as_slice()
        else {
            return None;
        };
        Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
    }

    fn clock(&mut self, word: &str) {
        let word = word.trim_end_matches(['.', ',']);
        let (word, half) = match word.get(word.len().saturating_sub(2)..) {
            Some(end) if end.eq_ignore_ascii_case("am") || end.eq_ignore_ascii_case("pm") => {
                (word.get(..word.len() - 2).unwrap_or_default(), Some(end.eq_ignore_ascii_case("pm")))
            }
            _ => (word, None),
        };
        let (clock, zone) = match word.find(['Z', 'z', '+', '-']) {
            Some(at) => word.split_at(at),
            None => (word, ""),
        };
        let Some(time) = time(clock) else {
            self.foreign = true;
            return;
        };
        if self.time.is_none() {
            self.time = Some(time);
            self.coarse = clock.bytes().filter(|&b| b == b':').count() == 1;
            self.afternoon = self.afternoon.or(half);
            self.offset = offset(zone).or(self.offset);
        }
    }

    fn finish(self) -> Option<FoundMoment> {
        let named = || Date::new(self.year?, self.month?, self.day?).ok();
        let compact = self.compact.filter(|_| self.time.is_some());
        let date = self.date.or_else(named).or_else(|| self.stopped_date()).or(compact);
        let mut time = self.time;
        if let (Some(at), Some(afternoon)) = (time, self.afternoon) {
            let hour = match (at.hour(), afternoon) {
                (12, false) => 0,
                (hour @ 1..=11, true) => hour + 12,
                (hour, _) => hour,
            };
            time = at.with().hour(hour).build().ok();
        }
        (date.is_some() || time.is_some()).then_some(FoundMoment {
            date,
            time,
            offset: self.offset,
            alone: !self.foreign,
            coarse: self.coarse,
        })
    }
}

/// `20260301`, `20260301T100000`, `20260301_1000`.
fn compact(word: &str) -> Option<(Date, Option<Time>)> {
    let (day, clock) = word.split_at_checked(8)?;
    if !day.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = |from, to| day.get(from..to)?.parse::<i16>().ok();
    let year = part(0, 4).filter(|year| (1990..2100).contains(year))?;
    let date = Date::new(year, i8::try_from(part(4, 6)?).ok()?, i8::try_from(part(6, 8)?).ok()?).ok()?;
    if clock.is_empty() {
        return Some((date, None));
    }
    let digits = clock.strip_prefix(['T', '_', '-'])?;
    if !matches!(digits.len(), 4 | 6) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = |from, to| digits.get(from..to).map_or(Some(0), |part| part.parse::<i8>().ok());
    Some((date, Some(Time::new(part(0, 2)?, part(2, 4)?, part(4, 6)?, 0).ok()?)))
}

/// `01-Mar-2026`.
fn day_month_year(word: &str) -> Option<(i8, i8, i16)> {
    let mut parts = word.split('-');
    let (day, name, year) = (parts.next()?, parts.next()?, parts.next()?);
    let year = year.parse().ok().filter(|year| (1970..=2200).contains(year))?;
    parts.next().is_none().then_some((day.parse().ok()?, month(name)?, year))
}

/// A date in figures, and what follows it.
fn date(word: &str, rule: DateRule) -> Option<(Date, &str)> {
    let (numbers, mark, rest) = figures(word)?;
    let (first, second, third) = numbers;
    let dmy = (third, second, first);
    let mdy = (third, first, second);
    let candidates = match (first, third) {
        (1970..=2200, _) => [(first, second, third); 2],
        // 23.11.2026 is written where the day comes first.
        (_, 1970..=2200) if mark == '.' => [dmy; 2],
        (_, 1970..=2200) if rule.order == Some(DateOrder::Dmy) => [dmy, mdy],
        // With slashes it is the American order, if it can be.
        (_, 1970..=2200) => [mdy, if mark == '\\' { mdy } else { dmy }],
        (0..100, 0..100) if rule.named => match rule.order? {
            DateOrder::Dmy => [(third + 2000, second, first); 2],
            DateOrder::Mdy => [(third + 2000, first, second); 2],
            DateOrder::Ymd => [(first + 2000, second, third); 2],
        },
        _ => return None,
    };
    let small = |number: i64| i8::try_from(number).ok();
    let made = |(year, month, day): (i64, i64, i64)| {
        Date::new(i16::try_from(year).ok()?, small(month)?, small(day)?).ok()
    };
    Some((candidates.into_iter().find_map(made)?, rest))
}

/// Three numbers with the same mark between them, the mark, and what follows.
pub(super) fn figures(word: &str) -> Option<((i64, i64, i64), char, &str)> {
    let (first, rest) = digits(word)?;
    let mark = rest.chars().next().filter(|c| "-./\\".contains(*c))?;
    let (second, rest) = digits(rest.strip_prefix(mark)?)?;
    let (third, rest) = digits(rest.strip_prefix(mark)?)?;
    Some(((first, second, third), mark, rest))
}

/// `6:13`, `06:13:47`, `6:13:47.12`, `6:13:47,12`.
fn time(word: &str) -> Option<Time> {
    let (hour, rest) = digits(word)?;
    let (minute, rest) = digits(rest.strip_prefix(':')?)?;
    let (second, rest) = match rest.strip_prefix(':') {
        Some(rest) => digits(rest)?,
        None => (0, rest),
    };
    let mut nanos = 0;
    if let Some(fraction) = rest.strip_prefix(['.', ',']) {
        if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let nine: String = fraction.chars().chain("000000000".chars()).take(9).collect();
        nanos = nine.parse().ok()?;
    } else if !rest.is_empty() {
        return None;
    }
    let small = |number: i64| i8::try_from(number).ok();
    Time::new(small(hour)?, small(minute)?, small(second)?, nanos).ok()
}

/// `Z`, `+00:00`, `-0800`, `+01`.
fn offset(word: &str) -> Option<Offset> {
    if word.eq_ignore_ascii_case("z") {
        return Some(Offset::UTC);
    }
    let (sign, rest) = match word.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let mut plain = rest.replace(':', "");
    if matches!(plain.len(), 1 | 3) {
        plain.insert(0, '0');
    }
    if !plain.bytes().all(|b| b.is_ascii_digit()) || !matches!(plain.len(), 2 | 4) {
        return None;
    }
    let hours: i32 = plain.get(..2)?.parse().ok()?;
    let minutes: i32 = plain.get(2..).filter(|m| !m.is_empty()).map_or(Some(0), |m| m.parse().ok())?;
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

/// At most nine digits.
fn digits(word: &str) -> Option<(i64, &str)> {
    let end = word.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(word.len());
    if end > 9 {
        return None;
    }
    let (number, rest) = word.split_at_checked(end)?;
    Some((number.parse().ok()?, rest))
}

fn weekday(word: &str) -> bool {
    const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let word = word.trim_end_matches('.').to_ascii_lowercase();
    DAYS.iter().any(|day| word == *day || (word.len() == 3 && day.starts_with(&word)))
}

/// memsnap's `09\03\2002 15:39:31.0781 (GMT)`: month first, milliseconds with four digits.
pub(super) fn memsnap(text: &str) -> Option<Timestamp> {
    let (day, rest) = text.trim().split_once(' ')?;
    let (day, _) = date(day, DateRule::default())?;
    let (clock, _) = rest.split_once(' ').unwrap_or((rest, ""));
    let (clock, millis) = clock.split_once('.').unwrap_or((clock, "0"));
    let local = DateTime::from_parts(day, time(clock)?);
    let instant = TimeZone::UTC.to_timestamp(local).ok()?;
    instant.checked_add(SignedDuration::from_millis(millis.parse::<u16>().ok()?.into())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_that_scripts_write() {
        for (line, instant, assumed) in [
            ("2026-11-23T06:13:47Z", "2026-11-23T06:13:47Z", false),
            ("2026-11-23 06:13:47", "2026-11-23T06:13:47Z", true),
            ("Snapshot taken at 2026-11-23T06:13:47.5+01:00", "2026-11-23T05:13:47.5Z", false),
            ("2026.01.02-03:04:05 Pacific Standard Time (local time of SRV01)", "2026-01-02T03:04:05Z", true),
            ("Monday, November 23, 2026 6:13:47 AM", "2026-11-23T06:13:47Z", true),
            ("Monday, November 23, 2026 12:00:01 PM", "2026-11-23T12:00:01Z", true),
            ("Monday, November 23, 2026 12:00:01\u{202f}AM", "2026-11-23T00:00:01Z", true),
            ("23 November 2026 18:13:47", "2026-11-23T18:13:47Z", true),
            ("Mon 11/23/2026  6:13:47.12", "2026-11-23T06:13:47.12Z", true),
            ("Mon 23.11.2026  6:13:47,12", "2026-11-23T06:13:47.12Z", true),
            ("23/11/2026 06:13", "2026-11-23T06:13:00Z", true),
            ("11/03/2026 1:02:03 PM", "2026-11-03T13:02:03Z", true),
            ("Mon Nov 23 06:13:47 UTC 2026", "2026-11-23T06:13:47Z", false),
            ("Debug session time: Mon Nov 23 06:13:47.000 2026 (UTC - 8:00)", "2026-11-23T14:13:47Z", false),
            ("Mon, 23 Nov 2026 06:13:47 -0800", "2026-11-23T14:13:47Z", false),
            ("20261123 06:13:47", "2026-11-23T06:13:47Z", true),
            ("=== 20261123_061347 ===", "2026-11-23T06:13:47Z", true),
            ("20261123T0613", "2026-11-23T06:13:00Z", true),
            ("2026-11-23_06-13-47", "2026-11-23T06:13:47Z", true),
            ("23-Nov-2026 06:13:47", "2026-11-23T06:13:47Z", true),
        ] {
            let (time, zone) =
                find(line.as_bytes(), DateRule::default()).and_then(|m| m.instant()).expect(line);
            assert_eq!((time.to_string().as_str(), zone), (instant, assumed), "{line}");
        }
    }

    #[test]
    fn get_date_of_every_windows() {
        for line in [
            "Sonntag, 1. März 2026 13:04:05",
            "dimanche 1 mars 2026 13:04:05",
            "domingo, 1 de marzo de 2026 13:04:05",
            "domingo, 1 de marzo de 2026 1:04:05 p. m.",
            "domenica 1 marzo 2026 13:04:05",
            "domingo, 1 de março de 2026 13:04:05",
            "zondag 1 maart 2026 13:04:05",
            "niedziela, 1 marca 2026 13:04:05",
            "воскресенье, 1 марта 2026 г. 13:04:05",
            "1 Mart 2026 Pazar 13:04:05",
            "neděle 1. března 2026 13:04:05",
            "den 1 mars 2026 13:04:05",
            "søndag den 1. marts 2026 13.04.05",
            "søndag 1. mars 2026 13:04:05",
            "sunnuntai 1. maaliskuuta 2026 13.04.05",
            "2026. március 1., vasárnap 13:04:05",
            "2026年3月1日 13:04:05",
            "2026年3月1日星期日 下午 1:04:05",
            "2026年3月1日 午後 1:04:05",
            "2026年3月1日日曜日 13:04:05",
            "2026년 3월 1일 일요일 오후 1:04:05",
            "===== 01.03.2026 13:04:05,12 =====",
            "1. 3. 2026 13:04:05",
            "2026. 03. 01. 13:04:05",
            "2026/03/01 (日) 13:04:05",
            "So 01.03.2026 13:04:05",
        ] {
            let found = find(line.as_bytes(), DateRule::default()).and_then(|found| found.instant());
            let second = found.expect(line).0.as_second();
            assert_eq!(Timestamp::from_second(second).unwrap().to_string(), "2026-03-01T13:04:05Z", "{line}");
        }
    }

    #[test]
    fn the_order_of_day_and_month_is_the_file_s() {
        let at = |text: &str, order| {
            let rule = DateRule { order: Some(order), named: true };
            find(text.as_bytes(), rule).and_then(|found| found.date).map(|date| date.to_string())
        };
        assert_eq!(at("05/06/2026", DateOrder::Dmy).as_deref(), Some("2026-06-05"));
        assert_eq!(at("05/06/2026", DateOrder::Mdy).as_deref(), Some("2026-05-06"));
        assert_eq!(at("05.06.2026", DateOrder::Mdy).as_deref(), Some("2026-06-05"));
        assert_eq!(at("2026-06-05", DateOrder::Dmy).as_deref(), Some("2026-06-05"));
        assert_eq!(at("26-06-05", DateOrder::Ymd).as_deref(), Some("2026-06-05"));
        assert_eq!(at("05/13/2026", DateOrder::Dmy).as_deref(), Some("2026-05-13"), "it can only be this");
    }

    #[test]
    fn halves_stand_alone_or_are_none() {
        let date = find(b"The current date is: Mon 11/23/2026", DateRule::default()).unwrap();
        assert!(date.alone && date.date.is_some() && date.time.is_none());
        let time = find(b"06:13 AM", DateRule::default()).unwrap();
        assert!(time.alone && time.time.is_some() && time.date.is_none());
        for line in [
            &b"C:\\WinDDK\\7600.16385.1\\tools> poolmon.exe -b"[..],
            b"[snip]",
            b"----",
            b"10 20 30",
            b"99:99",
        ] {
            assert!(find(line, DateRule::default()).is_none_or(|m| m.instant().is_none()), "{line:?}");
        }
        let path = find(br"PS C:\logs\2026-11-23> poolmon -b", DateRule::default());
        assert!(path.is_none_or(|m| !m.alone));
    }

    #[test]
    fn dates_in_code_pages() {
        let lines: [&[u8]; 7] = [
            b"1 \xec\xe0\xf0\xf2\xe0 2026 \xe3. 13:04:05",
            b"1 \xac\xa0\xe0\xe2\xa0 2026 \xa3. 13:04:05",
            b"2026\x94\x4e3\x8c\x8e1\x93\xfa 13:04:05",
            b"2026\xc4\xea3\xd4\xc21\xc8\xd5 13:04:05",
            b"2026\xb3\xe2 3\xbf\xf9 1\xc0\xcf 13:04:05",
            b"2026\xa6\x7e3\xa4\xeb1\xa4\xe9 13:04:05",
            b"Sonntag, 1. M\x84rz 2026 13:04:05",
        ];
        for line in lines {
            let time = find(line, DateRule::default())
                .and_then(|found| found.instant())
                .map(|(time, _)| time.to_string());
            assert_eq!(time.as_deref(), Some("2026-03-01T13:04:05Z"), "{}", line.escape_ascii());
        }
    }

    #[test]
    fn memsnaps_system_time() {
        let time = memsnap(r"09\03\2002 15:39:31.0781 (GMT)").unwrap();
        assert_eq!(time.to_string(), "2002-09-03T15:39:31.781Z");
        assert_eq!(memsnap("yesterday"), None);
    }

    #[test]
    fn cells() {
        let second = cell(b"1795414427", DateRule::default()).unwrap().0;
        assert_eq!(cell(b"1795414427000", DateRule::default()).unwrap().0, second);
        assert_eq!(cell(b" 2026-11-23T06:13:47Z ", DateRule::default()).unwrap().0, second);
        assert_eq!(cell(b"17", DateRule::default()), None);
    }
}
