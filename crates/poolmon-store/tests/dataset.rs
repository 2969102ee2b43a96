//! Recordings of several hosts as one data set in folders.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "small numbers of a test"
)]
#![cfg(feature = "parquet")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::{START, sample};
use jiff::Timestamp;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use poolmon_model::hive;
use poolmon_store::export::{self, ExportOptions};
use poolmon_store::{Recorder, RecorderConfig, Recording, StoreError};

/// A second of a day, counted from the day of `START`.
fn day(number: i64, second: i64) -> Timestamp {
    Timestamp::from_second(START - START.rem_euclid(86_400) + number * 86_400 + second).unwrap()
}

/// Samples of a host at these moments.
fn recording(folder: &Path, host: Option<&str>, moments: &[Timestamp]) -> Recording {
    let moments: Vec<_> = moments.iter().map(|time| (host, *time)).collect();
    mixed(folder, &moments)
}

fn mixed(folder: &Path, moments: &[(Option<&str>, Timestamp)]) -> Recording {
    let (mut recorder, _) = Recorder::open(folder, RecorderConfig::default()).unwrap();
    for (n, (host, time)) in moments.iter().enumerate() {
        let mut sample = sample(n as u64);
        Arc::make_mut(&mut sample.origin).host = host.map(str::to_owned);
        sample.time = Some(*time);
        recorder.record_past(&sample).unwrap();
    }
    recorder.close().unwrap();
    Recording::open(folder).unwrap()
}

/// Every file below a folder, by name.
fn files(folder: &Path) -> Vec<String> {
    fn list(folder: &Path, all: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { list(&path, all) } else { all.push(path) }
        }
    }
    let mut all = Vec::new();
    list(folder, &mut all);
    let mut names: Vec<String> =
        all.iter().map(|path| path.strip_prefix(folder).unwrap().display().to_string()).collect();
    names.sort();
    names
}

fn rows(path: &Path) -> i64 {
    let reader = SerializedFileReader::new(fs::File::open(path).unwrap()).unwrap();
    reader.metadata().file_metadata().num_rows()
}

#[test]
fn a_folder_for_each_host_and_day() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("fleet");
    let days = [day(0, 86_398), day(0, 86_399), day(1, 0), day(1, 1), day(1, 2)];
    let hostile = "../up and away.";
    for (name, host) in [("a", Some("srv-01")), ("b", Some(hostile)), ("c", None)] {
        let recording = recording(&folder.path().join(name), host, &days);
        let (summary, files) =
            export::write_dataset(&recording, &ExportOptions::default(), &out, false).unwrap();
        assert_eq!((summary.samples, files), (5, 2));
    }
    let found = files(&out);
    let of = |host: &str, date: &str| format!("{host}/date={date}/part-0.parquet");
    let [first, second] = [day(0, 0), day(1, 0)].map(|day| day.to_string()[..10].to_owned());
    let hosts = ["host=..%2Fup%20and%20away%2E", "host=__HIVE_DEFAULT_PARTITION__", "host=srv-01"];
    let expected: Vec<String> = hosts.iter().flat_map(|host| [of(host, &first), of(host, &second)]).collect();
    assert_eq!(found, expected);
    assert_eq!(hive::host_of(hosts[0]).as_deref(), Some(hostile));
    let tags = 12;
    assert_eq!(rows(&out.join(&expected[4])), 2 * tags);
    // One sample of the three has a tag more.
    assert_eq!(rows(&out.join(&expected[5])), 3 * tags + 1);
}

#[test]
fn what_is_there_is_replaced_only_if_that_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("fleet");
    let options = ExportOptions::default();
    // A host and day that was left is returned to.
    let moments = [(Some("srv"), day(1, 5)), (Some("other"), day(1, 6)), (Some("srv"), day(1, 7))];
    let first = mixed(&folder.path().join("a"), &moments);
    assert_eq!(export::write_dataset(&first, &options, &out, false).unwrap().1, 3);
    let names = files(&out);
    assert_eq!(names.iter().filter(|name| name.ends_with("part-1.parquet")).count(), 1, "{names:?}");
    let second = recording(&folder.path().join("b"), Some("srv"), &[day(1, 8), day(2, 0)]);
    let before: Vec<Vec<u8>> = names.iter().map(|name| fs::read(out.join(name)).unwrap()).collect();
    let error = export::write_dataset(&second, &options, &out, false).unwrap_err();
    assert!(matches!(&error, StoreError::IsThere { path } if path.ends_with("part-0.parquet")), "{error}");
    assert_eq!(files(&out), names, "nothing of it was written");
    for (name, bytes) in names.iter().zip(before) {
        assert_eq!(fs::read(out.join(name)).unwrap(), bytes);
    }
    // Replaced: no part of the earlier export remains of a day that is exported again, and other days stay.
    assert_eq!(export::write_dataset(&second, &options, &out, true).unwrap().1, 2);
    let now = files(&out);
    assert_eq!(now.len(), 3, "{now:?}");
    assert!(now.iter().all(|name| name.ends_with("part-0.parquet")), "{now:?}");
    // A part of a day does not replace the day.
    for (from, to) in [(Some(day(1, 1)), None), (None, Some(day(2, 0)))] {
        let part = ExportOptions { from, to, ..options.clone() };
        let error = export::write_dataset(&second, &part, &out, true).unwrap_err();
        assert!(matches!(&error, StoreError::PartOfDay { .. }), "{error}");
    }
    assert_eq!(files(&out), now);
    let whole = ExportOptions { from: Some(day(2, 0)), to: Some(day(2, 86_399)), ..options.clone() };
    assert_eq!(export::write_dataset(&second, &whole, &out, true).unwrap().1, 1);
    // Days that are chosen are not in the way.
    let options = ExportOptions { from: Some(day(3, 0)), ..options };
    let third = recording(&folder.path().join("c"), Some("srv"), &[day(2, 7), day(3, 1)]);
    assert_eq!(export::write_dataset(&third, &options, &out, false).unwrap().1, 1);
}

#[test]
fn what_others_put_beside_is_not_removed() {
    let folder = tempfile::tempdir().unwrap();
    let recording = recording(&folder.path().join("a"), Some("srv"), &[day(1, 5)]);
    let out = folder.path().join("fleet");
    let own = out.join("host=srv").join(format!("date={}", &day(1, 0).to_string()[..10]));
    fs::create_dir_all(&own).unwrap();
    fs::write(own.join("part-1.parquet"), "another program's").unwrap();
    assert_eq!(export::write_dataset(&recording, &ExportOptions::default(), &out, false).unwrap().1, 1);
    assert_eq!(fs::read(own.join("part-1.parquet")).unwrap(), b"another program's");
}
