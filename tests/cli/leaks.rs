//! `poolmon leaks` and `poolmon diff`: over planted hosts, saved logs and dumps. This kernel is judged in `tests/kernel/`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use insta::assert_snapshot;
use poolmon_model::{Origin, Sample, SourceKind};
use poolmon_store::ClockMoment;
use poolmon_store::{Recorder, RecorderConfig, Recording};
use poolmon_synth::kernel::{SimulatedKernel, SimulationConfig as KernelConfig};
use serde_json::Value;

use crate::{POOLMON, poolmon, shared, stdout_of, text};

/// A sample every 30 s for six hours: one tag leaks, the others come and go.
pub fn record(folder: &Path, leaks: bool) {
    record_every(folder, leaks, 720, 30);
}

fn record_every(folder: &Path, leaks: bool, samples: u64, seconds: u64) {
    record_as("WS-0815", folder, leaks, samples, seconds);
}

/// The same of a host of this name.
pub fn record_as(host: &str, folder: &Path, leaks: bool, samples: u64, seconds: u64) {
    let start: jiff::Timestamp = "2026-11-22T08:00:00Z".parse().unwrap();
    let mut kernel = SimulatedKernel::new(KernelConfig {
        seed: 7,
        tags: 120,
        changes_per_second: 40.0,
        start,
        uptime: Duration::from_secs(500_000),
        leak: KernelConfig::default().leak.filter(|_| leaks),
        ..KernelConfig::default()
    });
    let config = RecorderConfig { interval: Duration::from_secs(seconds), ..RecorderConfig::default() };
    let (mut recorder, _) = Recorder::open(folder, config).unwrap();
    for n in 0..samples {
        if n > 0 {
            kernel.step(Duration::from_secs(seconds));
        }
        let mut sample: Sample = kernel.sample();
        let origin = Origin {
            host: Some(host.into()),
            system: Some("Windows 10.0.19045".into()),
            boot: Some("a".into()),
            ..Origin::new(SourceKind::Windows, &sample.origin.pools)
        };
        sample.origin = origin.into();
        let clock = Duration::from_secs(n * seconds);
        recorder.record_at(&sample, ClockMoment { wall: sample.time.unwrap(), clock }).unwrap();
    }
    recorder.close().unwrap();
}

fn in_utc(args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(POOLMON).args(args).env("TZ", "UTC").output().unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn leaking(json: &Value) -> Vec<String> {
    let verdicts = json["verdicts"].as_array().unwrap();
    let leaks = verdicts.iter().filter(|verdict| verdict["kind"] == "leaking");
    leaks.map(|verdict| verdict["tag"].as_str().unwrap().trim_end().to_owned()).collect()
}

#[test]
fn the_planted_leak_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    record(folder.path(), true);
    let (code, out, err) = in_utc(&["leaks", path]);
    assert_eq!(code, Some(0), "{err}");
    assert_snapshot!("leaks_text", out);
    let (code, out, _) = in_utc(&["leaks", path, "--format", "json", "--fail-on", "leak"]);
    assert_eq!(code, Some(3), "what scripts ask for");
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["schema"], "poolmon.leaks/1");
    assert_eq!(leaking(&json), ["Leak"]);
    let (_, out, _) = in_utc(&["leaks", path, "--format", "csv", "--include", "Leak"]);
    let lines: Vec<_> = out.lines().collect();
    assert!(lines.len() == 2 && lines[1].starts_with("Leak,nonpaged,leaking,"), "{out}");
    // A part of it, and tags left out.
    let (_, out, _) = in_utc(&["leaks", path, "--from", "-2h", "--format", "json"]);
    let part: Value = serde_json::from_str(&out).unwrap();
    assert!((1.9..2.1).contains(&part["hours"].as_f64().unwrap()), "{}", part["hours"]);
    let (code, out, _) = in_utc(&["leaks", path, "--exclude", "Leak", "--fail-on", "leak"]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("No leak found"), "{out}");
}

