//! The wall clock is set while a leak is recorded: verdicts are those of the time that passed.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "small numbers of a test"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use poolmon_leak::{Analysis, AnalysisConfig, Report};
use poolmon_model::{CounterWidth, Origin, Pool, Row, Sample, SourceKind, Tag};
use poolmon_store::{Changed, ClockMoment, Recorder, RecorderConfig, Recording, Stretch};

const SAMPLES: u64 = 4000;
const EVERY: u64 = 5;

fn origin() -> Arc<Origin> {
    let mut origin = Origin::new(SourceKind::Windows, &[Pool::Nonpaged]);
    origin.boot = Some("boot".into());
    Arc::new(origin)
}

/// A constant leak, a busy tag and one that follows the load; the wall clock is `off` seconds ahead.
fn sample(origin: &Arc<Origin>, n: u64, off: i64) -> Sample {
    let mut sample = Sample::new(Arc::clone(origin), CounterWidth::Bits32);
    let real = Timestamp::from_second(1_800_000_000 + (n * EVERY).cast_signed()).unwrap();
    sample.time = real.checked_add(SignedDuration::from_secs(off)).ok();
    sample.uptime = Some(Duration::from_secs(5000 + n * EVERY));
    let row = |tag: [u8; 4], allocs: u64, held: u64, size: u64| {
        Row::windows(Tag::pool(tag), Pool::Nonpaged, allocs, allocs - held, held * size)
    };
    let wave = ((n as f64 / 300.0).sin() * 500.0 + 600.0) as u64;
    sample.rows = vec![
        row(*b"Leak", 30_000 + n * 40, 1000 + n * 5, 1024),
        row(*b"Busy", 50_000 + n * 700, 5000 + (n * 7919) % 97, 256),
        row(*b"Wave", 50_000 + n * 300, wave, 512),
    ];
    sample
}

fn record(folder: &Path, off: impl Fn(u64) -> i64) {
    let origin = origin();
    let config = RecorderConfig {
        interval: Duration::from_secs(EVERY),
        segment_length: Duration::from_mins(47),
        sync: Duration::MAX,
        ..RecorderConfig::default()
    };
    let (mut recorder, _) = Recorder::open(folder, config).unwrap();
    for n in 0..SAMPLES {
        let sample = sample(&origin, n, off(n));
        let moment = ClockMoment { wall: sample.time.unwrap(), clock: Duration::from_secs(n * EVERY) };
        recorder.record_at(&sample, moment).unwrap();
    }
    recorder.close().unwrap();
}

/// Judged as `poolmon leaks` does it: stretch by stretch where there are summaries.
fn judge(folder: &Path) -> Report {
    let mut analysis = Analysis::new(AnalysisConfig::default());
    let mut cursor = Recording::open(folder).unwrap().cursor();
    let mut sample = Sample::empty();
    loop {
        let changed = match cursor.next_stretch(None, &mut sample).unwrap() {
            None => break,
            Some(Stretch::Summary(summary)) => {
                analysis.push_summary(&sample, &summary);
                continue;
            }
            Some(Stretch::Sample(Changed::All)) => None,
            Some(Stretch::Sample(Changed::Rows(rows))) => Some(rows.to_vec()),
        };
        match changed {
            Some(changed) => analysis.push_changed(&sample, &changed),
            None => analysis.push(&sample),
        }
    }
    analysis.report()
}

/// As the recorder itself and the screen judge: sample after sample as it comes.
fn judge_live(off: impl Fn(u64) -> i64) -> Report {
    let mut analysis = Analysis::new(AnalysisConfig::default());
    let origin = origin();
    (0..SAMPLES).for_each(|n| analysis.push(&sample(&origin, n, off(n))));
    analysis.report()
}

/// A thousand steps of the clock at random samples, by up to 46 days.
fn steps() -> Vec<(u64, i64)> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..1000).map(|_| (1 + next() % (SAMPLES - 1), (next() % 8_000_000).cast_signed() - 4_000_000)).collect()
}

fn assert_same(found: &Report, expected: &Report, tolerance: f64) {
    assert_eq!((found.samples, found.out_of_order), (expected.samples, 0));
    assert!((found.hours - expected.hours).abs() < 1e-6, "{} {}", found.hours, expected.hours);
    assert_eq!(found.verdicts.len(), expected.verdicts.len());
    for (found, expected) in found.verdicts.iter().zip(&expected.verdicts) {
        assert_eq!((&found.tag, found.kind, found.level), (&expected.tag, expected.kind, expected.level));
        let near = |a: f64, b: f64| (a - b).abs() <= tolerance * b.abs().max(1024.0);
        let (rate, other) = (found.bytes, expected.bytes);
        assert!(near(rate.per_hour, other.per_hour), "{}: {rate:?} {other:?}", found.tag);
        assert!(near(found.growth, expected.growth), "{}: {} {}", found.tag, found.growth, expected.growth);
    }
}

#[test]
fn a_thousand_steps_of_the_clock_change_no_verdict() {
    let steps = steps();
    let off = |n: u64| steps.iter().filter(|step| step.0 <= n).map(|step| step.1).sum::<i64>();
    let set = tempfile::tempdir().unwrap();
    record(set.path(), off);
    // With so many steps there are no summaries: every sample is read, as on the screen.
    let expected = judge_live(|_| 0);
    assert!(expected.verdicts[0].tag == Tag::pool(*b"Leak") && expected.verdicts[0].growth > 1e7);
    assert_same(&judge(set.path()), &expected, 1e-9);
    assert_same(&judge_live(off), &expected, 1e-9);
}

#[test]
fn an_hour_forward_or_back_changes_no_verdict() {
    let still = tempfile::tempdir().unwrap();
    record(still.path(), |_| 0);
    let expected = judge(still.path());
    for hour in [3600, -3600] {
        let set = tempfile::tempdir().unwrap();
        record(set.path(), |n| if n < SAMPLES / 2 { 0 } else { hour });
        assert_same(&judge(set.path()), &expected, 0.005);
    }
}
