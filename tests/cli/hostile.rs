//! Folders that others can write into, outputs that are no files, and recordings of which something is lost.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use poolmon_model::{CounterWidth, Origin, Pool, Row, Sample, SourceKind, Tag};
use poolmon_store::{Recorder, RecorderConfig, Recording};

use poolmon_testkit::{Need, skip};

use crate::exchange::recording;
use crate::kernel::kernel_memory_is_readable;
use crate::{POOLMON, json_of, poolmon, stdout_of, text};

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn what_is_no_file_is_written_and_not_replaced() {
    let temp = tempfile::tempdir().unwrap();
    let rec = recording(temp.path(), 10, 20);
    let plain = stdout_of(&["export", path(&rec), "--format", "csv"]);
    let before = fs::symlink_metadata("/dev/stdout").unwrap().ino();
    assert!(stdout_of(&["export", path(&rec), "-o", "/dev/stdout", "--format", "csv"]) == plain);
    // Redirected into a file, that name is one of a regular file.
    let out = temp.path().join("out.csv");
    let status = Command::new(POOLMON)
        .args(["export", path(&rec), "-o", "/dev/stdout", "--format", "csv"])
        .stdout(File::create(&out).unwrap())
        .stderr(Stdio::null())
        .status();
    assert!(status.unwrap().success() && fs::read_to_string(&out).unwrap() == plain);
    assert_eq!(fs::symlink_metadata("/dev/stdout").unwrap().ino(), before);

    let pipe = temp.path().join("pipe.csv");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reading = {
        let pipe = pipe.clone();
        thread::spawn(move || {
            let mut read = String::new();
            File::open(pipe).unwrap().read_to_string(&mut read).map(|_| read)
        })
    };
    stdout_of(&["export", path(&rec), "-o", path(&pipe)]);
    assert!(reading.join().unwrap().unwrap() == plain);
    assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
    // A planted link in the place of the file before it is complete, and one in that of the file.
    fs::write(temp.path().join("victim"), "victim").unwrap();
    for name in ["a.csv.part", "a.csv", "a.html"] {
        symlink("victim", temp.path().join(name)).unwrap();
    }
    stdout_of(&["export", path(&rec), "-o", path(&temp.path().join("a.csv")), "--force"]);
    stdout_of(&["report", path(&rec), "-o", path(&temp.path().join("a.html")), "--force"]);
    assert_eq!(fs::read_to_string(temp.path().join("victim")).unwrap(), "victim");
    assert!(temp.path().join("a.csv").symlink_metadata().unwrap().is_file());
}

#[test]
fn pipes_and_links_in_the_folder_of_a_recording_stop_no_one() {
    let temp = tempfile::tempdir().unwrap();
    let rec = recording(temp.path(), 10, 20);
    for name in ["note-1795883065000000000-1-0.txt", "00000007-20260101T000000Z.plog", "a.plog"] {
        assert!(Command::new("mkfifo").arg(rec.join(name)).status().unwrap().success());
    }
    symlink("/etc/passwd", rec.join("note-1795883065000000001-1-0.txt")).unwrap();
    symlink("/dev/zero", rec.join("b.plog")).unwrap();
    let timed = |args: &[&str]| {
        let out = Command::new("timeout").args(["60", POOLMON]).args(args).output().unwrap();
        assert!(out.status.success(), "{args:?}: {}", text(&out.stderr));
        text(&out.stdout)
    };
    let info = timed(&["info", path(&rec)]);
    assert!(info.contains("Samples   10") && !info.contains("root:"), "{info}");
    for command in ["verify", "leaks", "top"] {
        timed(&[command, path(&rec)]);
    }
    timed(&["export", path(&rec), "--format", "csv"]);
}

/// Lengths without content: no command reads its way through them.
#[test]
fn files_that_are_nothing_but_long_are_refused_at_once() {
    let temp = tempfile::tempdir().unwrap();
    let file = |ending: &str| {
        let file = temp.path().join(format!("zeros.{ending}"));
        File::create(&file).unwrap().set_len(20 << 30).unwrap();
        file
    };
    let endings = ["plog", "log", "csv", "json", "txt", "dmp", "raw", "etl", "gz", "parquet", "blg", "sys"];
    let files = endings.map(file);
    let refused = |args: &[&str]| {
        let began = std::time::Instant::now();
        let out = Command::new("timeout").args(["60", POOLMON]).args(args).output().unwrap();
        let said = text(&out.stderr);
        assert!(
            out.status.code() == Some(1) && said.starts_with("poolmon: "),
            "{args:?}: {}: {said}",
            out.status
        );
        // A remedy, in a line of its own.
        assert!(said.contains("\n  "), "{args:?}: {said}");
        // Debug builds beside other tests; scanned, it would take many times that.
        assert!(began.elapsed() < Duration::from_secs(20), "{args:?}: {:?}", began.elapsed());
    };
    for file in &files {
        refused(&["top", path(file)]);
    }
    let [plog, log, .., raw, etl, _, parquet, _, _] = files.each_ref().map(|file| path(file));
    let no = path(&temp.path().join("no")).to_owned();
    for args in [
        &["info", plog][..],
        &["verify", plog],
        &["export", plog, "--format", "csv"],
        &["leaks", plog],
        &["report", log, "-o", &format!("{no}.html")],
        &["diff", log, plog],
        &["dump", raw],
        &["trace", etl],
        &["import", parquet, "-o", &no],
        &["import", "/dev/zero", "-o", &no],
        &["top", "/dev/zero"],
    ] {
        refused(args);
    }
    assert!(!Path::new(&no).exists());
}

