//! Recordings whose every figure is known, on the screen with time and in `poolmon top --at`.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use poolmon_model::{Sample, SourceKind, Tag};
use poolmon_store::ClockMoment;
use poolmon_store::{ModuleChange, Recorder, RecorderConfig};
use poolmon_synth::kernel::{SimulatedKernel, SimulationConfig as KernelConfig};
use serde_json::Value;

use crate::screen::Terminal;
use crate::{POOLMON, text};

/// 2026-11-22 13:00:00 UTC.
const START: i64 = 1_795_352_400;
const INTERVAL: u64 = 5;

fn time(seconds: u64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(START + i64::try_from(seconds).unwrap()).unwrap()
}

/// A sample every 5 s for two hours: a gap of ten minutes after the first, a reboot at 14:45.
fn planted() -> Vec<(ClockMoment, Sample)> {
    let kernel = |start: u64, uptime: u64, seed| {
        SimulatedKernel::new(KernelConfig {
            seed,
            tags: 150,
            changes_per_second: 60.0,
            start: time(start),
            uptime: Duration::from_secs(uptime),
            ..KernelConfig::default()
        })
    };
    let mut samples = Vec::new();
    let mut clock = 0;
    for (boot, parts) in [("a", &[(0, 3600), (4200, 6000)][..]), ("b", &[(6300, 7200)][..])] {
        let first = parts[0].0;
        let mut kernel =
            kernel(first, if boot == "a" { 500_000 } else { 40 }, if boot == "a" { 1 } else { 2 });
        for (n, &(from, to)) in parts.iter().enumerate() {
            if n > 0 {
                kernel.step(Duration::from_secs(from - parts[n - 1].1 + INTERVAL));
            }
            for at in (from..to).step_by(usize::try_from(INTERVAL).unwrap()) {
                if at > from {
                    kernel.step(Duration::from_secs(INTERVAL));
                }
                let mut sample = kernel.sample();
                let origin = Arc::make_mut(&mut sample.origin);
                (origin.kind, origin.boot) = (SourceKind::Windows, Some(boot.to_owned()));
                (origin.host, origin.system) = (Some("WS-0815".into()), Some("Windows 10.0.19045".into()));
                assert_eq!(sample.time, Some(time(at)));
                samples.push((ClockMoment { wall: time(at), clock: Duration::from_secs(clock) }, sample));
                clock += INTERVAL;
            }
        }
    }
    samples
}

fn record(folder: &Path, samples: &[(ClockMoment, Sample)]) -> Recorder {
    let config = RecorderConfig {
        interval: Duration::from_secs(INTERVAL),
        segment_length: Duration::from_mins(20),
        ..RecorderConfig::default()
    };
    let (mut recorder, _) = Recorder::open(folder, config).unwrap();
    for (n, (moment, sample)) in samples.iter().enumerate() {
        recorder.record_at(sample, *moment).unwrap();
        if n == 600 {
            let loaded = ModuleChange { loaded: true, name: "baddrv.sys".into(), detail: None, size: 4096 };
            recorder.modules(&[loaded]).unwrap();
        }
    }
    poolmon_store::note(folder, "installed the new antivirus", time(1802)).unwrap();
    recorder
}

/// The sample that was planted at so many seconds after the start, or the last before it.
fn at(samples: &[(ClockMoment, Sample)], seconds: u64) -> &Sample {
    let wanted = time(seconds);
    samples.iter().rev().map(|(_, sample)| sample).find(|sample| sample.time <= Some(wanted)).unwrap()
}

