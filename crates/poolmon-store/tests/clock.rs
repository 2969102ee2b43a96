//! A wall clock that is set: times between samples, moments and retention stay right.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "small numbers of a test"
)]

mod common;

use std::path::Path;
use std::time::Duration;

use common::{origin, sample, sample_of, time};
use jiff::{SignedDuration, Timestamp};
use poolmon_model::Sample;
use poolmon_store::{ClockMoment, GapKind, RecordedMark, Recorder, RecorderConfig, Recording};
use proptest::prelude::*;

/// Sample `n`, whose wall clock is `off` seconds ahead.
fn wrong(boot: &str, n: u64, off: i64) -> Sample {
    let mut sample = sample_of(&origin(boot), n);
    sample.time = Some(set(n, off));
    sample
}

fn set(n: u64, off: i64) -> Timestamp {
    time(n).checked_add(SignedDuration::from_secs(off)).unwrap()
}

fn config(segment: u64) -> RecorderConfig {
    RecorderConfig {
        interval: Duration::from_secs(5),
        segment_length: Duration::from_secs(segment),
        ..RecorderConfig::default()
    }
}

/// Records every fifth second; `off` says how far the clock is ahead.
fn record(
    folder: &Path,
    config: RecorderConfig,
    boot: &str,
    seconds: std::ops::Range<u64>,
    off: impl Fn(u64) -> i64,
) {
    let (mut recorder, _) = Recorder::open(folder, config).unwrap();
    let start = seconds.start;
    for n in seconds.step_by(5) {
        let moment = ClockMoment { wall: set(n, off(n)), clock: Duration::from_secs(n - start) };
        recorder.record_at(&wrong(boot, n, off(n)), moment).unwrap();
    }
    recorder.close().unwrap();
}

fn read(folder: &Path) -> Vec<Sample> {
    let mut cursor = Recording::open(folder).unwrap().cursor();
    let (mut samples, mut sample) = (Vec::new(), Sample::empty());
    while cursor.next_sample(&mut sample).unwrap() {
        samples.push(sample.clone());
    }
    samples
}

/// Seconds from the first to each sample.
fn since(samples: &[Sample]) -> Vec<i64> {
    let first = samples[0].time.unwrap();
    samples.iter().map(|sample| sample.time.unwrap().duration_since(first).as_secs()).collect()
}

fn every_five(seconds: i64) -> Vec<i64> {
    (0..seconds).step_by(5).collect()
}

#[test]
fn an_hour_forward_and_back_changes_no_time_between_samples() {
    for off in [3600, -3600, 86_400 * 40] {
        let folder = tempfile::tempdir().unwrap();
        record(folder.path(), config(1000), "boot-1", 0..3600, |n| if n < 1800 { 0 } else { off });
        let samples = read(folder.path());
        assert_eq!(since(&samples), every_five(3600), "{off}");
        // The last setting of the clock is the one that counts.
        assert_eq!(samples.last().unwrap().time, Some(set(3595, off)));
        let recording = Recording::open(folder.path()).unwrap();
        let info = recording.info().unwrap();
        assert_eq!(info.last.unwrap().duration_since(info.first.unwrap()).as_secs(), 3595);
        let points = recording.timeline().unwrap();
        assert!(points.is_sorted_by_key(|point| point.time));
        let marks = recording.marks(None, None).unwrap();
        let jump = marks
            .iter()
            .find(|mark| matches!(&mark.mark, RecordedMark::Gap(gap) if gap.kind == GapKind::ClockJump));
        assert_eq!(jump.unwrap().time, Some(set(1800, off)), "the step is shown where it was");
        // Any moment is found by the times that are shown.
        let mut cursor = recording.cursor();
        let mut found = Sample::empty();
        for n in [0, 5, 995, 1000, 1795, 1800, 1805, 3595, 600] {
            assert!(cursor.seek(set(n, off), &mut found).unwrap());
            assert_eq!((found.time, found.uptime), (Some(set(n, off)), sample(n).uptime), "{n}");
            if n > 0 {
                assert!(cursor.previous_sample(&mut found).unwrap());
                assert_eq!(found.time, Some(set(n - 5, off)));
            }
        }
    }
}

#[test]
fn a_start_with_a_wrong_date_moves_nothing_that_was_before() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), config(1000), "boot-1", 0..1000, |_| 0);
    // No battery: 1970, until the network answers.
    let wrong = -1_795_392_000;
    record(folder.path(), config(1000), "boot-2", 5000..8000, |n| if n < 5100 { wrong } else { 0 });
    let samples = read(folder.path());
    let expected: Vec<_> = (0..1000).step_by(5).chain((5000..8000).step_by(5)).map(time).collect();
    assert!(samples.iter().map(|sample| sample.time.unwrap()).eq(expected));
}

#[test]
fn a_boot_whose_clock_was_ahead_all_the_time_ends_before_the_next() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), config(1000), "boot-1", 0..100, |_| 0);
    record(folder.path(), config(1000), "boot-2", 200..300, |_| 86_400 * 400);
    record(folder.path(), config(1000), "boot-3", 400..500, |_| 0);
    let samples = read(folder.path());
    assert!(samples.is_sorted_by_key(|sample| sample.time));
    assert_eq!(samples[0].time, Some(time(0)), "what was right stays");
    assert_eq!(samples.last().unwrap().time, Some(time(495)));
    assert_eq!(samples[39].time, Some(time(395)), "the middle one ends just before the last");
}

