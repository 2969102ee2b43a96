//! How long a day at one sample a second takes to be judged, and how much memory: 4,000 tags by default.
//!
//! ```text
//! cargo run --release -p poolmon-leak --example throughput -- [TAGS] [SAMPLES] [SECONDS-BETWEEN]
//! ```
//!
//! A third of the rows change in every sample. Making the samples is timed apart.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use poolmon_leak::{Analysis, AnalysisConfig};
use poolmon_model::{CounterWidth, Origin, Pool, Row, Sample, SourceKind, Tag};
use poolmon_synth::hosts::rng::Rng;

fn main() {
    let mut args = std::env::args().skip(1).filter_map(|text| text.parse::<u64>().ok());
    let tags = args.next().unwrap_or(4_000);
    let samples = args.next().unwrap_or(86_400);
    let step = args.next().unwrap_or(1);
    let origin = Origin { boot: Some("one".into()), ..Origin::new(SourceKind::Simulated, &[Pool::Nonpaged]) };
    let mut sample = Sample::new(origin.into(), CounterWidth::Bits32);
    sample.rows = (0..tags)
        .map(|n| {
            Row::windows(
                Tag::pool(u32::try_from(n).unwrap_or(0).to_le_bytes()),
                Pool::Nonpaged,
                5_000,
                1_000,
                4_000 * 256,
            )
        })
        .collect();
    sample.header.pool_nonpaged = Some(4_000_000_000);
    let mut rng = Rng::new(1);
    let mut analysis = Analysis::new(AnalysisConfig::default());
    let (mut making, mut pushing) = (Duration::ZERO, Duration::ZERO);
    for n in 0..samples {
        let begun = Instant::now();
        sample.time = Timestamp::from_second(1_772_409_600 + (n * step).cast_signed()).ok();
        for (at, row) in sample.rows.iter_mut().enumerate() {
            if !rng.chance(1.0 / 3.0) {
                continue;
            }
            let bits = rng.bits();
            let counters = &mut row.counters;
            let (allocs, frees) = (counters.allocs.unwrap_or(0), counters.frees.unwrap_or(0));
            let made = bits % 16 + u64::from(at % 400 == 0);
            let given = ((bits >> 8) % 16).min(allocs - frees);
            counters.allocs = Some(allocs + made);
            counters.frees = Some(frees + given);
            counters.bytes = Some((allocs + made - frees - given) * 256);
        }
        let made = Instant::now();
        analysis.push(&sample);
        making += made - begun;
        pushing += made.elapsed();
    }
    let begun = Instant::now();
    let report = analysis.report();
    let judging = begun.elapsed();
    println!(
        "{samples} samples x {tags} rows every {step} s: pushing {:.1} s ({:.0} us a sample), judging {:.2} s, making the samples {:.1} s",
        pushing.as_secs_f64(),
        pushing.as_secs_f64() * 1e6 / samples as f64,
        judging.as_secs_f64(),
        making.as_secs_f64()
    );
    println!("series: {:.1} MB; {} leaks named", analysis.memory() as f64 / 1e6, report.leaks().count());
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        for line in status.lines().filter(|line| line.starts_with("VmHWM")) {
            println!("{line}");
        }
    }
}
