//! Input that is not what it should be: a clear message, exit code 1, no panic.

use std::fs;
use std::io::Read as _;
use std::process::{Command, Stdio};

use crate::{POOLMON, poolmon, text};
use poolmon_testkit::{Need, skip};

#[track_caller]
fn refused(args: &[&str], words: &[&str]) {
    let output = poolmon(args);
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {err}");
    assert!(!err.contains("panicked"), "{err}");
    for word in words {
        assert!(err.contains(word), "{args:?}: {word:?} is not in: {err}");
        assert!(err.matches("os error").count() < 2, "said twice: {err}");
    }
}

#[test]
fn files_without_rows_are_named_with_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("empty.log"), b"").unwrap();
    refused(&["top", &path("empty.log")], &["empty.log", "empty"]);
    let binary: Vec<u8> = (0..25_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    fs::write(path("binary.log"), binary).unwrap();
    refused(&["top", &path("binary.log")], &["binary.log"]);
    fs::write(path("prose.txt"), "Dear colleague,\nthe server is slow.\n").unwrap();
    refused(&["top", &path("prose.txt")], &["prose.txt"]);
    refused(&["top", &path("missing.log")], &["missing.log", "No such file"]);
    refused(
        &["top", folder.path().to_str().unwrap()],
        &["none of its files contains samples", "empty.log", "prose.txt"],
    );
}

/// `info`, `verify` and `note` need a recording: any other file is refused, and named by what it looks like.
#[test]
fn what_is_no_recording_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("x.csv"), "tag,pool,allocs,bytes\nLeak,nonpaged,100,6400\n").unwrap();
    fs::write(path("passwd"), "root:x:0:0:root:/root:/bin/bash\n").unwrap();
    fs::write(path("x.dmp"), "PAGEDU64").unwrap();
    fs::write(path("x.bin"), [0; 100]).unwrap();
    fs::write(path("empty"), "").unwrap();
    for command in ["info", "verify", "note"] {
        let refused = |name: &str, words: &[&str]| {
            let file = path(name);
            let args: &[&str] = if command == "note" { &[command, &file, "text"] } else { &[command, &file] };
            refused(args, words);
        };
        refused("x.csv", &["x.csv: this is a CSV or TSV table, not a recording", "poolmon import"]);
        refused("passwd", &["passwd: this is text without a pool table, not a recording", "poolmon record"]);
        refused("x.dmp", &["x.dmp: this is a memory dump, not a recording"]);
        refused("x.bin", &["x.bin: this is not a file that poolmon can read"]);
        refused("empty", &["empty: the file is empty"]);
    }
}

#[test]
fn a_pool_that_this_system_lacks_is_no_empty_table() {
    let (lacking, has) = if cfg!(windows) { ("vmalloc", "nonpaged") } else { ("nonpaged", "vmalloc") };
    refused(&["top", "--pool", lacking], &[lacking, has]);
}

#[test]
fn a_cut_log_gives_the_rows_before_the_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.log");
    fs::write(
        &path,
        " Tag  Type     Allocs            Frees               Diff            Bytes                 Per Alloc\n\n \
         Irp  Nonp                 10                  4                 6            600              100\n \
         MmSt Paged                 5                  1      ",
    )
    .unwrap();
    let output = poolmon(&["top", path.to_str().unwrap(), "--format", "csv"]);
    assert!(output.status.success());
    let out = text(&output.stdout);
    assert!(out.contains("\"Irp \",nonpaged,10,4,6,600"), "{out}");
    assert!(text(&output.stderr).contains("line 4"), "{}", text(&output.stderr));
}

#[test]
fn a_line_of_ten_million_columns_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wide.log");
    let mut bytes = b"x ".repeat(10_000_000);
    bytes.extend_from_slice(b"\n Irp  Nonp  10  4  6  600  100\n");
    fs::write(&path, bytes).unwrap();
    let output = poolmon(&["top", path.to_str().unwrap(), "--format", "csv"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("\"Irp \",nonpaged"));
}

