//! Looks for random moments of a long recording whose files are not in memory.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use poolmon_model::Sample;
use poolmon_store::Recording;

use crate::host::Rng;
use crate::measure::memory;

/// How the system is made to forget.
#[derive(Clone, Copy, Debug)]
enum Forget {
    /// Everything: pages, names, inodes. Root only, and everybody's.
    All,
    /// The pages of the recording's files (`posix_fadvise`, through `dd`).
    Files,
    /// Nothing.
    None,
}

impl Forget {
    fn now(self, recording: &Recording) -> bool {
        match self {
            Self::All => std::fs::write("/proc/sys/vm/drop_caches", "3").is_ok(),
            Self::Files => recording.segments().iter().all(|segment| {
                let file = format!("if={}", segment.path.display());
                let dd = Command::new("dd").args([&file, "iflag=nocache", "count=0", "status=none"]).status();
                dd.is_ok_and(|status| status.success())
            }),
            Self::None => true,
        }
    }
}

pub fn seeks(folder: &Path) {
    let recording = Recording::open(folder).unwrap();
    let info = recording.info().unwrap();
    println!("{} samples, {:.1} MB, {} segments", info.samples, info.bytes as f64 / 1e6, info.segments);
    let (first, last) = (info.first.unwrap().as_millisecond(), info.last.unwrap().as_millisecond());
    println!("| cache | seeks | median | p90 | p99 | most | resident at most |");
    println!("|---|---|---|---|---|---|---|");
    for (what, forget, count) in [
        ("everything dropped before each seek", Forget::All, 200),
        ("the files dropped before the seeks", Forget::Files, 100),
        ("warm", Forget::None, 1000),
    ] {
        let mut rng = Rng(99);
        let mut times: Vec<Duration> = Vec::new();
        let mut sample = Sample::empty();
        let each = matches!(forget, Forget::All);
        let mut done = each || forget.now(&recording);
        for _ in 0..count {
            if each {
                done &= forget.now(&recording);
            }
            let at = first + (rng.unit() * (last - first) as f64) as i64;
            let time = Timestamp::from_millisecond(at).unwrap();
            let begin = Instant::now();
            // As a person does it: open the folder, look for the moment, have the sample.
            let mut cursor = Recording::open(folder).unwrap().cursor();
            assert!(cursor.seek(time, &mut sample).unwrap());
            times.push(begin.elapsed());
            assert!(sample.time.is_some_and(|held| held <= time && sample.rows.len() == 4000));
        }
        if !done {
            println!("| {what}: not possible here | | | | | | |");
            continue;
        }
        times.sort();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
        println!(
            "| {what} | {count} | {:.1} ms | {:.1} ms | {:.1} ms | {:.1} ms | {:.1} MB |",
            at(0.5),
            at(0.9),
            at(0.99),
            at(1.0),
            memory().1
        );
    }
    let begin = Instant::now();
    let mut cursor = recording.cursor();
    let mut sample = Sample::empty();
    let mut samples = 0_u64;
    while samples < 20_000 && cursor.next_sample(&mut sample).unwrap() {
        samples += 1;
    }
    println!(
        "read on: {:.2} ms a sample over {samples} samples; resident at most {:.1} MB",
        begin.elapsed().as_secs_f64() * 1e3 / samples as f64,
        memory().1
    );
}