#[test]
fn within_a_boot_the_uptime_counts_where_no_recorder_ran() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), config(1000), "boot-1", 0..100, |_| -86_400 * 40);
    record(folder.path(), config(1000), "boot-1", 400..500, |_| 0);
    let times: Vec<_> = read(folder.path()).iter().map(|sample| sample.time.unwrap()).collect();
    assert!(times.into_iter().eq((0..100).step_by(5).chain((400..500).step_by(5)).map(time)));
    let marks = Recording::open(folder.path()).unwrap().marks(None, None).unwrap();
    let gaps: Vec<_> = marks
        .iter()
        .filter_map(|mark| match &mark.mark {
            RecordedMark::Gap(gap) => Some((gap.kind, gap.length_ns / 1_000_000_000)),
            _ => None,
        })
        .collect();
    assert_eq!(gaps, [(GapKind::Stopped, 305), (GapKind::ClockJump, 86_400 * 40)]);
}

#[test]
fn a_reader_goes_on_while_the_clock_is_set_and_segments_begin() {
    let folder = tempfile::tempdir().unwrap();
    let off = |n: u64| {
        if n < 300 {
            0
        } else if n < 700 {
            7200
        } else {
            -500
        }
    };
    let (mut recorder, _) = Recorder::open(folder.path(), config(250)).unwrap();
    let mut reading: Option<(Recording, poolmon_store::Cursor)> = None;
    let (mut sample, mut seen) = (Sample::empty(), Vec::new());
    for n in (0..1000).step_by(5) {
        let moment = ClockMoment { wall: set(n, off(n)), clock: Duration::from_secs(n) };
        recorder.record_at(&wrong("boot-1", n, off(n)), moment).unwrap();
        if n < 100 {
            continue;
        }
        let (recording, cursor) = reading.get_or_insert_with(|| {
            let recording = Recording::open(folder.path()).unwrap();
            let cursor = recording.cursor();
            (recording, cursor)
        });
        recording.refresh().unwrap();
        cursor.extend(recording);
        while cursor.next_sample(&mut sample).unwrap() {
            seen.push(sample.clone());
        }
        let mut at = recording.cursor();
        assert!(at.seek(time(n), &mut sample).unwrap());
        assert_eq!(sample.time, Some(time(n)), "its times stay those of when it was opened");
    }
    assert_eq!(since(&seen), every_five(1000));
    let mut at = reading.unwrap().0.cursor();
    for n in (0..1000).step_by(5) {
        assert!(at.seek(time(n), &mut sample).unwrap());
        assert_eq!((sample.time, sample.uptime), (Some(time(n)), common::sample(n).uptime), "{n}");
    }
}

#[test]
fn a_wrong_clock_deletes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..4 {
        record(folder.path(), config(1000), &format!("boot-{n}"), n * 100..n * 100 + 50, |_| 0);
    }
    let keep = RecorderConfig { keep: Some(Duration::from_hours(28 * 24)), ..config(1000) };
    record(folder.path(), keep.clone(), "boot-4", 500..600, |_| 86_400 * 40);
    assert_eq!(Recording::open(folder.path()).unwrap().segments().len(), 5);
    // Nor does it when the clock is right again.
    record(folder.path(), keep.clone(), "boot-5", 700..800, |_| 0);
    assert_eq!(Recording::open(folder.path()).unwrap().segments().len(), 6);
    // In the middle of a run, too.
    record(folder.path(), keep, "boot-6", 900..1000, |n| if n < 950 { 0 } else { 86_400 * 90 });
    assert_eq!(Recording::open(folder.path()).unwrap().segments().len(), 7);
}

#[test]
fn a_segment_of_the_future_keeps_no_other() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), config(1000), "boot-0", 0..100, |_| 0);
    record(folder.path(), config(1000), "boot-1", 200..300, |_| 86_400 * 400);
    let keep = Some(Duration::from_hours(1));
    // Two days of samples, an hour of which is kept.
    let (mut recorder, _) = Recorder::open(folder.path(), RecorderConfig { keep, ..config(1000) }).unwrap();
    for n in (400..200_000).step_by(200) {
        let moment = ClockMoment { wall: time(n), clock: Duration::from_secs(n - 400) };
        recorder.record_at(&wrong("boot-2", n, 0), moment).unwrap();
    }
    let deleted = recorder.take_deleted();
    assert!(deleted.len() > 100 && deleted.iter().all(|gone| gone.too_old));
    assert!(deleted[0].name.starts_with("00000000-") && deleted[1].name.starts_with("00000001-"));
    recorder.close().unwrap();
    let left = read(folder.path());
    let first = left[0].time.unwrap();
    assert!(first > time(200_000 - 6000) && first < time(200_000 - 3000), "{first}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However the clock is set, the times between samples are those that passed, and every sample is found again.
    #[test]
    fn any_steps(
        steps in prop::collection::vec((0_u64..600, -4_000_000_i64..4_000_000), 0..60),
        segment in 50_u64..2000,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let off = |n: u64| steps.iter().filter(|step| step.0 * 5 <= n).map(|step| step.1).sum::<i64>();
        record(folder.path(), config(segment), "boot-1", 0..3000, off);
        let samples = read(folder.path());
        prop_assert_eq!(since(&samples), every_five(3000));
        let recording = Recording::open(folder.path()).unwrap();
        let mut cursor = recording.cursor();
        let mut found = Sample::empty();
        for at in samples.iter().step_by(37) {
            prop_assert!(cursor.seek(at.time.unwrap(), &mut found).unwrap());
            prop_assert!(found == *at);
        }
    }
}
