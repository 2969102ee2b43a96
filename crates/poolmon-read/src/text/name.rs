//! The time that is in a file's name: `pool_2026-11-22_14-05.log`, `20261122T140500.txt`, `snap-2026.11.22.log`.

use jiff::civil::{Date, DateTime, Time};

/// The date in a file's name, and the time of day where one follows it; midnight if none does.
///
/// Understood are year, month, day in this order, with or without separators, then hour, minute and perhaps second.
/// `None` if there is no such date; numbers that are none (`20269999`) are skipped.
pub fn time_in_name(name: &str) -> Option<DateTime> {
    let groups = groups(name);
    (0..groups.len()).find_map(|at| {
        let (date, rest) = date(groups.get(at..)?)?;
        Some(date.to_datetime(time(&rest).unwrap_or_else(Time::midnight)))
    })
}

/// Runs of digits, with what stands between one and the next.
fn groups(name: &str) -> Vec<&str> {
    name.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty()).collect()
}

fn number<T: std::str::FromStr>(text: &str, from: usize, to: usize) -> Option<T> {
    text.get(from..to)?.parse().ok()
}

/// A date at the start of the groups, and what is left.
fn date<'a>(groups: &'a [&'a str]) -> Option<(Date, Vec<&'a str>)> {
    let (&first, rest) = groups.split_first()?;
    let checked = |year: i16, month, day| {
        Date::new(year, month, day).ok().filter(|date| (1990..2200).contains(&date.year()))
    };
    match first.len() {
        // 20261122, or 20261122140500 with the time of day in one.
        8 | 12 | 14 => {
            let date = checked(number(first, 0, 4)?, number(first, 4, 6)?, number(first, 6, 8)?)?;
            let tail = first.get(8..).filter(|tail| !tail.is_empty());
            Some((date, tail.into_iter().chain(rest.iter().copied()).collect()))
        }
        4 => {
            let (&month, rest) = rest.split_first()?;
            let (&day, rest) = rest.split_first()?;
            if month.len() > 2 || day.len() > 2 {
                return None;
            }
            let date = checked(first.parse().ok()?, month.parse().ok()?, day.parse().ok()?)?;
            Some((date, rest.to_vec()))
        }
        _ => None,
    }
}

/// A time of day at the start of the groups.
fn time(groups: &[&str]) -> Option<Time> {
    let (first, rest) = groups.split_first()?;
    let (hour, minute, second) = match first.len() {
        4 | 6 => (number(first, 0, 2)?, number(first, 2, 4)?, number(first, 4, 6).unwrap_or(0)),
        1 | 2 => {
            let minute = rest.first().filter(|text| text.len() == 2)?;
            let second = rest.get(1).filter(|text| text.len() == 2);
            (
                first.parse().ok()?,
                minute.parse().ok()?,
                second.and_then(|text| text.parse().ok()).unwrap_or(0),
            )
        }
        _ => return None,
    };
    Time::new(hour, minute, second, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> Option<String> {
        time_in_name(name).map(|time| time.to_string())
    }

    #[test]
    fn forms_that_scripts_write() {
        let exact = Some("2026-11-22T14:05:09".to_owned());
        for name in [
            "pool_2026-11-22_14-05-09.log",
            "20261122T140509.txt",
            "poolsnap-20261122140509.log",
            "SRV01 2026.11.22 14.05.09.log",
            "srv2-2026-11-22T14_05_09Z.log",
        ] {
            assert_eq!(of(name), exact, "{name}");
        }
        assert_eq!(of("20261122-1405.log"), Some("2026-11-22T14:05:00".into()));
        assert_eq!(of("snap-2026-11-22.log"), Some("2026-11-22T00:00:00".into()));
        assert_eq!(of("20261122_2.log"), Some("2026-11-22T00:00:00".into()), "a counter is no time of day");
    }

    #[test]
    fn what_is_no_date() {
        for name in [
            "poolsnap.log",
            "snap1.log",
            "20269999.log",
            "case-123456789.log",
            "0001-01-01.log",
            "",
            "2026-13-40",
        ] {
            assert_eq!(of(name), None, "{name}");
        }
    }
}
