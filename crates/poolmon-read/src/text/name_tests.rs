//! Names of files, and the moments in them.

use super::*;

fn of(name: &str) -> Option<String> {
    moment_in_name(name).map(|moment| moment.civil().to_string())
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
    for name in
        ["179345520.txt", "17934552000.txt", "9793455200.txt", "1793455200-1.txt", "20261122_1405.log", ""]
    {
        assert_eq!(of(name), None, "{name}");
    }
}

#[test]
fn the_date_of_a_name_with_two_may_be_shown_by_others() {
    let dates = |names: &[&str]| {
        let series = moments_in_names(names, |_| None)?;
        Some(series.moments.iter().map(|moment| moment.date.to_string()).collect::<Vec<_>>())
    };
    // Of the year 2000, or at eight in the evening.
    assert_eq!(dates(&["2000_Aug 23 2021.log"]), None);
    assert_eq!(dates(&["pm_2000_Aug 23 2021 UTC.log"]), None);
    assert_eq!(moment_in_name("2000_Aug 23 2021.log").map(|moment| moment.date), None);
    let both = dates(&["1955_Aug 23 2021.log", "2000_Aug 23 2021.log"]);
    assert_eq!(both, Some(vec!["2021-08-23".to_owned(); 2]));
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
    for name in ["octet31-2026.log", "31-mayor-2026.log", "99Oct2026.log", "snapOct.log", "Oct-2026.log"] {
        assert_eq!(of(name), None, "{name}");
    }
}

/// The moments of several names, if they are known.
fn all(names: &[&str]) -> Option<(Vec<String>, bool)> {
    let series = moments_in_names(names, |_| None).or_else(|| moments_by_year_last(names, None, |_| None))?;
    let shown = |moment: &NamedMoment| {
        let zone = moment.offset.map(|offset| format!("{offset}")).unwrap_or_default();
        format!("{}{zone}", moment.civil())
    };
    (!series.is_unclear).then(|| (series.moments.iter().map(shown).collect(), series.assumed.is_some()))
}

#[test]
fn the_order_of_dates_that_end_with_the_year_is_that_of_all_names() {
    let first = |names: &[&str]| all(names).map(|(times, assumed)| (times[0].clone(), assumed));
    let known = |time: &str, assumed: bool| Some((time.to_owned(), assumed));
    assert_eq!(
        first(&["pool_31-10-2026_14-00.log", "pool_01-11-2026_09-00.log"]),
        known("2026-10-31T14:00:00", false)
    );
    assert_eq!(first(&["31102026-1400.log", "01112026-0900.log"]), known("2026-10-31T14:00:00", false));
    let american = ["pool_10-31-2026_02-00-PM.log", "pool_11-01-2026_09-00-AM.log"];
    assert_eq!(first(&american), known("2026-10-31T14:00:00", false));
    // Both would do: closer together is likelier, and is said to be assumed.
    assert_eq!(first(&["01-11-2026", "02-11-2026", "03-11-2026"]), known("2026-11-01T00:00:00", true));
    assert_eq!(first(&["11-01-2026", "11-02-2026"]), known("2026-11-01T00:00:00", true));
    for none in [&["01-11-2026"][..], &["01-11-2026", "snap.log"], &["31-10-2026", "10-31-2026"], &[]] {
        assert_eq!(all(none).filter(|(times, _)| !times.is_empty()), None, "{none:?}");
    }
}

#[test]
fn the_hour_is_before_the_date_or_behind_it() {
    let exact = Some("2026-11-20T20:05:00".to_owned());
    for name in [
        "pool 08-05 PM 2026-11-20.log",
        "08-05-PM_2026-11-20.log",
        "pool_2005_20261120.log",
        "20.05 2026-11-20.log",
        "20h05_2026-11-20.log",
        "2026-11-20 PM 08-05.log",
        "2026-11-20 at 8.05pm.log",
        "srv PM 08-05 20Nov2026.log",
    ] {
        assert_eq!(of(name), exact, "{name}");
    }
    // What may be a number of something else.
    let day = Some("2026-11-20T00:00:00".to_owned());
    for name in [
        "srv-01-08-00_2026-11-20.log",
        "pm_0805_20261120.log",
        "pm_02-05-30_2026-11-20.log",
        "srv0815_20261120.log",
        "2026-11-20_srv08-15.log",
        "2026-11-20_08.log",
        "x-5-01-08-00_2026-11-20.log",
    ] {
        assert_eq!(of(name), day, "{name}");
    }
    // A date that ends with the year and a time, or a time and a date that begins with it.
    assert_eq!(of("20-11-2026-11-20.log"), None);
    assert_eq!(all(&["20-11-2026-11-20.log", "20-11-2026-11-25.log"]), None);
    let known = ["20-11-2026-11-20.log", "20-11-2026-14-45.log"];
    assert_eq!(all(&known).unwrap().0, ["2026-11-20T11:20:00", "2026-11-20T14:45:00"]);
}