#[test]
fn a_sample_now_and_then_is_enough_for_a_long_recording() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    record(folder.path(), true);
    let of = |args: &[&str]| -> Value {
        let (_, out, err) = in_utc(&[&["leaks", path, "--format", "json"], args].concat());
        serde_json::from_str(&out).unwrap_or_else(|_| panic!("{err}"))
    };
    let rate = |json: &Value| {
        assert_eq!(leaking(json), ["Leak"]);
        json["verdicts"][0]["bytes"]["per_hour"].as_f64().unwrap()
    };
    let (all, some) = (of(&[]), of(&["--every", "5m"]));
    assert!((rate(&some) / rate(&all) - 1.0).abs() < 0.02, "{some:#}");
    let samples = |json: &Value| json["samples"].as_u64().unwrap();
    assert_eq!(samples(&all), 720);
    assert!((36..=72).contains(&samples(&some)), "{}", samples(&some));
    assert_eq!(all["first"], some["first"]);
    // From a moment on: the very samples that a walk through all of them would find.
    for from in ["2026-11-22 08:00", "2026-11-22 08:00:31", "2026-11-22 11:17", "2026-11-22 13:59:30"] {
        let start: jiff::Timestamp = format!("{}Z", from.replace(' ', "T")).parse().unwrap();
        let wanted = (0..720).filter(|n| *n * 30 >= start.as_second() - 1_795_334_400).count();
        assert_eq!(samples(&of(&["--from", from])), wanted as u64, "{from}");
    }
}

/// Of a long recording, what its recorder said of each stretch is read, and says what all samples say.
#[test]
fn a_long_recording_is_judged_by_its_summaries() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    record_every(folder.path(), true, 6 * 1440, 60);
    assert!(Recording::open(folder.path()).unwrap().summaries(None, None).unwrap() >= 128);
    let judged = |more: &[&str]| -> Value {
        let (code, out, err) = in_utc(&[&["leaks", path, "--format", "json", "--all"], more].concat());
        assert_eq!(code, Some(0), "{err}");
        serde_json::from_str(&out).unwrap()
    };
    let (short, long) = (judged(&[]), judged(&["--every", "1s"]));
    assert_eq!(leaking(&short), ["Leak"]);
    assert_eq!((&short["samples"], &short["hours"]), (&long["samples"], &long["hours"]));
    let kinds = |json: &Value| -> BTreeMap<String, String> {
        let verdicts = json["verdicts"].as_array().unwrap().iter();
        verdicts.map(|one| (format!("{} {}", one["tag"], one["pool"]), one["kind"].to_string())).collect()
    };
    let (short_kinds, long_kinds) = (kinds(&short), kinds(&long));
    let differing: Vec<_> =
        short_kinds.iter().filter(|(tag, kind)| long_kinds.get(*tag) != Some(kind)).collect();
    assert!(short_kinds.len() == long_kinds.len() && differing.len() <= 3, "{differing:?}");
    let rate = |json: &Value| json["verdicts"][0]["bytes"]["per_hour"].as_f64().unwrap();
    assert!((rate(&short) / rate(&long) - 1.0).abs() < 1e-3, "{} and {}", rate(&short), rate(&long));
    // A part of it.
    let part = judged(&["--from", "2026-11-22T10:10", "--to", "2026-11-28T05:00"]);
    assert_eq!(leaking(&part), ["Leak"]);
    assert_eq!(part["samples"], 8331);
}

/// Damage takes what it touches, and the user is informed.
#[test]
fn a_damaged_recording_is_judged_by_what_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    record(folder.path(), true);
    let recording = Recording::open(folder.path()).unwrap();
    let segment = &recording.segments()[2].path;
    let mut bytes = fs::read(segment).unwrap();
    let third = bytes.len() / 3;
    bytes[third..2 * third].fill(0);
    fs::write(segment, bytes).unwrap();
    let (code, out, err) = in_utc(&["leaks", path, "--format", "json"]);
    assert!(
        code == Some(0) && err.contains(" lost to damage, the rest can be read; poolmon verify"),
        "{err}"
    );
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(leaking(&json), ["Leak"]);
    let left = json["samples"].as_u64().unwrap();
    assert!((600..720).contains(&left), "{left}");
}

/// A recording that was copied while it was written, or onto a full disk.
#[test]
fn a_recording_cut_at_its_end_is_judged_and_said_to_be_cut() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), true);
    let recording = Recording::open(folder.path()).unwrap();
    let segment = &recording.segments().last().unwrap().path;
    let length = fs::metadata(segment).unwrap().len();
    fs::File::options().write(true).open(segment).unwrap().set_len(length - length / 3).unwrap();
    let (code, _, err) = in_utc(&["leaks", folder.path().to_str().unwrap()]);
    assert!(code == Some(0) && err.contains(": it is cut at its end ("), "{err}");
    assert!(err.contains("later samples may be missing; poolmon verify shows where"), "{err}");
}

