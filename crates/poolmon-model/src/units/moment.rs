//! Dates and times of day: `2026-11-23 14:05`.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How exact a moment is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// `14:05`
    Minutes,
    /// `14:05:07`
    #[default]
    Seconds,
    /// `14:05:07.250`
    Milliseconds,
}

/// 1980: no sample that this program reads was taken before.
const FIRST_DATE: i64 = 315_532_800;

/// Whether the date of a moment is unknown: times of day without a date are on days that are counted from 1970-01-01.
pub fn is_dateless(at: Timestamp) -> bool {
    at.as_second() < FIRST_DATE
}

/// A moment for programs: RFC 3339 in UTC. `None` if its date is unknown, which [`day_and_time`] writes.
pub fn rfc3339(at: Option<Timestamp>) -> Option<String> {
    at.filter(|at| !is_dateless(*at)).map(|at| at.to_string())
}

/// A moment of which only the time of day is known, for programs: `day 2 14:05:07`. `None` if its date is known.
pub fn day_and_time(at: Option<Timestamp>) -> Option<String> {
    at.filter(|at| is_dateless(*at)).map(|at| moment(at, &TimeZone::UTC, Precision::Seconds))
}

/// The moment that `day 2 14:05` stands for, as [`moment`] writes it in a time zone and [`day_and_time`] in UTC.
pub fn of_day_and_time(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let (day, time) = text.strip_prefix("day ")?.split_once(' ')?;
    let days = jiff::Span::new().try_days(day.parse::<i64>().ok()?.checked_sub(1)?).ok()?;
    let date = jiff::civil::date(1970, 1, 1).checked_add(days).ok()?;
    let at = zone.to_ambiguous_timestamp(date.to_datetime(time.parse().ok()?)).compatible().ok()?;
    is_dateless(at).then_some(at)
}

/// Date and time of day in a time zone: `2026-11-23 14:05:07`; `day 2 14:05:07` if the date is unknown.
pub fn moment(at: Timestamp, zone: &TimeZone, precision: Precision) -> String {
    let time = match precision {
        Precision::Minutes => "%H:%M",
        Precision::Seconds => "%H:%M:%S",
        Precision::Milliseconds => "%H:%M:%S%.3f",
    };
    format!("{} {}", date(at, zone), at.to_zoned(zone.clone()).strftime(time))
}

/// Two moments, as exact as it takes to see which is which: in milliseconds if they are within one second.
pub fn two_moments(times: [Timestamp; 2], zone: &TimeZone) -> [String; 2] {
    let texts = times.map(|time| moment(time, zone, Precision::Seconds));
    if texts[0] == texts[1] && times[0] != times[1] {
        return times.map(|time| moment(time, zone, Precision::Milliseconds));
    }
    texts
}

/// The same without a year: `11-23 14:05`.
pub fn short_moment(at: Timestamp, zone: &TimeZone) -> String {
    if is_dateless(at) {
        return moment(at, zone, Precision::Minutes);
    }
    at.to_zoned(zone.clone()).strftime("%m-%d %H:%M").to_string()
}

/// The date in a time zone: `2026-11-23`; `day 2` if it is unknown.
pub fn date(at: Timestamp, zone: &TimeZone) -> String {
    let date = at.to_zoned(zone.clone()).date();
    if !is_dateless(at) {
        return date.to_string();
    }
    format!("day {}", date.duration_since(jiff::civil::date(1970, 1, 1)).as_hours() / 24 + 1)
}

/// Date, time of day and the zone's distance from UTC: `2026-11-23 14:05:07 +01:00`.
pub fn moment_with_zone(at: Timestamp, zone: &TimeZone) -> String {
    let offset = at.to_zoned(zone.clone());
    if is_dateless(at) {
        return moment(at, zone, Precision::Seconds);
    }
    format!("{} {}", moment(at, zone, Precision::Seconds), offset.strftime("%:z"))
}

/// Time of day in a time zone: `14:05:07`.
pub fn time_of_day(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_read_no_date_where_none_is_known() {
        let of_day: Option<Timestamp> = "1970-02-01T08:05:07Z".parse().ok();
        assert_eq!(rfc3339(of_day), None);
        assert_eq!(day_and_time(of_day).as_deref(), Some("day 32 08:05:07"));
        assert_eq!(of_day_and_time("day 32 08:05:07", &TimeZone::UTC), of_day);
        let dated: Option<Timestamp> = "2026-11-23T13:05:07Z".parse().ok();
        assert_eq!((rfc3339(dated).as_deref(), day_and_time(dated)), (Some("2026-11-23T13:05:07Z"), None));
        for none in ["day 0", "day x 10:00:00", "day 99999999999999 10:00:00", "2026-11-23T13:05:07Z", ""] {
            assert_eq!(of_day_and_time(none, &TimeZone::UTC), None, "{none}");
        }
    }

    #[test]
    fn moments() {
        let at: Timestamp = "2026-11-23T13:05:07.25Z".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        assert_eq!(moment(at, &zone, Precision::Minutes), "2026-11-23 14:05");
        assert_eq!(moment(at, &zone, Precision::Seconds), "2026-11-23 14:05:07");
        assert_eq!(moment(at, &zone, Precision::Milliseconds), "2026-11-23 14:05:07.250");
        assert_eq!(moment_with_zone(at, &zone), "2026-11-23 14:05:07 +01:00");
        assert_eq!(time_of_day(at, &zone), "14:05:07");
        assert_eq!(date(at, &zone), "2026-11-23");
        assert_eq!(short_moment(at, &zone), "11-23 14:05");
        assert_eq!(short_moment(Timestamp::UNIX_EPOCH, &zone), "day 1 01:00");
    }

    #[test]
    fn two_moments_are_never_the_same_text() {
        let at = |millis: i64| Timestamp::from_millisecond(1_795_000_000_000 + millis).unwrap();
        let seconds = two_moments([at(0), at(1000)], &TimeZone::UTC);
        assert!(seconds.iter().all(|text| !text.contains('.')), "{seconds:?}");
        let [a, b] = two_moments([at(100), at(400)], &TimeZone::UTC);
        assert!(a.ends_with(".100") && b.ends_with(".400"), "{a} {b}");
    }

    #[test]
    fn a_date_that_is_unknown_is_not_invented() {
        let moment = |at: &str, zone: TimeZone| {
            let at: Timestamp = at.parse().unwrap();
            (moment(at, &zone, Precision::Minutes), moment_with_zone(at, &zone))
        };
        let of = |at: &str| (at.to_owned(), format!("{at}:00"));
        assert_eq!(moment("1970-01-01T08:00:00Z", TimeZone::UTC), of("day 1 08:00"));
        assert_eq!(moment("1970-02-01T23:30:00Z", TimeZone::UTC), of("day 32 23:30"));
        assert_eq!(moment("1970-01-01T23:30:00Z", TimeZone::fixed(jiff::tz::offset(1))), of("day 2 00:30"));
    }
}
