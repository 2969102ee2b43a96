//! `poolmon export` and `poolmon import`: what comes in and what goes out.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use poolmon_model::{CounterWidth, Origin, Pool, Row, Sample, SourceKind, Tag};
use poolmon_store::{Recorder, RecorderConfig, Recording};

use crate::{POOLMON, json_of, poolmon, shared, stdout_of, text};

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

const START: &str = "2026-11-22T10:00:00Z";

/// A recording of a Windows host: so many samples, a minute apart, of so many rows.
pub fn recording(folder: &Path, samples: u32, rows: u32) -> PathBuf {
    let folder = folder.join("rec");
    let config =
        RecorderConfig { interval: Duration::from_mins(1), sync: Duration::MAX, ..RecorderConfig::default() };
    let (mut recorder, _) = Recorder::open(&folder, config).unwrap();
    let mut origin = Origin::new(SourceKind::Windows, &[Pool::Nonpaged, Pool::Paged]);
    (origin.host, origin.boot) = (Some("srv, 1".into()), Some("2026-11-01".into()));
    let mut sample = Sample::new(Arc::new(origin), CounterWidth::Bits32);
    let start: Timestamp = START.parse().unwrap();
    for n in 0..samples {
        sample.time = start.checked_add(SignedDuration::from_mins(n.into())).ok();
        sample.header.pool_nonpaged = Some(1 << 30);
        sample.rows.clear();
        sample.rows.extend((0..rows).map(|row| {
            // The first four have blanks, quotes and bytes that do not print.
            let tag = match row {
                0 => *b"Irp ",
                1 => *b"a\"b,",
                2 => [0, 1, 0xff, b'x'],
                3 => *b"Leak",
                _ => std::array::from_fn(|at| b"abcdefghijklmnop"[(row >> (4 * at) & 15) as usize]),
            };
            let pool = if row % 2 == 0 { Pool::Nonpaged } else { Pool::Paged };
            let allocs = u64::from(row) + if row == 3 { u64::from(n) * 10 } else { 0 };
            Row::windows(Tag::pool(tag), pool, allocs, u64::from(row / 2), allocs * 64)
        }));
        recorder.record_past(&sample).unwrap();
    }
    recorder.note("half time").unwrap();
    recorder.close().unwrap();
    folder
}

