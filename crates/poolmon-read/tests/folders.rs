//! Folders of files whose times contradict their names, and of more than one machine.
#![allow(missing_docs, reason = "a test")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use jiff::{SignedDuration, Timestamp};
use poolmon_model::Sample;
use poolmon_model::problem::Remedy as _;
use poolmon_read::{ReadOptions, SampleSeries};

/// A list of ten tags of a machine that has made `made` allocations with each.
fn list(time: Timestamp, made: u64) -> String {
    let mut text = format!("{}\n\n", time.strftime("%Y-%m-%d %H:%M:%S"));
    text.push_str(" Tag  Type     Allocs         Frees    Diff   Bytes    Per Alloc\n\n");
    for tag in 0..10 {
        let allocs = made + 1000 * tag;
        let live = 10 + tag;
        let frees = allocs - live;
        let bytes = live * 64;
        let _ = writeln!(text, " Tst{tag} Nonp {allocs:>10} {frees:>10} {live:>9} {bytes:>12} {:>10}", 64);
    }
    text.push('\n');
    text
}

fn at(minutes: i64) -> Timestamp {
    "2026-03-04T08:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
}

/// Writes a file, as of a minute.
fn write(folder: &Path, name: &str, text: &str, minutes: u64) {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    let file = fs::File::options().append(true).open(&path).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_mins(29_000_000 + minutes)).unwrap();
}

/// The minute and the allocations of each sample, and what was said of the files; read twice.
fn read(folder: &Path) -> (Vec<(i64, u64)>, Vec<String>) {
    let mut series = SampleSeries::open(&[folder.into()], ReadOptions::default()).unwrap();
    let mut pass = || {
        let mut sample = Sample::empty();
        let mut all = Vec::new();
        while series.next_into(&mut sample).unwrap() {
            let minutes = sample.time.unwrap().duration_since(at(0)).as_mins();
            all.push((minutes, sample.rows[0].counters.allocs.unwrap()));
        }
        series.rewind();
        all
    };
    let first = pass();
    assert_eq!(first, pass());
    // As `diff` and `top` read it.
    let (begin, end) = series.ends().unwrap().unwrap();
    let last = series.at(None, None.into()).unwrap().now;
    let allocs = |sample: &Sample| sample.rows[0].counters.allocs.unwrap();
    let ends = (first[0].1, first[first.len() - 1].1);
    assert_eq!(ends, (allocs(&begin), allocs(&end)));
    assert_eq!(ends.1, allocs(&last));
    (first, series.take_remarks().into_iter().map(|remark| remark.text).collect())
}

/// Twelve files, five minutes apart; the clock goes back by an hour before the seventh.
fn set_back(folder: &Path, name: impl Fn(u64) -> String, written: impl Fn(u64) -> u64) {
    for number in 0..12_u64 {
        let minutes = number.cast_signed() * 5 - if number > 5 { 60 } else { 0 };
        write(folder, &name(number), &list(at(minutes), 10_000 + number), written(number));
    }
}

#[test]
fn names_and_dates_give_the_order_if_a_clock_was_set_back() {
    let folder = tempfile::tempdir().unwrap();
    set_back(folder.path(), |number| format!("snap{number}.log"), |number| number * 5);
    let (samples, said) = read(folder.path());
    let expected: Vec<(i64, u64)> =
        (0..12).map(|number: i64| (number * 5, 10_000 + number.cast_unsigned())).collect();
    assert_eq!(samples, expected);
    assert!(said.len() == 1 && said[0].contains("goes back by 55 min at snap6.log"), "{said:?}");
}

#[test]
fn copied_files_are_in_the_order_of_their_names() {
    let folder = tempfile::tempdir().unwrap();
    set_back(folder.path(), |number| format!("snap{number}.log"), |_| 7);
    assert_eq!(read(folder.path()).0[11], (55, 10_011));
}

