//! Files as spreadsheets, scripts and colleagues leave them: counters in the numbers and dates of a country, folders of many
//! kinds of files, two machines, cut lists, pipes.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::{POOLMON, exchange, poolmon, stdout_of, text};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Runs the program in the folder: exit code, output, messages.
    fn run(&self, args: &[&str]) -> (Option<i32>, String, String) {
        let output = Command::new(POOLMON)
            .args(args)
            .current_dir(self.0.path())
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }
}

const MINUTES: [&str; 3] = ["00", "10", "20"];

/// A log of Perfmon: nonpaged pool of 500 to 520 MB, written by `number`, at times written by `time`.
fn perfmon(number: impl Fn(u64) -> String, time: impl Fn(&str) -> String) -> String {
    let mut log = "\"(PDH-CSV 4.0) (UTC)(0)\",\"\\\\SRV1\\Memory\\Pool Nonpaged Bytes\"\r\n".to_owned();
    for (minute, bytes) in MINUTES.iter().zip([500_000_000, 510_000_000, 520_000_000]) {
        let _ = write!(log, "\"{}\",\"{}\"\r\n", time(minute), number(bytes));
    }
    log
}

fn american(minute: &str) -> String {
    format!("03/01/2026 10:{minute}:00.000")
}

fn grouped(bytes: u64, mark: &str) -> String {
    format!("{}{mark}{:03}{mark}{:03}", bytes / 1_000_000, bytes / 1000 % 1000, bytes % 1000)
}

#[test]
fn counters_in_the_numbers_of_any_country() {
    let folder = Folder::new();
    for mark in [".", ",", "'", " ", "\u{a0}", "\u{202f}"] {
        folder.file("a.csv", perfmon(|bytes| grouped(bytes, mark), american));
        let (_, out, err) = folder.run(&["diff", "a.csv"]);
        assert!(
            out.contains("nonpaged pool: +19.1 MiB (57.2 MiB/h), now 496 MiB") && err.is_empty(),
            "{mark}: {out}{err}"
        );
    }
    // Digits are missing: it is said, and no figure is made up.
    folder.file("a.csv", perfmon(|bytes| format!("{}.00E+08", bytes / 100_000_000), american));
    let (_, out, err) = folder.run(&["leaks", "a.csv"]);
    assert!(
        err.contains("3 figures were rounded by a spreadsheet")
            && err.contains("line 2 (`5.00E+08`), 3 (`5.00E+08`), 4 (`"),
        "{err}"
    );
    assert!(out.contains("unknown") && !out.contains("holds 0 B"), "{out}");
}

#[test]
fn the_order_of_day_and_month_is_that_of_all_lines() {
    let folder = Folder::new();
    let days = |minute: &str| match minute {
        "00" => "31/05/2026 23:50:00".to_owned(),
        "10" => "01/06/2026 00:00:00".to_owned(),
        _ => "01/06/2026 00:10:00".to_owned(),
    };
    folder.file("a.csv", perfmon(|bytes| bytes.to_string(), days));
    let (_, out, _) = folder.run(&["leaks", "a.csv"]);
    assert!(
        out.starts_with("SRV1: 3 samples over 20 min, 2026-05-31 23:50:00 to 2026-06-01 00:10:00"),
        "{out}"
    );
}

#[test]
fn a_counter_that_is_absent_is_unknown() {
    let folder = Folder::new();
    let log = perfmon(|bytes| bytes.to_string(), american);
    for (name, last) in [("one", ""), ("blank", ",\" \""), ("invalid", ",\"-1\"")] {
        let mut lines = log.lines().map(|line| [line, last, "\r\n"].concat()).collect::<Vec<_>>().concat();
        if !last.is_empty() {
            lines = lines.replacen(last, ",\"\\\\SRV1\\Memory\\Pool Paged Bytes\"", 1);
        }
        folder.file("a.csv", lines);
        for command in ["leaks", "diff"] {
            let (_, out, _) = folder.run(&[command, "a.csv"]);
            assert!(out.contains("nonpaged") && !out.contains(" paged"), "{name}: {out}");
        }
    }
}

