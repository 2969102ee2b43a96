//! Measures what recordings cost: `cargo bench -p pool-store --no-default-features -- [HOURS] [DAYS] [MILLION]`.
//!
//! * size and CPU for HOURS at one sample a second, on a busy and a quiet host of 4,000 tags;
//! * size, time to seek and memory for DAYS at one sample in five seconds (0 = leave out);
//! * memory of a recorder over MILLION million samples of a small host (0 = leave out).
//!
//! Nothing here is a test: numbers depend on the machine.
#![allow(clippy::unwrap_used, clippy::pedantic, missing_docs)]

mod host;

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pool_store::recorder::Moment;
use pool_store::{Config, Cursor, Recorder, Recording};

fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace().nth(1).unwrap_or("?").to_owned()
    };
    format!("{} kB now, {} kB at most", line("VmRSS"), line("VmHWM"))
}

/// Time that this thread had a processor, where the system tells; else the clock's time.
fn processor(since: Instant) -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|told| told.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| since.elapsed(), Duration::from_nanos)
}

/// Records the simulated kernel; returns the processor time spent in the recorder.
fn record_synth(folder: &Path, changes_per_second: f64, samples: u64) -> Duration {
    let config = pool_synth::kernel::Config {
        tags: 4000,
        changes_per_second,
        start: Timestamp::from_second(host::START).unwrap(),
        ..pool_synth::kernel::Config::default()
    };
    let mut kernel = pool_synth::kernel::SimulatedKernel::new(config);
    let mut sample = kernel.sample();
    let config = Config { interval: Duration::from_secs(1), ..Config::default() };
    let (mut recorder, _) = Recorder::open(folder, config).unwrap();
    let (start, mut spent) = (Instant::now(), Duration::ZERO);
    for n in 0..samples {
        kernel.step(Duration::from_secs(1));
        kernel.fill(&mut sample, false);
        let wall = sample.time.unwrap();
        let begin = processor(start);
        recorder.record_at(&sample, Moment { wall, clock: Duration::from_secs(n) }).unwrap();
        spent += processor(start) - begin;
    }
    recorder.close().unwrap();
    spent
}

/// Records, and returns the processor time spent in the recorder.
fn record(folder: &Path, host: &mut host::Host, samples: u64, ms: u64) -> Duration {
    let config = Config { interval: Duration::from_millis(ms), ..Config::default() };
    let (mut recorder, _) = Recorder::open(folder, config).unwrap();
    let (start, mut spent) = (Instant::now(), Duration::ZERO);
    for _ in 0..samples {
        let at = host.at_ms + ms;
        let sample = host.step(ms);
        let wall = sample.time.unwrap();
        let clock = Duration::from_micros(
            at * 1000 + u64::from(wall.subsec_nanosecond().unsigned_abs()) / 1000 % 1000,
        );
        let begin = processor(start);
        recorder.record_at(sample, Moment { wall, clock }).unwrap();
        spent += processor(start) - begin;
    }
    recorder.close().unwrap();
    spent
}

fn main() {
    let numbers: Vec<f64> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    let number = |at: usize, default: f64| numbers.get(at).copied().unwrap_or(default);
    let (hours, days, million) = (number(0, 0.25), number(1, 0.0), number(2, 0.0));
    // On a real disk where it is said: a folder in memory does not wait for anything.
    let base = std::env::var_os("POOLMON_BENCH_DIR").map_or_else(std::env::temp_dir, Into::into);

    for (name, changes) in [("simulated kernel, busy", 1470.0), ("simulated kernel, quiet", 400.0)] {
        let folder = tempfile::tempdir_in(&base).unwrap();
        let samples = (hours * 3600.0) as u64;
        let spent = record_synth(folder.path(), changes, samples);
        let bytes = Recording::open(folder.path()).unwrap().info().unwrap().bytes;
        println!(
            "{name}: {:.2} MB/h, {:.3} ms of processor for each sample",
            bytes as f64 / 1e6 / hours,
            spent.as_secs_f64() * 1000.0 / samples as f64
        );
    }
    for (name, mut host) in [("busy", host::busy()), ("quiet", host::quiet())] {
        let folder = tempfile::tempdir_in(&base).unwrap();
        let samples = (hours * 3600.0) as u64;
        let spent = record(folder.path(), &mut host, samples, 1000);
        let info = Recording::open(folder.path()).unwrap().info().unwrap();
        println!(
            "{name}: {:.2} MB/h, {:.3} ms of processor for each sample",
            info.bytes as f64 / 1e6 / hours,
            spent.as_secs_f64() * 1000.0 / samples as f64
        );
        assert!(Recording::open(folder.path()).unwrap().verify().unwrap().is_whole());
    }
    if days > 0.0 {
        let folder = tempfile::tempdir_in(&base).unwrap();
        let mut host = host::busy();
        let samples = (days * 86_400.0 / 5.0) as u64;
        record(folder.path(), &mut host, samples, 5000);
        seeks(folder.path(), days);
    }
    if million > 0.0 {
        let folder = tempfile::tempdir_in(&base).unwrap();
        let mut host = host::Host::new(235, 20.0);
        let config = Config { interval: Duration::from_secs(1), ..Config::default() };
        let (mut recorder, _) = Recorder::open(folder.path(), config).unwrap();
        let samples = (million * 1e6) as u64;
        for n in 0..samples {
            let sample = host.step(1000);
            let wall = sample.time.unwrap();
            recorder.record_at(sample, Moment { wall, clock: Duration::from_secs(n) }).unwrap();
            if n % (samples / 10).max(1) == 0 {
                println!("small host: {n} samples, {}", memory());
            }
        }
        println!("small host: {samples} samples, {}, {} bytes", memory(), recorder.status().total_bytes);
    }
}

fn seeks(folder: &Path, days: f64) {
    let recording = Recording::open(folder).unwrap();
    let bytes: u64 = recording.segments().iter().map(|segment| segment.size).sum();
    println!("{days} days at 5 s: {:.1} MB, memory {}", bytes as f64 / 1e6, memory());
    let mut rng = host::Rng(99);
    let mut times = Vec::new();
    let mut sample = Cursor::empty_sample();
    for _ in 0..300 {
        // Only root can do that; without it the seeks are warm.
        let cold = std::fs::write("/proc/sys/vm/drop_caches", "1").is_ok();
        let at = host::START as f64 + rng.unit() * days * 86_400.0;
        let time = Timestamp::from_millisecond((at * 1000.0) as i64).unwrap();
        let begin = Instant::now();
        let mut cursor = Recording::open(folder).unwrap().cursor();
        assert!(cursor.seek(time, &mut sample).unwrap());
        times.push((begin.elapsed(), cold));
    }
    times.sort();
    let cold = times.iter().all(|time| time.1);
    println!(
        "seek to a random moment ({}): median {:?}, p99 {:?}, most {:?}; memory {}",
        if cold { "cold" } else { "warm" },
        times[150].0,
        times[297].0,
        times[299].0,
        memory()
    );
}
