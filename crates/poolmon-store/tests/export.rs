//! Exports say what the recording holds, and can be read back.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "small numbers of a test"
)]

mod common;

use std::path::Path;
use std::time::Duration;

use common::{moment, sample, time};
use poolmon_model::{Filter, Pattern};
use poolmon_store::export::{self, ExportFormat, ExportOptions};
use poolmon_store::{Recorder, RecorderConfig, Recording, StoreError};

fn recording(folder: &Path, samples: u64) -> Recording {
    let config = RecorderConfig { segment_length: Duration::from_secs(100), ..RecorderConfig::default() };
    let (mut recorder, _) = Recorder::open(folder, config).unwrap();
    for n in 0..samples {
        recorder.record_at(&sample(n), moment(n)).unwrap();
    }
    recorder.close().unwrap();
    Recording::open(folder).unwrap()
}

fn text(recording: &Recording, format: ExportFormat, options: &ExportOptions) -> String {
    let mut out = Vec::new();
    export::write(recording, format, options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn some(tag: &str, samples: u64) -> ExportOptions {
    ExportOptions {
        to: Some(time(samples - 1)),
        filter: Filter { include: vec![Pattern::new(tag)], ..Filter::default() },
        ..ExportOptions::default()
    }
}

#[test]
fn texts_look_as_they_should() {
    let folder = tempfile::tempdir().unwrap();
    let recording = recording(folder.path(), 12);
    let one = some("Tagb", 2);
    insta::assert_snapshot!("csv", text(&recording, ExportFormat::Csv, &one));
    insta::assert_snapshot!("json", text(&recording, ExportFormat::JsonLines, &one));
    insta::assert_snapshot!("prometheus", text(&recording, ExportFormat::Prometheus, &one));
    insta::assert_snapshot!("openmetrics", text(&recording, ExportFormat::OpenMetrics, &one));
    insta::assert_snapshot!("poolmon", text(&recording, ExportFormat::Poolmon, &one));
    insta::assert_snapshot!("header", text(&recording, ExportFormat::HeaderCsv, &one));
}

/// Days that are counted from the first are no days of 1970.
#[test]
fn times_of_day_have_no_invented_date() {
    let folder = tempfile::tempdir().unwrap();
    let (mut recorder, _) = Recorder::open(folder.path(), RecorderConfig::default()).unwrap();
    for n in 0..3_i64 {
        let mut sample = sample(n.cast_unsigned());
        std::sync::Arc::make_mut(&mut sample.origin).kind = poolmon_model::SourceKind::PoolmonLog;
        sample.time = jiff::Timestamp::from_second(8 * 3600 + 86_400 * n).ok();
        recorder.record_past(&sample).unwrap();
    }
    recorder.close().unwrap();
    let recording = Recording::open(folder.path()).unwrap();
    for format in [ExportFormat::Csv, ExportFormat::JsonLines, ExportFormat::HeaderCsv, ExportFormat::Poolmon]
    {
        let text = text(&recording, format, &ExportOptions::default());
        assert!(!text.contains("1970-"), "{text}");
    }
    let csv = text(&recording, ExportFormat::Csv, &ExportOptions::default());
    assert!(csv.lines().nth(1).unwrap().starts_with("day 1 08:00:00,0.0,"), "{csv}");
    let error =
        export::write(&recording, ExportFormat::OpenMetrics, &ExportOptions::default(), &mut Vec::new());
    assert!(error.unwrap_err().to_string().contains("times of day without a date"));
}

#[test]
fn one_sample_in_each_step() {
    let folder = tempfile::tempdir().unwrap();
    let recording = recording(folder.path(), 100);
    let options = ExportOptions {
        from: Some(time(5)),
        to: Some(time(60)),
        every: Some(Duration::from_secs(10)),
        ..some("Taga", 61)
    };
    let csv = text(&recording, ExportFormat::Csv, &options);
    let seconds: Vec<&str> = csv.lines().skip(1).map(|line| line.split(',').nth(1).unwrap()).collect();
    assert_eq!(seconds, ["5.0", "15.0", "25.0", "35.0", "45.0", "55.0"]);
    let estimate = options.estimate(&recording).unwrap();
    assert_eq!((estimate.samples, estimate.rows), (6, 6));
}

#[test]
fn excel_is_told_what_fits() {
    let estimate = export::Estimate { samples: 120_960, rows: 483_840_000, seconds: 604_800 };
    let Err(error) = estimate.check_excel() else { panic!("it does not fit") };
    assert!(matches!(error, StoreError::TooManyRows { every: 3600, .. }), "{error}");
    assert!(error.to_string().contains("1,048,576"));
    assert!(export::Estimate { samples: 10, rows: 40_000, seconds: 50 }.check_excel().is_ok());
}

#[test]
fn a_closed_pipe_is_an_error_that_can_be_told_apart() {
    struct Closed;
    impl std::io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let recording = recording(folder.path(), 3);
    let error =
        export::write(&recording, ExportFormat::Csv, &ExportOptions::default(), &mut Closed).unwrap_err();
    let StoreError::Io { source, .. } = error else { panic!("{error}") };
    assert_eq!(source.kind(), std::io::ErrorKind::BrokenPipe);
}

#[cfg(feature = "parquet")]
mod parquet_files {
    use super::*;
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::RowAccessor as _;

    #[test]
    fn rows_stand_by_tag_and_time() {
        let folder = tempfile::tempdir().unwrap();
        let recording = recording(folder.path(), 250);
        let path = folder.path().join("a.parquet");
        let summary =
            export::parquet::write(&recording, &ExportOptions::default(), &path, &mut || {}).unwrap();
        let reader = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
        let metadata = reader.metadata().file_metadata();
        assert_eq!(metadata.num_rows(), i64::try_from(summary.rows).unwrap());
        let reported = metadata.key_value_metadata().unwrap();
        let value = |key: &str| reported.iter().find(|pair| pair.key == key).unwrap().value.clone().unwrap();
        assert_eq!(value("poolmon.host"), "HOST");
        assert_eq!(value("poolmon.counter_bits"), "32");
        assert_eq!(value("poolmon.boots"), "boot-1");
        let mut rows = Vec::new();
        for row in reader.get_row_iter(None).unwrap() {
            let row = row.unwrap();
            rows.push((
                row.get_string(5).unwrap().clone(),
                row.get_timestamp_micros(0).unwrap(),
                row.get_double(1).unwrap(),
                row.get_long(8).unwrap(),
                row.get_long(11).unwrap(),
            ));
        }
        let mut expected = Vec::new();
        for n in 0..250 {
            for row in sample(n).rows {
                expected.push((
                    row.tag.to_string(),
                    time(n).as_microsecond(),
                    n as f64,
                    row.counters.allocs.unwrap().cast_signed(),
                    row.counters.bytes.unwrap().cast_signed(),
                ));
            }
        }
        expected.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        assert!(rows == expected);
    }

    #[test]
    fn closed_segments_are_sealed_in_the_background() {
        let folder = tempfile::tempdir().unwrap();
        let config = RecorderConfig {
            segment_length: Duration::from_secs(100),
            seal: true,
            ..RecorderConfig::default()
        };
        let (mut recorder, _) = Recorder::open(folder.path(), config).unwrap();
        for n in 0..250 {
            recorder.record_at(&sample(n), moment(n)).unwrap();
        }
        recorder.close().unwrap();
        let recording = Recording::open(folder.path()).unwrap();
        assert_eq!(recording.info().unwrap().sealed, 3);
        assert!(recording.segments().iter().all(|segment| segment.sealed().exists()));
    }
}