fn top(folder: &Path, more: &[&str]) -> Value {
    let mut args = vec!["top", folder.to_str().unwrap(), "--format", "json"];
    args.extend(more);
    let output = Command::new(POOLMON).args(&args).env("TZ", "UTC").output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn top_tells_the_figures_of_any_moment() {
    let folder = tempfile::tempdir().unwrap();
    let samples = planted();
    record(folder.path(), &samples).close().unwrap();
    for seconds in [0, 5, 1803, 3599, 3700, 4200, 5997, 6301, 7195] {
        let moment = time(seconds).to_string();
        let table = top(folder.path(), &["--at", &moment]);
        let sample = at(&samples, seconds);
        assert_eq!(table["time"], sample.time.unwrap().to_string(), "{seconds}");
        let rows = table["rows"].as_array().unwrap();
        let reported: Vec<_> = sample.rows.iter().filter(|row| !row.counters.is_zero()).collect();
        assert_eq!(rows.len(), reported.len(), "{seconds}");
        for row in reported {
            let Tag::Pool(tag) = row.tag else { panic!("not a pool tag") };
            let value = format!("{:#010x}", tag.to_u32());
            let same = |other: &&Value| other["tag_value"] == value && other["pool"] == row.pool.id();
            let found = rows.iter().find(same).unwrap_or_else(|| panic!("{} at {seconds}", row.tag));
            assert_eq!(found["bytes"].as_u64(), row.counters.bytes, "{} at {seconds}", row.tag);
            assert_eq!(found["allocs"].as_u64(), row.counters.allocs, "{} at {seconds}", row.tag);
            assert_eq!(found["frees"].as_u64(), row.counters.frees, "{} at {seconds}", row.tag);
        }
    }
    let leak = |table: &Value| {
        let rows = table["rows"].as_array().unwrap();
        let row = rows.iter().find(|row| row["tag"] == "Leak").unwrap();
        (row["bytes"].as_u64().unwrap(), row["bytes_change"].as_i64())
    };
    let planted = |seconds| {
        let row = at(&samples, seconds).rows.iter().find(|row| row.tag == Tag::pool(*b"Leak")).unwrap();
        row.counters.bytes.unwrap()
    };
    let hour = top(folder.path(), &["--at", "13:50", "--over", "30min"]);
    let change = planted(3000).cast_signed() - planted(1200).cast_signed();
    assert_eq!(leak(&hour), (planted(3000), Some(change)));
    let rebooted = top(folder.path(), &["--at", "14:45"]);
    assert_eq!(leak(&rebooted), (planted(6300), None), "nothing is compared with the boot before");
    let last = top(folder.path(), &[]);
    assert_eq!(leak(&last).0, planted(7195));
}

/// The figures of a tag in the first line of a screen that begins with it, or with `!` where it leaks, without the changes in parentheses.
fn line_of<'a>(screen: &'a str, tag: &str) -> &'a str {
    screen
        .lines()
        .find(|line| line.trim_start_matches([' ', '!']).starts_with(tag))
        .unwrap_or_else(|| panic!("no {tag} in\n{screen}"))
}

#[test]
fn the_screen_jumps_and_steps_through_time() {
    let Some(terminal) = Terminal::open(120, 30) else { return };
    let folder = tempfile::tempdir().unwrap();
    let samples = planted();
    record(folder.path(), &samples).close().unwrap();
    let shows = |seconds: u64| {
        let sample = at(&samples, seconds);
        let bytes =
            sample.rows.iter().find(|row| row.tag == Tag::pool(*b"Leak")).unwrap().counters.bytes.unwrap();
        let clock = sample.time.unwrap().strftime("%H:%M:%S").to_string();
        let screen = terminal.wait(&format!("the sample of {clock}"), |screen| {
            screen.lines().take(3).any(|line| line.contains(&clock)) && screen.contains(" Leak ")
        });
        let line = line_of(&screen, "Leak");
        assert!(line.contains(&bytes.to_string()), "{bytes} at {clock} is not in\n{line}");
    };
    let path = folder.path().display();
    terminal.run(&format!("TZ=UTC {POOLMON} replay {path} --sort bytes --include Leak --at 13:50"));
    shows(3000);
    terminal.keys(&["."]);
    shows(3005);
    terminal.keys(&[",", ",", ","]);
    shows(2990);
    terminal.keys(&[">"]);
    shows(3050);
    terminal.keys(&["@"]);
    terminal.keys(&["-l", "13:30"]);
    terminal.keys(&["Enter"]);
    shows(1800);
    // The next mark is the note at 13:30:02; its text is next to the timeline.
    // It is there already two seconds before it, so the next key has to wait for the time.
    terminal.keys(&["]"]);
    shows(1805);
    terminal.wait("the note", |screen| screen.contains("installed the new antivirus"));
    for (key, seconds) in [("]", 3000), ("]", 4200)] {
        terminal.keys(&[key]);
        shows(seconds);
    }
    terminal.keys(&["]"]);
    terminal.wait("the reboot", |screen| screen.contains("REBOOTED"));
    shows(6300);
    terminal.keys(&["End"]);
    shows(7195);
    terminal.keys(&["Home"]);
    shows(0);
    terminal.keys(&["q"]);
    terminal.wait("the prompt", |screen| screen.trim_end().ends_with('$'));
}

#[test]
fn what_is_no_recording_says_what_helps() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().to_str().unwrap();
    for args in [&["top", empty, "--at", "13:00"][..], &["replay", empty], &["replay", "/nonexistent/rec"]] {
        let output = Command::new(POOLMON).args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(text(&output.stderr).contains(args[1]), "{}", text(&output.stderr));
    }
    record(folder.path(), &planted()[..3]).close().unwrap();
    let output = Command::new(POOLMON).args(["top", empty, "--at", "soon"]).output().unwrap();
    assert!(matches!(output.status.code(), Some(1 | 2)));
    assert!(text(&output.stderr).contains("2026-11-22 14:00"), "{}", text(&output.stderr));
}