#[test]
fn a_clock_that_was_set_back_loses_no_sample() {
    let folder = Folder::new();
    let back = |minute: &str| match minute {
        "00" => "10/25/2026 01:50:00.000".to_owned(),
        "10" => "10/25/2026 01:00:00.000".to_owned(),
        _ => "10/25/2026 01:10:00.000".to_owned(),
    };
    folder.file("a.csv", perfmon(|bytes| bytes.to_string(), back));
    let (_, out, err) = folder.run(&["leaks", "a.csv"]);
    assert!(out.contains("3 samples over 20 min") && out.contains("+19.1 MiB"), "{out}");
    assert!(err.contains("the clock goes back") && err.contains("line 3"), "{err}");
}

#[test]
fn two_machines_in_one_log_are_read_one_by_one() {
    let folder = Folder::new();
    let log = perfmon(|bytes| bytes.to_string(), american);
    let two: String = log
        .lines()
        .map(|line| {
            line.replace("Bytes\"", "Bytes\",\"\\\\SRV2\\Memory\\Pool Nonpaged Bytes\"")
                .replace("0000\"", "0000\",\"7\"")
                + "\n"
        })
        .collect();
    folder.file("two.csv", two);
    let (code, _, err) = folder.run(&["leaks", "two.csv"]);
    assert!(code == Some(1) && err.contains("figures of 2 machines (SRV1, SRV2)"), "{err}");
    // The command runs as printed.
    let command = err.lines().last().unwrap().split_once("poolmon ").unwrap().1;
    let (code, out, _) = folder.run(&command.split(' ').collect::<Vec<_>>());
    assert!(code == Some(0) && out.contains("3 samples in DIR"), "{command}: {out}");
    assert!(folder.run(&["leaks", "DIR"]).1.contains("nonpaged holds 496 MiB"));
}

#[test]
fn counters_of_an_unknown_language_name_a_command_that_runs() {
    let folder = Folder::new();
    let log = perfmon(|bytes| bytes.to_string(), american);
    folder.file(
        "german.csv",
        log.replace("Memory\\Pool Nonpaged Bytes", "Arbeitsspeicher\\Nicht-Auslagerungsseiten (Bytes)"),
    );
    assert!(folder.run(&["diff", "german.csv"]).1.contains("nonpaged pool: +19.1 MiB"));
    folder.file("other.csv", log.replace("Memory\\", "Bellek\\"));
    let (code, _, err) = folder.run(&["leaks", "other.csv"]);
    let command = err.lines().last().unwrap().split_once("poolmon ").unwrap().1;
    assert!(code == Some(1) && command.starts_with("import other.csv --columns"), "{err}");
    assert!(folder.run(&command.split(' ').collect::<Vec<_>>()).1.contains("3 samples in DIR"), "{command}");
}

#[test]
fn ten_thousand_bad_lines_are_one_remark_with_a_count() {
    let folder = Folder::new();
    let mut log = perfmon(|bytes| bytes.to_string(), american);
    for n in 0..10_000 {
        let _ = write!(
            log,
            "\"03/01/2026 11:{:02}:{:02}.000\",\"5\"\r\nno line of a log {n}\r\n",
            n / 60 % 60,
            n % 60
        );
    }
    folder.file("a.csv", log);
    for args in [&["leaks", "a.csv"][..], &["import", "a.csv", "-o", "rec"]] {
        let (_, _, err) = folder.run(args);
        assert!(
            err.contains(
                "10,000 lines were not understood and were skipped: line 6 (`no line of a log 0`), 8 (`"
            ),
            "{err}"
        );
        assert!(err.contains("2`), 12, 14, …"), "the first three show their text: {err}");
        assert!(err.lines().count() < 30, "{err}");
    }
}

/// `/proc/slabinfo`.
fn slabinfo(objects: u64) -> String {
    format!(
        "slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables \
         <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n\
         kmalloc-64 {objects} {objects} 64 64 1 : tunables 0 0 0 : slabdata {slabs} {slabs} 0\n",
        slabs = objects / 64
    )
}