#[test]
fn the_distance_from_utc_is_read() {
    for (name, seconds) in [
        ("2026-11-20T08-00-00Z.log", Some(0)),
        ("20261120T080000Z.log", Some(0)),
        ("pool_2026-11-20_08-00_UTC.log", Some(0)),
        ("2026-11-20T08-00-00+0100.log", Some(3600)),
        ("2026-11-20_0800+05-30.log", Some(19800)),
        ("2026-11-20T08-00-00-0500.log", Some(-18000)),
        ("2026-11-20T08-00-00-05-00.log", Some(-18000)),
        ("2026-11-20_08-00 UTC+2.log", Some(7200)),
        ("0800Z_20261120.log", Some(0)),
        ("2026-11-20_08-00-00.log", None),
        // Running numbers.
        ("2026-11-20_08-00-00-0500.log", None),
        ("2026-11-20T08-00-00-0001.log", None),
        ("2026-11-20_08-00-00-1.log", None),
        ("2026-11-20_08-00_zone.log", None),
    ] {
        let moment = moment_in_name(name).unwrap();
        assert_eq!(moment.offset.map(Offset::seconds), seconds, "{name}");
        assert_eq!(moment.civil().to_string(), "2026-11-20T08:00:00", "{name}");
    }
}

#[test]
fn running_numbers_are_no_times() {
    for names in [
        &["2026-11-20_1.log", "2026-11-20_2.log", "2026-11-21_3.log"][..],
        &["20261120_0001.log", "20261120_0002.log", "20261120_0003.log"],
        &["20261120_000000.log", "20261120_000001.log"],
        &["20261120_0058.log", "20261120_0059.log", "20261120_0060.log"],
        &["2026-11-20_08-00-01.log", "2026-11-20_08-00-02.log"],
        &["2026-11-20_08-00_1.log", "2026-11-20_08-00_2.log"],
        &["2026-11-20_snap1.log", "2026-11-20_snap2.log"],
        &["2026-11-20.log", "2026-11-20 (2).log"],
        &["2026-11-20.log", "2026-11-20_0800.log"],
        &["20-11-2026_1.log", "20-11-2026_2.log"],
        &["pool.1_20261120.log", "pool.1_20261120_2.log"],
    ] {
        assert_eq!(all(names), None, "{names:?}");
    }
    for (names, last) in [
        (&["20261120_0000.log", "20261120_0100.log"][..], "2026-11-20T01:00:00"),
        (&["20261120_0801.log", "20261120_0802.log"], "2026-11-20T08:02:00"),
        (&["2026-11-20_08-59-59.log", "2026-11-20_09-00-00.log"], "2026-11-20T09:00:00"),
        (&["1234 2026-11-20_0800.log", "1234 2026-11-20_0900.log"], "2026-11-20T09:00:00"),
        (&["0800_2026-11-20_0001.log", "0900_2026-11-20_0002.log"], "2026-11-20T09:00:00"),
        // One of each machine and day, or of each kind.
        (
            &["2026-11-20_web01.log", "2026-11-21_web01.log", "2026-11-20_web02.log", "2026-11-21_web02.log"],
            "2026-11-21T00:00:00",
        ),
        (&["a_2026-11-20.log", "b_2026-11-20.log"], "2026-11-20T00:00:00"),
        (&["2026-11-20_0800_web01.log", "2026-11-20_0800_web02.log"], "2026-11-20T08:00:00"),
    ] {
        assert_eq!(all(names).unwrap_or_else(|| panic!("{names:?}")).0.last().unwrap(), last, "{names:?}");
    }
    // The files themselves say the time of day.
    let hours = [8, 9].map(|hour| Time::new(hour, 5, 0, 0).ok());
    let series = moments_in_names(&["2026-11-20_1.log", "2026-11-20_2.log"], |at| hours[at]).unwrap();
    assert!(!series.is_unclear && series.moments[1].civil().to_string() == "2026-11-20T09:05:00");
}

