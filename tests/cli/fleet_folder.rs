//! `poolmon export --partitioned` and `poolmon fleet DIR`: many hosts in one folder.

use std::fs;
use std::path::Path;
use std::process::Command;

use poolmon_testkit::{Need, skip};
use serde_json::{Value, json};

use crate::leaks::record_as;
use crate::{json_of, poolmon, stdout_of, text};

/// Days of three hosts as one data set: a tag leaks on `srv b`. From 08:00 to 08:00 of the next day.
fn data_set(folder: &Path) {
    let out = folder.join("fleet");
    for (host, leaks) in [("srv a", false), ("srv b", true), ("srv-c", false)] {
        let recording = folder.join(host);
        record_as(host, &recording, leaks, 720, 120);
        stdout_of(&["export", recording.to_str().unwrap(), "--partitioned", "-o", out.to_str().unwrap()]);
        fs::remove_dir_all(&recording).unwrap();
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_data_set_is_judged_as_its_recordings_are() {
    let temp = tempfile::tempdir().unwrap();
    data_set(temp.path());
    let fleet = temp.path().join("fleet");
    assert_eq!(names(&fleet), ["host=srv%20a", "host=srv%20b", "host=srv-c"]);
    assert_eq!(names(&fleet.join("host=srv%20b")), ["date=2026-11-22", "date=2026-11-23"]);
    // A mix: the fourth host is a recording.
    record_as("srv-d", &fleet.join("srv-d"), true, 720, 120);
    let path = fleet.to_str().unwrap();
    let found = json_of(&["fleet", path, "--format", "json"]);
    assert_eq!((&found["hosts"], &found["young"], &found["warnings"]), (&json!(4), &json!(0), &json!([])));
    let [finding] = &found["findings"].as_array().unwrap()[..] else { panic!("{found:#}") };
    assert_eq!(
        (&finding["tag"], &finding["hosts"]),
        (&json!("Leak"), &json!(2)),
        "the other two have no such tag"
    );
    let on: Vec<_> = finding["on"].as_array().unwrap().iter().collect();
    assert_eq!(on.len(), 2, "{on:?}");
    // The same samples lead to the same verdict, from a recording or from Parquet.
    let of = |host: &str| on.iter().find(|on| on["host"] == host).unwrap_or_else(|| panic!("{on:?}"));
    let (parquet, recorded) = (of("srv b"), of("srv-d"));
    for figure in ["level", "confidence", "bytes_per_hour", "held"] {
        assert_eq!(parquet[figure], recorded[figure], "{figure}");
    }
    // A damaged day is named with what helps, and the other hosts are judged.
    let day = fleet.join("host=srv-c/date=2026-11-23/part-0.parquet");
    let mut bytes = fs::read(&day).unwrap();
    bytes.truncate(bytes.len() / 2);
    fs::write(&day, bytes).unwrap();
    let output = poolmon(&["fleet", path, "--fail-on", "leak"]);
    let printed = text(&output.stdout);
    assert!(printed.contains("Leak (nonpaged pool)") && printed.contains(" on 2 of 2 hosts"), "{printed}");
    let left_out =
        printed.lines().find(|line| line.starts_with("Left out: ")).unwrap_or_else(|| panic!("{printed}"));
    assert!(
        left_out.contains("host=srv-c/date=2026-11-23/part-0.parquet") && left_out.contains(" ("),
        "{left_out}"
    );
    assert!(text(&output.stderr).ends_with("folders were left out: this answer is not complete\n"));
}

#[test]
fn what_the_option_does_not_go_with() {
    let temp = tempfile::tempdir().unwrap();
    let at = |name: &str| temp.path().join(name).to_str().unwrap().to_owned();
    record_as("srv", &temp.path().join("rec"), false, 5, 60);
    let (rec, fleet, file) = (at("rec"), at("fleet"), at("file"));
    fs::write(&file, "").unwrap();
    let fails = |rest: &[&str], code: i32, said: &str| {
        let output = poolmon(&[&["export", &rec, "--partitioned"], rest].concat());
        let error = text(&output.stderr);
        assert!(output.status.code() == Some(code) && error.contains(said), "{rest:?}: {error}");
    };
    fails(&["--format", "csv", "-o", &fleet], 2, "--partitioned has no meaning for csv");
    fails(&["--excel", "-o", &fleet], 2, "--excel has no meaning for parquet");
    fails(&["-o", &file], 1, "needs a folder");
    fails(&["-o", "-"], 1, "needs a folder");
    fails(&[], 2, "--output");
    assert!(!Path::new(&fleet).exists());
    stdout_of(&["export", &rec, "--partitioned", "-o", &fleet]);
    fails(&["-o", &fleet], 1, "part-0.parquet: the file exists\n  replace the days");
    stdout_of(&["export", &rec, "--partitioned", "-o", &fleet, "--force"]);
}

/// The guide's questions find the leak, and each opens only the files of the days that it asks for.
#[test]
fn the_guides_sql_finds_the_leak() {
    let Some(python) = std::env::var_os("POOLMON_PYTHON") else {
        skip(Need::Python, "POOLMON_PYTHON is not set (./check sets it)");
        return;
    };
    let temp = tempfile::tempdir().unwrap();
    data_set(temp.path());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/cli/fleet_folder.py");
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/fleet.md");
    let out = Command::new(python).args([script, guide]).current_dir(temp.path()).output().unwrap();
    assert!(out.status.success(), "{}", text(&out.stderr));
    let answers: Value = serde_json::from_slice(&out.stdout).unwrap();
    let rows = |name: &str| answers[name].as_array().unwrap_or_else(|| panic!("{name}: {answers:#}")).clone();
    // Of the first day alone, by one file of two for each host.
    assert_eq!(rows("DuckDB largest").len(), 15);
    assert_eq!(answers["DuckDB largest files"], json!([["3", "6"]]));
    let largest = |rows: Vec<Value>| {
        let mut rows: Vec<Value> =
            rows.into_iter().map(|row| json!([row[0], row[1], row[2], row[3]])).collect();
        for row in &mut rows {
            row[0] = row[0].as_str().unwrap().replace("%20", " ").into();
        }
        rows
    };
    let of_duckdb = largest(rows("DuckDB largest"));
    let whole = |row: &Value| row[3].as_i64().or_else(|| row[3].as_str()?.parse().ok());
    let of_clickhouse = largest(rows("ClickHouse largest"));
    assert_eq!(of_duckdb.len(), of_clickhouse.len());
    for (a, b) in of_duckdb.iter().zip(&of_clickhouse) {
        assert_eq!((&a[0], &a[1], &a[2], whole(a)), (&b[0], &b[1], &b[2], whole(b)));
    }
    let grown = rows("DuckDB grown");
    assert_eq!((grown.len(), &grown[0][0], &grown[0][1]), (20, &json!("srv b"), &json!("Leak")), "{grown:?}");
    let floors = rows("DuckDB floors");
    assert_eq!(floors.len(), 1, "{floors:?}");
    assert_eq!((&floors[0][0], &floors[0][1]), (&json!("srv b"), &json!("Leak")));
    let floors = rows("ClickHouse floors");
    assert_eq!(floors.len(), 1, "{floors:?}");
    assert_eq!((&floors[0][0], &floors[0][1]), (&json!("srv%20b"), &json!("Leak")));
}
