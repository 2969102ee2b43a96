//! Numbers in, numbers out: to the unit, through every output.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::script::{Figures, Script, many};
use crate::wine::{Wine, texts};

/// Allocs, frees, bytes by tag and pool.
type Rows = BTreeMap<(String, String), [u64; 3]>;

/// What the program says of each row.
pub fn reported(json: &Value) -> Rows {
    let rows = json["rows"].as_array().expect("rows");
    let reported: Rows = rows
        .iter()
        .map(|row| {
            let text =
                |name: &str| row[name].as_str().unwrap_or_else(|| panic!("{name} in {row}")).to_owned();
            let figure = |name: &str| row[name].as_u64().unwrap_or_else(|| panic!("{name} in {row}"));
            ((text("tag"), text("pool")), ["allocs", "frees", "bytes"].map(figure))
        })
        .collect();
    assert_eq!(reported.len(), rows.len(), "a row stands twice");
    reported
}

/// What it has to say of a table: rows without a figure are left out.
pub fn fed(rows: &[([u8; 4], Figures)]) -> Rows {
    let mut fed = Rows::new();
    for (tag, [pa, pf, pb, na, nf, nb]) in rows {
        let tag = String::from_utf8_lossy(tag).into_owned();
        for (pool, figures) in [("paged", [*pa, *pf, *pb]), ("nonpaged", [*na, *nf, *nb])] {
            if figures != [0; 3] {
                fed.insert((tag.clone(), pool.to_owned()), figures);
            }
        }
    }
    fed
}

/// The rows of a real system's table where it is at hand, else invented ones.
fn a_real_table() -> Vec<([u8; 4], Figures)> {
    // Without it an invented table has to do.
    let Some(path) = poolmon_testkit::shared("samples/windows10-pool-table.tsv") else { return many(3000) };
    let table = fs::read_to_string(path).expect("readable");
    let mut rows: Vec<([u8; 4], Figures)> = Vec::new();
    for line in table.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [tag, pool, allocs, frees, _, bytes] = cells[..] else { panic!("{line:?}") };
        let mut padded = [b' '; 4];
        padded[..tag.len()].copy_from_slice(tag.as_bytes());
        let at = rows.iter().position(|(known, _)| *known == padded).unwrap_or_else(|| {
            rows.push((padded, [0; 6]));
            rows.len() - 1
        });
        let offset = if pool == "paged" { 0 } else { 3 };
        for (n, cell) in [allocs, frees, bytes].iter().enumerate() {
            rows[at].1[offset + n] = cell.parse().expect("a number");
        }
    }
    assert!(rows.len() > 100);
    rows
}

#[test]
fn every_figure_of_a_real_table_arrives() {
    let Some(wine) = Wine::ready() else { return };
    let rows = a_real_table();
    for class in ["", "class255"] {
        let script = Script::new().line(class).table(&rows);
        let json = wine.json(&script, &["top", "--format", "json"]);
        assert_eq!(reported(&json), fed(&rows), "{class}");
        assert_eq!(json["source"], "windows");
        assert!(json["system"].as_str().unwrap().starts_with("Windows "), "{}", json["system"]);
        assert!(json["uptime_s"].as_u64().unwrap() > 0);
        assert!(json["header"]["memory_total"].as_u64().unwrap() > 1 << 20, "{}", json["header"]);
        assert!(json["header"]["page_faults"].is_u64(), "{}", json["header"]);
    }
}

#[test]
fn a_boot_has_one_name() {
    let Some(wine) = Wine::ready() else { return };
    let script = Script::new().table(&many(2));
    let output = wine.run_in_one_shell(&script, "top --format json", 3);
    let (out, err) = texts(&output);
    let objects = serde_json::Deserializer::from_str(&out).into_iter::<serde_json::Value>();
    let boots: Vec<_> = objects.map(|object| object.expect("JSON")["boot"].clone()).collect();
    assert!(
        boots.len() == 3 && boots[0].as_str().is_some_and(|boot| boot.starts_with("20")),
        "{boots:?} {err}"
    );
    assert!(boots.iter().all(|boot| *boot == boots[0]), "{boots:?}");
}

