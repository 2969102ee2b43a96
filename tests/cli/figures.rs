//! The same figures in every command: `leaks`, `report`, `top`, `diff` and an export of one recording.

use std::fmt::Write as _;
use std::fs;

use serde_json::Value;

use crate::{json_of, poolmon, stdout_of, text};

fn row<'a>(rows: &'a Value, tag: &str) -> &'a Value {
    let rows = rows.as_array().unwrap();
    rows.iter()
        .find(|row| row["tag"].as_str().unwrap().trim_end() == tag)
        .unwrap_or_else(|| panic!("{tag}: {rows:?}"))
}

/// A leak of 4 KiB a minute, in a saved log: every command says from which figure to which.
fn log(name: &str, bytes: impl Fn(u64) -> u64) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::new();
    for n in 0..240_u64 {
        let (hour, minute, bytes) = (n / 60 + 8, n % 60, bytes(n));
        let _ = write!(
            text,
            "2026-03-01 {hour:02}:{minute:02}:00Z\n Tag  Type     Allocs            Frees               Diff            Bytes       Per Alloc\n\n \
             Leak Nonp {:>18} {:>18} {:>18} {bytes:>16} {:>15}\n Flat Nonp {:>18} {:>18} {:>18} {:>16} {:>15}\n\n",
            1000 + n,
            0,
            1000 + n,
            bytes / (1000 + n),
            500,
            0,
            500,
            64_000,
            128
        );
    }
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

#[test]
fn of_one_leak() {
    // Uneven steps: an average is not the last figure.
    let bytes = |n: u64| 4_096_000 + 4096 * n + 512 * (n % 7);
    let (folder, path) = log("log.txt", bytes);
    let (first, last) = (bytes(0), bytes(239));
    let leaks = json_of(&["leaks", &path, "--format", "json"]);
    let leak = row(&leaks["verdicts"], "Leak");
    assert!(leak["kind"] == "leaking" || leak["kind"] == "suspected", "{leak}");
    assert_eq!(leak["held"], last, "the last sample's figure");
    assert_eq!(leak["growth"], last - first, "last minus first of the window, which is all of it");
    let top = json_of(&["top", &path, "--format", "json"]);
    assert_eq!(row(&top["rows"], "Leak")["bytes"], last);
    let diff = json_of(&["diff", &path, "--format", "json"]);
    assert_eq!(row(&diff["rows"], "Leak")["bytes_change"], last - first);
    let change = poolmon_model::units::human_change(i64::try_from(last - first).unwrap());
    assert!(stdout_of(&["diff", &path]).contains(&change), "{change}");
    let report = stdout_of(&["report", &path, "-o", "-", "--format", "markdown"]);
    for figure in [last, last - first].map(|bytes| poolmon_model::units::human_amount(bytes as f64)) {
        assert!(report.contains(&figure), "{figure} is not in {report}");
    }
    // A recording of the same samples.
    let recording = folder.path().join("recording");
    stdout_of(&["import", &path, "-o", recording.to_str().unwrap()]);
    let again = json_of(&["leaks", recording.to_str().unwrap(), "--format", "json"]);
    assert_eq!(row(&again["verdicts"], "Leak"), leak);
}

#[test]
fn groups_are_sums_of_rows() {
    let (_folder, path) = log("groups.txt", |n| 4_096_000 + 4096 * n);
    let grouped = json_of(&["top", &path, "--group", "owner", "--format", "json"]);
    let sum: u64 = grouped["rows"].as_array().unwrap().iter().map(|row| row["bytes"].as_u64().unwrap()).sum();
    let groups = grouped["groups"].as_array().unwrap();
    assert_eq!(groups.iter().map(|group| group["bytes"].as_u64().unwrap()).sum::<u64>(), sum);
    assert_eq!(groups.iter().map(|group| group["rows"].as_u64().unwrap()).sum::<u64>(), 2);
    // One line each: the group of largest sum, without titles, with units.
    let bare = stdout_of(&["top", &path, "--group", "owner", "-n", "1", "-H", "--no-header"]);
    assert_eq!(bare.lines().count(), 1, "{bare}");
    assert!(bare.contains("MiB") && bare.starts_with("unknown owner"), "{bare}");
    for (args, why) in [
        (&["--group", "owner", "--format", "poolmon"][..], "has no groups"),
        (&["-H", "--format", "csv"], "of the text table"),
        (&["--no-header", "--format", "json"], "of the text table"),
    ] {
        let output = poolmon(&[&["top", &path], args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output.stderr).contains(why), "{args:?}: {}", text(&output.stderr));
    }
}
