//! Recording into a folder: gaps, locks, retention, full disks, power cuts.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "small numbers of a test"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{moment, origin, sample, sample_of, time};
use poolmon_model::{Pattern, Pool, PoolView, Sample, Tag};
use poolmon_store::ClockMoment;
use poolmon_store::internal::{Append, Disk};
use poolmon_store::{
    Changed, GapKind, RecordOutcome, RecordedMark, Recorder, RecorderConfig, Recording, StoreError,
};
use proptest::prelude::*;

fn config() -> RecorderConfig {
    RecorderConfig { interval: Duration::from_secs(1), ..RecorderConfig::default() }
}

fn record(folder: &Path, config: RecorderConfig, samples: std::ops::Range<u64>) {
    let (mut recorder, _) = Recorder::open(folder, config).unwrap();
    for n in samples {
        assert_eq!(recorder.record_at(&sample(n), moment(n)).unwrap(), RecordOutcome::Recorded);
    }
    recorder.close().unwrap();
}

fn read(folder: &Path) -> Vec<Sample> {
    let mut cursor = Recording::open(folder).unwrap().cursor();
    let mut samples = Vec::new();
    let mut sample = Sample::empty();
    while cursor.next_sample(&mut sample).unwrap() {
        samples.push(sample.clone());
    }
    samples
}

fn gaps(folder: &Path) -> Vec<(GapKind, i64)> {
    let marks = Recording::open(folder).unwrap().marks(None, None).unwrap();
    let gaps = marks.into_iter().filter_map(|mark| match mark.mark {
        RecordedMark::Gap(gap) => Some((gap.kind, gap.length_ns / 1_000_000_000)),
        _ => None,
    });
    gaps.collect()
}

#[test]
fn what_was_recorded_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let config = RecorderConfig { segment_length: Duration::from_secs(100), ..config() };
    record(folder.path(), config, 0..450);
    let recording = Recording::open(folder.path()).unwrap();
    assert_eq!(recording.segments().len(), 5);
    assert!(read(folder.path()) == (0..450).map(sample).collect::<Vec<_>>());
    assert!(recording.verify().unwrap().is_whole());
    let info = recording.info().unwrap();
    assert_eq!((info.samples, info.first, info.last), (450, Some(time(0)), Some(time(449))));
    assert_eq!(info.boots, ["boot-1"]);
    assert!(!info.recording);
    assert!(gaps(folder.path()).is_empty());
}

#[test]
fn any_moment_and_its_neighbours() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), RecorderConfig { segment_length: Duration::from_secs(100), ..config() }, 0..450);
    let mut cursor = Recording::open(folder.path()).unwrap().cursor();
    let mut got = Sample::empty();
    for n in [0, 1, 99, 100, 101, 257, 256, 449, 3, 300] {
        let between = time(n).checked_add(jiff::SignedDuration::from_millis(400)).unwrap();
        for at in [time(n), between] {
            assert!(cursor.seek(at, &mut got).unwrap());
            assert!(got == sample(n), "seek {n}");
        }
        if n > 0 {
            assert!(cursor.previous_sample(&mut got).unwrap());
            assert!(got == sample(n - 1), "before {n}");
            assert!(cursor.next_sample(&mut got).unwrap());
            assert!(got == sample(n), "after {}", n - 1);
        }
        let more = cursor.next_sample(&mut got).unwrap();
        assert_eq!(more, n < 449);
        assert!(got == sample((n + 1).min(449)), "after {n}");
    }
    let early = time(0).checked_sub(jiff::SignedDuration::from_hours(1)).unwrap();
    assert!(cursor.seek(early, &mut got).unwrap());
    assert!(got == sample(0), "before everything: the first");
    assert!(!cursor.previous_sample(&mut got).unwrap());
    assert!(cursor.next_sample(&mut got).unwrap());
    assert!(got == sample(1));
    // Backwards through everything.
    assert!(cursor.seek(time(1000), &mut got).unwrap());
    for n in (0..449).rev() {
        assert!(cursor.previous_sample(&mut got).unwrap());
        assert!(got == sample(n), "backwards to {n}");
    }
}