#[test]
fn times_are_believed_where_names_or_dates_give_no_other_order() {
    // A ring of files: dates and counts agree with the times.
    let folder = tempfile::tempdir().unwrap();
    for number in 0..12_u64 {
        let place = (number + 6) % 12;
        let text = list(at(place.cast_signed() * 5), 10_000 + place);
        write(folder.path(), &format!("snap{number}.log"), &text, place * 5);
    }
    let (samples, said) = read(folder.path());
    assert_eq!((samples[0].1, samples[11].1, said.len()), (10_000, 10_011, 0), "{said:?}");
    // Names that are no numbers.
    let folder = tempfile::tempdir().unwrap();
    set_back(
        folder.path(),
        |number| format!("{}.log", "x".repeat(usize::try_from(number + 1).unwrap())),
        |number| number,
    );
    assert_eq!(read(folder.path()).0[0].1, 10_006);
    // Numbers that count down.
    let folder = tempfile::tempdir().unwrap();
    for number in 0..12_u64 {
        let text = list(at(-5 * number.cast_signed()), 10_000 - number);
        write(folder.path(), &format!("pool.log.{number}"), &text, 100 - number);
    }
    let (samples, said) = read(folder.path());
    assert_eq!((samples[0].1, said.len()), (9_989, 0), "{said:?}");
}

/// As [`list`], and no time.
fn untimed(made: u64) -> String {
    list(at(0), made).split_once("\n\n").unwrap().1.to_owned()
}

/// The counts of each sample, whether each has a time, and what was said.
fn counts(folder: &Path, options: ReadOptions) -> (Vec<u64>, bool, Vec<String>) {
    let mut series = SampleSeries::open(&[folder.into()], options).unwrap();
    let mut sample = Sample::empty();
    let (mut all, mut timed) = (Vec::new(), true);
    while series.next_into(&mut sample).unwrap() {
        all.push(sample.rows[0].counters.allocs.unwrap());
        timed &= sample.time.is_some();
    }
    let said = series.take_remarks().into_iter().map(|remark| remark.text).collect();
    (all, timed, said)
}

#[test]
fn the_clock_of_files_is_no_better_than_that_of_their_text() {
    // The clock is set back by an hour before the seventh file, and nothing but its date says when a file was written.
    let rising: Vec<u64> = (0..12).map(|number| 10_000 + number).collect();
    let folder = tempfile::tempdir().unwrap();
    let written = |number: u64| 600 + number * 5 - if number > 5 { 60 } else { 0 };
    for number in 0..12_u64 {
        write(folder.path(), &format!("snap{number}.log"), &untimed(10_000 + number), written(number));
    }
    let (samples, timed, said) = counts(folder.path(), ReadOptions::default());
    assert_eq!((samples, timed), (rising.clone(), true), "{said:?}");
    assert!(said[0].contains("goes back by 55 min at snap6.log"), "{said:?}");
    // The text was written by the same clock.
    let folder = tempfile::tempdir().unwrap();
    set_back(folder.path(), |number| format!("snap{number}.log"), written);
    assert_eq!(counts(folder.path(), ReadOptions::default()).0, rising);
    // Dates that go back at each number are no times; counts say that the numbers rise.
    let folder = tempfile::tempdir().unwrap();
    for number in 0..12_u64 {
        write(folder.path(), &format!("snap{number}.log"), &untimed(10_000 + number), 600 - number * 5);
    }
    let (samples, timed, said) = counts(folder.path(), ReadOptions::default());
    assert_eq!((samples, timed), (rising.clone(), false), "{said:?}");
    assert!(said.len() == 1 && said[0].contains("but their counts rise"), "{said:?}");
    // Or that they fall, as those of rotated logs do.
    let folder = tempfile::tempdir().unwrap();
    for number in 0..12_u64 {
        write(folder.path(), &format!("snap.log.{number}"), &untimed(10_011 - number), 7);
    }
    let (samples, timed, said) = counts(folder.path(), ReadOptions::default());
    assert_eq!((samples, timed), (rising, false), "{said:?}");
    assert!(said[0].contains("highest number first"), "{said:?}");
}

