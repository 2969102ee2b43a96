use std::sync::Arc;
use std::time::Duration;

use poolmon_model::{CounterWidth, Coverage, Origin, Pool, Row, Sample, SourceKind, Tag, sample::Session};
use poolmon_store::{Recorder, RecorderConfig, Recording, export};
use proptest::prelude::*;

use super::*;
use crate::{Input, ReadOptions, SampleSeries};

/// What is exported of a recording, as Parquet (read here) and as CSV; of both the columns that Parquet has.
fn both(samples: &[Sample]) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
    let folder = tempfile::tempdir().unwrap();
    let rec = folder.path().join("rec");
    let (mut recorder, _) = Recorder::open(&rec, RecorderConfig::default()).unwrap();
    for sample in samples {
        recorder.record_past(sample).unwrap();
    }
    recorder.close().unwrap();
    let recording = Recording::open(&rec).unwrap();
    let file = folder.path().join("a.parquet");
    export::write_parquet(&recording, &export::ExportOptions::default(), &file).unwrap();
    let mut parquet = String::new();
    AsCsv::open(Box::new(std::fs::File::open(&file).unwrap())).unwrap().read_to_string(&mut parquet).unwrap();
    let mut csv = Vec::new();
    export::write(&recording, export::ExportFormat::Csv, &export::ExportOptions::default(), &mut csv)
        .unwrap();
    (lines(&parquet), lines(&String::from_utf8(csv).unwrap()))
}

/// The cells of each line by the titles, those of the machine aside; sorted, as the order of rows in a sample differs.
fn lines(csv: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| {
        let (mut cells, mut quoted) = (vec![String::new()], false);
        for letter in line.chars() {
            match letter {
                '"' => quoted = !quoted,
                ',' if !quoted => cells.push(String::new()),
                other => cells.last_mut().unwrap().push(other),
            }
        }
        cells
    };
    let mut rows = csv.lines().map(cells);
    let titles = rows.next().unwrap();
    let names = group::names();
    // Which row of a sample has the figures of the machine is the writer's choice.
    let names = names.iter().filter(|name| **name != "header");
    let names = names.map(|name| if *name == "ts" { "time" } else { name });
    let wanted: Vec<usize> =
        names.map(|name| titles.iter().position(|title| title == name).unwrap()).collect();
    let mut lines: Vec<Vec<String>> = rows
        .map(|row| wanted.iter().map(|at| row[*at].trim_start_matches('\'').to_owned()).collect())
        .collect();
    lines.sort();
    lines
}

/// Microseconds since the step before, and the rows: tag, allocs, bytes.
type Step = (i64, Vec<(u8, u64, Option<u64>)>);

fn samples(steps: &[Step]) -> Vec<Sample> {
    let mut origin = Origin::new(SourceKind::Windows, &[Pool::Nonpaged, Pool::Paged]);
    (origin.host, origin.boot) = (Some("srv, \"1\"".into()), Some("b".into()));
    let origin = Arc::new(origin);
    let mut time = 1_800_000_000_000_000_i64;
    let sample = |(step, rows): &Step| {
        let mut sample = Sample::new(Arc::clone(&origin), CounterWidth::Bits64);
        time += step;
        sample.time = jiff::Timestamp::from_microsecond(time).ok();
        let row = |(tag, allocs, bytes): &(u8, u64, Option<u64>)| {
            let mut row =
                Row::windows(Tag::pool([b'T', *tag, b'x', b' ']), Pool::Paged, *allocs, allocs / 2, 0);
            row.counters.bytes = *bytes;
            row.reported_owner = (tag % 3 == 0).then(|| "a.sys, b".into());
            row
        };
        let mut seen = std::collections::BTreeSet::new();
        sample.rows = rows.iter().filter(|row| seen.insert(row.0)).map(row).collect();
        sample.sessions = vec![Session { id: 3, rows: sample.rows.iter().take(2).cloned().collect() }];
        sample
    };
    steps.iter().map(sample).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn it_is_the_csv_of_the_same_recording(
        steps in prop::collection::vec(
            (1_i64..90_000_000, prop::collection::vec((0_u8..12, 0_u64..1 << 40, prop::option::of(0..1_u64 << 50)), 1..12)),
            1..40,
        )
    ) {
        let (parquet, csv) = both(&samples(&steps));
        prop_assert_eq!(parquet, csv);
    }
}

/// More samples than a row group, more values than a page, figures that do not move.
#[test]
fn many_row_groups_and_pages() {
    let steps: Vec<_> = (0..4000_u64)
        .map(|n| (1_000_000, (0..20).map(|tag| (tag, n * u64::from(tag), Some(77))).collect()))
        .collect();
    let (parquet, csv) = both(&samples(&steps));
    assert_eq!(parquet.len(), 4000 * 22);
    assert!(parquet == csv);
}