#[test]
fn many_samples_back_at_once() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), RecorderConfig { segment_length: Duration::from_secs(100), ..config() }, 0..450);
    let mut cursor = Recording::open(folder.path()).unwrap().cursor();
    let mut got = Sample::empty();
    assert!(!cursor.go_back(3, &mut got).unwrap(), "nothing is held yet");
    assert_eq!(cursor.place(), None);
    for (from, count, to) in [
        (449, 1, 448),
        (449, 449, 0),
        (449, 9_999, 0),
        (250, 50, 200),
        (250, 51, 199),
        (250, 240, 10),
        (7, 7, 0),
    ] {
        assert!(cursor.seek(time(from), &mut got).unwrap());
        let before = cursor.place();
        assert!(!cursor.go_back(0, &mut got).unwrap());
        assert!(cursor.go_back(count, &mut got).unwrap());
        assert!(got == sample(to), "{count} back from {from}");
        assert!(cursor.place() < before);
        for n in to + 1..=from {
            assert!(cursor.next_sample(&mut got).unwrap());
            assert!(got == sample(n), "forward again to {n}");
        }
        assert_eq!(cursor.place(), before, "the same place again");
    }
    assert!(cursor.seek(time(0), &mut got).unwrap());
    assert!(!cursor.go_back(1, &mut got).unwrap());
    assert!(cursor.next_sample(&mut got).unwrap());
    assert!(got == sample(1), "nothing moved");
}

#[test]
fn one_tag_through_time() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), RecorderConfig { segment_length: Duration::from_secs(100), ..config() }, 0..450);
    let recording = Recording::open(folder.path()).unwrap();
    let tag = Tag::pool(*b"Tagc");
    let all = recording.series(&tag, Pool::Nonpaged, None, None, None).unwrap();
    assert_eq!(all.len(), 450);
    for (n, point) in all.iter().enumerate() {
        let row = sample(n as u64).rows[2].clone();
        assert_eq!((point.time, point.counters), (time(n as u64), Some(row.counters)));
    }
    let some = recording.series(&tag, Pool::Nonpaged, Some(time(20)), Some(time(30)), None).unwrap();
    assert_eq!(some, all[20..=30]);
    let step = Some(Duration::from_secs(10));
    let coarse = recording.series(&tag, Pool::Nonpaged, Some(time(5)), None, step).unwrap();
    let expected: Vec<_> = all.iter().skip(5).step_by(10).copied().collect();
    assert_eq!(coarse, expected);
    let minutes = recording.series(&tag, Pool::Nonpaged, None, None, Some(Duration::from_secs(150))).unwrap();
    assert_eq!(minutes.iter().map(|point| point.time).collect::<Vec<_>>(), [time(0), time(150), time(300)]);
    let comes = recording.series(&Tag::pool(*b"Come"), Pool::Paged, None, None, None).unwrap();
    assert_eq!(comes.iter().filter(|point| point.counters.is_some()).count(), 64);
    assert!(recording.timeline().unwrap().iter().all(|point| point.totals[0].is_some()));
}

#[test]
fn a_second_recorder_is_refused_and_readers_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let (mut recorder, _) = Recorder::open(folder.path(), config()).unwrap();
    recorder.record_at(&sample(0), moment(0)).unwrap();
    let second = Recorder::open(folder.path(), config());
    assert!(matches!(second, Err(StoreError::Locked { .. })));
    assert!(read(folder.path()) == [sample(0)]);
    assert!(Recording::open(folder.path()).unwrap().info().unwrap().recording);
    // A reader at the end sees what comes.
    let mut cursor = Recording::open(folder.path()).unwrap().cursor();
    let mut got = Sample::empty();
    assert!(cursor.next_sample(&mut got).unwrap());
    assert!(!cursor.next_sample(&mut got).unwrap());
    recorder.record_at(&sample(1), moment(1)).unwrap();
    assert!(cursor.next_sample(&mut got).unwrap());
    assert!(got == sample(1));
    drop(recorder);
    Recorder::open(folder.path(), config()).unwrap();
}

