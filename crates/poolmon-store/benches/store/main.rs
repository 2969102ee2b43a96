//! What recordings cost. `cargo bench -p poolmon-store -- WHAT …`:
//!
//! * `size [HOURS]`: bytes and CPU at one sample a second, busy and quiet hosts of 4,000 tags;
//! * `formats [SECONDS] [SLAB-SECONDS]`: the same samples in other formats, side by side ([`formats`]);
//! * `days [DAYS]`: records so many days of a busy host at one sample in five seconds;
//! * `seek`: looks for random moments in that recording, which `days` left in the folder;
//! * `leak FOLDER [HOURS] [SECONDS-BETWEEN]`: records a busy host of 4,000 tags, one of which leaks, for `benches/judge`;
//! * `million [SAMPLES]`: memory of a recorder of 4,000 tags over so many samples; nothing is deleted meanwhile.
//!
//! Files are in `POOLMON_BENCH_DIR`, else in the folder for temporary files; a folder in memory waits for nothing.
//! Nothing here is a test: numbers depend on the machine.
#![allow(clippy::unwrap_used, clippy::pedantic, missing_docs)]

#[cfg(feature = "parquet")]
mod formats;
mod host;
mod measure;
mod seek;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use measure::{memory, processor};
use poolmon_model::Sample;
use poolmon_store::ClockMoment;
use poolmon_store::{Recorder, RecorderConfig, Recording};

fn main() {
    // Cargo adds `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let number =
        |at: usize, default: f64| words.get(at).and_then(|word| word.parse().ok()).unwrap_or(default);
    let base: PathBuf = std::env::var_os("POOLMON_BENCH_DIR").map_or_else(std::env::temp_dir, Into::into);
    let days = base.join("poolmon-days");
    match words.first().map(String::as_str) {
        None => size(&base, 0.25),
        Some("size") => size(&base, number(1, 1.0)),
        Some("days") => record_days(&days, number(1, 28.0)),
        Some("seek") => seek::seeks(&days),
        Some("leak") => leak(Path::new(&words[1]), number(2, 24.0), number(3, 1.0)),
        Some("million") => million(&base, number(1, 1e6) as u64),
        #[cfg(feature = "parquet")]
        Some("formats") => formats::compare(&base, number(1, 900.0) as u64, number(2, 900.0) as u64),
        Some(other) => panic!("`{other}`: size, formats, days, seek, leak or million"),
    }
}

/// Anything that gives a sample each `ms` milliseconds.
pub trait Machine {
    fn next(&mut self, ms: u64) -> &Sample;
}

impl Machine for host::Host {
    fn next(&mut self, ms: u64) -> &Sample {
        self.step(ms)
    }
}

/// The simulated kernel of the demo.
pub struct Synth(poolmon_synth::kernel::SimulatedKernel, Sample);

impl Synth {
    pub fn new(changes_per_second: f64) -> Self {
        Self::with(poolmon_synth::kernel::SimulationConfig { changes_per_second, ..Self::config() })
    }

    fn config() -> poolmon_synth::kernel::SimulationConfig {
        poolmon_synth::kernel::SimulationConfig {
            tags: 4000,
            start: jiff::Timestamp::from_second(host::START).unwrap(),
            day: Duration::from_hours(24),
            ..poolmon_synth::kernel::SimulationConfig::default()
        }
    }

    fn with(config: poolmon_synth::kernel::SimulationConfig) -> Self {
        let kernel = poolmon_synth::kernel::SimulatedKernel::new(config);
        let sample = kernel.sample();
        Self(kernel, sample)
    }
}

impl Machine for Synth {
    fn next(&mut self, ms: u64) -> &Sample {
        self.0.step(Duration::from_millis(ms));
        self.0.fill(&mut self.1, false);
        &self.1
    }
}

