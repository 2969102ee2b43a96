//! A clock that goes back inside of a file: every sample stays, in the order of the file, and a remark names the line.
#![allow(missing_docs, reason = "a test")]

mod common;

use common::dress::encoded;
use jiff::{SignedDuration, Timestamp};
use poolmon_model::Sample;
use poolmon_read::{Input, ReadOptions, SampleSeries, identify};
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Kind {
    PoolMon,
    Csv,
    PoolUsed,
    Slabinfo,
    Slabtop,
    Vmstat,
    Crash,
    Allocinfo,
    Vmallocinfo,
    Meminfo,
}

const KINDS: [Kind; 10] = [
    Kind::PoolMon,
    Kind::Csv,
    Kind::PoolUsed,
    Kind::Slabinfo,
    Kind::Slabtop,
    Kind::Vmstat,
    Kind::Crash,
    Kind::Allocinfo,
    Kind::Vmallocinfo,
    Kind::Meminfo,
];

/// One list with its time; `n` objects of 4 KiB are in its growing row.
fn list(kind: Kind, time: &str, n: u64) -> String {
    let body = match kind {
        Kind::PoolMon => format!(
            " Tag  Type     Allocs            Frees            Diff   Bytes       Per Alloc\n\n \
             Tst1 Nonp {n:18} {:18} {n:15} {:15} {:14}        \n Tst2 Paged{:18} {:18} {:15} {:15} {:14}        \n",
            0,
            n * 4096,
            4096,
            10,
            0,
            10,
            640,
            64
        ),
        Kind::Csv => {
            return format!("{time},Tst1,Nonp,{n},0,{}\n{time},Tst2,Paged,10,0,640\n", n * 4096);
        }
        Kind::PoolUsed => format!(
            " Tag          Allocs           Used         Allocs           Used\n Tst1{n:15}{:15}{:15}{:15}\tText\n",
            n * 4096,
            0,
            0
        ),
        Kind::Slabinfo => format!(
            "slabinfo - version: 2.1\ntst_cache {n} {n} 4096 1 1 : tunables 0 0 0 : slabdata {n} {n} 0\n"
        ),
        Kind::Slabtop => format!(
            "  OBJS ACTIVE  USE OBJ SIZE  SLABS OBJ/SLAB CACHE SIZE NAME\n{n} {n} 100% 4.00K {n} 1 {}K tst_cache\n",
            n * 4
        ),
        Kind::Vmstat => format!("Cache  Num  Total  Size  Pages\ntst_cache {n} {n} 4096 1\n"),
        Kind::Crash => format!(
            "CACHE             OBJSIZE  ALLOCATED     TOTAL  SLABS  SSIZE  NAME\nffff888100000000 4096 {n} {n} {n} 4k  tst_cache\n"
        ),
        Kind::Allocinfo => {
            format!(
                "allocinfo - version: 1.0\n#     <size>  <calls> <tag info>\n{} {n} mm/a.c:1 func:f\n",
                n * 4096
            )
        }
        Kind::Vmallocinfo => format!(
            "0xffffc90000000000-0xffffc90000010000 {} tst+0x1c/0x40 pages={n} vmalloc N0={n}\n",
            (n + 1) * 4096
        ),
        Kind::Meminfo => format!("SReclaimable: 100 kB\nSUnreclaim: {} kB\n", n * 4),
    };
    format!("{time}\n{body}\n")
}

fn held(kind: Kind, sample: &Sample) -> Option<u64> {
    if matches!(kind, Kind::Meminfo) {
        return sample.header.slab_unreclaimable;
    }
    sample.rows.iter().find_map(|row| row.counters.bytes.filter(|bytes| *bytes != 640))
}

/// The samples, and what was said of their times.
fn read(kind: Kind, text: &str) -> (Vec<Sample>, Vec<String>) {
    read_all(titled(kind, text).into_bytes())
}

fn titled(kind: Kind, text: &str) -> String {
    let titles = if matches!(kind, Kind::Csv) { "time,tag,pool,allocs,frees,bytes\n" } else { "" };
    [titles, text].concat()
}

