//! The time that is in a file's name: `pool_2026-11-22_14-05.log`, `20261122T140500.txt`, `snap-22Nov2026.log`, `22-11-2026_02-05-PM.txt`.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};

use super::month_names::month;
use crate::DateOrder;

/// The date in a file's name, and the time of day where one follows it; midnight if none does.
///
/// Understood are year, month, day in this order, with or without separators, and dates with the English name of the month; then
/// hour, minute and perhaps second, and AM or PM. `None` if there is no such date; numbers that are none (`20269999`) are skipped.
pub fn time_in_name(name: &str) -> Option<DateTime> {
    first_date(name, |groups| year_first(groups).or_else(|| month_named(groups)))
}

/// The time in a file's name in seconds since 1970: `pool-1793455200.txt`. It may be the number of a case, too: several files show
/// which it is.
pub fn seconds_in_name(name: &str) -> Option<Timestamp> {
    // Of 2001 to 2099: ten digits, and no others.
    const SECONDS: std::ops::Range<i64> = 1_000_000_000..4_070_908_800;
    let mut numbers = groups(name).into_iter().filter(|group| !group.digits.is_empty());
    let (number, more) = (numbers.next()?.digits, numbers.next());
    let seconds = number.parse().ok().filter(|seconds| SECONDS.contains(seconds) && more.is_none());
    Timestamp::from_second(seconds?).ok()
}

/// As [`time_in_name`], of dates in figures that end with the year, whose order has to be known.
pub fn time_in_name_by(name: &str, order: DateOrder) -> Option<DateTime> {
    first_date(name, |groups| year_last(groups, order))
}

/// The order of the dates in names that end with the year, and whether the other order would do as well: then it is the one in which
/// they are closer together. `None` if not all of them have such a date, or if nothing tells the orders apart.
pub fn order_of_dates(names: &[&str]) -> Option<(DateOrder, bool)> {
    let span = |order| {
        let times: Option<Vec<DateTime>> = names.iter().map(|name| time_in_name_by(name, order)).collect();
        let times = times?;
        Some(times.iter().max()?.duration_since(*times.iter().min()?))
    };
    match (span(DateOrder::Dmy), span(DateOrder::Mdy)) {
        (Some(_), None) => Some((DateOrder::Dmy, false)),
        (None, Some(_)) => Some((DateOrder::Mdy, false)),
        (Some(dmy), Some(mdy)) if dmy < mdy => Some((DateOrder::Dmy, true)),
        (Some(dmy), Some(mdy)) if mdy < dmy => Some((DateOrder::Mdy, true)),
        _ => None,
    }
}

/// A run of digits, and what stands between it and the next.
#[derive(Clone, Copy)]
struct Group<'a> {
    digits: &'a str,
    then: &'a str,
}

/// What is left of a name behind a date: the rest of its last run of digits, and the groups that follow.
struct Rest<'a> {
    tail: Option<Group<'a>>,
    groups: &'a [Group<'a>],
}

/// The groups of a name. The first has no digits: it is what stands before them.
fn groups(name: &str) -> Vec<Group<'_>> {
    let mut groups = Vec::new();
    let mut rest = name;
    loop {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, behind) = rest.split_at(digits);
        let (then, next) = behind.split_at(behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len()));
        groups.push(Group { digits, then });
        if next.is_empty() {
            return groups;
        }
        rest = next;
    }
}

fn first_date(
    name: &str,
    date: impl for<'a> Fn(&'a [Group<'a>]) -> Option<(Date, Rest<'a>)>,
) -> Option<DateTime> {
    let groups = groups(name);
    (0..groups.len()).find_map(|at| {
        let (date, rest) = date(groups.get(at..)?)?;
        let behind: Vec<Group<'_>> = rest.tail.into_iter().chain(rest.groups.iter().copied()).collect();
        Some(date.to_datetime(time(&behind).unwrap_or_else(Time::midnight)))
    })
}

fn number<T: std::str::FromStr>(text: &str, from: usize, to: usize) -> Option<T> {
    text.get(from..to)?.parse().ok()
}

fn checked(year: i16, month: i8, day: i8) -> Option<Date> {
    Date::new(year, month, day).ok().filter(|date| (1990..2200).contains(&date.year()))
}

