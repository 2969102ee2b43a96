//! Writes a recording of four simulated weeks, a sample a minute, with a leak from the second week on: what `benches/replay.py` opens.
//!
//! `cargo run --release -p poolmon-store --example weeks -- DIR [TAGS]`
#![allow(clippy::unwrap_used, reason = "an example")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use poolmon_model::{Pool, Row, SourceKind, Tag};
use poolmon_store::{ClockMoment, Recorder, RecorderConfig, note};
use poolmon_synth::kernel::{SimulatedKernel, SimulationConfig};

fn main() {
    let folder = std::env::args().nth(1).unwrap();
    let tags = std::env::args().nth(2).map_or(3000, |tags| tags.parse().unwrap());
    let start: Timestamp = "2026-10-01T08:00:00Z".parse().unwrap();
    let step = Duration::from_mins(1);
    let updated = 7 * 24 * 60;
    let mut kernel = SimulatedKernel::new(SimulationConfig {
        tags,
        start,
        uptime: Duration::from_hours(200),
        leak: None,
        day: Duration::from_hours(24),
        changes_per_second: 20.0,
        ..SimulationConfig::default()
    });
    let config = RecorderConfig { interval: step, sync: Duration::MAX, ..RecorderConfig::default() };
    let (mut recorder, _) = Recorder::open(Path::new(&folder), config).unwrap();
    for n in 0..4 * updated {
        let clock = step * n;
        let mut sample = kernel.sample();
        let origin = Arc::make_mut(&mut sample.origin);
        (origin.kind, origin.host) = (SourceKind::Windows, Some("FS-0815".into()));
        let leaked = u64::from(n.saturating_sub(updated)) * 120;
        let (allocs, bytes) = (90_000 + leaked, (2_000 + leaked) * 1_040);
        sample.rows.push(Row::windows(Tag::pool(*b"Leak"), Pool::Nonpaged, allocs, 88_000, bytes));
        recorder.record_at(&sample, ClockMoment { wall: start + clock, clock }).unwrap();
        kernel.step(step);
    }
    recorder.close().unwrap();
    note(Path::new(&folder), "updated example.sys to 1.2.4", start + step * updated).unwrap();
}
