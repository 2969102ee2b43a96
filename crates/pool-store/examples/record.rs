//! Records simulated samples as quickly as it can until it is killed: `record FOLDER FIRST`.
//!
//! Writes the number of each sample to standard output once it is recorded. Used by the test that kills it.

#[path = "../tests/common/mod.rs"]
mod common;

use std::io::Write as _;
use std::time::Duration;

use pool_store::{Config, Recorder};

fn main() {
    let mut args = std::env::args_os().skip(1);
    let (Some(folder), Some(first)) = (args.next(), args.next()) else {
        eprintln!("usage: record FOLDER FIRST");
        std::process::exit(2);
    };
    let first: u64 = first.to_str().and_then(|first| first.parse().ok()).expect("a number");
    let config = Config {
        interval: Duration::from_secs(1),
        // Short segments, so that closing them is hit, too.
        segment_length: Duration::from_secs(37),
        ..Config::default()
    };
    let (mut recorder, _) = Recorder::open(folder.as_ref(), config).expect("a folder");
    let mut out = std::io::stdout().lock();
    for n in first.. {
        recorder.record_at(&common::sample(n), common::moment(n - first)).expect("a recorded sample");
        if writeln!(out, "{n}").and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}
