//! Saved logs and tables.

use crate::{json_of, poolmon, shared, text};

#[test]
fn the_articles_table_is_read_and_its_disagreement_reported() {
    let Some(file) = shared("samples/seed-example.txt") else { return };
    let file = file.to_str().unwrap();
    let output = poolmon(&["top", file, "--sort", "bytes", "--limit", "1"]);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{err}");
    let rows: Vec<&str> = out.lines().skip(1).collect();
    assert_eq!(rows.len(), 1, "{out}");
    assert!(rows[0].starts_with("Test") && rows[0].contains("1972392"), "{out}");
    assert!(err.contains("Diff disagrees with Allocs - Frees in 3 of 4 rows"), "{err}");
}

#[test]
fn a_whole_windows_10_table_adds_up() {
    let Some(file) = shared("samples/windows10-pool-table.tsv") else { return };
    let json = json_of(&["top", file.to_str().unwrap(), "--totals", "--format", "json"]);
    assert_eq!(json["row_count"], 3050);
    assert_eq!(json["rows"].as_array().unwrap().len(), 3050);
    assert_eq!(json["totals"]["nonpaged"]["bytes"], 889_167_696);
    assert_eq!(json["totals"]["paged"]["bytes"], 641_416_592);
}

#[test]
fn every_saved_poolmon_text_is_read() {
    for (name, rows) in [
        ("poolmon-screen-docs-display.txt", 8),
        ("poolmon-screen-docs-mapped-driver.txt", 13),
        ("poolmon-screen-win7-tabs.txt", 3),
        ("poolmon-snapshot-mapped-driver.txt", 2),
        ("poolmon-snapshot-win11.txt", 8),
    ] {
        let Some(file) = shared(&format!("samples/{name}")) else { return };
        let json = json_of(&["top", file.to_str().unwrap(), "--format", "json"]);
        let listed = std::fs::read_to_string(&file).unwrap();
        let in_file =
            listed.lines().filter(|line| line.contains(" Nonp ") || line.contains("Paged ")).count();
        assert!(in_file >= rows, "{name}");
        assert_eq!(json["row_count"], in_file, "{name}: every row of the file");
    }
}

#[test]
fn csv_and_tsv_read_back_to_the_same_table() {
    let folder = tempfile::tempdir().unwrap();
    let first = folder.path().join("first.csv");
    std::fs::write(
        &first,
        "Tag,Type,Allocs,Frees,Bytes\n\"Irp \",Nonp,4288592,4288000,254683\n\"  rx\",Paged,10,4,640\nDh 1,Paged,7,7,0\n",
    )
    .unwrap();
    let wanted = json_of(&["top", first.to_str().unwrap(), "--format", "json"]);
    assert_eq!(wanted["rows"][0]["tag"], "Irp ");
    for format in ["csv", "tsv", "poolmon"] {
        let second = folder.path().join(format!("second.{format}"));
        let output = poolmon(&["top", first.to_str().unwrap(), "--format", format]);
        std::fs::write(&second, output.stdout).unwrap();
        let again = json_of(&["top", second.to_str().unwrap(), "--format", "json"]);
        assert_eq!(without_origin(&again), without_origin(&wanted), "{format}");
    }
}

/// The rows without who named their owners: that becomes the file itself when it is read back.
fn without_origin(table: &serde_json::Value) -> serde_json::Value {
    let mut rows = table["rows"].clone();
    for row in rows.as_array_mut().unwrap() {
        if let Some(owner) = row["mapped_driver"].as_object_mut() {
            assert!(owner.remove("origin").is_some());
        }
    }
    rows
}

#[test]
fn several_snapshots_show_the_change() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("two.log");
    let head = " Tag  Type     Allocs            Frees               Diff            Bytes                 Per Alloc\n\n";
    std::fs::write(
        &log,
        format!(
            "{head} Leak Nonp                 10                  4                 6            600              100\n\n\
             {head} Leak Nonp                 25                  4                21           2100              100\n"
        ),
    )
    .unwrap();
    let json = json_of(&["top", log.to_str().unwrap(), "--format", "json"]);
    assert_eq!(json["rows"][0]["bytes_change"], 1500);
    assert_eq!(json["rows"][0]["allocs_change"], 15);
}