/// For schedulers and monitoring: a limit of bytes for some tags, in every command that sees samples.
#[test]
fn a_limit_of_bytes_decides_the_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), true);
    let path = folder.path().to_str().unwrap();
    for command in ["leaks", "top"] {
        for (limits, code) in [
            (&["Leak>1KiB"][..], 3),
            (&["Leak>900GiB"], 0),
            (&["Leak>900GiB", "Le*>1KiB"], 3),
            (&["Nope>1KiB"], 0),
        ] {
            let mut args = vec![command, path];
            args.extend(limits.iter().flat_map(|limit| ["--fail-on", limit]));
            let (found, _, err) = in_utc(&args);
            assert_eq!(found, Some(code), "{args:?}: {err}");
            assert_eq!(err.contains("Leak holds "), code == 3, "{args:?}: {err}");
        }
    }
    let (code, _, err) = in_utc(&["top", path, "--fail-on", "Leak"]);
    assert!(code == Some(2) && err.contains("'kmalloc-*>5GiB'"), "{err}");
}

#[test]
fn without_a_leak_nothing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), false);
    let (code, out, _) = in_utc(&["leaks", folder.path().to_str().unwrap(), "--fail-on", "leak"]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("No leak found in 720 samples over 5 h 59 min"), "{out}");
}

/// What could not be judged is not without a leak: not for a person, and not for a script.
#[test]
fn too_little_data_is_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    for host in ["a", "b"] {
        record_every(&folder.path().join(host), false, 5, 1);
    }
    let path = folder.path().to_str().unwrap();
    let one = folder.path().join("a");
    let (code, out, err) = in_utc(&["leaks", one.to_str().unwrap(), "--fail-on", "possible"]);
    assert!(code == Some(1) && out.contains("Too little data for any verdict"), "{out}{err}");
    assert!(err.contains("unknown whether a tag or cache leaks"), "{err}");
    assert_eq!(in_utc(&["leaks", one.to_str().unwrap()]).0, Some(0));
    let (code, out, err) = in_utc(&["fleet", path, "--fail-on", "possible"]);
    assert!(
        code == Some(1) && out.starts_with("Unknown whether anything leaks: none of 2 hosts"),
        "{out}{err}"
    );
    assert!(out.contains("Not judged: 2 hosts with too little data"), "{out}");
    // Beside them, a host that was judged counts alone.
    record(&folder.path().join("c"), true);
    let (code, out, err) = in_utc(&["fleet", path, "--fail-on", "possible"]);
    assert!(code == Some(3) && out.contains(" on 1 of 1 host\n"), "{out}{err}");
}

/// Half a minute is judged as it would be live, and is not called a minute.
#[test]
fn half_a_minute_is_judged() {
    let folder = tempfile::tempdir().unwrap();
    record_every(folder.path(), true, 31, 1);
    let (code, out, err) = in_utc(&["leaks", folder.path().to_str().unwrap()]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("31 samples over 30 s, 2026-11-22 08:00:00 to 2026-11-22 08:00:30"), "{out}");
    assert!(!out.contains("Too little data"), "{out}");
    let short = tempfile::tempdir().unwrap();
    record_every(short.path(), false, 3, 1);
    let (_, out, _) = in_utc(&["leaks", short.path().to_str().unwrap()]);
    assert!(
        out.contains("3 samples over 2 s, and at least 12 samples over 20 s are needed: about "),
        "{out}"
    );
}

/// A moment outside of a recording is no moment of it.
#[test]
fn a_time_outside_of_the_samples_is_said() {
    let folder = tempfile::tempdir().unwrap();
    record_every(folder.path(), true, 31, 1);
    let path = folder.path().to_str().unwrap();
    for (at, said) in [
        ("2026-11-21T00:00:00Z", Some("it begins at 2026-11-22 08:00:00")),
        ("-2h", Some("it begins at 2026-11-22 08:00:00")),
        ("2026-11-22T08:00:31Z", Some("it ends at 2026-11-22 08:00:30")),
        ("2026-11-22T08:00:10Z", None),
        ("end", None),
    ] {
        let (code, _, err) = in_utc(&["top", path, "--at", at]);
        // As `holders --at` does.
        assert_eq!(code, Some(i32::from(said.is_some())), "{err}");
        assert_eq!(err.contains("there is no sample of"), said.is_some(), "{at}: {err}");
        assert!(said.is_none_or(|said| err.contains(said)), "{at}: {err}");
    }
}

