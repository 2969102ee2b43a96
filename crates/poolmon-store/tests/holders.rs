//! Who held objects, in a recording: written, read, damaged.
#![allow(missing_docs, reason = "a test")]

mod common;

use std::io::Cursor;
use std::time::Duration;

use common::{Memory, frames, head, moment, read_all, sample, time};
use jiff::Timestamp;
use poolmon_holder::{Census, Counts, Digest, Entry, Holder, HolderId, Keeper, Kind};
use poolmon_store::internal::{FrameKind, SegmentCursor, SegmentWriter};
use poolmon_store::{Recorder, RecorderConfig, Recording};

/// Holders at second `n`: one leaks, one comes and goes, one never moves.
fn census(n: u64) -> Census {
    let process = |pid: u32, name: &str, figures: &[(Kind, u64)]| {
        let mut counts = Counts::default();
        for (kind, count) in figures {
            counts.set(*kind, *count);
        }
        let holder = Holder { id: HolderId::Process { pid, start: 5 }, name: name.into() };
        Entry { holder, group: Some("web.service".into()), counts }
    };
    let mut entries = vec![
        process(7, "leaks", &[(Kind::Descriptor, 100 + 3 * n), (Kind::Socket, 3 * n), (Kind::Tcp, 3 * n)]),
        process(8, "rests", &[(Kind::Descriptor, 500), (Kind::Mapping, 90)]),
    ];
    if n % 10 < 4 {
        entries.push(process(9, "pauses", &[(Kind::Thread, 4)]));
    }
    Census { processes: entries.len() as u64, entries, ..Census::default() }
}

fn config() -> RecorderConfig {
    RecorderConfig { interval: Duration::from_secs(1), ..RecorderConfig::default() }
}

fn sorted(mut digest: Digest) -> Digest {
    digest.kept.sort_by(|a, b| a.entry.holder.id.cmp(&b.entry.holder.id));
    digest.kept.iter_mut().for_each(|kept| kept.is_late = false);
    digest
}

/// What a keeper makes of the censuses up to `n`.
fn expected(count: u64) -> Vec<(Timestamp, Digest)> {
    let (mut keeper, mut digest) = (Keeper::default(), Digest::default());
    let mut all = Vec::new();
    for n in 0..count {
        keeper.digest_into(&census(n), &mut digest);
        all.push((time(n), sorted(digest.clone())));
    }
    all
}

fn record(folder: &std::path::Path, config: RecorderConfig, count: u64) -> Recording {
    let (mut recorder, _) = Recorder::open(folder, config).unwrap();
    for n in 0..count {
        recorder.holders(&census(n));
        recorder.record_at(&sample(n), moment(n)).unwrap();
    }
    recorder.close().unwrap();
    Recording::open(folder).unwrap()
}

fn all(recording: &Recording, from: Option<Timestamp>, to: Option<Timestamp>) -> Vec<(Timestamp, Digest)> {
    let mut found = Vec::new();
    let count =
        recording.holders(from, to, |time, digest| found.push((time, sorted(digest.clone())))).unwrap();
    assert_eq!(count, found.len() as u64);
    found
}

#[test]
fn every_count_comes_back_across_segments() {
    let folder = tempfile::tempdir().unwrap();
    let config = RecorderConfig { segment_length: Duration::from_mins(5), ..config() };
    let recording = record(folder.path(), config, 700);
    assert_eq!(recording.segments().len(), 3);
    let expected = expected(700);
    assert!(all(&recording, None, None) == expected);
    let (from, to) = (time(290), time(310));
    assert!(all(&recording, Some(from), Some(to)) == expected[290..=310], "a part of it, from two segments");
    for n in [0, 1, 299, 300, 555, 699] {
        let (at, digest) = recording.holders_at(time(n)).unwrap().unwrap();
        assert!((at, sorted(digest)) == expected[usize::try_from(n).unwrap()], "at {n}");
    }
    let before = recording.holders_at(time(0) - jiff::SignedDuration::from_hours(1)).unwrap().unwrap();
    assert_eq!(before.0, time(0), "before the first count there is that one");
    assert_eq!(recording.info().unwrap().samples, 700);
    assert!(recording.marks(None, None).unwrap().is_empty() && recording.verify().unwrap().is_whole());
}