fn read_all(bytes: Vec<u8>) -> (Vec<Sample>, Vec<String>) {
    let input = Input::from_bytes("series.txt", bytes);
    let mut reader = (identify(&input).unwrap().open)(&input, &ReadOptions::default()).unwrap();
    let (mut samples, mut sample, mut said) = (Vec::new(), Sample::empty(), Vec::new());
    while reader.next_into(&mut sample).unwrap() {
        said.extend(sample.remarks.iter().filter(|remark| remark.contains("the clock goes")).cloned());
        samples.push(sample.clone());
    }
    (samples, said)
}

fn kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(KINDS.to_vec())
}

proptest! {
    #[test]
    fn no_sample_is_lost_and_the_line_is_named(
        kind in kind(),
        step in 2_i64..200,
        before in 2_u64..5,
        after in 1_u64..5,
        back in prop_oneof![1_i64..120, 60_i64..3000, Just(60), 2880_i64..1_000_000],
        zone: bool,
        prefix in prop_oneof![Just(""), Just("> "), Just(">> "), Just("    "), Just("\t")],
        crlf: bool,
        encoding in 0_u8..4,
    ) {
        let first: Timestamp = "2026-06-10T12:00:00Z".parse().unwrap();
        let minutes = |at: u64| {
            let at = i64::try_from(at).unwrap();
            let set = if at < i64::try_from(before).unwrap() { 0 } else { back + step };
            first + SignedDuration::from_mins(at * step - set)
        };
        let shown = |time: Timestamp| {
            let text = time.strftime("%Y-%m-%d %H:%M:%S").to_string();
            if zone { format!("{text}Z").replace(' ', "T") } else { text }
        };
        let lists: Vec<String> = (0..before + after).map(|at| list(kind, &shown(minutes(at)), 10 + at)).collect();
        let lines = |text: &str| text.lines().count();
        let heads = usize::from(matches!(kind, Kind::Csv));
        let line = heads + lists.iter().take(usize::try_from(before).unwrap()).map(|text| lines(text)).sum::<usize>() + 1;
        let end = if crlf { "\r\n" } else { "\n" };
        let text: String = titled(kind, &lists.concat()).lines().map(|line| [prefix, line, end].concat()).collect();
        let (samples, said) = read_all(encoded(&text, encoding));
        let expected: Vec<Option<u64>> = (0..before + after).map(|at| Some((10 + at) * 4096)).collect();
        let found: Vec<Option<u64>> = samples.iter().map(|sample| held(kind, sample)).collect();
        prop_assert_eq!(found, expected, "{}", lists.concat());
        let times: Vec<Timestamp> = samples.iter().map(|sample| sample.time.unwrap()).collect();
        prop_assert!(times.is_sorted_by(|a, b| a < b), "{:?}", times);
        prop_assert_eq!(said.len(), 1, "{:?}", said);
        prop_assert!(said[0].contains(&format!("at line {line}")), "{} {:?}", line, said);
    }
}

#[test]
fn the_hour_after_summer_time_is_read_twice() {
    for kind in KINDS {
        // Every half hour, and on the hour: then a time comes twice.
        for times in [
            &["01:30", "02:00", "02:30", "02:00", "02:30", "03:00"][..],
            &["01:00", "02:00", "02:00", "03:00"],
        ] {
            let text: String = (1..)
                .zip(times)
                .map(|(n, time)| list(kind, &format!("2026-10-25 {time}:00"), n * 10))
                .collect();
            let (samples, said) = read(kind, &text);
            assert_eq!(samples.len(), times.len(), "{kind:?} {times:?}");
            assert_eq!(said.len(), 1, "{kind:?} {said:?}");
            assert!(said[0].contains("summer time is assumed"), "{said:?}");
            let last = samples.last().unwrap().time.unwrap();
            assert_eq!(last.to_string(), "2026-10-25T04:00:00Z", "{kind:?}");
        }
    }
}

#[test]
fn snapshots_within_a_minute_of_a_clock_without_seconds_stay_apart() {
    for kind in [Kind::PoolMon, Kind::PoolUsed, Kind::Slabinfo] {
        let text: String = ["10:00", "10:00", "10:01"]
            .iter()
            .zip(1..)
            .map(|(time, n)| list(kind, &format!("2026-03-01 {time}"), n * 10))
            .collect();
        let (samples, _) = read(kind, &text);
        assert_eq!(samples.len(), 3, "{kind:?}");
        assert!(samples.windows(2).all(|two| two[0].time < two[1].time), "{kind:?}");
    }
}