#[test]
fn a_table_of_a_folder_is_of_its_newest_file() {
    let newest = |folder: &Path| {
        let options = ReadOptions { keep_undated: true, ..ReadOptions::default() };
        let mut series = SampleSeries::open(&[folder.into()], options).unwrap();
        let pair = series.at(None, None.into()).unwrap();
        let allocs = |sample: &Sample| sample.rows[0].counters.allocs.unwrap();
        (allocs(&pair.now), pair.before.as_ref().map(allocs), series.take_remarks().len())
    };
    for copied in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        for number in [9, 10, 11] {
            let minutes = if copied { 7 } else { number * 60 };
            write(folder.path(), &format!("pool{number}.log"), &untimed(10_000 + number), minutes);
        }
        assert_eq!(newest(folder.path()), (10_011, Some(10_010), 1));
    }
}

#[test]
fn snapshots_of_two_machines_are_kept_apart() {
    // Whose they are is in front of the number or behind it, and their dates may be those of a copy.
    let names: [fn(u64, u64) -> String; 2] = [
        |machine, number| format!("srv{machine}-{number}.log"),
        |machine, number| format!("{number}_host{machine}.txt"),
    ];
    for (name, copied) in names.into_iter().flat_map(|name| [(name, false), (name, true)]) {
        let folder = tempfile::tempdir().unwrap();
        for number in 1..9_u64 {
            for (machine, made) in [(1, 10_000), (2, if copied { 500 } else { 500_000 })] {
                let minutes = if copied { 7 } else { number * 10 + machine };
                write(folder.path(), &name(machine, number), &untimed(made + number), minutes);
            }
        }
        let (samples, _, said) = counts(folder.path(), ReadOptions::default());
        assert_eq!(samples, (1..9).map(|number| 10_000 + number).collect::<Vec<_>>(), "{said:?}");
        assert!(
            said.iter().any(|said| said.starts_with("left out: ") && said.contains(&name(2, 1))),
            "{said:?}"
        );
    }
    // Copies whose counts would fit one after the other may be of one machine.
    let folder = tempfile::tempdir().unwrap();
    for number in 1..17_u64 {
        let name = names[0](number / 9 + 1, number % 9 + 1);
        write(folder.path(), &name, &untimed(10_000 + number * 1000), 7);
    }
    let (samples, _, said) = counts(folder.path(), ReadOptions::default());
    assert_eq!(samples.len(), 16, "{said:?}");
    assert!(said.iter().any(|said| said.contains("may be the first of two machines")), "{said:?}");
    // A reboot is none.
    let folder = tempfile::tempdir().unwrap();
    for number in 1..9_u64 {
        let made = if number > 4 { 500 } else { 10_000 };
        write(
            folder.path(),
            &format!("boot{}-{number}.log", number / 5),
            &untimed(made + number),
            number * 10,
        );
    }
    let (samples, _, said) = counts(folder.path(), ReadOptions::default());
    assert_eq!((samples.len(), said.len()), (8, 1), "{said:?}");
}

#[test]
fn counts_show_whose_files_are_whose_where_names_do_not() {
    // In turn, dated or copied.
    for copied in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        for number in 1..9_u64 {
            let made = if number % 2 == 0 { 500_000 } else { 10_000 };
            let minutes = if copied { 7 } else { number * 10 };
            write(folder.path(), &format!("snap{number}.log"), &untimed(made + number), minutes);
        }
        let (samples, _, said) = counts(folder.path(), ReadOptions::default());
        assert_eq!(samples, [10_001, 10_003, 10_005, 10_007], "{said:?}");
        assert!(said.iter().any(|said| said.contains("snap2.log and 3 more: the counts do not")), "{said:?}");
    }
    // One of each of many: whether they are machines or boots is not known.
    let folder = tempfile::tempdir().unwrap();
    for (number, name) in "qwertyuiop".chars().enumerate() {
        let mut text = " Tag  Type     Allocs         Frees    Diff   Bytes    Per Alloc\n\n".to_owned();
        for tag in 0..10_u64 {
            let allocs = (number as u64 * 7919 + tag * 104_729) % 9_973;
            let _ = writeln!(text, "Tst{tag} Nonp {allocs} 0 9 64 7");
        }
        write(folder.path(), &format!("{name}.log"), &text, 7);
    }
    let error = SampleSeries::open(&[folder.path().into()], ReadOptions::default()).err().unwrap();
    assert!(error.to_string().contains("no order makes them those of one boot"), "{error}");
    assert!(error.remedy().unwrap().contains("into a folder of its own"));
}