#[test]
fn gaps_are_recorded_as_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let (mut recorder, _) = Recorder::open(folder.path(), config()).unwrap();
    let mut at = |n: u64, clock: u64, up: u64| {
        let mut sample = sample(n);
        sample.uptime = Some(Duration::from_secs(up));
        recorder
            .record_at(&sample, ClockMoment { wall: time(n), clock: Duration::from_secs(clock) })
            .unwrap();
    };
    at(0, 0, 100);
    at(1, 1, 101);
    at(3601, 1, 3701); // the machine slept: its own clock stood still
    at(3602, 2, 3702);
    at(7202, 3, 3703); // set forward
    at(203, 4, 3704); // set back
    at(213, 14, 3714); // late
    let late = ClockMoment { wall: time(214), clock: Duration::from_secs(15) };
    recorder.failed_at(&"/proc/slabinfo: permission denied", late).unwrap();
    let later = ClockMoment { wall: time(215), clock: Duration::from_secs(16) };
    recorder.failed_at(&"/proc/slabinfo: permission denied", later).unwrap();
    let mut back = sample(216);
    back.uptime = Some(Duration::from_secs(3717));
    recorder.record_at(&back, ClockMoment { wall: time(216), clock: Duration::from_secs(17) }).unwrap();
    assert_eq!(recorder.status().failed, 2);
    recorder.close().unwrap();
    let mut found = gaps(folder.path());
    found.sort_by_key(|gap| format!("{gap:?}"));
    assert_eq!(
        found,
        [
            (GapKind::ClockJump, -7000),
            (GapKind::ClockJump, 3599),
            (GapKind::Failed, 0),
            (GapKind::Failed, 2),
            (GapKind::Late, 9),
            (GapKind::Sleep, 3600),
        ]
    );
    let marks = Recording::open(folder.path()).unwrap().marks(None, None).unwrap();
    assert!(marks.iter().any(|mark| format!("{mark:?}").contains("failed 2 times: /proc/slabinfo")));
}

#[test]
fn a_reboot_begins_a_segment_and_a_pause_is_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), config(), 0..3);
    let (mut recorder, report) = Recorder::open(folder.path(), config()).unwrap();
    assert_eq!(report.last_sample, Some((time(2), Some("boot-1".into()))));
    assert!(report.recovered.is_empty());
    let second = origin("boot-2");
    recorder.record_at(&sample_of(&second, 100), moment(0)).unwrap();
    recorder.record_at(&sample_of(&origin("boot-3"), 101), moment(1)).unwrap();
    recorder.close().unwrap();
    let recording = Recording::open(folder.path()).unwrap();
    assert_eq!(recording.segments().len(), 3);
    assert_eq!(recording.info().unwrap().boots, ["boot-1", "boot-2", "boot-3"]);
    assert_eq!(gaps(folder.path()), [(GapKind::Stopped, 98), (GapKind::Reboot, 98), (GapKind::Reboot, 1)]);
}

#[test]
fn notes_from_outside_are_seen_at_once_and_taken_once() {
    let folder = tempfile::tempdir().unwrap();
    let (mut recorder, _) = Recorder::open(folder.path(), config()).unwrap();
    recorder.record_at(&sample(0), moment(0)).unwrap();
    poolmon_store::note(folder.path(), "installed a driver", time(1)).unwrap();
    poolmon_store::note(folder.path(), "installed a driver", time(1)).unwrap();
    recorder.note("said by the recorder").unwrap();
    let texts = || -> Vec<String> {
        let marks = Recording::open(folder.path()).unwrap().marks(None, None).unwrap();
        let texts = marks.into_iter().filter_map(|mark| match mark.mark {
            RecordedMark::Note(text) => Some(text),
            _ => None,
        });
        texts.collect()
    };
    assert_eq!(texts().len(), 3);
    for n in 1..30 {
        recorder.record_at(&sample(n), moment(n)).unwrap();
    }
    recorder.close().unwrap();
    assert_eq!(texts().len(), 3);
    let left = fs::read_dir(folder.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("note-"));
    assert_eq!(left.count(), 0, "the notes are in the segment now");
}

