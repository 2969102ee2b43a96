//! Times between samples and in front of lines: what `date`, `ts`, `date +%s` and `OSWatcher` write.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use super::super::moment;
use crate::clock::TimeNote;

/// A time, and what had to be assumed to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Stamp {
    pub(in super::super) time: Timestamp,
    /// The zone was not in the text: UTC.
    pub(in super::super) zone_assumed: bool,
    /// The year was not in the text: the last one in which this is not in the future.
    pub(in super::super) year_assumed: bool,
    /// It is a time of day: its date is [`NO_DATE`].
    pub(in super::super) date_assumed: bool,
    /// The line that it is in.
    pub(super) line: u64,
}

/// The date of times that have none.
pub(in super::super) const NO_DATE: Date = Date::constant(1970, 1, 1);
/// Lines of one list that `ts` stamped are no further apart.
const ONE_LIST: SignedDuration = SignedDuration::from_secs(2);
/// Longest line that is searched.
const LONGEST: usize = 120;

impl Stamp {
    /// Whether rows with these times are of two lists.
    pub(in super::super) fn is_apart(self, other: Self) -> bool {
        other.time.duration_since(self.time).abs() > ONE_LIST
    }

    /// How it was written.
    pub(super) fn note(self) -> TimeNote {
        TimeNote { local: self.zone_assumed, coarse: false, dateless: self.date_assumed, line: self.line }
    }

    /// The time that line number `line`, or the part before its row, holds. `now` decides a year that is not in the text.
    pub(super) fn find(text: &[u8], line: u64, now: Timestamp) -> Option<Self> {
        Self::of(text, line, now, moment::DateRule::default())
    }

    /// As [`Stamp::find`], in a file that writes its dates like this.
    pub(in super::super) fn of(
        text: &[u8],
        line: u64,
        now: Timestamp,
        rule: moment::DateRule,
    ) -> Option<Self> {
        let text = text.trim_ascii();
        let text = text.strip_suffix(b":").unwrap_or(text);
        if text.is_empty() || text.len() > LONGEST {
            return None;
        }
        if let Some(time) = since_1970(text) {
            return Some(Self { time, zone_assumed: false, year_assumed: false, date_assumed: false, line });
        }
        let open: Vec<u8> =
            text.iter().map(|byte| if matches!(byte, b'[' | b']') { b' ' } else { *byte }).collect();
        let found = moment::find(&open, rule);
        if let Some((time, zone_assumed)) = found.as_ref().and_then(moment::FoundMoment::instant) {
            return Some(Self { time, zone_assumed, year_assumed: false, date_assumed: false, line });
        }
        if let Some(time) = without_year(text, now) {
            return Some(Self { time, zone_assumed: true, year_assumed: true, date_assumed: false, line });
        }
        let is_clock = open.iter().all(|b| b.is_ascii_digit() || b":., aApPmM".contains(b));
        let clock = found.filter(|found| is_clock && found.date.is_none())?.time?;
        let time = Offset::UTC.to_timestamp(DateTime::from_parts(NO_DATE, clock)).ok()?;
        Some(Self { time, zone_assumed: true, year_assumed: false, date_assumed: true, line })
    }
}

/// Seconds (`date +%s`, `1772359200.123`, `@1772359200`) or milliseconds since 1970, alone or in brackets.
fn since_1970(text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.trim_matches(['[', ']', '@', ':', '(', ')', '#', ' ']);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let number: i64 = whole.parse().ok()?;
    match whole.len() {
        10 => {
            let nanos: String = fraction.chars().chain("000000000".chars()).take(9).collect();
            Timestamp::new(number, nanos.parse().ok()?).ok()
        }
        13 => Timestamp::from_millisecond(number).ok(),
        _ => None,
    }
}

/// `Mar 01 10:00:00`, as `ts` of moreutils and syslog write it.
fn without_year(text: &[u8], now: Timestamp) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?;
    let mut words = text.split_ascii_whitespace();
    let (month, day, clock) = (words.next()?, words.next()?, words.next()?);
    let clock: Time = clock.trim_end_matches(':').parse().ok()?;
    let today = Offset::UTC.to_datetime(now);
    let latest = now.checked_add(SignedDuration::from_hours(24)).ok()?;
    // A leap day may be up to eight years back.
    (0..9).find_map(|back| {
        let date = format!("{day} {month} {}", today.year() - back);
        let date = Date::strptime("%d %b %Y", date).ok()?;
        let time = Offset::UTC.to_timestamp(DateTime::from_parts(date, clock)).ok()?;
        (time <= latest).then_some(time)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<(String, bool, bool)> {
        let now = "2026-03-05T00:00:00Z".parse().unwrap();
        let stamp = Stamp::find(text.as_bytes(), 1, now)?;
        Some((stamp.time.to_string(), stamp.zone_assumed, stamp.year_assumed))
    }

    #[test]
    fn times_of_scripts() {
        for (text, time, zone, year) in [
            ("Sun Mar  1 10:00:00 UTC 2026", "2026-03-01T10:00:00Z", false, false),
            ("zzz ***Sun Mar 1 10:00:00 UTC 2026", "2026-03-01T10:00:00Z", false, false),
            ("=== 2026-03-01 10:00:00 ===", "2026-03-01T10:00:00Z", true, false),
            ("1772359200", "2026-03-01T10:00:00Z", false, false),
            ("[1772359200.5]", "2026-03-01T10:00:00.5Z", false, false),
            ("1772359200500", "2026-03-01T10:00:00.5Z", false, false),
            ("Mar 01 10:00:00", "2026-03-01T10:00:00Z", true, true),
            ("Dec 31 23:00:00", "2025-12-31T23:00:00Z", true, true),
            ("Feb 29 23:00:00", "2024-02-29T23:00:00Z", true, true),
            ("[10:00:00]", "1970-01-01T10:00:00Z", true, false),
            ("10:00 PM", "1970-01-01T22:00:00Z", true, false),
        ] {
            assert_eq!(found(text), Some((time.to_owned(), zone, year)), "{text}");
        }
        for text in ["", "root@host:~#", "dentry 12 13", "12345", "10:00:00 up 3 days", "99999999999"] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