/// A recording of a Linux host with one slab cache that has three names.
pub fn merged_recording(folder: &Path) -> PathBuf {
    let folder = folder.join("merged");
    let (mut recorder, _) = Recorder::open(&folder, RecorderConfig::default()).unwrap();
    recorder.merged(vec![["signal_cache", "UNIX", "PING"].map(str::to_owned).to_vec()]);
    let mut sample =
        Sample::new(Arc::new(Origin::new(SourceKind::Linux, &[Pool::Unreclaimable])), CounterWidth::Bits64);
    sample.rows.push(Row::windows(Tag::name("signal_cache"), Pool::Unreclaimable, 5, 0, 320));
    sample.time = START.parse().ok();
    recorder.record_past(&sample).unwrap();
    recorder.close().unwrap();
    folder
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_files_are_whole() {
    let temp = tempfile::tempdir().unwrap();
    let rec = recording(temp.path(), 10, 20);
    let file = temp.path().join("a.parquet");
    stdout_of(&["export", path(&rec), "-o", path(&file)]);
    let bytes = fs::read(&file).unwrap();
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    // Read again as the CSV of the same recording is, and imported.
    stdout_of(&["export", path(&rec), "-o", path(&temp.path().join("a.csv"))]);
    let rows = |name: &str| {
        let top = json_of(&["top", path(&temp.path().join(name)), "--format", "json", "--sort", "tag"]);
        top["rows"].as_array().unwrap().iter().map(ToString::to_string).collect::<BTreeSet<_>>()
    };
    assert_eq!(rows("a.parquet"), rows("a.csv"));
    stdout_of(&["import", path(&file), "-o", path(&temp.path().join("again"))]);
    let info = |rec: &Path| json_of(&["info", path(rec), "--format", "json"]);
    let (before, after) = (info(&rec), info(&temp.path().join("again")));
    for name in ["samples", "first", "last", "hosts"] {
        assert_eq!(before[name], after[name], "{name}");
    }
    // Cut, and of another program: refused by name.
    fs::write(temp.path().join("cut.parquet"), &bytes[..bytes.len() - 9]).unwrap();
    let out =
        poolmon(&["import", path(&temp.path().join("cut.parquet")), "-o", path(&temp.path().join("no"))]);
    let said = text(&out.stderr);
    assert!(
        out.status.code() == Some(1) && said.contains("damaged") && said.contains("poolmon export"),
        "{said}"
    );
    assert!(!temp.path().join("no").exists());
}

#[cfg(not(feature = "parquet"))]
#[test]
fn a_build_without_parquet_says_so() {
    let temp = tempfile::tempdir().unwrap();
    let rec = recording(temp.path(), 10, 20);
    let file = temp.path().join("a.parquet");
    for args in [
        &["export", path(&rec), "-o", path(&file)][..],
        &["record", path(&temp.path().join("new")), "--parquet", "--for", "1s"],
    ] {
        let out = poolmon(args);
        let said = text(&out.stderr);
        assert!(out.status.code() == Some(1) && said.contains("writes no Parquet"), "{said}");
    }
    assert!(!file.exists());
}

#[test]
fn every_format() {
    let temp = tempfile::tempdir().unwrap();
    let rec = recording(temp.path(), 10, 20);
    let file = |name: &str| temp.path().join(name);
    for name in ["a.parquet", "a.csv", "a.tsv", "a.jsonl", "a.log", "a.om"] {
        if name == "a.parquet" && cfg!(not(feature = "parquet")) {
            continue;
        }
        let out = poolmon(&["export", path(&rec), "-o", path(&file(name))]);
        let said = text(&out.stderr);
        // PoolMon leaves rows of zeros out: there is one in each sample.
        let rows = if name == "a.log" { "190 rows of 10 samples" } else { "200 rows of 10 samples" };
        assert!(out.status.success() && said.contains(rows), "{name}: {said}");
        assert!(!file(&format!("{name}.part")).exists());
    }
    let lines = |name: &str| fs::read_to_string(file(name)).unwrap().lines().count();
    assert_eq!((lines("a.csv"), lines("a.tsv"), lines("a.jsonl")), (201, 201, 200));
    assert!(fs::read_to_string(file("a.om")).unwrap().ends_with("# EOF\n"));
    let top = json_of(&["top", path(&file("a.log")), "--format", "json", "--include", "Leak"]);
    assert_eq!(top["rows"][0]["allocs"], 93, "{top:#}");

    let header = stdout_of(&["export", path(&rec), "--format", "header-csv"]);
    assert_eq!(header.lines().count(), 11);
    assert!(header.contains("1073741824"));
    let marks = stdout_of(&["export", path(&rec), "-o", "-", "--format", "marks-csv"]);
    assert!(marks.contains("note,,half time"), "{marks}");
}

#[test]
fn a_part_of_it() {
    let temp = tempfile::tempdir().unwrap();
    let rec = recording(temp.path(), 60, 6);
    let rows = |more: &[&str]| {
        let args = [&["export", path(&rec), "--format", "csv"], more].concat();
        stdout_of(&args).lines().count() - 1
    };
    assert_eq!(rows(&[]), 360);
    assert_eq!(rows(&["--include", "Leak"]), 60);
    assert_eq!(rows(&["--exclude", "Leak"]), 300);
    assert_eq!(rows(&["--pool", "nonpaged"]), 180);
    assert_eq!(rows(&["--every", "10m"]), 36);
    assert_eq!(rows(&["--from", "-9m"]), 60);
    assert_eq!(rows(&["--to", "+9min", "--include", "Leak"]), 10);
    assert_eq!(rows(&["--from", "2026-11-22T10:30:00Z", "--to", "2026-11-22T10:31:00Z"]), 12);
    for (args, words) in [
        (&["--from", "soon"][..], "is not a time"),
        (&["--from", "-1m", "--to", "-2m"], "is later than --to"),
    ] {
        let out = poolmon(&[&["export", path(&rec), "--format", "csv"], args].concat());
        assert_eq!(out.status.code(), Some(1));
        assert!(text(&out.stderr).contains(words), "{}", text(&out.stderr));
    }
}

#[test]
fn nothing_is_overwritten_and_nothing_is_guessed() {
    let temp = tempfile::tempdir().unwrap();
    let rec = recording(temp.path(), 2, 6);
    let file = temp.path().join("a.csv");
    fs::write(&file, "mine").unwrap();
    let refused = |args: &[&str], code: i32, words: &str| {
        let out = poolmon(&[&["export", path(&rec)], args].concat());
        let said = text(&out.stderr);
        assert_eq!(out.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(words), "{args:?}: {said}");
    };
    refused(&["-o", path(&file)], 1, "--force");
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    refused(&["-o", path(temp.path())], 1, "folder");
    refused(&["-o", "a.xlsx"], 1, ".parquet, .csv");
    refused(&["-o", "-", "--format", "parquet"], 1, "-o FILE.parquet");
    refused(&["-o", "-"], 1, "--format");
    refused(&[], 2, "--output");
    refused(&["-o", "/nowhere/a.csv"], 1, "/nowhere/a.csv");
    stdout_of(&["export", path(&rec), "-o", path(&file), "--force"]);
    assert!(fs::read_to_string(&file).unwrap().starts_with("time,"));
}

#[test]
fn csv_comes_back_as_the_same_samples() {
    let temp = tempfile::tempdir().unwrap();
    let rec = recording(temp.path(), 30, 200);
    for ending in ["csv", "tsv"] {
        let file = temp.path().join(format!("a.{ending}"));
        let again = temp.path().join(format!("again.{ending}"));
        let folder = temp.path().join(format!("from-{ending}"));
        stdout_of(&["export", path(&rec), "-o", path(&file)]);
        let out = poolmon(&["import", path(&file), "-o", path(&folder)]);
        assert!(
            text(&out.stderr).contains("30 samples, times from the file's content"),
            "{}",
            text(&out.stderr)
        );
        stdout_of(&["export", path(&folder), "-o", path(&again)]);
        assert!(fs::read(&file).unwrap() == fs::read(&again).unwrap(), "{ending}");
        let (a, b) = (Recording::open(&rec).unwrap(), Recording::open(&folder).unwrap());
        let (mut a, mut b) = (a.cursor(), b.cursor());
        let (mut old, mut new) = (Sample::empty(), Sample::empty());
        while a.next_sample(&mut old).unwrap() {
            assert!(b.next_sample(&mut new).unwrap());
            assert_eq!((old.time, &old.rows, old.width), (new.time, &new.rows, new.width));
            assert_eq!((&old.origin.host, &old.origin.boot), (&new.origin.host, &new.origin.boot));
        }
        assert!(!b.next_sample(&mut new).unwrap());
    }
    // Logs and tables are exported without a recording, too.
    let direct = stdout_of(&["export", path(&temp.path().join("a.tsv")), "--format", "csv"]);
    assert!(direct == fs::read_to_string(temp.path().join("a.csv")).unwrap());
}

#[test]
fn excels_limit_is_told_and_met_on_request() {
    let temp = tempfile::tempdir().unwrap();
    // 1,200,000 rows.
    let rec = recording(temp.path(), 400, 3000);
    let mut child = Command::new(POOLMON)
        .args(["export", path(&rec), "--format", "csv"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success(), "a closed pipe is success: {said}");
    assert!(first.starts_with("time,t_s,"));
    assert!(said.contains("1,048,576 rows") && said.contains("--excel"), "{said}");

    let out = poolmon(&["export", path(&rec), "-o", path(&temp.path().join("a.csv")), "--excel"]);
    let said = text(&out.stderr);
    assert!(out.status.success() && said.contains("one sample every 2 min, so that Excel"), "{said}");
    assert!(said.contains("600,000 rows of 200 samples"), "{said}");
}

#[test]
fn a_folder_of_poolmon_logs() {
    let Some(samples) = shared("samples") else { return };
    let temp = tempfile::tempdir().unwrap();
    let logs = temp.path().join("logs");
    fs::create_dir(&logs).unwrap();
    let log = fs::read(samples.join("poolmon-snapshot-win11.txt")).unwrap();
    for name in ["pool 2026-11-21 08-00-00.log", "pool 2026-11-22 08-00-00.log", "undated.log"] {
        fs::write(logs.join(name), &log).unwrap();
    }
    let rec = temp.path().join("rec");
    let out = poolmon(&["import", "-o", path(&rec), "--utc-offset", "+02:00", path(&logs)]);
    let said = text(&out.stderr);
    assert!(out.status.success(), "{said}");
    assert_eq!(said.matches("1 sample, time from the file's name").count(), 2, "{said}");
    assert!(said.contains("undated.log: 1 sample, time from the file's date"), "{said}");
    let info = json_of(&["info", "--format", "json", path(&rec)]);
    assert_eq!((&info["samples"], &info["first"]), (&3.into(), &"2026-11-21T06:00:00Z".into()), "{info:#}");
    let rows = |args: &[&str]| stdout_of(&[&["export", "--format", "csv"], args].concat()).lines().count();
    assert_eq!(rows(&[path(&rec)]), 3 * (rows(&[path(&samples.join("poolmon-snapshot-win11.txt"))]) - 1) + 1);

    let out = poolmon(&["import", "-o", path(&temp.path().join("all")), path(&samples)]);
    let said = text(&out.stderr);
    assert!(
        out.status.success() && said.contains("left out: ") && said.contains("windbg-poolused.txt: 1 sample"),
        "{said}"
    );
    let again = poolmon(&["import", "-o", path(&rec), path(&logs)]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("already holds a recording"));
}

#[test]
fn perfmons_logs() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("german.csv");
    fs::write(
        &file,
        "\"(PDH-CSV 4.0) (Mitteleuropäische Zeit)(-60)\",\"\\\\SRV1\\Bellek\\Havuz\"\r\n\
         \"11/22/2026 10:00:00.000\",\"88350000\"\r\n\"11/22/2026 10:00:15.000\",\" \"\r\n",
    )
    .unwrap();
    let rec = |name: &str| temp.path().join(name);
    let none = poolmon(&["import", "-o", path(&rec("none")), path(&file)]);
    assert_eq!(none.status.code(), Some(1));
    assert!(text(&none.stderr).contains("another language"), "{}", text(&none.stderr));
    assert!(!rec("none").exists(), "nothing is left behind");
    stdout_of(&["import", "-o", path(&rec("a")), "--columns", "1=pool_nonpaged", path(&file)]);
    let header = stdout_of(&["export", path(&rec("a")), "--format", "header-csv"]);
    assert!(header.contains("2026-11-22T09:00:00Z,0.0,SRV1,") && header.contains(",88350000,"), "{header}");
    let args = ["--columns", "1=pool_nonpaged", "--utc-offset", "-05:00", path(&file)];
    stdout_of(&[&["import", "-o", path(&rec("b"))], &args[..]].concat());
    assert!(
        stdout_of(&["export", path(&rec("b")), "--format", "header-csv"]).contains("2026-11-22T15:00:00Z")
    );

    let binary = temp.path().join("in.blg");
    fs::write(&binary, b"\x01\x00\x00").unwrap();
    let out = poolmon(&["import", "-o", path(&rec("c")), path(&binary)]);
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out.stderr).contains("relog in.blg -f csv -o out.csv"), "{}", text(&out.stderr));
}

#[test]
fn what_cannot_be_imported() {
    let temp = tempfile::tempdir().unwrap();
    let rec = recording(temp.path(), 2, 6);
    let log = temp.path().join("two.log");
    let snapshot = " Tag  Type     Allocs     Frees      Diff   Bytes  Per Alloc\n\n\
         Leak Nonp      31642      1204    30438 31168512   1024\n";
    fs::write(&log, snapshot.repeat(2)).unwrap();
    let empty = temp.path().join("empty.csv");
    fs::write(&empty, "").unwrap();
    for (source, words) in [
        (&rec, "already a recording"),
        (&log, "no sample has a time"),
        (&empty, "the file is empty"),
        (&temp.path().join("missing"), "missing"),
    ] {
        let new = temp.path().join("new");
        let out = poolmon(&["import", "-o", path(&new), path(source)]);
        let said = text(&out.stderr);
        assert_eq!(out.status.code(), Some(1), "{said}");
        assert!(said.contains(words), "{said}");
        assert!(!new.exists(), "nothing is left behind: {said}");
    }
}
