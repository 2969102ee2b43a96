//! A recorder that is killed at any moment loses at most the frame that it was writing.
//!
//! `POOLMON_KILLS` says how many times (40 if it does not).

mod common;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use common::sample;
use pool_store::{Config, Cursor, Entry, Recorder, Recording};

/// The example beside this test.
fn recorder() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let name = format!("record{}", std::env::consts::EXE_SUFFIX);
    let path = test.parent().and_then(Path::parent).unwrap().join("examples").join(name);
    assert!(path.exists(), "{} is missing: cargo test builds it", path.display());
    path
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
        let mut child = Command::new(recorder())
            .arg(folder.path())
            .arg(next.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut last = lines.next().map(|line| line.unwrap().parse::<u64>().unwrap());
        std::thread::sleep(Duration::from_micros(seed % 25_000));
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines {
            // The last line may be cut as well.
            last = line.unwrap().parse().ok().max(last);
        }
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