#[test]
fn poolmons_switches_append_its_log() {
    let Some(wine) = Wine::ready() else { return };
    let rows = many(40);
    let script = Script::new().table(&rows);
    for _ in 0..2 {
        wine.text(&script, &["-b", "-n", "snap.log"]);
    }
    let log = fs::read_to_string(wine.folder.join("snap.log")).expect("the log");
    let bytes: Vec<u64> = log
        .lines()
        .filter(|line| line.contains(" Paged ") || line.contains(" Nonp "))
        .map(|line| {
            let cells: Vec<&str> = line.split_whitespace().collect();
            let [tag, pool, allocs, frees, diff, bytes, ..] = cells[..] else { panic!("{line:?}") };
            let number = |text: &str| text.parse::<u64>().unwrap_or_else(|_| panic!("{line:?}"));
            let (_, figures) = rows.iter().find(|(known, _)| known == tag.as_bytes()).expect("a tag we fed");
            let at = if pool == "Paged" { 0 } else { 3 };
            assert_eq!([number(allocs), number(frees), number(bytes)], figures[at..at + 3], "{line}");
            assert_eq!(number(diff), figures[at] - figures[at + 1], "{line}");
            number(bytes)
        })
        .collect();
    assert_eq!(bytes.len(), 2 * 80, "two snapshots of 80 rows\n{log}");
    assert!(bytes[..80].is_sorted_by(|a, b| a >= b), "sorted by bytes: {bytes:?}");
    assert_eq!(bytes[..80], bytes[80..]);

    // What it wrote it reads.
    let script = Script::new().table(&[]);
    let json = wine.json(&script, &["top", "snap.log", "--format", "json"]);
    assert_eq!(reported(&json), fed(&rows));
}

#[test]
fn changes_between_two_tables_are_exact() {
    let Some(wine) = Wine::ready() else { return };
    let before: ([u8; 4], Figures) = (*b"Leak", [0, 0, 0, 4_294_967_290, 4_294_967_000, 5000]);
    // Allocs have wrapped, frees not yet: in 64 bits 10 further allocs, 5 further frees.
    let after: ([u8; 4], Figures) = (*b"Leak", [0, 0, 0, 4_294_967_300, 4_294_967_005, 5640]);
    for (class, diff) in [("", 0), ("class255", 295)] {
        let script = Script::new().line(class).table(&[before]).table(&[after]);
        let json = wine.json(&script, &["top", "--over", "200ms", "--format", "json"]);
        let row = &json["rows"][0];
        assert_eq!(row["bytes_change"], 640, "{row}");
        assert_eq!(row["diff"], diff, "{row}");
        // Class 22: the kernel makes Allocs = Frees, and the row says that this is no fact.
        assert_eq!(row["inexact"] == true, class.is_empty(), "{row}");
        if !class.is_empty() {
            assert_eq!((&row["allocs_change"], &row["frees_change"]), (&10.into(), &5.into()), "{row}");
        }
    }
    // A plain wrap of both counts.
    let wrapped: ([u8; 4], Figures) = (*b"Leak", [0, 0, 0, 4_294_967_600, 4_294_967_310, 5640]);
    let script = Script::new().table(&[before]).table(&[wrapped]);
    let json = wine.json(&script, &["top", "--over", "200ms", "--format", "json"]);
    let row = &json["rows"][0];
    assert_eq!((&row["allocs_change"], &row["frees_change"]), (&310.into(), &310.into()), "{row}");
    assert_eq!((&row["allocs"], &row["diff"]), (&304.into(), &290.into()), "{row}");
}

#[test]
fn sessions_where_the_system_has_them() {
    let Some(wine) = Wine::ready() else { return };
    let session = [(*b"Gh05", [9, 4, 700, 0, 0, 0])];
    let other = [(*b"Gh05", [3, 1, 80, 0, 0, 0])];
    let script =
        Script::new().table(&many(5)).line("session 1").rows(&session).line("session 2").rows(&other);
    let json = wine.json(&script, &["top", "--session=1", "--format", "json"]);
    assert_eq!(reported(&json), fed(&session));
    let json = wine.json(&script, &["top", "--session=2", "--format", "json"]);
    assert_eq!(reported(&json), fed(&other));

    let (_, said) = wine.text(&Script::new().table(&many(5)), &["top", "--session"]);
    assert!(said.contains("no session pools"), "{said}");
}