#[test]
fn the_oldest_segments_go_first_and_the_open_one_stays() {
    let folder = tempfile::tempdir().unwrap();
    let keep = Some(Duration::from_secs(250));
    let config = RecorderConfig { segment_length: Duration::from_secs(50), keep, ..config() };
    record(folder.path(), config, 0..1000);
    let left = read(folder.path());
    assert_eq!(left.last().unwrap().time, Some(time(999)));
    let first = left.first().unwrap().time.unwrap();
    assert!(first >= time(650) && first <= time(750), "{first}");

    let folder = tempfile::tempdir().unwrap();
    let config = RecorderConfig { max_size: Some(150_000), segment_size: 20_000, ..self::config() };
    let (mut recorder, _) = Recorder::open(folder.path(), config).unwrap();
    for n in 0..8000 {
        recorder.record_at(&sample(n), moment(n)).unwrap();
    }
    let status = recorder.close().unwrap();
    assert!(status.deleted > 0);
    let bytes: u64 = Recording::open(folder.path())
        .unwrap()
        .segments()
        .iter()
        .map(poolmon_store::folder::SegmentFile::size)
        .sum();
    assert!(bytes <= 150_000, "{bytes}");
    assert_eq!(bytes, status.total_bytes);
    assert_eq!(read(folder.path()).last().unwrap().time, Some(time(7999)));
}

#[test]
fn chosen_tags_only() {
    let folder = tempfile::tempdir().unwrap();
    let config = RecorderConfig {
        include: vec![Pattern::new("Tag*")],
        exclude: vec![Pattern::new("Tagb")],
        ..config()
    };
    record(folder.path(), config, 0..5);
    for sample in read(folder.path()) {
        assert_eq!(sample.rows.len(), 11);
        assert!(
            sample.rows.iter().all(|row| row.tag != Tag::pool(*b"Tagb") && row.tag != Tag::pool(*b"Come"))
        );
    }
}

#[test]
fn chosen_pools_only() {
    let folder = tempfile::tempdir().unwrap();
    let all = sample(0);
    let paged = all.rows.iter().filter(|row| row.pool == Pool::Paged).count();
    assert!((1..all.rows.len()).contains(&paged));
    record(folder.path(), RecorderConfig { view: PoolView::Only(Pool::Paged), ..config() }, 0..1);
    assert_eq!(read(folder.path())[0].rows.iter().filter(|row| row.pool == Pool::Paged).count(), paged);
    assert_eq!(read(folder.path())[0].rows.len(), paged);
}

/// A disk that remembers what was written and what was waited for.
#[derive(Clone, Default)]
struct Plug {
    files: Arc<Mutex<BTreeMap<PathBuf, Written>>>,
    room: Arc<Mutex<Option<usize>>>,
}

#[derive(Clone, Default)]
struct Written {
    synced: Vec<u8>,
    /// Writes since, by offset.
    since: Vec<(usize, Vec<u8>)>,
    length: usize,
}

struct PlugFile(Plug, PathBuf);

impl Disk for Plug {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        self.files.lock().unwrap().insert(path.into(), Written::default());
        Ok(Box::new(PlugFile(self.clone(), path.into())))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.files.lock().unwrap().remove(path);
        Ok(())
    }
}

impl Append for PlugFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut files = self.0.files.lock().unwrap();
        let file = files.get_mut(&self.1).unwrap();
        let mut bytes = bytes;
        let mut room = self.0.room.lock().unwrap();
        let full = room.is_some_and(|room| room < bytes.len());
        if let Some(room) = room.as_mut() {
            // A full disk takes a part.
            bytes = &bytes[..bytes.len().min(*room)];
            *room -= bytes.len();
        }
        file.since.push((file.length, bytes.to_vec()));
        file.length += bytes.len();
        if full { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        let mut files = self.0.files.lock().unwrap();
        let file = files.get_mut(&self.1).unwrap();
        let whole = file.all();
        let cut = usize::try_from(length).unwrap();
        if let Some(room) = self.0.room.lock().unwrap().as_mut() {
            *room += file.length - cut;
        }
        file.since = vec![(0, whole[..cut].to_vec())];
        file.synced.truncate(cut);
        file.length = cut;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut files = self.0.files.lock().unwrap();
        let file = files.get_mut(&self.1).unwrap();
        file.synced = file.all();
        file.since.clear();
        Ok(())
    }
}