/// A clock that was set back by an hour: the order is that in which the samples were taken.
#[test]
fn samples_come_in_the_order_in_which_they_were_taken() {
    let steps: Vec<_> = (0..60)
        .map(|n| (if n == 30 { -3_600_000_000 } else { 60_000_000 }, vec![(1, n, Some(n)), (2, 1, None)]))
        .collect();
    let (parquet, csv) = both(&samples(&steps));
    assert!(parquet == csv && parquet.len() == 60 * 4);
}

fn exported() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let steps: Vec<_> =
        (0..30_u64).map(|n| (60_000_000, vec![(1, n, Some(n * 64)), (2, 7, Some(5))])).collect();
    let (mut recorder, _) = Recorder::open(&folder.path().join("rec"), RecorderConfig::default()).unwrap();
    for sample in samples(&steps) {
        recorder.record_past(&sample).unwrap();
    }
    recorder.close().unwrap();
    let file = folder.path().join("a.parquet");
    let recording = Recording::open(&folder.path().join("rec")).unwrap();
    export::write_parquet(&recording, &export::ExportOptions::default(), &file).unwrap();
    std::fs::read(file).unwrap()
}

#[test]
fn a_file_is_read_as_samples() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.parquet");
    std::fs::write(&file, exported()).unwrap();
    let mut series = SampleSeries::open(&[file], ReadOptions::default()).unwrap();
    let (mut sample, mut count) = (Sample::empty(), 0);
    while series.next_into(&mut sample).unwrap() {
        count += 1;
    }
    let last = sample.rows.iter().find(|row| row.tag == Tag::pool(*b"T\x01x ")).unwrap();
    assert_eq!((count, last.counters.bytes, sample.rows.len()), (30, Some(29 * 64), 2));
}

/// What is beside the rows comes back too: figures of the machine, and what a list leaves out.
#[test]
fn figures_of_the_machine_and_what_is_left_out_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let (mut recorder, _) = Recorder::open(&folder.path().join("rec"), RecorderConfig::default()).unwrap();
    let steps: Vec<_> = (0..20_u64).map(|n| (60_000_000, vec![(1, n, Some(n * 64)), (2, 7, None)])).collect();
    let mut taken = samples(&steps);
    for (n, sample) in (1..).zip(&mut taken) {
        sample.uptime = Some(Duration::from_secs(n * 60));
        sample.header.memory_total = Some(1 << 34);
        sample.header.pool_paged = Some(n << 20);
        if n > 10 {
            sample.coverage = Coverage::COMPLETE.without(Pool::Nonpaged).partial();
        }
        recorder.record_past(sample).unwrap();
    }
    recorder.close().unwrap();
    let recording = Recording::open(&folder.path().join("rec")).unwrap();
    let file = folder.path().join("a.parquet");
    export::write_parquet(&recording, &export::ExportOptions::default(), &file).unwrap();
    let mut series = SampleSeries::open(&[file], ReadOptions::default()).unwrap();
    let mut sample = Sample::empty();
    for expected in &taken {
        assert!(series.next_into(&mut sample).unwrap());
        assert_eq!(sample.header, expected.header);
        assert_eq!((sample.uptime, sample.coverage), (expected.uptime, expected.coverage));
    }
    assert!(!series.next_into(&mut sample).unwrap());
}

/// Damaged everywhere, cut everywhere: an error or the same rows, never others, a panic or a hang.
#[test]
fn damage_is_an_error() {
    let whole = exported();
    let read = |bytes: Vec<u8>| {
        let mut rows = AsCsv::open(Box::new(io::Cursor::new(bytes)))?;
        let mut text = String::new();
        rows.read_to_string(&mut text)?;
        io::Result::Ok(text)
    };
    let sound = read(whole.clone()).unwrap();
    for at in 0..whole.len() {
        assert!(read(whole[..at].to_vec()).is_err(), "{at}");
        let flipped = (0..8).map(|bit| whole[at] ^ (1 << bit));
        for with in [0, 0x7f, 0xff].into_iter().chain(flipped) {
            let mut bytes = whole.clone();
            bytes[at] = with;
            assert!(read(bytes).map_or(true, |text| text == sound), "byte {at} as {with:#x}: other rows");
        }
    }
    let input = Input::from_bytes("a.parquet", whole[..whole.len() - 1].to_vec());
    let error = crate::identify(&input).err().unwrap();
    assert!(error.to_string().contains("Parquet"), "{error}");
}
