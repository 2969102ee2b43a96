//! A recorder that is killed at any moment loses at most the frame that it was writing.
//!
//! `POOLMON_KILLS` says how many times (40 if it does not).
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "small numbers of a test"
)]

mod common;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{moment, sample};
use pool_store::{Config, Cursor, Entry, Recorder, Recording};

/// The process that is killed: this test program again. It says the number of each sample once it is recorded.
#[test]
#[ignore = "started by the other test"]
fn child() {
    let (Some(folder), Ok(first)) =
        (std::env::var_os("POOLMON_KILL_FOLDER"), std::env::var("POOLMON_KILL_FIRST"))
    else {
        return;
    };
    let first: u64 = first.parse().unwrap();
    // Short segments, so that closing them is hit, too.
    let config = Config { segment_length: Duration::from_secs(37), ..Config::default() };
    let (mut recorder, _) = Recorder::open(folder.as_ref(), config).unwrap();
    let mut out = std::io::stdout().lock();
    for n in first.. {
        recorder.record_at(&sample(n), moment(n - first)).unwrap();
        writeln!(out, "\n{n}").and_then(|()| out.flush()).unwrap();
    }
}

#[test]
fn killed_at_random_moments() {
    let kills: u64 = std::env::var("POOLMON_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(40);
    let mut seed = u64::from(std::process::id()) | 1;
    let mut torn = 0;
    let mut folder = tempfile::tempdir().unwrap();
    let mut next = 0;
    for round in 0..kills {
        if round % 10 == 0 {
            folder = tempfile::tempdir().unwrap();
            next = 0;
        }
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--ignored", "--nocapture"])
            .env("POOLMON_KILL_FOLDER", folder.path())
            .env("POOLMON_KILL_FIRST", next.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut numbers = lines.filter_map(|line| line.ok()?.parse::<u64>().ok());
        let mut last = numbers.next();
        std::thread::sleep(Duration::from_micros(seed % 25_000));
        child.kill().unwrap();
        child.wait().unwrap();
        // A number that was cut by the kill is smaller than the one before.
        last = numbers.max().max(last);
        let said = last.expect("it recorded something");
        let (again, report) = Recorder::open(folder.path(), Config::default()).unwrap();
        torn += report.recovered.iter().filter(|found| found.cut > 0).count();
        drop(again);

        let recording = Recording::open(folder.path()).unwrap();
        let verified = recording.verify().unwrap();
        assert!(verified.is_whole(), "round {round}: {verified:?}");
        let mut cursor = recording.cursor();
        let mut got = Cursor::empty_sample();
        let mut n = 0;
        while let Some(entry) = cursor.next_entry().unwrap() {
            if matches!(entry, Entry::Sample { .. }) {
                assert!(cursor.sample_into(&mut got));
                assert!(got == sample(n), "round {round}: sample {n}");
                n += 1;
            }
        }
        assert!(n == said + 1 || n == said + 2, "round {round}: it said {said}, {n} are there");
        next = n;
    }
    println!("{kills} kills, {torn} torn tails cut");
}