fn series(of: impl Fn(u64) -> String) -> String {
    let dated = |minute| format!("Sun Mar  1 10:{:02}:00 UTC 2026\n{}", minute + 1, of(minute));
    (0..14).map(dated).collect::<Vec<_>>().concat()
}

fn log_of_caches() -> String {
    series(|minute| slabinfo(64_000 + 6400 * minute))
}

#[test]
fn logs_next_to_a_report_are_judged_with_it() {
    let folder = Folder::new();
    folder.file("case/sos-db7/proc/slabinfo", slabinfo(64_000));
    folder.file("case/sos-db7/sos_commands/date/date", "Sun Mar  1 10:00:00 UTC 2026\n");
    folder.file("case/hourly.log", log_of_caches());
    let (_, out, err) = folder.run(&["case"]);
    assert!(out.starts_with("case: 15 samples over 14 min"), "{out}{err}");
    assert!(out.contains("kmalloc-64 (unreclaimable) possibly leaks"), "{out}");
    // A report that does not say when it was taken is no sample of a series.
    folder.file("undated/proc/slabinfo", slabinfo(64_000));
    folder.file("undated/hourly.log", log_of_caches());
    let (_, out, err) = folder.run(&["leaks", "undated"]);
    assert!(out.starts_with("undated: 14 samples over 13 min"), "{out}");
    assert!(
        err.contains("left out: undated: a sosreport or supportconfig: when it was taken is unknown"),
        "{err}"
    );
}

#[test]
fn what_is_in_a_folder_is_judged_or_named() {
    let folder = Folder::new();
    folder.file("case/slabinfo.log", log_of_caches());
    folder.file(
        "case/vmstat.log",
        series(|minute| format!("Cache Num Total Size Pages\ntst_inode {0} {0} 1024 16\n", 9888 + minute)),
    );
    folder.file(
        "case/meminfo.log",
        series(|minute| format!("SReclaimable: 118676 kB\nSUnreclaim: {} kB\n", 90_000 + minute)),
    );
    folder.file("case/pool.csv", "Tag,Type,Allocs,Frees,Bytes\nTst1,Nonp,1,0,16\n");
    folder.file("case/notes.txt", "nothing\n");
    folder.file("case/older/a.log", log_of_caches());
    let (_, out, err) = folder.run(&["leaks", "case"]);
    assert!(
        out.starts_with("case: 14 samples over 13 min")
            && out.contains("kmalloc-64 (unreclaimable) possibly leaks"),
        "{out}"
    );
    assert!(out.contains("Machine:  reclaimable"), "{out}");
    for left in [
        "vmstat.log: the output of vmstat -m",
        "pool.csv: a CSV or TSV table",
        "notes.txt",
        "older: a folder",
    ] {
        assert!(err.contains(&format!("left out: case/{left}")), "{left}: {err}");
    }
    // Without a place for them, figures without rows are named, too.
    let (_, out, err) = folder.run(&["diff", "case"]);
    assert!(
        out.contains("kmalloc-64") && err.contains("left out: case/meminfo.log: figures of the machine"),
        "{out}{err}"
    );
    let (_, _, err) = folder.run(&["case/older", "case"]);
    assert!(err.contains("running: poolmon leaks"), "{err}");
    fs::create_dir(folder.0.path().join("empty")).unwrap();
    folder.file("deep/one/a.log", log_of_caches());
    assert!(folder.run(&["deep"]).2.contains("only folders\n  name the folders in it: poolmon deep/one"));
}

