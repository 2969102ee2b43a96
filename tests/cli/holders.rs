//! Holders of a recording: every command says of it what it says of a live machine.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use poolmon_holder::{Census, Counts, Entry, Holder, HolderId, Kind};
use poolmon_model::{CounterWidth, Counters, Origin, Pool, Row, Sample, SourceKind, Tag};
use poolmon_store::{ClockMoment, Recorder, RecorderConfig};

use crate::{poolmon, stdout_of, text};

const START: i64 = 1_795_392_000;
const SAMPLES: u64 = 120;

fn row(name: &str, objects: u64, size: u64) -> Row {
    let counters = Counters {
        reported_diff: i64::try_from(objects).ok(),
        bytes: Some(objects.div_ceil(16) * 16 * size),
        used: Some(objects * size),
        ..Counters::default()
    };
    Row { tag: Tag::name(name), pool: Pool::Unreclaimable, counters, reported_owner: None }
}

fn process(pid: u32, name: &str, group: Option<&str>, figures: &[(Kind, u64)]) -> Entry {
    let mut counts = Counts::default();
    for (kind, count) in figures {
        counts.set(*kind, *count);
    }
    let holder = Holder { id: HolderId::Process { pid, start: 9 }, name: name.into() };
    Entry { holder, group: group.map(Into::into), counts }
}

/// One process leaks 50 sockets a sample, one holds as many as ever; the kernel lists their cache under another name.
pub fn record(folder: &Path, config: RecorderConfig) {
    record_of(folder, config, |n| {
        let leaked = 2_000 + 50 * n;
        let sockets = |count| [(Kind::Descriptor, count + 3), (Kind::Socket, count), (Kind::Unix, count)];
        let entries = vec![
            process(4788, "python3", Some("web.service"), &sockets(leaked)),
            process(911, "postgres", None, &sockets(9_000)),
        ];
        let noise = n * 7919 % 13;
        let rows = vec![row("mine_cache", 9_100 + leaked + noise, 832), row("files_cache", 700 + noise, 704)];
        (entries, rows)
    });
}

/// Holders and rows of each sample.
fn record_of(folder: &Path, config: RecorderConfig, of: impl Fn(u64) -> (Vec<Entry>, Vec<Row>)) {
    let mut origin = Origin::new(SourceKind::Linux, &[Pool::Unreclaimable]);
    (origin.host, origin.boot) = (Some("web1".into()), Some("boot-1".into()));
    let origin = Arc::new(origin);
    let (mut recorder, _) =
        Recorder::open(folder, RecorderConfig { interval: Duration::from_secs(5), ..config }).unwrap();
    recorder.merged(vec![vec!["mine_cache".to_owned(), "sock_inode_cache".to_owned()]]);
    for n in 0..SAMPLES {
        let at = Timestamp::from_second(START + 5 * i64::try_from(n).unwrap()).unwrap();
        let (entries, rows) = of(n);
        recorder.holders(&Census { processes: 2, entries, ..Census::default() });
        let mut sample = Sample::new(Arc::clone(&origin), CounterWidth::Bits64);
        (sample.time, sample.uptime) = (Some(at), Some(Duration::from_secs(9_000 + 5 * n)));
        sample.rows = rows;
        let clock = Duration::from_secs(5 * n);
        recorder.record_at(&sample, ClockMoment { wall: at, clock }).unwrap();
    }
    recorder.close().unwrap();
}

#[test]
fn each_cause_has_next_steps() {
    let temp = tempfile::tempdir().unwrap();
    record_of(temp.path(), RecorderConfig::default(), |n| {
        let (sockets, locks) = (2_000 + 50 * n, 300 + 31 * n);
        let entries = vec![
            process(4788, "python3", None, &[(Kind::Socket, sockets), (Kind::Unix, sockets)]),
            process(911, "postgres", None, &[(Kind::PosixLock, locks)]),
        ];
        let noise = n * 7919 % 13;
        (entries, vec![row("UNIX", sockets + noise, 1_088), row("file_lock_cache", locks + noise, 208)])
    });
    let leaks = stdout_of(&["leaks", temp.path().to_str().unwrap()]);
    let next = leaks.rsplit("\nNext: ").next().unwrap();
    for step in [" --sort change", ": ss -xap", ": lslocks"] {
        assert_eq!(next.matches(step).count(), 1, "{step}: {leaks}");
    }
    assert!(next.starts_with("see all that holders keep, and what changes: poolmon holders "), "{leaks}");
    assert!(!next.contains("poolmon trace"), "the holders explain all of it: {leaks}");
}