#[test]
fn a_count_that_was_not_due_leaves_the_one_before_and_a_segment_begins_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let config = RecorderConfig { segment_length: Duration::from_secs(50), ..config() };
    let (mut recorder, _) = Recorder::open(folder.path(), config).unwrap();
    for n in 0..100 {
        if n % 30 == 0 {
            recorder.holders(&census(n));
        }
        recorder.record_at(&sample(n), moment(n)).unwrap();
    }
    recorder.close().unwrap();
    let recording = Recording::open(folder.path()).unwrap();
    let times: Vec<_> = all(&recording, None, None).into_iter().map(|(time, _)| time).collect();
    assert_eq!(times, [0, 30, 50, 60, 90].map(time));
    let alone = Recording::open(&recording.segments()[1].path).unwrap();
    assert_eq!(all(&alone, None, None)[0].1, all(&recording, None, Some(time(30)))[1].1);
}

#[test]
fn names_can_be_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let recording = record(folder.path(), RecorderConfig { anonymise: true, ..config() }, 5);
    let (_, digest) = recording.holders_at(time(4)).unwrap().unwrap();
    assert!(digest.kept.iter().all(|kept| kept.entry.holder.name.starts_with("process-")));
    for file in recording.segments() {
        let bytes = std::fs::read(&file.path).unwrap();
        for name in ["leaks", "rests", "web.service"] {
            assert!(!bytes.windows(name.len()).any(|part| part == name.as_bytes()), "{name}");
        }
    }
}

/// A segment with holders before each sample.
fn segment(count: u64) -> Vec<u8> {
    let memory = Memory::default();
    let mut writer = SegmentWriter::create(Box::new(memory.clone()), &head()).unwrap();
    let (mut keeper, mut digest) = (Keeper::default(), Digest::default());
    for n in 0..count {
        keeper.digest_into(&census(n), &mut digest);
        writer.holders(Some(time(n)), &digest).unwrap();
        writer.sample(&sample(n), n * 1_000_000).unwrap();
    }
    writer.finish().unwrap();
    memory.0.lock().unwrap().clone()
}

fn read(bytes: Vec<u8>) -> Vec<(Timestamp, Digest)> {
    let mut cursor = SegmentCursor::open(Cursor::new(bytes)).unwrap();
    let (mut found, mut digest) = (Vec::new(), Digest::default());
    while let Some(time) = cursor.next_holders(u64::MAX, &mut digest).unwrap() {
        found.push((time.unwrap(), sorted(digest.clone())));
    }
    found
}

#[test]
fn a_flip_of_any_byte_loses_no_count_and_no_sample() {
    let (bytes, expected) = (segment(40), expected(40));
    let samples: Vec<_> = (0..40).map(sample).collect();
    let padding: Vec<_> =
        frames(&bytes).into_iter().filter(|frame| frame.kind == FrameKind::Padding).collect();
    for at in 0..bytes.len() {
        if padding.iter().any(|frame| at > frame.start + 40 && at + 40 < frame.end) {
            continue;
        }
        let mut damaged = bytes.clone();
        damaged[at] ^= if at % 2 == 0 { 0x01 } else { 0xff };
        let found = read(damaged.clone());
        assert!(found == expected, "byte {at}: {} of {}, {:?}", found.len(), expected.len(), frames(&bytes));
        if at % 7 == 0 {
            assert!(read_all(damaged).0 == samples, "byte {at}");
        }
    }
}

#[test]
fn what_cannot_be_brought_back_is_lost_up_to_the_next_complete_list() {
    let (bytes, expected) = (segment(600), expected(600));
    let all = frames(&bytes);
    assert!(read(bytes.clone()) == expected);
    let again: Vec<_> = all.iter().filter(|frame| frame.kind == FrameKind::HoldersAgain).collect();
    assert!(!again.is_empty(), "for who comes from elsewhere");
    // Two frames far from each other, of one group.
    let changes: Vec<_> = all.iter().filter(|frame| frame.kind == FrameKind::Holders).collect();
    let mut damaged = bytes;
    for frame in [changes[20], changes[80]] {
        damaged[frame.start..frame.start + 4096.min(frame.end - frame.start)].fill(0);
    }
    damaged[changes[20].start + 1..changes[70].start].fill(0);
    let found = read(damaged);
    assert!(found.len() < 600 && found.iter().all(|one| expected.contains(one)), "nothing wrong is read");
    let next = again.iter().find(|frame| frame.start > changes[80].end).unwrap();
    let behind = u64::from(next.sample) + 1;
    let later =
        |from: u64, list: &[(Timestamp, Digest)]| list.iter().filter(|one| one.0 >= time(from)).count();
    assert_eq!(later(behind, &found), later(behind, &expected), "all that is behind it");
}
