//! The recorder beside other programs: Linux reads what Windows wrote, a second recorder, the screen that records, and
//! leaks judged on both systems.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::script::{Script, many};
use crate::tables::reported;
use crate::terminal::Terminal;
use crate::wine::{Wine, texts};
use poolmon_testkit::{Need, skip};

/// This system's own executable, where it has been built.
fn native() -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    ["debug/poolmon", "release/poolmon"].map(|name| target.join(name)).into_iter().find(|exe| exe.is_file())
}

#[test]
fn both_systems_read_one_recording() {
    let Some(wine) = Wine::ready() else { return };
    let script = Script::new().table(&many(3000));
    let live = wine.json(&script, &["top", "--format", "json"]);
    wine.text(&script, &["record", "rec", "--interval", "200ms", "--for", "1s"]);
    let there = wine.json(&script, &["top", "rec", "--format", "json"]);
    assert!(reported(&live) == reported(&there), "the recording has other figures than the table");

    let Some(native) = native() else {
        skip(Need::Wine, "this system's executable is absent (cargo build)");
        return;
    };
    let args = ["top", "rec", "--format", "json"];
    let here = Command::new(native).args(args).current_dir(&wine.folder).output().expect("it starts");
    let (out, err) = texts(&here);
    assert!(here.status.success(), "{err}");
    let here: Value = serde_json::from_str(&out).expect("JSON");
    assert!(reported(&here) == reported(&there), "the systems read different figures");
    assert_eq!((&here["source"], &here["system"]), (&there["source"], &there["system"]));
}

#[test]
fn a_second_recorder_is_refused() {
    let Some(wine) = Wine::ready() else { return };
    let script = Script::new().table(&many(300));
    thread::scope(|scope| {
        let first =
            scope.spawn(|| wine.text(&script, &["record", "rec", "--interval", "200ms", "--for", "12s"]));
        let until = Instant::now() + Duration::from_mins(1);
        while !wine.folder.join("rec/recorder.lock").exists() {
            assert!(Instant::now() < until && !first.is_finished(), "the first recorder takes no lock");
            thread::sleep(Duration::from_millis(50));
        }
        let second = wine.run(Some(&script), &["record", "rec", "--for", "1s"]);
        let (_, err) = texts(&second);
        assert!(!first.is_finished(), "the first one ended too early for this test");
        assert_eq!(second.status.code(), Some(1), "{err}");
        assert!(err.contains("another recorder is writing here"), "{err}");
    });
    let (out, _) = wine.text(&script, &["verify", "rec"]);
    assert!(out.contains(": intact") && !out.contains("not closed"), "{out}");
}

#[test]
fn the_screen_records() {
    let Some(wine) = Wine::ready() else { return };
    let Some(terminal) = Terminal::open() else { return };
    let script = Script::new().table(&many(300));
    terminal.run(&wine.shell_line(&script, "live --record rec --interval 200ms --no-config"));
    terminal.wait("the table", |screen| screen.contains("A005"));
    thread::sleep(Duration::from_secs(1));
    terminal.keys(&["q"]);
    terminal.wait("the end", |screen| screen.contains("code=0"));
    let info = wine.json(&script, &["info", "rec", "--format", "json"]);
    assert!(info["samples"].as_u64().is_some_and(|samples| samples > 1), "{info:#}");
    let (out, _) = wine.text(&script, &["verify", "rec"]);
    assert!(out.contains(": intact") && !out.contains("not closed"), "{out}");
}