#[test]
fn counts_give_the_order_where_names_and_times_do_not() {
    let rising: Vec<u64> = (0..12).map(|number| 10_000 + number * 100).collect();
    let names = "qwertyuiopas".chars().zip(0_u64..);
    let dates: [fn(u64) -> u64; 3] = [|_| 7, |number| 600 - number * 5, |number| number * 77 % 12 * 60];
    for written in dates {
        let folder = tempfile::tempdir().unwrap();
        for (name, number) in names.clone() {
            let text = untimed(10_000 + number * 100);
            write(folder.path(), &format!("{name}.log"), &text, written(number));
        }
        let (samples, timed, said) = counts(folder.path(), ReadOptions::default());
        assert_eq!((samples, timed), (rising.clone(), false), "{said:?}");
        assert!(said.iter().any(|said| said.contains("in the order in which the counts")), "{said:?}");
    }
    // Dates in names, of a clock that was set back by half a day.
    let folder = tempfile::tempdir().unwrap();
    for number in 0..12_u64 {
        let hours = number.cast_signed() - if number > 5 { 4 } else { 0 };
        let time = at(hours * 60 + if number > 5 { -30 } else { 0 });
        write(
            folder.path(),
            &time.strftime("p-%Y-%m-%d-%H%M.log").to_string(),
            &untimed(10_000 + number * 100),
            7,
        );
    }
    let (samples, timed, said) = counts(folder.path(), ReadOptions::default());
    assert_eq!((samples, timed), (rising.clone(), true), "{said:?}");
    assert!(said.iter().any(|said| said.contains("goes back by 3 h 30 min at p-")), "{said:?}");
    // One file without times, whose newest list comes first.
    let folder = tempfile::tempdir().unwrap();
    let text = rising.iter().rev().map(|made| untimed(*made)).collect::<Vec<_>>().join("\n");
    write(folder.path(), "all.log", &text, 7);
    assert_eq!(counts(folder.path(), ReadOptions::default()).0, rising);
}

/// A log of samples ten minutes apart.
fn log(first: i64, samples: i64, made: u64) -> String {
    (0..samples).map(|n| list(at(first + 10 * n), made + 3 * (first + 10 * n).cast_unsigned())).collect()
}

#[test]
fn logs_of_two_machines_over_the_same_time_are_not_mixed() {
    for other in [90_000, 500] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "srvA.log", &log(0, 10, 20_000), 0);
        write(folder.path(), "srvB.log", &log(3, 11, other), 0);
        let (samples, said) = read(folder.path());
        assert_eq!(samples.len(), 10, "{said:?}");
        assert!(samples.iter().all(|(minutes, _)| minutes % 10 == 0));
        assert!(
            said.len() == 1 && said[0].starts_with("left out: ") && said[0].contains("srvB.log"),
            "{said:?}"
        );
    }
}

#[test]
fn logs_of_one_machine_that_share_their_ends_are_joined() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "old.log", &log(0, 10, 20_000), 0);
    write(folder.path(), "new.log", &log(70, 10, 20_000), 0);
    let (samples, said) = read(folder.path());
    assert_eq!(
        samples.iter().map(|(minutes, _)| *minutes).collect::<Vec<_>>(),
        (0..17).map(|n| n * 10).collect::<Vec<_>>()
    );
    assert!(said.len() == 1 && said[0].contains("new.log: 3 samples are left out"), "{said:?}");
}

