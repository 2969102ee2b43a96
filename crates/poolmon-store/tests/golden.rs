//! Old recordings stay readable: golden files of each version of the format, and of what was added to it.
//!
//! `POOLMON_GOLDEN=write` writes those that are not there as they are written today; a golden file never changes afterwards.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "small numbers of a test"
)]

mod common;

use std::path::PathBuf;
use std::sync::Arc;

use common::{Memory, frames, head, origin, read_all, sample, time};
use poolmon_holder::{Counts, Digest, Entry as HolderEntry, Holder, HolderId, Kept, Kind};
use poolmon_model::sample::Session;
use poolmon_model::{Counters, Gather, Pool, Row, Sample, Tag};
use poolmon_store::Entry;
use poolmon_store::internal::{
    FrameKind, HeadError, SegmentCursor, SegmentWriter, VERSION, parse_summary, read_summary,
};
use poolmon_store::{Gap, GapKind, ModuleChange, RecordedMark, TimedMark};

/// Samples with a bit of everything.
fn golden_sample(n: u64) -> Sample {
    let mut sample = sample(n);
    let used = Counters {
        reported_diff: Some(40 + (n % 5).cast_signed()),
        bytes: Some(8192),
        used: Some(192 * (40 + n % 5)),
        ..Counters::default()
    };
    sample.rows.push(Row {
        tag: Tag::name("kmalloc-192"),
        pool: Pool::Unreclaimable,
        counters: used,
        reported_owner: Some("module".into()),
    });
    sample.rows.push(Row::windows(
        Tag::pool(*b"\0\xff\x01z"),
        Pool::Nonpaged,
        0xffff_fff0 + n,
        0xffff_ff00 + n,
        0,
    ));
    if n % 50 < 25 {
        let rows = vec![Row::windows(Tag::pool(*b"Usqu"), Pool::Paged, 10 * n, 9 * n, 64 * n)];
        sample.sessions.push(Session { id: 1, rows });
    }
    if n == 17 {
        sample.remarks.push("a remark".into());
        sample.disagreeing = 2;
        sample.time = None;
        sample.uptime = None;
    }
    sample
}

fn golden_marks() -> Vec<(u64, TimedMark)> {
    let gap = Gap { kind: GapKind::Sleep, length_ns: 60_000_000_000, reason: None };
    let change =
        ModuleChange { loaded: true, name: "leaky.sys".into(), detail: Some("1.2".into()), size: 0x2_0000 };
    vec![
        (0, TimedMark { time: Some(time(0)), mark: RecordedMark::Note("é, a note".into()) }),
        (5, TimedMark { time: Some(time(5)), mark: RecordedMark::Gap(gap) }),
        (290, TimedMark { time: None, mark: RecordedMark::Modules(vec![change]) }),
    ]
}