#[test]
fn what_is_unknown_passes_no_condition() {
    let folder = Folder::new();
    folder.file(
        "mem.log",
        series(|minute| format!("SReclaimable: 118676 kB\nSUnreclaim: {} kB\n", 90_000 + minute)),
    );
    for condition in ["leak", "X>1GiB"] {
        let (code, out, err) = folder.run(&["leaks", "mem.log", "--fail-on", condition]);
        assert!(code == Some(1) && err.contains("unknown whether"), "{condition}: {err}");
        assert!(out.contains("Unknown whether anything leaks: figures of the machine alone"), "{out}");
    }
    // A table without a column of bytes, or one that was cut before it.
    let rows = |n: i64| format!("2026-03-01 10:{n:02}:00,Tst1,Nonp,{},{}\n", 20_000 + 900 * n, 100 * n);
    folder.file(
        "bytes.csv",
        "Time,Tag,Type,Allocs,Frees\n".to_owned() + &(0..30).map(rows).collect::<String>(),
    );
    let (code, out, err) = folder.run(&["leaks", "bytes.csv", "--fail-on", "growing"]);
    assert!(code == Some(1) && err.contains("the bytes of 1 row are not known"), "{err}");
    assert!(
        out.contains("Pools:    unknown")
            && out.contains("the bytes of no tag or cache are known, in 30 samples"),
        "{out}"
    );
    assert!(out.contains("43,200 outstanding allocations at the end, +23,200 since"), "{out}");
    assert!(!out.contains("No leak found") && !out.contains("0 B"), "{out}");
    folder.file("one.csv", "Tag,Type,Allocs,Frees\nTst1,Nonp,1,0\nTst3,Paged,1,0\n");
    for command in ["top", "leaks"] {
        let (code, _, err) = folder.run(&[command, "one.csv", "--fail-on", "Tst1>1KiB"]);
        assert!(code == Some(1) && err.contains("Tst1: its bytes are unknown"), "{command}: {err}");
        let (code, _, err) = folder.run(&[command, "one.csv", "--fail-on", "Tst2>1KiB"]);
        assert!(code == Some(0), "{command}: {err}");
    }
}

#[test]
fn one_snapshot_of_the_machine_is_shown() {
    let folder = Folder::new();
    folder.file("meminfo", "MemTotal: 16000000 kB\nSReclaimable: 118676 kB\nSUnreclaim: 90356 kB\n");
    let (code, out, err) = folder.run(&["meminfo"]);
    assert!(err.contains("with one sample; running: poolmon top meminfo"), "{err}");
    assert!(code == Some(0) && out.contains("SUnreclaim:90356K"), "{out}");
}

#[test]
fn a_difference_knows_what_cannot_be_compared() {
    let folder = Folder::new();
    let table = |rows: &[(&str, &str, u64)]| {
        let line = |(tag, pool, bytes): &(&str, &str, u64)| format!("{tag},{pool},{bytes},0,{bytes}\n");
        "Tag,Type,Allocs,Frees,Bytes\n".to_owned() + &rows.iter().map(line).collect::<String>()
    };
    folder.file("a.csv", table(&[("Tst1", "Nonp", 900), ("Tst2", "Nonp", 800), ("Tst3", "Nonp", 700)]));
    folder.file("b.csv", table(&[("Tst1", "Nonp", 950), ("Tst2", "Nonp", 800), ("Tst4", "Nonp", 750)]));
    // The three largest of each: of the others, nothing is known.
    let (_, out, err) = folder.run(&["diff", "a.csv", "b.csv", "--all"]);
    assert!(err.contains("leaves others out"), "{err}");
    assert!(
        !out.contains("gone")
            && !out.contains("new")
            && !out.contains("+750")
            && !out.contains("nonpaged pool:"),
        "{out}"
    );
    folder.file("paged.csv", table(&[("Tst1", "Paged", 900)]));
    folder.file("slab.log", slabinfo(640));
    for other in ["paged.csv", "slab.log"] {
        let (code, _, err) = folder.run(&["diff", "a.csv", other]);
        assert!(code == Some(1) && err.contains("nothing in common to compare"), "{other}: {err}");
    }
    // A pool's size is the system's own figure, as in `leaks`.
    let meminfo =
        |minute: u64| format!("{}SUnreclaim: {} kB\n", slabinfo(64_000 + 6400 * minute), 90_000 + minute);
    folder.file("both.log", series(meminfo));
    let (_, out, _) = folder.run(&["diff", "both.log"]);
    assert!(out.contains("unreclaimable slab: +13.0 KiB") && out.contains("now 87.9 MiB"), "{out}");
}