/// The four hosts, each fresh.
pub fn machines() -> [(&'static str, Box<dyn Machine>); 4] {
    [
        ("poolmon-synth, busy", Box::new(Synth::new(1470.0))),
        ("poolmon-synth, quiet", Box::new(Synth::new(400.0))),
        ("mixed sizes, busy", Box::new(host::busy())),
        ("mixed sizes, quiet", Box::new(host::quiet())),
    ]
}

/// Records, and returns the processor time spent in the recorder and the rows that changed.
pub fn record(folder: &Path, machine: &mut dyn Machine, samples: u64, ms: u64) -> (Duration, u64) {
    let config = RecorderConfig { interval: Duration::from_millis(ms), ..RecorderConfig::default() };
    let (mut recorder, _) = Recorder::open(folder, config).unwrap();
    let (start, mut spent, mut changed) = (Instant::now(), Duration::ZERO, 0);
    let mut before: Vec<poolmon_model::Row> = Vec::new();
    for n in 0..samples {
        let sample = machine.next(ms);
        let wall = sample.time.unwrap();
        let clock = Duration::from_millis(n * ms);
        let begin = processor(start);
        recorder.record_at(sample, ClockMoment { wall, clock }).unwrap();
        spent += processor(start) - begin;
        if n % 16 < 2 {
            changed += if n % 16 == 1 {
                16 * before.iter().zip(&sample.rows).filter(|(a, b)| a.counters != b.counters).count() as u64
            } else {
                0
            };
            before.clone_from(&sample.rows);
        }
        if n > 0 && n % 20_000 == 0 {
            eprintln!("{n} samples, {:.3} ms of processor for each", spent.as_secs_f64() * 1e3 / n as f64);
        }
    }
    recorder.close().unwrap();
    (spent, changed)
}

fn size(base: &Path, hours: f64) {
    let samples = (hours * 3600.0) as u64;
    println!("| 4,000 tags at 1 s | rows that change a second | MB an hour | processor time for a sample |");
    println!("|---|---|---|---|");
    for (name, mut machine) in machines() {
        let folder = tempfile::tempdir_in(base).unwrap();
        let (spent, changed) = record(folder.path(), &mut *machine, samples, 1000);
        let recording = Recording::open(folder.path()).unwrap();
        println!(
            "| {name} | {} | {:.2} | {:.3} ms |",
            changed / samples,
            recording.info().unwrap().bytes as f64 / 1e6 / hours,
            spent.as_secs_f64() * 1000.0 / samples as f64
        );
        assert!(recording.verify().unwrap().is_whole());
    }
}

fn record_days(folder: &Path, days: f64) {
    let _ = std::fs::remove_dir_all(folder);
    let samples = (days * 86_400.0 / 5.0) as u64;
    let (spent, changed) = record(folder, &mut host::busy(), samples, 5000);
    let recording = Recording::open(folder).unwrap();
    let bytes: u64 = recording.segments().iter().map(|segment| segment.size()).sum();
    println!(
        "{days} days at 5 s, {samples} samples, {} rows change each: {:.1} MB in {} segments, {:.3} ms of processor \
         for each sample",
        changed / samples,
        bytes as f64 / 1e6,
        recording.segments().len(),
        spent.as_secs_f64() * 1000.0 / samples as f64
    );
}

/// 3,999 tags that do not leak, and `Leak`, which loses 8 KiB a second: 29.49 MB (28.13 MiB) an hour.
fn leak(folder: &Path, hours: f64, seconds: f64) {
    let mut machine = Synth::with(poolmon_synth::kernel::SimulationConfig {
        tags: 3999,
        leak: Some(poolmon_synth::kernel::Leak { tag: *b"Leak", size: 1040, bytes_per_second: 8 << 10 }),
        memory: 64 << 30,
        ..Synth::config()
    });
    let samples = (hours * 3600.0 / seconds) as u64;
    let (_, changed) = record(folder, &mut machine, samples, (seconds * 1000.0) as u64);
    let bytes = Recording::open(folder).unwrap().info().unwrap().bytes;
    println!(
        "{samples} samples of {} rows every {seconds} s = {:.1} million rows; {} rows change each; {:.1} MB",
        machine.1.rows.len(),
        samples as f64 * machine.1.rows.len() as f64 / 1e6,
        changed / samples,
        bytes as f64 / 1e6
    );
}

fn million(base: &Path, samples: u64) {
    let folder = tempfile::tempdir_in(base).unwrap();
    let mut host = host::busy();
    let config = RecorderConfig { interval: Duration::from_secs(1), ..RecorderConfig::default() };
    let (mut recorder, _) = Recorder::open(folder.path(), config).unwrap();
    println!("| samples | resident now | resident at most | bytes written |");
    println!("|---|---|---|---|");
    let reported = |n: u64| n == 1 || n == 10_000 || n.is_multiple_of(100_000) || n == samples;
    for n in 1..=samples {
        let sample = host.step(1000);
        let wall = sample.time.unwrap();
        recorder.record_at(sample, ClockMoment { wall, clock: Duration::from_secs(n) }).unwrap();
        if reported(n) {
            let (now, most) = memory();
            println!("| {n} | {now:.1} MB | {most:.1} MB | {} |", recorder.status().total_bytes);
        }
    }
    recorder.close().unwrap();
}