/// A golden file: its name, and seconds from sample to sample.
#[derive(Clone, Copy)]
struct Golden(&'static str, u64);

/// By the very first recorders: parity as kind 6.
const FIRST: Golden = Golden("v1.plog", 1);
/// With parity as kind 8, padding and summaries.
const SUMMARIES: Golden = Golden("v1-summaries.plog", 5);
/// With holders.
const HOLDERS: Golden = Golden("v1-holders.plog", 1);

/// Who holds what at a sample: one that leaks and has a group, one that ends, all others in a sum.
fn golden_holders(n: u64) -> Digest {
    let kept = |id, name: &str, group: Option<&str>, figures: &[(Kind, u64)], processes| {
        let mut counts = Counts::default();
        for (kind, count) in figures {
            counts.set(*kind, *count);
        }
        let holder = Holder { id, name: name.into() };
        Kept {
            entry: HolderEntry { holder, group: group.map(Into::into), counts },
            processes,
            is_late: false,
        }
    };
    let process = |pid| HolderId::Process { pid, start: 1 << 33 };
    let mut all = vec![
        kept(
            process(7),
            "é leaks",
            Some("web.service"),
            &[(Kind::Tcp, 5 * n), (Kind::PageTable, 4096 * n)],
            1,
        ),
        kept(
            HolderId::ControlGroup { path: "/a.slice".into() },
            "/a.slice",
            None,
            &[(Kind::GroupKernel, 1 << 40)],
            1,
        ),
        kept(HolderId::Tmpfs { device: "0:25".into() }, "/run", None, &[(Kind::TmpfsInode, 900 - n)], 1),
        kept(HolderId::Others { name: "w".into() }, "w", None, &[(Kind::Thread, 40 + n % 3)], 40 + n % 3),
    ];
    if n < 100 {
        all.insert(1, kept(process(9), "ends", None, &[(Kind::Thread, 0), (Kind::Key, 3)], 1));
    }
    Digest { processes: 42 + n, closed: n % 2, hidden: n > 50, kept: all }
}

impl Golden {
    fn path(self) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(self.0)
    }

    fn bytes(self) -> Vec<u8> {
        let path = self.path();
        if std::env::var_os("POOLMON_GOLDEN").is_some_and(|what| what == "write") && !path.exists() {
            assert_eq!(VERSION, 1, "a golden file of an old version is never written again");
            std::fs::write(&path, self.write()).unwrap();
        }
        std::fs::read(path).unwrap()
    }

    fn sample(self, n: u64) -> Sample {
        golden_sample(n * self.1)
    }

    fn write(self) -> Vec<u8> {
        let memory = Memory::default();
        let mut writer = SegmentWriter::create(Box::new(memory.clone()), &head()).unwrap();
        for n in 0..300 {
            for (_, mark) in golden_marks().iter().filter(|(at, _)| *at == n) {
                writer.mark(mark.time, &mark.mark).unwrap();
            }
            if self.0 == HOLDERS.0 {
                writer.holders(Some(time(n)), &golden_holders(n)).unwrap();
            }
            writer.sample(&self.sample(n), n * self.1 * 1_000_100).unwrap();
        }
        writer.finish().unwrap();
        memory.0.lock().unwrap().clone()
    }
}

#[test]
fn version_1_is_read() {
    for golden in [FIRST, SUMMARIES, HOLDERS] {
        let mut cursor = SegmentCursor::open(std::io::Cursor::new(golden.bytes())).unwrap();
        let found = cursor.head().unwrap();
        assert_eq!((found.version, found.clock, &found.origin), (1, 0, &origin("boot-1")));
        let index = cursor.index().unwrap();
        assert_eq!((index.samples, index.marks.len()), (300, 3));
        let (mut n, mut marks) = (0, Vec::new());
        let mut got = Sample::empty();
        while let Some(entry) = cursor.next_entry().unwrap() {
            match entry {
                Entry::Sample { .. } => {
                    assert!(cursor.sample_into(&mut got));
                    let mut expected = golden.sample(n);
                    expected.origin = Arc::clone(&got.origin);
                    assert!(got == expected && *got.origin == *origin("boot-1"), "{}: sample {n}", golden.0);
                    n += 1;
                }
                Entry::Mark(mark) => marks.push((n, mark)),
            }
        }
        assert_eq!(n, 300);
        assert_eq!(marks, golden_marks());
        assert_eq!(cursor.losses(), poolmon_store::Losses::default());
    }
}