#[test]
fn the_demo_and_the_doctor_run() {
    let Some(wine) = Wine::ready() else { return };
    let (demo, _) = wine.text(&Script::new().table(&many(5)), &["demo"]);
    assert!(demo.lines().count() > 100, "{demo}");
    let script = Script::new().line("zero-modules").line("status66 c0000022").table(&many(5));
    let output = wine.run(Some(&script), &["doctor"]);
    let (out, err) = texts(&output);
    assert!(out.contains("windows") && !err.contains("panicked"), "{out}\n{err}");
    let line = |what: &str| out.lines().find(|line| line.contains(what)).unwrap_or_default().to_owned();
    for (what, found) in [
        ("class 22 pool", "answers: 5 entries"),
        ("class 66 big", "0xc0000022"),
        ("pool tagging", "on"),
        ("SeDebugPrivilege", "withheld"),
    ] {
        assert!(line(what).contains(found), "{what}: {found} is not in\n{out}");
    }
    assert_eq!(output.status.code(), Some(0), "{out}\n{err}");
}

/// Class 22 before and after 255, and what else does not depend on each other, played so that it agrees, and so that it does not.
#[test]
fn the_self_test_compares_and_packs_what_it_found() {
    let Some(wine) = Wine::ready() else { return };
    let rows = [(*b"Leak", [10, 4, 640, 20, 5, 4096]), (*b"Proc", [1 << 33, 7, 64, 19, 9, 320])];
    let sound = Script::new().line("class255").table(&rows);
    let run = |script: &Script| {
        let zip = wine.folder.join("self-test.zip");
        let _ = fs::remove_file(&zip);
        let output = wine.run(Some(script), &["doctor", "--self-test", "-o", "self-test.zip"]);
        let (out, err) = texts(&output);
        assert!(zip.exists(), "{out}\n{err}");
        let files = unzipped(&fs::read(&zip).unwrap());
        (output.status.code(), out, err, files)
    };
    let (code, out, err, files) = run(&sound);
    assert_eq!(code, Some(0), "{out}\n{err}");
    let line = |what: &str| out.lines().find(|line| line.contains(what)).unwrap_or_default().to_owned();
    for (what, found) in [
        ("self-test: samples", "5 taken"),
        ("self-test: classes 22 and 255", "4 rows agree, 4 of them to the byte"),
        ("self-test: class 2 and performance call", "4 figures agree"),
        // The shim lists none: Wine 8 crashes.
        ("self-test: handles and types", "cannot be compared"),
        ("self-test: boot time and uptime", ""),
        ("self-test: lists of drivers", " 77"),
        ("self-test: tracing", ""),
        ("self-test: zip", "self-test.zip"),
    ] {
        assert!(line(what).contains(what) && line(what).contains(found), "{what}: {found} is not in\n{out}");
    }
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["checks.txt", "first.csv", "last.csv"]);
    let checks = &files[0].1;
    assert!(checks.contains("self-test: classes 22 and 255\t4 rows agree"), "{checks}");
    assert!(files[1].1.contains("\"Leak\",nonpaged,20,5,4096"), "{}", files[1].1);
    // Neither the machine, nor its user, nor a folder of theirs.
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    // Two letters are in other words as well.
    let host = if host.trim().len() > 3 { host } else { String::new() };
    let folder = wine.folder.display().to_string();
    let all: String = files.iter().map(|(_, text)| text.as_str()).collect();
    for private in [host.trim(), &folder, "\\users\\", "C:\\", "Z:\\"] {
        assert!(
            private.is_empty() || !all.to_lowercase().contains(&private.to_lowercase()),
            "{private} is in\n{all}"
        );
    }
    // Rows that rest in class 22 have other bytes in 255.
    let (code, out, _, files) = run(&Script::new().line("class255").line("wide-more 4").table(&rows));
    assert_eq!(code, Some(1), "{out}");
    for text in [&out, &files[0].1] {
        assert!(text.contains("2 of 4 rows contradict each other: Leak, Proc"), "{text}");
    }
}

/// Names and texts of a zip file.
fn unzipped(bytes: &[u8]) -> Vec<(String, String)> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    let script = "import json, sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\n\
                  print(json.dumps([[name, z.read(name).decode()] for name in z.namelist()]))";
    let output =
        std::process::Command::new("python3").args(["-c", script]).arg(file.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
