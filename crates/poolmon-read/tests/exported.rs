//! What `poolmon export` writes as CSV, TSV and JSON lines comes back as the same samples.
#![allow(missing_docs, reason = "a test")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use poolmon_model::header::FIGURES;
use poolmon_model::{CounterWidth, Coverage, Filter, Origin, Pattern, Pool, Row, Sample, SourceKind, Tag};
use poolmon_read::{ReadOptions, SampleSeries};
use poolmon_store::export::{self, ExportFormat, ExportOptions};
use poolmon_store::{Recorder, RecorderConfig, Recording};

/// Sample `n`; every sample differs from every other, and one row comes and goes.
fn sample(n: u64) -> Sample {
    let mut origin = Origin::new(SourceKind::Windows, &[Pool::Nonpaged, Pool::Paged]);
    (origin.host, origin.boot) = (Some("HOST".into()), Some("boot-1".into()));
    origin.system = Some("Windows 10.0.19045".into());
    let mut sample = Sample::new(Arc::new(origin), CounterWidth::Bits32);
    sample.time = Timestamp::from_second(1_795_392_000 + i64::try_from(n).unwrap()).ok();
    sample.uptime = Some(Duration::from_millis(7_000_123 + 1000 * n));
    for (place, figure) in FIGURES.iter().enumerate() {
        // No whole kibibytes, as PoolMon's own lines have them; some figure is always unknown.
        let value = 1_000_003 * (n + 1) + place as u64 * 1024;
        (figure.set)(&mut sample.header, (place as u64 % 19 != n % 19).then_some(value));
    }
    for t in 0..12_u8 {
        let pool = if t % 2 == 0 { Pool::Nonpaged } else { Pool::Paged };
        let frees = 900 * u64::from(t) + n;
        let allocs = frees + n * u64::from(t) % 97;
        sample.rows.push(Row::windows(
            Tag::pool([b' ', b'"', t, b'a' + t]),
            pool,
            allocs,
            frees,
            (allocs - frees) * 16,
        ));
    }
    if n % 7 == 3 {
        sample.rows.push(Row::windows(Tag::pool(*b"Come"), Pool::Paged, n, 0, n * 32));
    }
    sample
}

fn recording(folder: &Path) -> Recording {
    let config =
        RecorderConfig { interval: Duration::from_secs(1), sync: Duration::MAX, ..RecorderConfig::default() };
    let (mut recorder, _) = Recorder::open(folder, config).unwrap();
    for n in 0..250 {
        recorder.record_past(&sample(n)).unwrap();
    }
    recorder.close().unwrap();
    Recording::open(folder).unwrap()
}

/// Host, boot and system.
fn facts(sample: &Sample) -> [&Option<String>; 3] {
    [&sample.origin.host, &sample.origin.boot, &sample.origin.system]
}

#[test]
fn a_log_keeps_the_figures_of_the_machine() {
    let folder = tempfile::tempdir().unwrap();
    let recording = recording(folder.path());
    let path = folder.path().join("a.log");
    export::write_file(&recording, ExportFormat::Poolmon, &ExportOptions::default(), &path).unwrap();
    let mut series = SampleSeries::open(std::slice::from_ref(&path), ReadOptions::default()).unwrap();
    let (mut n, mut got) = (0, Sample::empty());
    while series.next_into(&mut got).unwrap() {
        let expected = sample(n);
        assert_eq!((got.time, got.uptime, facts(&got)), (expected.time, expected.uptime, facts(&expected)));
        // Pool sizes that contradict the rows are not kept.
        for figure in FIGURES.iter().filter(|figure| !figure.id.starts_with("pool_")) {
            assert_eq!((figure.get)(&got.header), (figure.get)(&expected.header), "{} of {n}", figure.id);
        }
        n += 1;
    }
    assert_eq!(n, 250);
}

#[test]
fn csv_tsv_and_json_are_the_same_samples_again() {
    let folder = tempfile::tempdir().unwrap();
    let recording = recording(folder.path());
    for (format, name) in
        [(ExportFormat::Csv, "a.csv"), (ExportFormat::Tsv, "a.tsv"), (ExportFormat::JsonLines, "a.jsonl")]
    {
        let path = folder.path().join(name);
        let summary = export::write_file(&recording, format, &ExportOptions::default(), &path).unwrap();
        assert_eq!(summary.samples, 250);
        let mut series = SampleSeries::open(std::slice::from_ref(&path), ReadOptions::default()).unwrap();
        let mut n = 0;
        let mut got = Sample::empty();
        while series.next_into(&mut got).unwrap() {
            let expected = sample(n);
            assert_eq!(facts(&got), facts(&expected));
            got.origin = expected.origin.clone();
            assert!(got == expected, "{name}: sample {n}: {:?} {:?}", got.remarks, got.coverage);
            n += 1;
        }
        assert_eq!(n, 250);
        assert!(!folder.path().join(format!("{name}.part")).exists());
    }
}

/// A list of one pool, of a day without a date: its export is one, too, and so is a part of a whole sample.
#[test]
fn what_is_left_out_is_not_empty_when_it_is_read_again() {
    let all = tempfile::tempdir().unwrap();
    let one = |n: u64| {
        let mut sample = sample(n);
        sample.rows.retain(|row| row.pool == Pool::Nonpaged);
        sample.coverage = Coverage::COMPLETE.without(Pool::Paged);
        sample.time = Timestamp::from_second(8 * 3600 + i64::try_from(n).unwrap()).ok();
        sample
    };
    let folder = all.path().join("one");
    let (mut recorder, _) = Recorder::open(&folder, RecorderConfig::default()).unwrap();
    for n in 0..3 {
        recorder.record_past(&one(n)).unwrap();
    }
    recorder.close().unwrap();
    let listed = [
        (Recording::open(&folder).unwrap(), Filter::default(), Coverage::COMPLETE.without(Pool::Paged)),
        (
            recording(&all.path().join("whole")),
            Filter { include: vec![Pattern::new("*a")], ..Filter::default() },
            Coverage::COMPLETE.partial(),
        ),
    ];
    for (n, (recording, filter, coverage)) in listed.into_iter().enumerate() {
        for (format, name) in [(ExportFormat::Csv, "a.csv"), (ExportFormat::JsonLines, "a.jsonl")] {
            let path = all.path().join(name);
            let options = ExportOptions { filter: filter.clone(), ..ExportOptions::default() };
            export::write_file(&recording, format, &options, &path).unwrap();
            let mut series = SampleSeries::open(std::slice::from_ref(&path), ReadOptions::default()).unwrap();
            let mut got = Sample::empty();
            assert!(series.next_into(&mut got).unwrap());
            let time = if n == 0 { one(0).time } else { sample(0).time };
            assert_eq!((got.coverage, got.time), (coverage, time), "{name}");
        }
    }
}