#[test]
fn summaries_are_read_and_parity_helps() {
    let bytes = SUMMARIES.bytes();
    let kinds: Vec<FrameKind> = frames(&bytes).iter().map(|frame| frame.kind).collect();
    assert!(kinds.contains(&FrameKind::Parity) && kinds.contains(&FrameKind::Padding));
    let mut cursor = SegmentCursor::open(std::io::Cursor::new(bytes.clone())).unwrap();
    let index = cursor.index().unwrap();
    assert_eq!(index.summaries.len(), 2);
    for entry in &index.summaries {
        let frame = cursor.frame_at(entry.offset).unwrap().unwrap();
        let (after, bits) = parse_summary(&frame.payload).unwrap();
        assert_eq!(after, entry.after);
        let mut gather = Gather::default();
        let from = u64::from(after.1);
        assert!(!gather.push(&SUMMARIES.sample(from)));
        for n in from + 1..=entry.last.into() {
            assert!(gather.push(&SUMMARIES.sample(n)), "sample {n}");
        }
        let reported = read_summary(bits, &SUMMARIES.sample(entry.last.into())).unwrap();
        assert_eq!(reported, gather.finish().unwrap());
    }
    // A lost delta comes back.
    let lost = frames(&bytes).into_iter().find(|frame| frame.kind == FrameKind::Delta).unwrap();
    let mut damaged = bytes;
    damaged[lost.start + 30] ^= 0xff;
    let (samples, cursor) = read_all(damaged);
    assert_eq!((samples.len(), cursor.losses().rescued), (300, 1));
}

#[test]
fn holders_are_read_where_there_are_some() {
    let read = |golden: Golden| {
        let mut cursor = SegmentCursor::open(std::io::Cursor::new(golden.bytes())).unwrap();
        let (mut found, mut digest) = (Vec::new(), Digest::default());
        while let Some(time) = cursor.next_holders(u64::MAX, &mut digest).unwrap() {
            let mut digest = digest.clone();
            // The place of one that ended stays free.
            digest.kept.sort_by(|a, b| a.entry.holder.id.cmp(&b.entry.holder.id));
            found.push((time, digest));
        }
        found
    };
    assert!(read(FIRST).is_empty() && read(SUMMARIES).is_empty(), "earlier recorders counted nobody");
    let found = read(HOLDERS);
    assert_eq!(found.len(), 300);
    for (n, (at, digest)) in (0..).zip(found) {
        let mut expected = golden_holders(n);
        expected.kept.sort_by(|a, b| a.entry.holder.id.cmp(&b.entry.holder.id));
        assert_eq!((at, digest), (Some(time(n)), expected), "{n}");
    }
}

/// Frames of a kind that a program does not know are skipped, so one of before there were holders reads everything else.
#[test]
fn samples_do_not_need_the_frames_of_holders() {
    let bytes = HOLDERS.bytes();
    let mut without = bytes.clone();
    for frame in frames(&bytes) {
        if let FrameKind::Holders | FrameKind::HoldersAgain = frame.kind {
            // The same frame of a kind that nobody knows.
            let head = poolmon_store::internal::FrameHead::parse(&bytes[frame.start..]).unwrap().0;
            let payload = &bytes[frame.start + poolmon_store::internal::HEAD..frame.end];
            let other = poolmon_store::internal::FrameHead { kind: FrameKind::Other(200), ..head };
            without[frame.start..frame.end].copy_from_slice(&other.frame(payload));
        }
    }
    assert_ne!(without, bytes);
    let (samples, cursor) = read_all(without);
    assert_eq!((samples.len(), cursor.losses()), (300, poolmon_store::Losses::default()));
}

#[test]
fn the_index_can_be_thrown_away() {
    for golden in [FIRST, SUMMARIES, HOLDERS] {
        let bytes = golden.bytes();
        let mut whole = SegmentCursor::open(std::io::Cursor::new(bytes.clone())).unwrap();
        let stored = whole.index().unwrap();
        let mut cut = SegmentCursor::open(std::io::Cursor::new(bytes[..bytes.len() - 1].to_vec())).unwrap();
        assert_eq!(cut.index().unwrap(), stored);
    }
}

#[test]
fn a_later_version_is_refused_and_not_taken_for_damage() {
    let mut later = head();
    later.version = 2;
    let cursor = SegmentCursor::open(std::io::Cursor::new(later.bytes())).unwrap();
    assert_eq!(cursor.head().unwrap_err(), HeadError::Version(2));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("00000000-20261123T000000Z.plog"), later.bytes()).unwrap();
    let recording = poolmon_store::Recording::open(folder.path()).unwrap();
    let error = recording.info().unwrap_err().to_string();
    assert!(error.contains("format version 2; this program reads up to 1"), "{error}");
}