#[test]
fn perfmons_figures_of_another_machine_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for (name, host) in [("a.csv", "SRVA"), ("b.csv", "SRVB")] {
        let mut text = format!("\"(PDH-CSV 4.0) (UTC)(0)\",\"\\\\{host}\\Memory\\Pool Nonpaged Bytes\"\n");
        for minute in 0..9 {
            let _ = writeln!(text, "\"03/14/2026 10:0{minute}:00.000\",\"{}\"", 500_000_000 + minute * 1000);
        }
        write(folder.path(), name, &text, 0);
    }
    let mut series = SampleSeries::open(&[folder.path().into()], ReadOptions::default()).unwrap();
    let said = series.take_remarks();
    assert!(said.iter().any(|remark| remark.text.contains("another machine (srvb, not srva)")), "{said:?}");
    assert_eq!(series.parts().len(), 1);
}

#[test]
fn the_order_of_dates_in_names_can_be_given() {
    let folder = tempfile::tempdir().unwrap();
    for day in 1..=3_u64 {
        write(folder.path(), &format!("pool_0{day}-11-2026.log"), &untimed(10_000 + day), 0);
    }
    let (zone, dates) = (Some(jiff::tz::Offset::UTC), Some(poolmon_read::DateOrder::Mdy));
    let options = ReadOptions { zone, dates, ..ReadOptions::default() };
    let mut series = SampleSeries::open(&[folder.path().into()], options).unwrap();
    let mut sample = Sample::empty();
    for month in 1..=3 {
        assert!(series.next_into(&mut sample).unwrap());
        assert_eq!(sample.time.unwrap().to_string(), format!("2026-0{month}-11T00:00:00Z"));
    }
    let remarks = series.take_remarks();
    assert!(!remarks.iter().any(|remark| remark.text.contains("closer together")), "{remarks:?}");
}

/// Names of hourly files over the end of a month, in the ways in which people write dates.
#[test]
fn dates_in_names_end_with_the_year_too() {
    let forms = [
        ("pool_%d-%m-%Y_%H-%M.log", ""),
        ("pool_%d%m%Y-%H%M.log", ""),
        ("pool_%d%b%Y-%H%M.log", ""),
        ("pool_%m-%d-%Y_%I-%M-%p.log", ""),
        ("pool_%m.%d.%Y %H.%M.log", ""),
        ("pool_%Y-%m-%d_%I-%M-%p.log", ""),
        ("pool-%s.txt", ""),
        // Days 1 and 2 of November, or of January and February: closer together is assumed.
        ("later_%d-%m-%Y_%H-%M.log", "day, month, year, in which they lie closer together (--dates mdy"),
    ];
    for (form, said) in forms {
        let folder = tempfile::tempdir().unwrap();
        let start = if said.is_empty() { "2026-10-31T14:00:00Z" } else { "2026-11-01T14:00:00Z" };
        let start: Timestamp = start.parse().unwrap();
        for hour in 0..20_u64 {
            let time = start + SignedDuration::from_hours(hour.cast_signed());
            // All were copied at once.
            write(folder.path(), &time.strftime(form).to_string(), &untimed(10_000 + hour * 100), 0);
        }
        let options = ReadOptions { zone: Some(jiff::tz::Offset::UTC), ..ReadOptions::default() };
        let mut series = SampleSeries::open(&[folder.path().into()], options).unwrap();
        let mut sample = Sample::empty();
        for hour in 0..20_u64 {
            assert!(series.next_into(&mut sample).unwrap(), "{form}: {hour}");
            let expected = (start + SignedDuration::from_hours(hour.cast_signed()), 10_000 + hour * 100);
            assert_eq!((sample.time.unwrap(), sample.rows[0].counters.allocs.unwrap()), expected, "{form}");
        }
        assert!(!series.next_into(&mut sample).unwrap());
        let remarks: Vec<String> = series.take_remarks().into_iter().map(|remark| remark.text).collect();
        assert!(remarks.iter().any(|text| text.contains("from the file's name")), "{form}: {remarks:?}");
        assert_eq!(
            remarks.iter().any(|text| text.contains("closer together")),
            !said.is_empty(),
            "{form}: {remarks:?}"
        );
        assert!(remarks.iter().any(|text| text.contains(said)), "{form}: {remarks:?}");
    }
}