/// 20261122, or 20261122140500 with the time of day in one: eight digits of a date, made of them by `date`.
fn in_one<'a>(groups: &'a [Group<'a>], date: impl Fn(&str) -> Option<Date>) -> Option<(Date, Rest<'a>)> {
    let (&first, rest) = groups.split_first()?;
    if !matches!(first.digits.len(), 8 | 12 | 14) {
        return None;
    }
    let tail = first.digits.get(8..).filter(|tail| !tail.is_empty());
    Some((
        date(first.digits)?,
        Rest { tail: tail.map(|digits| Group { digits, then: first.then }), groups: rest },
    ))
}

/// Three groups that lie together: four digits where the year is, else one or two.
fn in_three<'a>(groups: &'a [Group<'a>], year: usize) -> Option<([&'a str; 3], Rest<'a>)> {
    let [a, b, c, rest @ ..] = groups else { return None };
    let texts = [a.digits, b.digits, c.digits];
    let fits =
        |(at, text): (usize, &&str)| if at == year { text.len() == 4 } else { (1..=2).contains(&text.len()) };
    texts.iter().enumerate().all(fits).then_some((texts, Rest { tail: None, groups: rest }))
}

fn year_first<'a>(groups: &'a [Group<'a>]) -> Option<(Date, Rest<'a>)> {
    let of_eight = |text: &str| checked(number(text, 0, 4)?, number(text, 4, 6)?, number(text, 6, 8)?);
    in_one(groups, of_eight).or_else(|| {
        let ([year, month, day], rest) = in_three(groups, 0)?;
        Some((checked(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)?, rest))
    })
}

fn year_last<'a>(groups: &'a [Group<'a>], order: DateOrder) -> Option<(Date, Rest<'a>)> {
    let ordered = |a: i8, b: i8, year: i16| match order {
        DateOrder::Dmy => checked(year, b, a),
        DateOrder::Mdy => checked(year, a, b),
        DateOrder::Ymd => None,
    };
    let of_eight = |text: &str| ordered(number(text, 0, 2)?, number(text, 2, 4)?, number(text, 4, 8)?);
    in_one(groups, of_eight).or_else(|| {
        let ([a, b, year], rest) = in_three(groups, 2)?;
        Some((ordered(a.parse().ok()?, b.parse().ok()?, year.parse().ok()?)?, rest))
    })
}

/// 22Nov2026, 22-Nov-2026, Nov-22-2026, 2026Nov22.
fn month_named<'a>(groups: &'a [Group<'a>]) -> Option<(Date, Rest<'a>)> {
    let dated = |year: &str, word: &str, day: &str| {
        let fits = year.len() == 4 && (1..=2).contains(&day.len());
        checked(
            year.parse().ok()?,
            month(word.trim_matches(|c: char| !c.is_alphabetic()))?,
            day.parse().ok()?,
        )
        .filter(|_| fits)
    };
    let [a, b, rest @ ..] = groups else { return None };
    let between = dated(b.digits, a.then, a.digits).or_else(|| dated(a.digits, a.then, b.digits));
    if let Some(date) = between {
        return Some((date, Rest { tail: None, groups: rest }));
    }
    let (c, rest) = rest.split_first()?;
    let before = a.then.trim_end_matches(|c: char| !c.is_alphabetic());
    let word = before.rsplit(|c: char| !c.is_alphabetic()).next()?;
    Some((dated(c.digits, word, b.digits)?, Rest { tail: None, groups: rest }))
}

