//! What a recording says of its stretches is what its samples say, and nothing depends on it.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "small numbers of a test"
)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::{frames, moment, origin, sample_of, time};
use poolmon_model::{Gather, Sample, Summary};
use poolmon_store::internal::FrameKind;
use poolmon_store::{Changed, Recorder, RecorderConfig, Recording, Stretch};

/// Seconds from sample to sample.
const STEP: u64 = 5;
const HOURS: u64 = 6;

/// Sample `n`, `STEP` seconds after the one before; another boot from 2/3 on, and a gap before it.
fn nth(n: u64) -> (Sample, u64) {
    let late = n >= HOURS * 3600 / STEP * 2 / 3;
    let second = n * STEP + if late { 1900 } else { 0 };
    (sample_of(&origin(if late { "boot-2" } else { "boot-1" }), second), second)
}

fn record(folder: &Path, samples: std::ops::Range<u64>) {
    let config = RecorderConfig { interval: Duration::from_secs(STEP), ..RecorderConfig::default() };
    let (mut recorder, _) = Recorder::open(folder, config).unwrap();
    for n in samples {
        let (sample, second) = nth(n);
        recorder.record_at(&sample, moment(second)).unwrap();
    }
    recorder.close().unwrap();
}

fn all() -> std::ops::Range<u64> {
    0..HOURS * 3600 / STEP
}

/// Reads by stretches and checks each summary against the samples that it stands for. Gives how many samples were read
/// one by one, and how many summaries.
fn check(folder: &Path, samples: &[Sample]) -> (usize, usize) {
    let mut cursor = Recording::open(folder).unwrap().cursor();
    let (mut at, mut single, mut summaries) = (0, 0, 0);
    let mut sample = Sample::empty();
    loop {
        let reported: Option<Box<Summary>> = match cursor.next_stretch(None, &mut sample).unwrap() {
            None => break,
            Some(Stretch::Sample(Changed::Rows(rows))) => {
                let before = &samples[at - 1].rows;
                let differs = |row: &usize| before[*row] != sample_at(samples, at).rows[*row];
                let wanted: Vec<u32> = (0..before.len()).filter(differs).map(|row| row as u32).collect();
                assert_eq!(rows, wanted);
                None
            }
            Some(Stretch::Sample(Changed::All)) => None,
            Some(Stretch::Summary(reported)) => Some(reported),
        };
        match reported {
            None => {
                assert_eq!(sample, samples[at]);
                (at, single) = (at + 1, single + 1);
            }
            Some(reported) => {
                let count = reported.samples as usize;
                let mut gather = Gather::default();
                gather.push(&samples[at - 1]);
                assert!(samples[at..at + count].iter().all(|sample| gather.push(sample)));
                assert_eq!(*reported, gather.finish().unwrap());
                at += count;
                assert_eq!(sample, samples[at - 1]);
                summaries += 1;
            }
        }
    }
    assert_eq!(at, samples.len());
    (single, summaries)
}

fn sample_at(samples: &[Sample], at: usize) -> &Sample {
    &samples[at]
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    Recording::open(folder).unwrap().segments().iter().map(|file| file.path.clone()).collect()
}

#[test]
fn summaries_stand_for_their_samples_across_segments_gaps_and_boots() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), all());
    let samples: Vec<Sample> = all().map(|n| nth(n).0).collect();
    let recording = Recording::open(folder.path()).unwrap();
    let (single, summaries) = check(folder.path(), &samples);
    assert!(recording.segments().len() >= 6 && recording.verify().unwrap().is_whole());
    assert_eq!(recording.summaries(None, None).unwrap(), summaries);
    // Eight minutes, and at most the distance of two keys, each; what is left are the ends of both boots.
    assert!((20..=45).contains(&summaries), "{summaries}");
    assert!(single < samples.len() / 5, "{single} of {} one by one", samples.len());
    // A part of the time has a part of them.
    let half = recording.summaries(None, Some(time(HOURS * 1800))).unwrap();
    assert!(half > 0 && half < summaries);
    let mut cursor = recording.cursor();
    let mut sample = Sample::empty();
    while let Some(next) = cursor.next_stretch(Some(time(1500)), &mut sample).unwrap() {
        let reported = matches!(next, Stretch::Summary(_));
        assert!(!reported || sample.time <= Some(time(1500)), "{:?}", sample.time);
    }
}

#[test]
fn damaged_or_missing_summaries_are_made_good_from_samples() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), all());
    let samples: Vec<Sample> = all().map(|n| nth(n).0).collect();
    let before = check(folder.path(), &samples);
    let path = &segments(folder.path())[1];
    let whole = fs::read(path).unwrap();
    let summary: Vec<_> =
        frames(&whole).into_iter().filter(|frame| frame.kind == FrameKind::Summary).collect();
    assert!(summary.len() >= 2);
    for frame in &summary {
        for at in [frame.start, frame.start + 30, frame.end - 1] {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            fs::write(path, &bytes).unwrap();
            let (single, summaries) = check(folder.path(), &samples);
            assert!(single > before.0 && summaries + 1 == before.1, "byte {at}");
        }
    }
    // A segment whose recorder died, then as the next recorder leaves it.
    let end = frames(&whole).pop().unwrap();
    fs::write(path, &whole[..end.start]).unwrap();
    assert_eq!(check(folder.path(), &samples), before);
    let (recorder, _) = Recorder::open(folder.path(), RecorderConfig::default()).unwrap();
    recorder.close().unwrap();
    assert_eq!(check(folder.path(), &samples), before);
    assert_eq!(Recording::open(folder.path()).unwrap().summaries(None, None).unwrap(), before.1);
}

#[test]
fn what_retention_took_is_not_missed() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), all());
    let samples: Vec<Sample> = all().map(|n| nth(n).0).collect();
    let files = segments(folder.path());
    let first = Recording::open(&files[0]).unwrap().info().unwrap().samples as usize;
    let before = check(folder.path(), &samples);
    fs::remove_file(&files[0]).unwrap();
    let (single, summaries) = check(folder.path(), &samples[first..]);
    assert!(summaries > 5 && summaries < before.1 && single < before.0 + 400, "{single}, {summaries}");
    // One file of a recording on its own.
    let one = tempfile::tempdir().unwrap();
    let alone = one.path().join("alone.plog");
    fs::copy(&files[1], &alone).unwrap();
    let count = Recording::open(&alone).unwrap().info().unwrap().samples as usize;
    assert!(check(&alone, &samples[first..first + count]).1 > 0);
}

#[test]
fn a_recorder_that_comes_after_another_does_not_go_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), 0..700);
    record(folder.path(), 700..1500);
    let samples: Vec<Sample> = (0..1500).map(|n| nth(n).0).collect();
    let (single, summaries) = check(folder.path(), &samples);
    assert!(summaries >= 4 && single < 700, "{single}, {summaries}");
}