impl Written {
    /// The file with every write, whether the disk has it or not.
    fn all(&self) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        for (offset, written) in &self.since {
            if bytes.len() < offset + written.len() {
                bytes.resize(offset + written.len(), 0);
            }
            bytes[*offset..offset + written.len()].copy_from_slice(written);
        }
        bytes
    }

    /// The file after a power cut. The disk has what it was waited for. Of the sectors written since, it has any:
    /// writes are lost, come in another order and are torn. A lost one has what it had before (zeros). The file's
    /// length, too, is any between the old and the new.
    fn after_power_cut(&self, reached: impl Fn(usize) -> bool, length: f64) -> Vec<u8> {
        const SECTOR: usize = 512;
        let mut bytes = self.all();
        for (n, sector) in bytes.chunks_mut(SECTOR).enumerate() {
            if !reached(n) {
                let synced = self.synced.get(n * SECTOR..).unwrap_or_default();
                let kept = synced.len().min(sector.len());
                sector[..kept].copy_from_slice(&synced[..kept]);
                sector[kept..].fill(0);
            }
        }
        let new = bytes.len() - self.synced.len().min(bytes.len());
        bytes.truncate(bytes.len() - (new as f64 * length) as usize);
        bytes
    }
}

#[test]
fn a_full_disk_keeps_what_is_there_and_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let plug = Plug::default();
    let (mut recorder, _) = Recorder::open_on(folder.path(), config(), Box::new(plug.clone())).unwrap();
    *plug.room.lock().unwrap() = Some(9000);
    let mut missed = Vec::new();
    for n in 0..300 {
        if n == 200 {
            *plug.room.lock().unwrap() = None;
        }
        if matches!(recorder.record_at(&sample(n), moment(n)).unwrap(), RecordOutcome::DiskFull { .. }) {
            missed.push(n);
            assert_eq!(recorder.status().missed, missed.len() as u64);
        }
    }
    assert!(missed.len() > 50 && missed.first() > Some(&20) && missed.last() == Some(&199), "{missed:?}");
    recorder.close().unwrap();
    for (path, file) in plug.files.lock().unwrap().iter() {
        fs::write(path, file.all()).unwrap();
    }
    let expected: Vec<_> = (0..300).filter(|n| !missed.contains(n)).map(sample).collect();
    assert!(read(folder.path()) == expected);
    let full = gaps(folder.path()).into_iter().find(|gap| gap.0 == GapKind::DiskFull).unwrap();
    assert_eq!(full.1, 200 - i64::try_from(missed[0]).unwrap());
    assert!(Recording::open(folder.path()).unwrap().verify().unwrap().is_whole());
}

/// `POOLMON_POWER_CUTS` says how many are tried, 128 if it does not.
fn power_cuts() -> ProptestConfig {
    let cuts = std::env::var("POOLMON_POWER_CUTS").ok().and_then(|number| number.parse().ok());
    ProptestConfig::with_cases(cuts.unwrap_or(128))
}

proptest! {
    #![proptest_config(power_cuts())]

    /// A power cut: of the sectors written since the last sync, any subset reached the disk.
    #[test]
    fn a_power_cut_loses_at_most_what_was_not_synced(
        count in 1_u64..120,
        reached in (0.0..=1.0_f64).prop_flat_map(|share| prop::collection::vec(prop::bool::weighted(share), 61)),
        cut in 0.0..1.0_f64,
        whole: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let plug = Plug::default();
        let config = RecorderConfig { segment_length: Duration::from_secs(50), ..config() };
        let (mut recorder, _) =
            Recorder::open_on(folder.path(), config.clone(), Box::new(plug.clone())).unwrap();
        for n in 0..count {
            recorder.record_at(&sample(n), moment(n)).unwrap();
        }
        for (path, file) in plug.files.lock().unwrap().iter() {
            let image = file.after_power_cut(|n| reached[n % reached.len()], if whole { 0.0 } else { cut });
            fs::write(path, image).unwrap();
        }
        drop(recorder);
        // The sync interval is 10 s; the sample that triggers it is synced with it.
        let synced = (count - 1) / 10 * 10;
        let (mut again, report) = Recorder::open(folder.path(), config).unwrap();
        prop_assert!(report.recovered.len() <= 1);
        again.record_at(&sample(5000), moment(0)).unwrap();
        again.close().unwrap();
        let samples = read(folder.path());
        let (last, before) = samples.split_last().unwrap();
        prop_assert!(*last == sample(5000));
        // Up to the sync, everything; after it, only what was written.
        let safe = if count <= 10 { 0 } else { synced + 1 };
        prop_assert!(before.len() as u64 >= safe, "{} of {safe}", before.len());
        for (n, got) in before.iter().take(usize::try_from(safe).unwrap()).enumerate() {
            prop_assert!(*got == sample(n as u64), "sample {n}");
        }
        let originals: Vec<_> = (0..count).map(sample).collect();
        prop_assert!(before.iter().all(|got| originals.contains(got)));
    }
}

