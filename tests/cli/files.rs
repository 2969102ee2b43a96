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
        assert_eq!(again["rows"], wanted["rows"], "{format}");
    }
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