/// Each failure is one with a remedy and its exit code, and leaves nothing behind.
#[test]
fn a_full_disk_and_one_that_cannot_be_written_leave_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let rec = recording(temp.path(), 10, 20);
    let script = r#"set -eu
mount --make-rprivate /
mount -t tmpfs -o size=128k poolmon-test /mnt
mkdir /mnt/place
dd if=/dev/zero of=/mnt/fill bs=1k count=200 2>/dev/null || true
[ "$1" = full ] || mount -o remount,ro /mnt
shift
export POOLMON_SYSTEMD_UNITS=/mnt/place
code=0
"$@" || code=$?
rmdir /var/lib/poolmon-of-a-test 2>/dev/null || true
echo; echo "left: $(ls -A /mnt/place)"
exit $code"#;
    for kind in ["full", "read-only"] {
        for args in [
            &["export", path(&rec), "-o", "/mnt/place/a.csv"][..],
            &["export", path(&rec), "-o", "/mnt/place/a.parquet"],
            &["report", path(&rec), "-o", "/mnt/place/a.html"],
            &["doctor", "--self-test", "-o", "/mnt/place/a.zip"],
            &["service", "install", "/var/lib/poolmon-of-a-test"],
        ] {
            let out = Command::new("unshare")
                .args(["--mount", "sh", "-c", script, "sh", kind, POOLMON])
                .args(args)
                .output()
                .unwrap();
            let said = text(&out.stderr);
            if said.starts_with("unshare:") || said.starts_with("mount:") {
                skip(Need::Root, "namespaces cannot be made here");
                return;
            }
            let remedy = if kind == "full" { "  free some space" } else { "  name a place on a file system" };
            assert!(out.status.code() == Some(1) && said.contains(remedy), "{kind} {args:?}: {said}");
            // The last line is the list of what is there; it comes after the answer.
            let printed = text(&out.stdout);
            let left = printed.split_once("\nleft: ").map(|(_, left)| left.trim());
            assert_eq!(left, Some(""), "{kind} {args:?}: {printed}");
        }
    }
}

#[test]
fn what_damage_took_is_said_by_all_of_them() {
    let temp = tempfile::tempdir().unwrap();
    let rec = recording(temp.path(), 300, 20);
    let segment = Recording::open(&rec).unwrap().segments()[0].path.clone();
    let mut bytes = fs::read(&segment).unwrap();
    // The parity, too; the index at the end knows how many samples there were.
    let middle = bytes.len() / 4..bytes.len() - 400;
    bytes[middle].fill(0x55);
    fs::write(&segment, bytes).unwrap();
    let code = |args: &[&str]| poolmon(args).status.code();
    let verify = text(&poolmon(&["verify", path(&rec)]).stdout);
    let out = poolmon(&["info", "--format", "json", path(&rec)]);
    assert_eq!(out.status.code(), Some(1));
    let info: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let (there, lost) = (info["samples"].as_u64().unwrap(), info["lost"].as_u64().unwrap());
    assert!(lost > 0 && there + lost == 300, "{info:#}");
    assert!(verify.contains(&format!("{there} samples can be read, {lost} samples cannot")), "{verify}");
    let out = poolmon(&["export", path(&rec), "--format", "jsonl"]);
    let said = text(&out.stderr);
    assert!(
        out.status.code() == Some(1) && said.contains(&format!("{lost} samples lost to damage")),
        "{said}"
    );
    assert_eq!(text(&out.stdout).lines().count() as u64, there * 20);
    assert_eq!(code(&["info", path(&rec)]), Some(1));
    assert_eq!(code(&["info", "/etc/passwd"]), Some(1), "this is no recording");
    // Nothing at all is left: no one is asked to leave out options that were not given.
    let mut bytes = fs::read(&segment).unwrap();
    let all = 100..bytes.len() - 400;
    bytes[all].fill(0x55);
    fs::write(&segment, bytes).unwrap();
    let leaks = poolmon(&["leaks", path(&segment)]);
    let said = text(&leaks.stderr);
    assert!(leaks.status.code() == Some(1) && said.contains("no sample in it can be read"), "{said}");
    assert!(!said.contains("--from"), "{said}");
}