#[test]
fn a_leak_beside_who_closes_all_is_said() {
    let temp = tempfile::tempdir().unwrap();
    record_of(temp.path(), RecorderConfig::default(), |n| {
        let (leak, teeth) = (300 + 2 * n, 200 * (n % 12));
        let unix = |count| [(Kind::Socket, count), (Kind::Unix, count)];
        let entries = vec![
            process(4788, "python3 leak.py", None, &unix(leak)),
            process(911, "python3 saw.py", None, &unix(teeth)),
        ];
        (entries, vec![row("UNIX", leak + teeth, 1_088), row("steady", 500, 64)])
    });
    let recording = temp.path().to_str().unwrap();
    let leaks = stdout_of(&["leaks", recording]);
    assert!(leaks.contains("No row is a suspect, but 1 holder only rises in 120 samples"), "{leaks}");
    assert!(leaks.contains("  python3 leak.py (pid 4788): 538 UNIX sockets, +24.0/min ("), "{leaks}");
    assert!(leaks.contains("      its objects live in UNIX ("), "{leaks}");
    assert!(leaks.contains("Next: see all that holders keep, and what changes: poolmon holders "), "{leaks}");
    let json = crate::json_of(&["leaks", recording, "--format", "json"]);
    crate::schema::check(&json);
    let rising = json["rising_holders"].as_array().unwrap();
    assert_eq!((rising.len(), &rising[0]["pid"], &rising[0]["kind"]), (1, &4788.into(), &"unix".into()));
    assert!((rising[0]["per_second"].as_f64().unwrap() - 0.4).abs() < 0.01, "{json:#}");
    assert_eq!((&rising[0]["rows"][0], &rising[0]["in_verdict"]), (&"UNIX".into(), &false.into()));
    let other = stdout_of(&["leaks", recording, "--include", "steady"]);
    assert!(!other.contains("only rise"), "its row was not asked for: {other}");
    let order = stdout_of(&["holders", recording, "--sort", "change", "--top", "1"]);
    assert!(order.contains("python3 leak.py") && !order.contains("python3 saw.py"), "{order}");
    let hidden = stdout_of(&["leaks", recording, "--anonymise"]);
    assert!(hidden.contains("only rises") && !hidden.contains("leak.py"), "{hidden}");
}

#[test]
fn every_command_reads_them() {
    let temp = tempfile::tempdir().unwrap();
    record(temp.path(), RecorderConfig::default());
    let recording = temp.path().to_str().unwrap();
    let leaks = stdout_of(&["leaks", recording]);
    let clause = "python3 (pid 4788) in web.service holds 7,950 of 16,950 sockets (growing: UNIX sockets), +10/s, in step with \
                  sock_inode_cache: explains 100 %";
    assert!(leaks.contains(clause), "{leaks}");
    assert!(
        leaks.contains("sock_inode_cache, listed as mine_cache") && !leaks.contains("postgres"),
        "{leaks}"
    );
    let next = leaks.rsplit("\nNext: ").next().unwrap();
    assert!(next.contains("list sockets with their queues and processes: ss -ap"), "by its own name: {next}");
    let first_half = stdout_of(&["leaks", recording, "--to", "+5m"]);
    assert!(first_half.contains("holds 5,000 of 14,000 sockets"), "{first_half}");
    let report = stdout_of(&["report", recording, "--format", "markdown"]);
    assert!(report.contains("python3") && report.contains("in step with"), "{report}");

    let info = stdout_of(&["info", recording]);
    assert!(info.contains("Holders   2 processes at the last count, 2026-11-23"), "{info}");
    let info = crate::json_of(&["info", recording, "--format", "json"]);
    let counted = serde_json::json!({ "last": "2026-11-23T00:09:55Z", "processes": 2 });
    assert_eq!(info["holders"], counted, "{info:#}");

    let holders = stdout_of(&["holders", recording, "--sort", "change"]);
    let lines: Vec<&str> = holders.lines().collect();
    assert!(
        lines[0].starts_with("2 processes at ") && lines[0].ends_with("; change over 9 min 55 s"),
        "{holders}"
    );
    assert!(
        lines[3].contains("+5,950") && lines[3].contains("python3 (pid 4788) in web.service"),
        "{holders}"
    );
    let minute = stdout_of(&[
        "holders", recording, "--at", "+5m", "--for", "1m", "--format", "csv", "--sort", "sockets",
    ]);
    assert!(minute.contains("process,911,postgres,,sockets,objects,9000,0"), "{minute}");
    assert!(minute.contains("process,4788,python3,web.service,sockets,objects,5000,600"), "{minute}");

    let who = stdout_of(&["who", "sock_inode_cache", "--from", recording, "--no-index"]);
    assert!(who.contains("Held by    postgres (pid 911): 9,000 of 16,950 sockets"), "{who}");
    assert!(who.contains("python3 (pid 4788) in web.service: 7,950 of 16,950 sockets"), "{who}");
    let listed = stdout_of(&["who", "mine_cache", "--from", recording, "--no-index"]);
    assert!(listed.contains("python3 (pid 4788)"), "by the name that shares its slabs: {listed}");
}