/// The minutes since [`at`] 0 and the counts of files with these names and allocations, and what was said.
fn of_names(files: &[(&str, u64)], text: fn(u64) -> String) -> (Vec<(Option<i64>, u64)>, String) {
    let folder = tempfile::tempdir().unwrap();
    for (name, made) in files {
        write(folder.path(), name, &text(*made), 7);
    }
    let options = ReadOptions { zone: Some(jiff::tz::Offset::UTC), ..ReadOptions::default() };
    let mut series = SampleSeries::open(&[folder.path().into()], options).unwrap();
    let mut sample = Sample::empty();
    let mut all = Vec::new();
    while series.next_into(&mut sample).unwrap() {
        let minutes = sample.time.map(|time| time.duration_since(at(0)).as_mins());
        all.push((minutes, sample.rows[0].counters.allocs.unwrap()));
    }
    let said: Vec<String> = series.take_remarks().into_iter().map(|remark| remark.text).collect();
    (all, said.join("\n"))
}

#[test]
fn names_give_a_moment_or_none() {
    let hours = [(Some(0), 10_000), (Some(240), 10_100), (Some(480), 10_200)];
    for names in [
        ["pool 08-00 AM 2026-03-04.log", "pool 12-00 PM 2026-03-04.log", "pool 04-00 PM 2026-03-04.log"],
        ["08-00-AM_2026-03-04.log", "12-00-PM_2026-03-04.log", "04-00-PM_2026-03-04.log"],
        ["pool_0800_20260304.log", "pool_1200_20260304.log", "pool_1600_20260304.log"],
        ["2026-03-04T09-00-00+0100.log", "2026-03-04T12-00-00Z.log", "2026-03-04T11-00-00-0500.log"],
    ] {
        let files = [(names[0], 10_000), (names[1], 10_100), (names[2], 10_200)];
        assert_eq!(of_names(&files, untimed).0, hours, "{names:?}");
    }
    // Running numbers: the order is theirs, and no rate is made of it.
    for names in [
        ["20260304_1.log", "20260304_2.log", "20260305_10.log"],
        ["20260304_0001.log", "20260304_0002.log", "20260305_0003.log"],
        ["04-03-2026_1.log", "04-03-2026_2.log", "15-03-2026_3.log"],
        ["1_20260304.log", "2_20260304.log", "3_20260304.log"],
    ] {
        let files = [(names[0], 10_000), (names[1], 10_100), (names[2], 10_200)];
        let (samples, said) = of_names(&files, untimed);
        assert_eq!(samples, [(None, 10_000), (None, 10_100), (None, 10_200)], "{names:?}");
        assert!(said.contains("when they were taken is unknown"), "{said}");
    }
    // One a day: midnight is assumed, and said.
    let (samples, said) = of_names(&[("p-2026-03-04.log", 10_000), ("p-2026-03-05.log", 10_100)], untimed);
    assert_eq!(samples, [(Some(-480), 10_000), (Some(960), 10_100)]);
    assert!(said.contains("gives the day alone: midnight is assumed"), "{said}");
    // The text says the time of day.
    let of_day =
        |made: u64| format!("{}:00\n\n{}", if made > 10_000 { "13:00" } else { "09:00" }, untimed(made));
    let (samples, said) = of_names(&[("2026-03-04_1.log", 10_000), ("2026-03-04_2.log", 10_100)], of_day);
    assert_eq!(samples, [(Some(60), 10_000), (Some(300), 10_100)], "{said}");
}

