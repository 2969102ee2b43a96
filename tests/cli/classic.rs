//! Microsoft's switches through the real program.

use std::fs;
use std::process::Command;

use crate::{POOLMON, json_of, poolmon, text};
use poolmon_testkit::{Need, skip};

/// Whether this machine's kernel memory can be read (Linux as root; elsewhere the live source decides).
fn live_works() -> bool {
    let works = poolmon(&["top", "--limit", "1"]).status.success();
    if !works {
        skip(Need::Root, "this machine does not let us read its kernel memory");
    }
    works
}

#[test]
fn a_snapshot_is_laid_out_as_poolmons_and_reads_back() {
    if !live_works() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| Command::new(POOLMON).args(args).current_dir(folder.path()).output().unwrap();
    let output = run(&["-b", "-n", "x.log"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(output.stdout.is_empty(), "PoolMon prints nothing here");
    let log = fs::read_to_string(folder.path().join("x.log")).unwrap();
    let mut lines = log.lines();
    assert_eq!(lines.next(), Some(""));
    assert!(lines.next().unwrap().starts_with(
        " Tag  Type     Allocs            Frees               Diff            Bytes                 Per Alloc"
    ));
    assert_eq!(lines.next(), Some(""));
    let rows = lines.count();

    let path = folder.path().join("x.log");
    let json = json_of(&["top", path.to_str().unwrap(), "--format", "json"]);
    assert_eq!(json["row_count"], rows, "every row reads back");
    let bytes: Vec<u64> =
        json["rows"].as_array().unwrap().iter().map(|row| row["bytes"].as_u64().unwrap_or(0)).collect();
    assert!(bytes.is_sorted_by(|a, b| a >= b), "sorted by bytes");

    // -n appends; without a name the file is poolsnap.log.
    run(&["-b", "-n", "x.log"]);
    assert!(fs::read_to_string(&path).unwrap().len() > log.len());
    run(&["/n"]);
    assert!(folder.path().join("poolsnap.log").exists());
}

#[test]
fn a_stamped_snapshot_carries_time_host_and_boot() {
    if !live_works() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stamped.log");
    let output = poolmon(&["--stamp", &format!("--snapshot={}", path.display())]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let now = json_of(&["top", "--format", "json"]);
    let json = json_of(&["top", path.to_str().unwrap(), "--format", "json"]);
    assert!(json["time"].is_string());
    assert_eq!(json["host"], now["host"]);
    assert_eq!(json["boot"], now["boot"]);
    assert_eq!(json["system"], now["system"]);
}

#[test]
fn help_in_every_form() {
    for form in ["-h", "/h", "-?", "/?", "--help"] {
        let output = poolmon(&[form]);
        assert_eq!(output.status.code(), Some(0), "{form}");
        assert!(text(&output.stdout).contains("Microsoft's PoolMon switches"), "{form}");
    }
}

#[test]
fn wrong_arguments_exit_with_2_and_say_what_is_right() {
    for (args, word) in [
        (&["-b", "-i", "Test"][..], "without a space"),
        (&["top", "--sort", "size"][..], "bytes"),
        (&["frobnicate"][..], "frobnicate"),
        (&["--interval", "1us"][..], "100ms"),
        (&["record", "x", "--interval", "2h"][..], "1h"),
    ] {
        let output = poolmon(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output.stderr).contains(word), "{args:?}: {}", text(&output.stderr));
    }
}