#[test]
fn they_are_a_second_table_of_exports() {
    let temp = tempfile::tempdir().unwrap();
    record(temp.path(), RecorderConfig::default());
    let recording = temp.path().to_str().unwrap();
    let csv = stdout_of(&["export", recording, "--format", "holders-csv", "--every", "1m"]);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "time,t_s,type,id,name,group,processes,kind,unit,count");
    assert!(
        lines.contains(&"2026-11-23T00:01:00Z,60.0,process,4788,python3,web.service,1,unix,objects,2600"),
        "{csv}"
    );
    assert_eq!(lines.len(), 1 + 10 * 2 * 3, "ten minutes, two processes, three kinds");
    let without = stdout_of(&["export", recording, "--format", "holders-csv", "--anonymise"]);
    assert!(without.contains("process-3431befe,group-") && !without.contains("python3"), "{without}");
    let file = temp.path().join("holders.parquet");
    if cfg!(feature = "parquet") {
        stdout_of(&["export", recording, "--format", "holders-parquet", "-o", file.to_str().unwrap()]);
        let bytes = std::fs::read(&file).unwrap();
        assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    }
    let leaks = stdout_of(&["leaks", recording, "--anonymise"]);
    assert!(leaks.contains("process-3431befe (pid 4788) in group-") && !leaks.contains("python3"), "{leaks}");
    for args in [&["holders", recording][..], &["who", "sock_inode_cache", "--from", recording, "--no-index"]]
    {
        let said = stdout_of(&[args, &["--anonymise"]].concat());
        assert!(
            said.contains("process-3431befe (pid 4788) in group-") && !said.contains("python3"),
            "{said}"
        );
    }
}

/// What was asked for and is not there is said, and is no success.
#[test]
fn moments_and_numbers_that_there_are_not() {
    let temp = tempfile::tempdir().unwrap();
    record(temp.path(), RecorderConfig::default());
    let recording = temp.path().to_str().unwrap();
    for (at, said) in
        [("2026-11-22", Some("begins at")), ("+1h", Some("ends at")), ("start", None), ("end", None)]
    {
        let out = poolmon(&["holders", recording, "--at", at]);
        let err = text(&out.stderr);
        assert_eq!(out.status.code(), Some(i32::from(said.is_some())), "{at}: {err}");
        assert_eq!(err.contains("there is no sample of"), said.is_some(), "{at}: {err}");
        assert!(said.is_none_or(|said| err.contains(said)), "{at}: {err}");
        assert!(text(&out.stdout).contains("python3"), "the count that is closest");
    }
    assert_eq!(poolmon(&["holders", recording, "--top", "0"]).status.code(), Some(2));
    let none = stdout_of(&["holders", recording, "--sort", "tmpfs-bytes"]);
    assert!(none.contains("No holder keeps any bytes of tmpfs."), "{none}");
}

#[test]
fn names_that_were_left_out_are_nowhere() {
    let temp = tempfile::tempdir().unwrap();
    record(temp.path(), RecorderConfig { anonymise: true, ..RecorderConfig::default() });
    let recording = temp.path().to_str().unwrap();
    for args in
        [&["leaks", recording][..], &["holders", recording], &["report", recording, "--format", "markdown"]]
    {
        let said = stdout_of(args);
        assert!(said.contains("process-") && said.contains("(pid 4788)"), "{args:?}: {said}");
        assert!(!["python3", "postgres", "web.service"].iter().any(|name| said.contains(name)), "{said}");
    }
}

#[test]
fn a_recording_without_holders_says_so() {
    let temp = tempfile::tempdir().unwrap();
    crate::leaks::record(temp.path(), true);
    let recording = temp.path().to_str().unwrap();
    let out = poolmon(&["holders", recording]);
    assert_eq!(out.status.code(), Some(1));
    let said = text(&out.stderr);
    assert!(
        said.contains(&format!("{recording}: it has no holders")) && said.contains("poolmon record"),
        "{said}"
    );
    let export = poolmon(&["export", recording, "--format", "holders-csv"]);
    assert_eq!((export.status.code(), text(&export.stdout).as_str()), (Some(1), ""));
    let said = text(&export.stderr);
    assert!(said.contains(&format!("{recording}: it has no holders")), "{said}");
    let info = stdout_of(&["info", recording]);
    assert!(info.contains("Holders   not recorded"), "{info}");
    assert!(crate::json_of(&["info", recording, "--format", "json"])["holders"].is_null());
    let out = poolmon(&["holders", "--at", "end"]);
    assert_eq!(out.status.code(), Some(2), "{}", text(&out.stderr));
}