/// A time of day at the start of the groups.
fn time(groups: &[Group<'_>]) -> Option<Time> {
    let (first, rest) = groups.split_first()?;
    let (hour, minute, second, last): (i8, i8, i8, &Group<'_>) = match first.digits.len() {
        4 | 6 => {
            let digits = first.digits;
            (number(digits, 0, 2)?, number(digits, 2, 4)?, number(digits, 4, 6).unwrap_or(0), first)
        }
        1 | 2 => {
            let minute = rest.first().filter(|group| group.digits.len() == 2)?;
            let second = rest.get(1).filter(|group| group.digits.len() == 2);
            (
                first.digits.parse().ok()?,
                minute.digits.parse().ok()?,
                second.and_then(|group| group.digits.parse().ok()).unwrap_or(0),
                second.unwrap_or(minute),
            )
        }
        _ => return None,
    };
    let hour = match (half(last.then), hour) {
        (None, hour) => hour,
        (Some(_), 0 | 13..) => return None,
        (Some(half), hour) => hour % 12 + half,
    };
    Time::new(hour, minute, second, 0).ok()
}

/// Hours that are added where AM or PM follows a time.
fn half(then: &str) -> Option<i8> {
    let word = then.trim_start_matches(|c: char| !c.is_alphanumeric());
    let word = word.get(..word.find(|c: char| !c.is_alphanumeric()).unwrap_or(word.len()))?;
    match word.to_ascii_lowercase().as_str() {
        "am" => Some(0),
        "pm" => Some(12),
        _ => None,
    }
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
    fn seconds_since_1970() {
        let of = |name: &str| seconds_in_name(name).map(|time| time.to_string());
        for name in ["1793455200.txt", "pool-1793455200", "1793455200.log.gz"] {
            assert_eq!(of(name), Some("2026-10-31T14:00:00Z".to_owned()), "{name}");
        }
        for name in [
            "179345520.txt",
            "17934552000.txt",
            "9793455200.txt",
            "1793455200-1.txt",
            "20261122_1405.log",
            "",
        ] {
            assert_eq!(of(name), None, "{name}");
        }
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

    #[test]
    fn months_by_name_and_halves_of_the_day() {
        let exact = Some("2026-10-31T14:05:00".to_owned());
        for name in [
            "pool_31Oct2026-1405.log",
            "pool-31-OCT-2026_14.05.log",
            "srv1 October 31 2026 14-05.txt",
            "2026Oct31_1405.log",
            "pool_31-okt-2026_1405.log",
            "pool 31 października 2026 14.05.log",
            "2026-10-31_02-05-PM.log",
            "20261031_0205pm.log",
            "31oct2026 2-05-00 PM.txt",
        ] {
            assert_eq!(of(name), exact, "{name}");
        }
        assert_eq!(of("2026-10-31_12-05-AM.log"), Some("2026-10-31T00:05:00".into()));
        assert_eq!(of("pm_20261031_0205.log"), Some("2026-10-31T02:05:00".into()), "poolmon's pm");
        assert_eq!(of("20261031_1405 PM.log"), Some("2026-10-31T00:00:00".into()), "no such time");
        for name in ["octet31-2026.log", "31-mayor-2026.log", "99Oct2026.log", "snapOct.log", "Oct-2026.log"]
        {
            assert_eq!(of(name), None, "{name}");
        }
    }

    #[test]
    fn the_order_of_dates_that_end_with_the_year_is_that_of_all_names() {
        let days = ["pool_31-10-2026_14-00.log", "pool_01-11-2026_09-00.log"];
        assert_eq!(order_of_dates(&days), Some((DateOrder::Dmy, false)));
        assert_eq!(time_in_name_by(days[1], DateOrder::Dmy).unwrap().to_string(), "2026-11-01T09:00:00");
        assert_eq!(
            order_of_dates(&["31102026-1400.log", "01112026-0900.log"]),
            Some((DateOrder::Dmy, false))
        );
        let american = ["pool_10-31-2026_02-00-PM.log", "pool_11-01-2026_09-00-AM.log"];
        assert_eq!(order_of_dates(&american), Some((DateOrder::Mdy, false)));
        assert_eq!(time_in_name_by(american[0], DateOrder::Mdy).unwrap().to_string(), "2026-10-31T14:00:00");
        // Both would do: closer together is likelier, and is said to be assumed.
        assert_eq!(order_of_dates(&["01-11-2026", "02-11-2026", "03-11-2026"]), Some((DateOrder::Dmy, true)));
        assert_eq!(order_of_dates(&["11-01-2026", "11-02-2026"]), Some((DateOrder::Mdy, true)));
        for none in [
            &["01-11-2026"][..],
            &["01-11-2026", "snap.log"],
            &["2026-11-22.log"],
            &["31-10-2026", "10-31-2026"],
            &[],
        ] {
            assert_eq!(order_of_dates(none), None, "{none:?}");
        }
    }
}