#[test]
fn standard_input_is_a_file_too() {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let mut child = Command::new(crate::POOLMON)
        .args(["top", "-", "--format", "csv"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"tag,pool,allocs,frees,bytes\nTest,paged,5,1,400\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(text(&output.stdout).contains("Test,paged,5,1,4,400"), "{}", text(&output.stdout));
}

/// One grammar in every command: alone, with `=`, and with the file as the next word; a log is never taken for it.
#[test]
fn pooltag_never_takes_another_argument() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let tags = path("p.txt", "Leak - evil.sys - it leaks\n");
    let log = path("x.log", "tag,pool,allocs,frees,bytes\nLeak,nonpaged,10,4,600\n");
    for args in [
        vec!["top", "--pooltag", &tags, &log, "--format", "json"],
        vec!["top", &log, "--pooltag", &tags, "--format", "json"],
        vec!["top", &log, &format!("--pooltag={tags}"), "--format", "json"],
    ] {
        let json = json_of(&args);
        assert!(json["rows"][0].to_string().contains("evil.sys"), "{args:?}: {json}");
    }
    // Alone: what follows is the log, the tag, the files to judge.
    let output = poolmon(&["top", "--pooltag", &log]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let output = poolmon(&["tag", "--pooltag", "Leak"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    for command in ["leaks", "report"] {
        let output = poolmon(&[
            command,
            "--pooltag",
            &log,
            "--format",
            if command == "leaks" { "json" } else { "md" },
        ]);
        let err = text(&output.stderr);
        assert!(!err.contains("a value is required") && output.status.code() != Some(2), "{command}: {err}");
    }
    let missing = folder.path().join("missing.txt");
    let output = poolmon(&["top", &log, "--pooltag", missing.to_str().unwrap()]);
    let err = text(&output.stderr);
    assert!(output.status.code() == Some(1) && err.contains("missing.txt"), "{err}");
}

#[test]
fn a_pools_name_may_be_written_in_any_case() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("x.csv");
    std::fs::write(&log, "tag,pool,allocs,frees,bytes\nLeak,nonpaged,10,4,600\nPage,paged,10,4,600\n")
        .unwrap();
    for pool in ["NonPaged", "nonpaged", "NONPAGED"] {
        let json = json_of(&["top", log.to_str().unwrap(), "--pool", pool, "--format", "json"]);
        assert_eq!(json["row_count"], 1, "{pool}");
    }
}

#[test]
fn quiet_leaves_warnings_and_errors() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("x.csv");
    let table = "tag,pool,allocs,frees,diff,bytes\nLeak,nonpaged,10,4,5,600\nPage,paged,10,4,6,600\n";
    std::fs::write(&log, table).unwrap();
    let log = log.to_str().unwrap();
    let err = |args: &[&str]| text(&poolmon(args).stderr);
    let loud = err(&["top", log, "--by-change"]);
    assert!(loud.contains("no change to sort by") && loud.contains("Diff disagrees"), "{loud}");
    for args in [["top", log, "--by-change", "--quiet"], ["-q", "top", log, "--by-change"]] {
        let quiet = err(&args);
        assert!(
            !quiet.contains("no change to sort by") && quiet.contains("Diff disagrees"),
            "{args:?}: {quiet}"
        );
    }
    assert!(err(&["top", "missing.log", "--quiet"]).contains("missing.log"));
    assert!(!err(&["-q", log]).contains("running: poolmon top"));
}

/// What every command understands may stand before its name, too.
#[test]
fn options_of_all_commands_come_before_or_behind_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("x.csv");
    std::fs::write(&log, "tag,pool,bytes\n=1+1,paged,600\n").unwrap();
    let log = log.to_str().unwrap();
    let out = |args: &[&str]| {
        let output = poolmon(args);
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    let behind = out(&["top", log, "--format", "csv", "--raw", "--dates", "dmy", "--color", "always", "-q"]);
    assert!(behind.contains("\n=1+1,"), "{behind}");
    let before = ["-q", "--raw", "--dates", "dmy", "--color=always", "top", log, "--format", "csv"];
    assert_eq!(out(&before), behind);
}

/// `!poolused 2` and then `4` of one dump: what the first was asked for comes first, unless another order is wanted.
#[test]
fn two_views_of_a_dump_keep_the_order_of_pools_that_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("windbg.txt");
    let view = |sort: &str, pool: &str, row: &str| {
        format!(
            "0: kd> !poolused {sort}\n   Sorting by {pool} Pool Consumed\n\n               NonPaged                  Paged\n \
             Tag     Allocs         Used     Allocs         Used\n\n {row}\n\n"
        )
    };
    let nonpaged = view("2", "NonPaged", "TstA     50000     51200000          0            0\tTest objects");
    let paged = view("4", "Paged", "TstB         0            0      19000     90000000\tTest hives");
    std::fs::write(&path, nonpaged + &paged).unwrap();
    let path = path.to_str().unwrap();
    let tags = |args: &[&str]| -> Vec<String> {
        let out = crate::stdout_of(args);
        out.lines().skip(1).map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    assert_eq!(tags(&["top", path]), ["TstA", "TstB"]);
    assert_eq!(tags(&["top", path, "--sort", "bytes"]), ["TstB", "TstA"]);
    let json = json_of(&["leaks", path, "--format", "json"]);
    assert_eq!(json["samples"], 1, "of one moment");
}
