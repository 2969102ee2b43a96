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

/// Date and time of day in a time zone: `2026-11-23 14:05:07`.
pub fn moment(at: Timestamp, zone: &TimeZone, precision: Precision) -> String {
    let format = match precision {
        Precision::Minutes => "%Y-%m-%d %H:%M",
        Precision::Seconds => "%Y-%m-%d %H:%M:%S",
        Precision::Milliseconds => "%Y-%m-%d %H:%M:%S%.3f",
    };
    at.to_zoned(zone.clone()).strftime(format).to_string()
}

/// Date, time of day and the zone's distance from UTC: `2026-11-23 14:05:07 +01:00`.
pub fn moment_with_zone(at: Timestamp, zone: &TimeZone) -> String {
    let offset = at.to_zoned(zone.clone());
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
    fn moments() {
        let at: Timestamp = "2026-11-23T13:05:07.25Z".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        assert_eq!(moment(at, &zone, Precision::Minutes), "2026-11-23 14:05");
        assert_eq!(moment(at, &zone, Precision::Seconds), "2026-11-23 14:05:07");
        assert_eq!(moment(at, &zone, Precision::Milliseconds), "2026-11-23 14:05:07.250");
        assert_eq!(moment_with_zone(at, &zone), "2026-11-23 14:05:07 +01:00");
        assert_eq!(time_of_day(at, &zone), "14:05:07");
    }
}