#[test]
fn a_recording_that_vanished_is_a_failure() {
    if !kernel_memory_is_readable() {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let rec = temp.path().join("rec");
    let child = Command::new(POOLMON)
        .args(["record", path(&rec), "--interval", "100ms", "--for", "5s"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while !fs::read_dir(&rec).is_ok_and(|names| names.count() >= 2) {
        thread::sleep(Duration::from_millis(20));
    }
    fs::remove_dir_all(&rec).unwrap();
    let out = child.wait_with_output().unwrap();
    let said = text(&out.stderr);
    assert!(out.status.code() == Some(1) && said.contains("deleted or moved while it was written"), "{said}");
    assert!(!said.contains("poolmon: recorded "), "{said}");
}

/// Root's own powers that no command of these uses: 12 configures networks, 16 loads modules, 25 sets the clock.
#[test]
fn commands_that_watch_give_up_the_rest_of_roots_rights() {
    if !kernel_memory_is_readable() {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let rec = temp.path().join("rec");
    let gone = 1_u64 << 12 | 1 << 16 | 1 << 25;
    let capabilities = |process: u32| -> u64 {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
        u64::from_str_radix(line.trim(), 16).unwrap()
    };
    if capabilities(std::process::id()) & gone == 0 {
        return;
    }
    for args in [
        &["leaks", "--for", "20s"][..],
        &["record", path(&rec), "--for", "20s"],
        &["serve", "--listen", "127.0.0.1:0"],
        &["trace", "kmalloc-64", "--for", "20s"],
    ] {
        let mut child = Command::new(POOLMON)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let until = std::time::Instant::now() + Duration::from_secs(10);
        while child.try_wait().unwrap().is_none() && capabilities(child.id()) & gone != 0 {
            assert!(std::time::Instant::now() < until, "{args:?} keeps {:x}", capabilities(child.id()));
            thread::sleep(Duration::from_millis(20));
        }
        let runs = child.try_wait().unwrap().is_none();
        assert!(runs || args[0] == "trace", "{args:?} ended; not every kernel can be traced");
        let _ = child.kill();
        let _ = child.wait();
    }
}

#[test]
fn a_spreadsheet_computes_nothing_and_the_table_is_read_again() {
    let temp = tempfile::tempdir().unwrap();
    let rec = temp.path().join("rec");
    let (mut recorder, _) = Recorder::open(&rec, RecorderConfig::default()).unwrap();
    let origin = Arc::new(Origin::new(SourceKind::Linux, &[Pool::Unreclaimable]));
    let mut sample = Sample::new(origin, CounterWidth::Bits64);
    let names = ["=HYPERLINK(\"x\")", "+1|A", "@SUM(1)", "-1+1", "plain"];
    sample.rows = names.map(|name| Row::windows(Tag::name(name), Pool::Unreclaimable, 5, 0, 320)).to_vec();
    sample.time = "2026-11-22T10:00:00Z".parse().ok();
    recorder.record_past(&sample).unwrap();
    recorder.close().unwrap();
    for ending in ["csv", "tsv"] {
        let guarded = stdout_of(&["export", path(&rec), "--format", ending]);
        assert!(
            guarded.contains("'+1|A") && guarded.contains("'=HYPERLINK") && !guarded.contains("'plain"),
            "{guarded}"
        );
        let raw = stdout_of(&["export", path(&rec), "--format", ending, "--raw"]);
        assert!(!raw.contains('\'') && raw.contains("+1|A"), "{raw}");
        let file = temp.path().join(format!("again.{ending}"));
        fs::write(&file, guarded).unwrap();
        let top = json_of(&["top", path(&file), "--format", "json", "--sort", "tag"]);
        let mut tags: Vec<_> =
            top["rows"].as_array().unwrap().iter().map(|row| row["tag"].as_str().unwrap()).collect();
        tags.sort_unstable();
        let mut expected = names.to_vec();
        expected.sort_unstable();
        assert_eq!(tags, expected);
    }
}

#[test]
fn the_version_says_what_was_built() {
    let version = stdout_of(&["--version"]);
    assert!(
        version.starts_with(concat!("poolmon ", env!("CARGO_PKG_VERSION"), " ("))
            && version.contains("linux"),
        "{version}"
    );
    assert_eq!(stdout_of(&["-V"]), concat!("poolmon ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn promtool_takes_the_last_sample() {
    let temp = tempfile::tempdir().unwrap();
    let rec = recording(temp.path(), 10, 20);
    let file = temp.path().join("poolmon.prom");
    stdout_of(&["export", path(&rec), "-o", path(&file)]);
    let written = fs::read_to_string(&file).unwrap();
    assert!(
        written.contains("poolmon_tag_allocs_total{")
            && written.contains("tag=\"Leak\",pool=\"paged\"} 93\n"),
        "{written}"
    );
    let promtool = std::env::var("POOLMON_PROMTOOL").unwrap_or_else(|_| "promtool".into());
    let Ok(checked) =
        Command::new(promtool).args(["check", "metrics"]).stdin(File::open(&file).unwrap()).output()
    else {
        eprintln!("skipped: there is no promtool");
        return;
    };
    assert!(checked.status.success(), "{}", text(&checked.stderr));
}