#[test]
fn changes_lead_to_the_same_samples() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), RecorderConfig { segment_length: Duration::from_secs(100), ..config() }, 0..400);
    let whole = read(folder.path());
    let mut cursor = Recording::open(folder.path()).unwrap().cursor();
    let mut sample = Sample::empty();
    let (mut reported, mut at) = (0, 0);
    while let Some(changed) = cursor.next_changed(&mut sample).unwrap() {
        if let Changed::Rows(rows) = changed {
            reported += 1;
            let before: &Sample = &whole[at - 1];
            let differs = |&at: &usize| before.rows[at].counters != sample.rows[at].counters;
            let differing: Vec<usize> = (0..sample.rows.len()).filter(differs).collect();
            assert_eq!(rows.iter().map(|&at| at as usize).collect::<Vec<_>>(), differing);
        }
        assert_eq!(sample, whole[at]);
        at += 1;
    }
    assert_eq!(at, whole.len());
    assert!(reported > 200, "{reported}");
    // Another sample, or another place: everything is read.
    cursor.rewind();
    assert_eq!(cursor.next_changed(&mut sample).unwrap(), Some(Changed::All));
    assert!(cursor.next_sample(&mut sample).unwrap());
    assert_eq!(cursor.next_changed(&mut sample).unwrap(), Some(Changed::All));
    let mut other = Sample::empty();
    assert_eq!(cursor.next_changed(&mut other).unwrap(), Some(Changed::All));
    assert_eq!(other, whole[3]);
    cursor.seek(whole[250].time.unwrap(), &mut sample).unwrap();
    cursor.next_changed(&mut sample).unwrap();
    assert_eq!(sample, whole[251]);
}

#[test]
fn samples_now_and_then_are_reached_without_those_before() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), RecorderConfig { segment_length: Duration::from_secs(700), ..config() }, 0..1500);
    let whole = read(folder.path());
    let recording = Recording::open(folder.path()).unwrap();
    assert!(recording.segments().len() >= 2);
    let mut last = usize::MAX;
    for step in [1, 60, 400, 5000] {
        let mut cursor = recording.cursor();
        let mut sample = Sample::empty();
        let mut seen = Vec::new();
        let every = jiff::SignedDuration::from_secs(step);
        let mut next = whole[0].time.unwrap();
        while cursor.next_between(next, next + every, &mut sample).unwrap() {
            let at = whole.iter().position(|one| one.time == sample.time).unwrap();
            assert_eq!(sample, whole[at]);
            let (time, before) =
                (sample.time.unwrap(), seen.last().map(|&at: &usize| whole[at].time.unwrap()));
            assert!(
                before.is_none_or(|before| time.duration_since(before) >= every),
                "{step}: {seen:?} {at}"
            );
            // No more than two steps from one to the next, where there are samples.
            assert!(time < next + every || whole[at - 1].time.unwrap() < next, "{step}: {seen:?} {at}");
            seen.push(at);
            next = time + every;
        }
        assert_eq!(seen[0], 0);
        assert!(whole.last().unwrap().time.unwrap() < next, "{step}: nothing is left out at the end");
        assert!(seen.len() <= last, "{step}: {}", seen.len());
        last = seen.len();
        assert!(!cursor.next_between(next, next + every, &mut sample).unwrap(), "the end stays the end");
    }
}