#[test]
fn a_range_without_a_sample_is_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    record_every(folder.path(), true, 31, 1);
    let path = folder.path().to_str().unwrap();
    let (code, out, err) = in_utc(&["export", path, "--format", "csv", "--from", "2026-11-23T00:00:00Z"]);
    assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
    assert!(err.contains("no sample is between --from and --to") && err.contains("poolmon info"), "{err}");
    let inside = in_utc(&["export", path, "--format", "csv", "--from", "2026-11-22T08:00:20Z"]);
    assert_eq!(inside.0, Some(0), "{}", inside.2);
    // Two moments, and one sample for both.
    let [a, b] = ["2026-11-22T08:00:10.2Z", "2026-11-22T08:00:10.4Z"].map(|at| format!("{path}@{at}"));
    let (code, _, err) = in_utc(&["diff", &a, &b]);
    assert_eq!(code, Some(1), "{err}");
    let (code, _, err) = in_utc(&["diff", &a, &format!("{path}@2026-11-22T08:00:20Z")]);
    assert_eq!(code, Some(0), "{err}");
}

#[test]
fn too_little_data_says_how_much_more() {
    let Some(log) = shared("samples/poolmon-snapshot-win11.txt") else { return };
    let out = stdout_of(&["leaks", log.to_str().unwrap()]);
    assert!(out.contains("Too little data for any verdict"), "{out}");
    let missing = poolmon(&["leaks", "/nonexistent"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing.stderr).contains("/nonexistent"));
    let wrong = poolmon(&["leaks", "--from", "-2h"]);
    assert_eq!(wrong.status.code(), Some(2), "--from needs a source");
}

#[test]
fn what_grew_between_two_moments() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    record(folder.path(), true);
    let (a, b) = (format!("{path}@2026-11-22 09:00"), format!("{path}@2026-11-22 11:00"));
    let (code, out, err) = in_utc(&["diff", &a, &b, "--limit", "8"]);
    assert_eq!(code, Some(0), "{err}");
    assert_snapshot!("diff_text", out);
    // The other way round it is the same, and said.
    let (_, turned, err) = in_utc(&["diff", &b, &a, "--limit", "8"]);
    assert_eq!(turned, out);
    assert!(err.contains("comparing B with A"), "{err}");
    let (_, out, _) = in_utc(&["diff", path, "--format", "json", "--include", "Leak"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert!(json["rows"][0]["bytes_change"].as_i64().unwrap() > 0, "{json}");
    let (code, _, err) = in_utc(&["diff", path, "/nonexistent"]);
    assert!(code == Some(1) && err.contains("/nonexistent"), "{err}");
}

/// The same cache is not `149 MiB` in one answer and `156 MB` in the next.
#[test]
fn every_answer_has_the_same_units() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    record(folder.path(), true);
    let (a, b) = (format!("{path}@2026-11-22 09:00"), format!("{path}@2026-11-22 11:00"));
    for args in [
        vec!["diff", &a, &b],
        vec!["leaks", path],
        vec!["report", path, "--format", "md"],
        vec!["info", path],
    ] {
        let (code, out, err) = in_utc(&args);
        assert!(code.is_some_and(|code| code != 2), "{args:?}: {err}");
        let words = out.split(|at: char| at.is_whitespace() || ",;()|".contains(at));
        let (decimal, binary): (Vec<&str>, Vec<&str>) = words
            .filter(|word| word.trim_end_matches("/h").ends_with('B'))
            .partition(|word| ["kB", "KB", "MB", "GB"].iter().any(|unit| word.contains(unit)));
        assert!(decimal.is_empty(), "{args:?}: {decimal:?}\n{out}");
        assert!(binary.iter().any(|word| word.contains("iB")), "{args:?} names no size:\n{out}");
    }
}