#[test]
fn a_closed_pipe_is_success() {
    let mut child = Command::new(POOLMON)
        .args(["demo", "--color", "never"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut start = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut start).unwrap(); // and dropped: the pipe is closed
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(!text(&output.stderr).contains("panicked"));
}

#[cfg(unix)]
#[test]
fn no_rights_name_the_command_that_helps() {
    // Runs as the user nobody where we are root; elsewhere the live source has no rights anyway.
    if !cfg!(target_os = "linux") || !std::path::Path::new("/proc/slabinfo").exists() {
        skip(Need::Root, "no /proc/slabinfo here");
        return;
    }
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let copy = folder.path().join("poolmon");
    fs::copy(POOLMON, &copy).unwrap();
    Command::new("chmod").args(["-R", "a+rx"]).arg(folder.path()).status().unwrap();
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&copy)
        .arg("top")
        .output();
    let Ok(output) = output else {
        skip(Need::Tools, "setpriv is not installed");
        return;
    };
    let err = text(&output.stderr);
    if err.contains("setpriv:") {
        skip(Need::Root, format_args!("{err}"));
        return;
    }
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(output.stdout.is_empty(), "never an empty table");
    for word in ["/proc/slabinfo", "permission denied", "run as root", "--mode 640", "poolmon demo"] {
        assert!(err.contains(word), "{word:?} is not in: {err}");
    }
}

/// A packed file that is neither a text nor a dump; the remedy can be run as it is printed.
#[test]
fn a_packed_file_that_is_no_dump_is_named_as_packed() {
    let folder = tempfile::tempdir().unwrap();
    // Bytes that are no text.
    let path = folder.path().join("log.csv.gz");
    let packed: &[u8] = &[
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0xff, 0x63, 0x60, 0x64, 0x62, 0x66, 0x61, 0x65,
        0x63, 0x67, 0xc0, 0x41, 0x03, 0x00, 0x3d, 0xfc, 0xfd, 0xb1, 0x20, 0x00, 0x00, 0x00,
    ];
    fs::write(&path, packed).unwrap();
    let path = path.to_str().unwrap();
    let remedy = format!("unpack it first: gunzip -k {path}");
    refused(&["leaks", path], &["log.csv.gz: this is a compressed file, not a dump", &remedy]);
    // A text without a table: as if it were not packed.
    let path = folder.path().join("words.gz");
    let packed: &[u8] = &[
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x73, 0x49, 0x4d, 0x2c, 0x52, 0x48, 0xce,
        0xcf, 0xc9, 0x49, 0x4d, 0x4c, 0x2f, 0x4d, 0xe5, 0x02, 0x00, 0x50, 0xde, 0x05, 0x80, 0x0f, 0x00, 0x00,
        0x00,
    ];
    fs::write(&path, packed).unwrap();
    refused(&["leaks", path.to_str().unwrap()], &["words.gz: line 1: no row of a pool table was found"]);
}

/// A file that was cut while it was copied is not a lack of room.
#[test]
fn a_cut_packed_dump_is_to_be_copied_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.gz");
    fs::write(&path, [0x1f, 0x8b, 0x08, 0x00]).unwrap();
    refused(&["dump", path.to_str().unwrap()], &["cut.gz", "copy it again"]);
}

/// What cannot be written names standard output: there is no other file.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_standard_output_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    fs::write(&path, "tag,pool,allocs,frees,bytes\nLeak,nonpaged,100,0,6400\n").unwrap();
    for args in [&["top", path.to_str().unwrap()][..], &["doctor"], &["--help"], &["leaks", "--help"]] {
        let output = std::process::Command::new(crate::POOLMON)
            .args(args)
            .stdout(fs::File::options().write(true).open("/dev/full").unwrap())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.contains("cannot write to standard output"), "{args:?}: {said}");
    }
}

/// A folder with other files would be open to the service: every file in it.
#[cfg(target_os = "linux")]
#[test]
fn a_service_has_a_folder_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("other.txt"), "x").unwrap();
    for place in [folder.path().to_str().unwrap(), "/", "/etc"] {
        refused(&["service", "install", place], &["holds other files and no recording", "/var/lib/poolmon"]);
    }
}

/// Dates of files say when they were copied: no rate is made of them, and one row is not "rows".
#[test]
fn no_rates_between_dates_of_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let table = |bytes: u32| {
        format!("tag,pool,allocs,frees,bytes\nLeak,nonpaged,100,0,{bytes}\nNtFx,nonpaged,9,0,{bytes}\n")
    };
    fs::write(path("a.csv"), table(6400)).unwrap();
    fs::write(path("b.csv"), table(64000)).unwrap();
    let later = fs::File::options().write(true).open(path("b.csv")).unwrap();
    later.set_modified(std::time::SystemTime::now() + std::time::Duration::from_hours(1)).unwrap();
    let output = std::process::Command::new(crate::POOLMON)
        .args(["diff", &path("a.csv"), &path("b.csv"), "--limit", "1"])
        .output()
        .unwrap();
    let (shown, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("times come from file dates: rates are not shown"), "{said}");
    assert!(shown.contains("Leak") && !shown.contains("/h"), "{shown}");
    assert!(shown.contains("and 1 more row (--limit N)"), "{shown}");
}
