//! Recordings whose every figure is known, on the screen with time and in `poolmon top --at`.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use pool_model::{Pool, Sample, SourceKind};
use pool_store::recorder::Moment;
use pool_store::{Config, ModuleChange, Recorder};
use pool_synth::kernel::{Config as KernelConfig, SimulatedKernel};
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
fn planted() -> Vec<(Moment, Sample)> {
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
                samples.push((Moment { wall: time(at), clock: Duration::from_secs(clock) }, sample));
                clock += INTERVAL;
            }
        }
    }
    samples
}

fn record(folder: &Path, samples: &[(Moment, Sample)]) -> Recorder {
    let config = Config {
        interval: Duration::from_secs(INTERVAL),
        segment_length: Duration::from_mins(20),
        ..Config::default()
    };
    let (mut recorder, _) = Recorder::open(folder, config).unwrap();
    for (n, (moment, sample)) in samples.iter().enumerate() {
        recorder.record_at(sample, *moment).unwrap();
        if n == 600 {
            let loaded = ModuleChange { loaded: true, name: "baddrv.sys".into(), detail: None, size: 4096 };
            recorder.modules(&[loaded]).unwrap();
        }
    }
    pool_store::note(folder, "installed the new antivirus", time(1802)).unwrap();
    recorder
}

#[test]
fn keep() {
    if let Some(dir) = std::env::var_os("KEEP") {
        record(Path::new(&dir), &planted()).close().unwrap();
    }
}