/// A list of one pool, as `poolmon -p` writes it, gives no figure of the pool; a row that never frees is a suspect all the same.
#[test]
fn a_perfect_leak_in_a_list_of_few_rows_is_a_suspect() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pool.log");
    let snapshot = |n: u64| {
        let (hour, minute, count) = (10 + n / 6, n % 6 * 10, 16_000 + 500 * n);
        let row =
            format!(" Tst1 Nonp {:>10} {:>10} {count:>8} {:>10} 1024\n", count + 4000, 4000, count * 1024);
        let head = " Tag  Type     Allocs     Frees      Diff   Bytes  Per Alloc\n\n";
        format!("2026-05-31 {hour}:{minute:02}:00\n\n{head}{row}\n")
    };
    std::fs::write(&path, (0..14).map(snapshot).collect::<String>()).unwrap();
    let (code, out, err) = in_utc(&["leaks", path.to_str().unwrap(), "--fail-on", "possible"]);
    assert_eq!(code, Some(3), "{out}{err}");
    assert!(out.contains("Pools:    unknown") && out.contains("Tst1 (nonpaged) possibly leaks"), "{out}");
}

#[test]
fn nothing_is_compared_across_a_reboot_unless_forced() {
    let folder = tempfile::tempdir().unwrap();
    let snapshot = |name: &str, allocs: u64| {
        let path = folder.path().join(name);
        let row = |n| format!(" Tag{n} Nonp {allocs:>10} {:>10} {allocs:>8} {:>8} 64\n", 0, allocs * 64);
        let rows = (0..8).map(row).collect::<Vec<_>>().concat();
        let head = " Tag  Type     Allocs     Frees      Diff   Bytes  Per Alloc\n\n";
        std::fs::write(&path, format!("{head}{rows}")).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (a, b) = (snapshot("2026-11-22_10-00.log", 5000), snapshot("2026-11-22_11-00.log", 20));
    let (code, _, err) = in_utc(&["diff", &a, &b]);
    assert_eq!(code, Some(1));
    assert!(err.contains("rebooted") && err.contains("--force"), "{err}");
    let (code, out, _) = in_utc(&["diff", &a, &b, "--force"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("1 h later") && out.contains("Tag0"), "{out}");
}

/// A table without frees and diff: of a row that disappeared, they stay unknown.
#[test]
fn what_a_table_does_not_report_stays_unknown_when_its_row_disappears() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let a = file("a.csv", "tag,pool,allocs,bytes\nLeak,nonpaged,100,6400\nKeep,nonpaged,10,640\n");
    let b = file("b.csv", "tag,pool,allocs,bytes\nKeep,nonpaged,11,704\n");
    let (code, out, err) = in_utc(&["diff", &a, &b, "--format", "json"]);
    assert_eq!(code, Some(0), "{err}");
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    let gone = &document["rows"].as_array().unwrap().iter().find(|row| row["tag"] == "Leak").unwrap();
    assert_eq!(
        (&gone["frees"], &gone["diff"]),
        (&serde_json::Value::Null, &serde_json::Value::Null),
        "{gone}"
    );
    assert_eq!((&gone["bytes"], &gone["bytes_change"]), (&0.into(), &(-6400).into()), "{gone}");
    assert_eq!(document["totals"]["nonpaged"]["frees"], serde_json::Value::Null);
    let (_, csv, _) = in_utc(&["diff", &a, &b, "--format", "csv"]);
    assert!(csv.lines().any(|line| line.contains("Leak,nonpaged,100,0,,,,,0,-6400,")), "{csv}");
}

#[test]
fn two_dumps_of_a_machine_are_compared() {
    use poolmon_synth::dump::{Arch, Form, Spec, build};
    let folder = tempfile::tempdir().unwrap();
    let mut built = build(&Spec::new(Arch::Amd64, 19_041).tiny());
    let dump = |built: &poolmon_synth::dump::Built, name: &str| {
        let path = folder.path().join(name);
        built.write(Form::Full, &path).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let a = dump(&built, "a.dmp");
    let same = in_utc(&["diff", &a, &a]);
    assert!(same.0 == Some(0) && same.1.contains("No row changed"), "{same:?}");
    // Another boot of the same machine.
    built = build(&Spec { seed: 77, ..Spec::new(Arch::Amd64, 19_041).tiny() });
    let b = dump(&built, "b.dmp");
    let (code, out, err) = in_utc(&["diff", &a, &b, "--force", "--format", "json"]);
    assert_eq!(code, Some(0), "{err}");
    let json: Value = serde_json::from_str(&out).unwrap();
    let table: Value = serde_json::from_str(&stdout_of(&["top", &b, "--format", "json"])).unwrap();
    let bytes = |json: &Value, tag: &Value| {
        let rows = json["rows"].as_array().unwrap();
        rows.iter().find(|row| row["tag"] == *tag).map(|row| row["bytes"].clone())
    };
    for row in json["rows"].as_array().unwrap().iter().filter(|row| row["presence"] != "gone").take(20) {
        assert_eq!(
            bytes(&table, &row["tag"]),
            Some(row["bytes"].clone()),
            "B's own figure of {}",
            row["tag"]
        );
    }
}

/// Of several files, a number of a line says nothing without the file's name.
#[test]
fn remarks_on_lines_of_several_files_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    for n in 1..=2 {
        let log = format!(
            "2026-03-01T1{n}:00:00Z\n Tag  Type  Allocs  Frees  Diff  Bytes  Per Alloc\n\n \
             Leak Nonp  {n}00  0  {n}00  {n}6400  64\n SeAt Paged\n"
        );
        fs::write(folder.path().join(format!("{n}.log")), log).unwrap();
    }
    let output = Command::new(POOLMON).arg("leaks").arg(folder.path()).output().unwrap();
    let said = text(&output.stderr);
    for name in ["1.log", "2.log"] {
        let line = said.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{said}"));
        assert!(line.contains("line 5 (`SeAt Paged`)"), "{said}");
    }
}

/// Colours come where they are asked for, in text alone, and no name can bring its own.
#[test]
fn colours_are_never_in_a_pipe_unless_asked_for_and_never_from_a_name() {
    let temp = tempfile::tempdir().unwrap();
    let rec = temp.path().join("rec");
    record(&rec, true);
    let rec = rec.to_str().unwrap();
    let slabs = |name: &str, objects: u64| {
        let file = temp.path().join(name);
        let text = format!(
            "slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>\n\
             \u{1b}[31mevil\u{9b}1m {objects} {objects} 1024 4 1 : tunables 0 0 0 : slabdata {} {} 0\n",
            objects / 4,
            objects / 4
        );
        fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let (few, many) = (slabs("few.slabinfo", 400), slabs("many.slabinfo", 40_000));
    let red = "\u{1b}[1;31mLeak (nonpaged)";
    for (args, coloured) in [
        (&["leaks", rec][..], red),
        (&["top", rec], "\u{1b}[1mTag\u{1b}[0m"),
        (&["diff", &few, &many], "\u{1b}[1;33m  +"),
        (&["top", &many], "\u{1b}[1mTag\u{1b}[0m"),
        (&["holders"], "\u{1b}[1m"),
    ] {
        if args[0] == "holders" && !cfg!(target_os = "linux") {
            continue;
        }
        let with = |more: &[&str]| {
            let out =
                Command::new(POOLMON).args(args).args(more).env("TZ", "UTC").env_remove("NO_COLOR").output();
            text(&out.unwrap().stdout)
        };
        let asked = with(&["--color", "always"]);
        assert!(asked.contains(coloured), "{args:?}: {asked}");
        let known = ["[0m", "[1m", "[2m", "[33m", "[36m", "[1;33m", "[1;36m", "[1;31m"];
        for (at, _) in asked.match_indices('\u{1b}') {
            let rest = &asked[at + 1..];
            assert!(known.iter().any(|known| rest.starts_with(known)), "{args:?}: {:?}", rest.get(..9));
        }
        assert!(!asked.contains('\u{9b}') && !asked.contains("\u{1b}[31m"), "{args:?}: {asked}");
        for more in [&[][..], &["--color", "auto"], &["--color", "never"]] {
            assert!(!with(more).contains('\u{1b}'), "{args:?} {more:?}");
        }
        let data = with(&["--color", "always", "--format", "csv"]);
        assert!(!known[1..].iter().any(|known| data.contains(&format!("\u{1b}{known}"))), "{args:?}: {data}");
    }
}