#[test]
fn machines_in_names_are_told_apart_though_their_counts_fit() {
    for name in [
        |machine: &str, hour: u64| format!("{machine}_20260304_{hour:02}00.log"),
        |machine: &str, hour: u64| format!("2026-03-04_{hour:02}-00_{machine}.txt"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        for (at, machine) in ["web01", "web02", "web01", "web02", "web01", "web02"].into_iter().enumerate() {
            let at = at as u64;
            write(folder.path(), &name(machine, 8 + at), &untimed(10_000 + at * 10), 7);
        }
        let (samples, _, said) = counts(folder.path(), ReadOptions::default());
        assert_eq!(samples, [10_000, 10_020, 10_040], "{said:?}");
        assert!(said.iter().any(|said| said.contains("other machines (web02, not web01)")), "{said:?}");
    }
}

#[test]
fn times_of_day_are_not_joined_with_dates() {
    let of_day = |hour: u64, made: u64| format!("{hour}:00:00\n\n{}", untimed(made));
    let days = [of_day(9, 20_000), of_day(10, 20_100), of_day(11, 20_200)].join("\n");
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.log", &log(0, 10, 20_000), 0);
    write(folder.path(), "b.log", &days, 0);
    let (samples, said) = read(folder.path());
    assert_eq!(samples.len(), 10, "{said:?}");
    assert!(
        said.iter()
            .any(|said| said.contains("b.log: times of day without a date") && said.contains("--date")),
        "{said:?}"
    );
    // With a date, they can be.
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "b.log", &days, 0);
    let date = Some(jiff::civil::date(2026, 3, 5));
    let mut series =
        SampleSeries::open(&[folder.path().into()], ReadOptions { date, ..ReadOptions::default() }).unwrap();
    let mut sample = Sample::empty();
    assert!(series.next_into(&mut sample).unwrap() && series.next_into(&mut sample).unwrap());
    assert_eq!(sample.time.unwrap().to_string(), "2026-03-05T10:00:00Z");
    assert!(!sample.remarks.iter().any(|remark| remark.contains("no dates")), "{:?}", sample.remarks);
}

/// Memory lines that a script wrote once and repeats are of no use, in one file or in many; those that change are.
#[test]
fn memory_lines_that_never_change_are_not_used() {
    let open = |sizes: [u64; 3], more: u64| {
        let folder = tempfile::tempdir().unwrap();
        for (n, size) in (0..3_u64).zip(sizes) {
            let memory = " Memory: 4194304K Avail: 2097152K  PageFlts:     0   InRam Krnl: 1234K P:23456K\n \
                          Commit: 1048576K Limit: 8388608K Peak: 2097152K            Pool N:";
            let rows = " Tag  Type     Allocs         Frees    Diff   Bytes    Per Alloc\n\n Leak Nonp ";
            let live = 100_000 + more * n;
            let row = format!("{:>10} {:>10} {live:>9} {:>12} {:>10}\n", live + 5, 5, live * 64, 64);
            fs::write(
                folder.path().join(format!("a{n}.log")),
                format!("{memory}{size}K P:80000K\n\n{rows}{row}"),
            )
            .unwrap();
        }
        let options = ReadOptions::default();
        let mut series = SampleSeries::open(&[folder.path().into()], options).unwrap();
        let said: Vec<String> = series.take_remarks().iter().map(ToString::to_string).collect();
        let (mut sample, mut known) = (Sample::empty(), Vec::new());
        while series.next_into(&mut sample).unwrap() {
            known.push(sample.header.pool_nonpaged.is_some());
        }
        let doubted = said.iter().any(|text| text.contains("stay the same while the tags change"));
        (known, doubted)
    };
    assert_eq!(open([60_000, 60_000, 60_000], 50_000), (vec![false; 3], true));
    assert_eq!(open([60_000, 60_000, 60_004], 50_000), (vec![true; 3], false));
    // Nor is it a contradiction if nothing changes.
    assert_eq!(open([60_000, 60_000, 60_000], 0), (vec![true; 3], false));
}
