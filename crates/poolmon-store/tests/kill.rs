//! A recorder that is killed at any moment, also while it opens and mends the folder, loses at most the frame that it
//! was writing.
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
use poolmon_model::Sample;
use poolmon_store::{Entry, Recorder, RecorderConfig, Recording, folder};

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
    let config = RecorderConfig { segment_length: Duration::from_secs(37), ..RecorderConfig::default() };
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
    let (mut torn, mut mended) = (0, 0);
    let mut home = tempfile::tempdir().unwrap();
    let mut next = 0;
    for round in 0..kills {
        if round % 10 == 0 {
            home = tempfile::tempdir().unwrap();
            next = 0;
        }
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--ignored", "--nocapture"])
            .env("POOLMON_KILL_FOLDER", home.path())
            .env("POOLMON_KILL_FIRST", next.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let number = |line: std::io::Result<String>| line.ok()?.parse::<u64>().ok();
        // Every third one is killed while it begins: it mends what the one before left, makes files, or has just
        // recorded its first samples.
        let early = round % 3 == 2;
        let first = if early { None } else { lines.by_ref().find_map(number) };
        std::thread::sleep(Duration::from_micros(seed % if early { 9_000 } else { 25_000 }));
        child.kill().unwrap();
        child.wait().unwrap();
        // A number that was cut by the kill is smaller than the one before.
        let said = lines.filter_map(number).max().max(first);
        assert!(early || said.is_some(), "it recorded something");
        let least = said.map_or(next, |said| said + 1);
        if least == 0 && folder::segments(home.path()).unwrap().is_empty() {
            continue;
        }
        let (again, report) = Recorder::open(home.path(), RecorderConfig::default()).unwrap();
        torn += report.recovered.iter().filter(|found| found.cut > 0).count();
        mended += report.recovered.len();
        drop(again);
        if folder::segments(home.path()).unwrap().is_empty() {
            assert_eq!(least, 0, "round {round}: only a head was there");
            continue;
        }

        let recording = Recording::open(home.path()).unwrap();
        let verified = recording.verify().unwrap();
        assert!(verified.is_whole(), "round {round}: {verified:?}");
        let mut cursor = recording.cursor();
        let mut got = Sample::empty();
        let mut n = 0;
        while let Some(entry) = cursor.next_entry().unwrap() {
            if matches!(entry, Entry::Sample { .. }) {
                assert!(cursor.sample_into(&mut got));
                assert!(got == sample(n), "round {round}: sample {n}");
                n += 1;
            }
        }
        assert!(n == least || n == least + 1, "round {round}: it said {said:?}, {n} are there");
        next = n;
    }
    println!("{kills} kills, {mended} segments closed for them, {torn} torn tails cut");
}