#[cfg(unix)]
#[test]
fn a_pipe_of_any_kind_is_read_once() {
    let folder = Folder::new();
    let log = folder.file("a.log", log_of_caches());
    let log = log.to_str().unwrap();
    for script in [
        format!("cat {log} | {POOLMON}"),
        format!("{POOLMON} /dev/stdin < <(cat {log})"),
        format!("{POOLMON} <(cat {log})"),
        format!("{POOLMON} leaks <(cat {log})"),
        format!("mkfifo fifo; cat {log} > fifo & {POOLMON} fifo"),
    ] {
        let shell = Command::new("bash").arg("-c").arg(&script).current_dir(folder.0.path()).output();
        let Ok(output) = shell else { return };
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(out.contains("14 samples over 13 min"), "{script}: {out}{err}");
        assert!(!err.contains("poolmon replay"), "what was piped is gone: {err}");
    }
    // A command that watches this machine says that it leaves the pipe alone.
    let mut child = Command::new(POOLMON)
        .args(["top", "--limit", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(b"x\n");
    let err = text(&child.wait_with_output().unwrap().stderr);
    assert!(!cfg!(target_os = "linux") || err.contains("to read that: poolmon top -"), "{err}");
}

#[test]
fn exports_keep_the_other_names_of_a_merged_cache() {
    let folder = Folder::new();
    let recording = exchange::merged_recording(folder.0.path());
    let recording = recording.to_str().unwrap();
    let csv = stdout_of(&["export", recording, "--format", "csv"]);
    assert!(csv.lines().next().unwrap().ends_with(",owner,other_names,header"), "{csv}");
    assert!(csv.contains("signal_cache") && csv.lines().nth(1).unwrap().contains(",UNIX PING,"), "{csv}");
    let json = stdout_of(&["export", recording, "--format", "jsonl"]);
    let row: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    crate::schema::check(&row);
    assert_eq!(row["other_names"], serde_json::json!(["UNIX", "PING"]));
    if cfg!(feature = "parquet") {
        let file = folder.0.path().join("a.parquet");
        assert!(poolmon(&["export", recording, "-o", file.to_str().unwrap()]).status.success());
        let bytes = fs::read(file).unwrap();
        assert!(bytes.windows(11).any(|part| part == b"other_names"));
    }
}

/// Archives and clocks without a battery give dates of 1970: judged by them, a leak took half a century.
#[test]
fn a_date_before_1990_is_none() {
    let folder = Folder::new();
    let log = |bytes: u64| {
        format!(
            "Tag  Type     Allocs     Frees      Diff      Bytes  Per Alloc\nLeak Nonp  {bytes}  0  {bytes}  {}  16\n",
            16 * bytes
        )
    };
    let dates = [86_400, 1_790_000_000, 1_790_000_600];
    for (name, (bytes, date)) in
        ["a.log", "b.log", "c.log"].iter().zip([1_000, 2_000, 3_000].into_iter().zip(dates))
    {
        let path = folder.file(name, log(bytes));
        let date = std::time::UNIX_EPOCH + std::time::Duration::from_secs(date);
        fs::File::options().write(true).open(&path).unwrap().set_modified(date).unwrap();
    }
    let (code, out, err) = folder.run(&["leaks", "."]);
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains("a.log: it has no time, and its date is before 1990"), "{err}");
    assert!(out.contains("2 samples over 10 min"), "{out}");
}

#[cfg(unix)]
#[test]
fn a_folder_of_pipes_alone_has_no_plain_files() {
    let folder = Folder::new();
    fs::create_dir(folder.0.path().join("pipes")).unwrap();
    let pipe = folder.0.path().join("pipes/a");
    assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
    let (code, _, err) = folder.run(&["leaks", "pipes"]);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("the folder holds no plain files") && err.contains("name the pipe itself"), "{err}");
}