#[test]
fn a_comparison_says_that_the_clock_went_back_between_its_samples() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("series.txt");
    let times = ["2026-03-03 10:00:00", "2026-03-03 10:10:00", "2026-03-01 10:00:00", "2026-03-01 10:10:00"];
    let text: String = times.iter().zip(1..).map(|(time, n)| list(Kind::PoolMon, time, n * 10)).collect();
    std::fs::write(&file, text).unwrap();
    let mut series = SampleSeries::open(&[file], ReadOptions::default()).unwrap();
    let (first, last) = series.ends().unwrap().unwrap();
    assert!(first.time < last.time);
    assert!(last.remarks.iter().any(|remark| remark.contains("goes back by 2 days")), "{:?}", last.remarks);
}

#[test]
fn a_table_that_is_sorted_by_tag_is_refused() {
    let text = "time,tag,pool,allocs,frees,bytes\n2026-03-01 10:00:00,Tst1,Nonp,1,0,64\n2026-03-01 11:00:00,Tst1,Nonp,2,0,128\n\
        2026-03-01 10:00:00,Tst2,Nonp,1,0,64\n";
    let input = Input::from_bytes("table.csv", text.as_bytes().to_vec());
    let mut reader = (identify(&input).unwrap().open)(&input, &ReadOptions::default()).unwrap();
    let mut sample = Sample::empty();
    let error = loop {
        match reader.next_into(&mut sample) {
            Ok(true) => {}
            Ok(false) => panic!("not refused"),
            Err(error) => break error.to_string(),
        }
    };
    assert!(error.contains("line 4") && error.contains("not sorted by time"), "{error}");
}

#[test]
fn a_file_whose_newest_sample_comes_first_is_read_from_its_end() {
    let time = |n: u64| {
        let first: Timestamp = "2026-10-25T00:30:00Z".parse().unwrap();
        let time = first + SignedDuration::from_mins(n.cast_signed() * 20);
        time.strftime("%Y-%m-%d %H:%M:%S").to_string()
    };
    let read = |kind: Kind, order: &[u64]| {
        let text: String = order.iter().map(|&n| list(kind, &time(n), 10 + n)).collect();
        let input = Input::from_bytes("series.txt", titled(kind, &text).into_bytes());
        let mut series =
            SampleSeries::of(input, std::path::Path::new("series.txt"), ReadOptions::default()).unwrap();
        let (mut found, mut said, mut sample) = (Vec::new(), Vec::new(), Sample::empty());
        while series.next_into(&mut sample).unwrap() {
            said.extend(
                sample
                    .remarks
                    .iter()
                    .filter(|text| text.contains("clock") || text.contains("newest"))
                    .cloned(),
            );
            found.push((sample.time.unwrap().strftime("%Y-%m-%d %H:%M:%S").to_string(), held(kind, &sample)));
        }
        (found, said)
    };
    for kind in KINDS {
        let expected: Vec<_> = (0..9).map(|n| (time(n), Some((10 + n) * 4096))).collect();
        let (found, said) = read(kind, &[8, 7, 6, 5, 4, 3, 2, 1, 0]);
        assert_eq!(found, expected, "{kind:?}");
        assert!(said.len() == 1 && said[0].starts_with("the newest sample comes first"), "{kind:?} {said:?}");
        // One step forward, and it is a clock that was set back: the order of the file holds.
        let (found, said) = read(kind, &[8, 7, 6, 5, 4, 3, 2, 1, 2]);
        let order: Vec<_> = found.iter().map(|(_, held)| held.unwrap() / 4096 - 10).collect();
        assert_eq!(order, [8, 7, 6, 5, 4, 3, 2, 1, 2], "{kind:?}");
        assert!(said.iter().all(|text| text.starts_with("the clock")), "{kind:?} {said:?}");
        // Two samples have no order.
        assert_eq!(read(kind, &[1, 0]).0[0].1, Some(11 * 4096), "{kind:?}");
    }
}