#[test]
fn both_systems_judge_a_short_recording_alike() {
    let Some(wine) = Wine::ready() else { return };
    let script = (0..40_u64).fold(Script::new(), |script, n| {
        let mut table = many(50);
        table.push((*b"Leak", [0, 0, 0, 1000 + 100 * n, 500, 64_000 + 12_800 * n]));
        script.table(&table)
    });
    wine.text(&script, &["record", "rec", "--interval", "100ms", "--for", "3s"]);
    let args = ["leaks", "rec", "--format", "json"];
    let there = wine.json(&script, &args);
    // Three seconds are no proof, however fast it grows: what grows is named, no leak is, and it says what is missing.
    let verdicts = there["verdicts"].as_array().expect("verdicts");
    assert!(verdicts.iter().all(|row| row["tag"] == "Leak" && row["kind"] != "leaking"), "{there:#}");
    assert!(there["needs_seconds"].as_f64().is_some_and(|seconds| seconds > 10.0), "{there:#}");
    let Some(native) = native() else {
        skip(Need::Wine, "this system's executable is absent (cargo build)");
        return;
    };
    let here = Command::new(native).args(args).current_dir(&wine.folder).output().expect("it starts");
    let (out, err) = texts(&here);
    assert!(here.status.success(), "{err}");
    assert_eq!(serde_json::from_str::<Value>(&out).expect("JSON"), there);
}

#[test]
fn both_systems_write_the_same_report() {
    let Some(wine) = Wine::ready() else { return };
    let script = (0..40_u64).fold(Script::new(), |script, n| {
        let mut table = many(50);
        table.push((*b"<b>&", [0, 0, 0, 1000 + 100 * n, 500, 64_000 + 12_800 * n]));
        script.table(&table)
    });
    wine.text(&script, &["record", "rec", "--interval", "100ms", "--for", "3s"]);
    // What differs: when it was made, in which zone, and where the drivers are that a next step searches.
    let differs = |line: &&str| {
        ["Made by poolmon", "poolmon who", "Needs: nothing", "Needs: the drivers"]
            .iter()
            .any(|text| line.contains(text))
    };
    let plain = |text: &str| text.lines().filter(|line| !differs(line)).collect::<Vec<_>>().join("\n");
    for name in ["report.html", "report.md"] {
        let (_, err) = wine.text(&script, &["report", "rec", "-o", name]);
        assert!(err.contains(name), "{err}");
        let there = std::fs::read_to_string(wine.folder.join(name)).expect("it was written");
        let answer = ["Too little data for any verdict", "No certain leak, but 1 suspect"];
        assert!(answer.iter().any(|answer| there.contains(answer)), "{there}");
        assert!(there.contains(if name.ends_with("md") { "`<b>&`" } else { "&lt;b&gt;&amp;" }), "{there}");
        let Some(native) = native() else {
            skip(Need::Wine, "this system's executable is absent (cargo build)");
            return;
        };
        let args = ["report", "rec", "-o", name, "--force"];
        let here = Command::new(native).args(args).current_dir(&wine.folder).output().expect("it starts");
        assert!(here.status.success(), "{}", texts(&here).1);
        let here = std::fs::read_to_string(wine.folder.join(name)).expect("it was written");
        assert!(!there.contains("--drivers"), "{there}");
        let (there, here) = (plain(&there), plain(&here));
        let first = there.lines().zip(here.lines()).find(|(there, here)| there != here);
        assert!(here == there, "{name} differs between the systems: {first:?}");
    }
}

#[test]
fn a_command_is_measured() {
    let Some(wine) = Wine::ready() else { return };
    let script = Script::new().table(&many(50));
    let args = ["measure", "--repeat", "3", "--warm-up", "1", "--settle", "50ms", "--noise", "100ms"];
    let measured =
        wine.json(&script, &[&args[..], &["--format", "json", "--", "cmd", "/c", "exit 0"]].concat());
    assert_eq!((&measured["runs"], &measured["failed_runs"]), (&3.into(), &0.into()), "{measured:#}");
    assert_eq!(measured["tags"], Value::Array(Vec::new()), "nothing moves in a replayed table");
    let failed = wine.run(Some(&script), &[&args[..], &["--", "cmd", "/c", "exit 5"]].concat());
    let (_, err) = texts(&failed);
    assert!(failed.status.code() == Some(1) && err.contains("exit code: 5"), "{err}");
}