#[test]
fn words_tell_machines_apart() {
    for (name, words) in [
        ("SRVA_20261120_0800.log", "srva"),
        ("20261120_0800_web01.log", "web01"),
        ("0800 PM pool 20-11-2026 x.txt", "0800 pm pool x"),
        ("snap-12.log", "snap"),
        ("08-00-AM_2026-11-20_db-2.log", "db"),
    ] {
        let words: Vec<&str> = words.split(' ').filter(|word| !word.starts_with('0')).collect();
        assert_eq!(words_in_name(name), words, "{name}");
    }
}

mod generated {
    use proptest::prelude::*;

    use super::*;

    const DATES: [&str; 9] = [
        "%Y-%m-%d", "%Y%m%d", "%Y.%m.%d", "%Y_%m_%d", "%d-%m-%Y", "%m.%d.%Y", "%d%b%Y", "%d-%B-%Y",
        "%b %d %Y",
    ];
    const TIMES: [&str; 13] = [
        "%H-%M",
        "%H%M",
        "%H%M%S",
        "%H-%M-%S",
        "%H.%M",
        "%H_%M_%S",
        "%I-%M %p",
        "%p %I-%M",
        "%I%M%p",
        "%I.%M.%S-%p",
        "%Hh%M",
        "%Hh%Mm%Ss",
        "",
    ];

    proptest! {
        /// Names as scripts write them, of several files: each moment is right, or none is known.
        #[test]
        fn moments_in_names_are_right_or_unknown(
            date in 0..DATES.len(),
            time in 0..TIMES.len(),
            gap in "[-_. ]|T|--| - ",
            prefix in "|pool_|SRV01 |web-2_|pm_|case 4711 |x1-|08_",
            suffix in "|_1|Z|\\+0100|-0500| UTC|_web02|-a",
            is_before in any::<bool>(),
            is_numbered in any::<bool>(),
            start in 1_600_000_000_i64..1_900_000_000,
            step in prop_oneof![Just(1_i64), Just(60), Just(300), Just(3600), Just(14_400), Just(86_400), 1_i64..200_000],
            count in 1_usize..7,
        ) {
            // Nobody writes 0800T20261120, and 2026-11-20-0500 is five o'clock.
            let nobody_writes = is_before && gap == "T"
                || (is_before || TIMES[time].is_empty()) && suffix == "-0500";
            if nobody_writes {
                return Ok(());
            }
            let times: Vec<DateTime> = (0..count)
                .map(|at| Timestamp::from_second(start + step * i64::try_from(at).unwrap()).unwrap().to_zoned(jiff::tz::TimeZone::UTC).datetime())
                .collect();
            let name = |at: usize, moment: &DateTime| {
                let (date, time) = (DATES[date], TIMES[time]);
                let form = match (time.is_empty(), is_before) {
                    (true, _) => date.to_owned(),
                    (_, true) => format!("{time}{gap}{date}"),
                    (_, false) => format!("{date}{gap}{time}"),
                };
                let number = if is_numbered { format!("_{}", at + 1) } else { String::new() };
                format!("{prefix}{}{suffix}{number}.log", moment.strftime(&form))
            };
            let names: Vec<String> = times.iter().enumerate().map(|(at, time)| name(at, time)).collect();
            let words: Vec<&str> = names.iter().map(String::as_str).collect();
            let series = moments_in_names(&words, |_| None).or_else(|| moments_by_year_last(&words, None, |_| None));
            let Some(series) = series.filter(|series| !series.is_unclear) else { return Ok(()) };
            if series.assumed.is_some() {
                // It is said that the order of day and month is assumed.
                return Ok(());
            }
            for (moment, truth) in series.moments.iter().zip(&times) {
                prop_assert_eq!(moment.date, truth.date(), "{:?}", names);
                if let Some(time) = moment.time {
                    let whole = |time: Time| (time.hour(), time.minute());
                    prop_assert_eq!(whole(time), whole(truth.time()), "{:?}", names);
                    prop_assert!(time.second() == truth.second() || time.second() == 0, "{:?}", names);
                }
            }
        }
    }
}
