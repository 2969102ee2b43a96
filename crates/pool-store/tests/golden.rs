//! Old recordings stay readable: one golden file for each version of the format.
//!
//! `POOLMON_GOLDEN=write` writes the file of the version that is written today. Do that once, when a version is
//! new; a golden file never changes afterwards.
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

use common::{Memory, head, origin, sample, time};
use pool_model::sample::Session;
use pool_model::{Counters, Pool, Row, Sample, Tag};
use pool_store::segment::cursor::{Entry, SegmentCursor};
use pool_store::segment::frame::VERSION;
use pool_store::segment::writer::SegmentWriter;
use pool_store::{Gap, GapKind, Mark, ModuleChange, TimedMark};

/// Samples with a bit of everything.
fn golden_sample(n: u64) -> Sample {
    let mut sample = sample(n);
    let used = Counters {
        told_diff: Some(40 + (n % 5).cast_signed()),
        bytes: Some(8192),
        used: Some(192 * (40 + n % 5)),
        ..Counters::default()
    };
    sample.rows.push(Row {
        tag: Tag::name("kmalloc-192"),
        pool: Pool::Unreclaimable,
        counters: used,
        told_owner: Some("module".into()),
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
        (0, TimedMark { time: Some(time(0)), mark: Mark::Note("é, a note".into()) }),
        (5, TimedMark { time: Some(time(5)), mark: Mark::Gap(gap) }),
        (290, TimedMark { time: None, mark: Mark::Modules(vec![change]) }),
    ]
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1.plog")
}

fn write() -> Vec<u8> {
    let memory = Memory::default();
    let mut writer = SegmentWriter::create(Box::new(memory.clone()), &head()).unwrap();
    for n in 0..300 {
        for (_, mark) in golden_marks().iter().filter(|(at, _)| *at == n) {
            writer.mark(mark.time, &mark.mark).unwrap();
        }
        writer.sample(&golden_sample(n), n * 1_000_100).unwrap();
    }
    writer.finish().unwrap();
    memory.0.lock().unwrap().clone()
}

#[test]
fn version_1_is_read() {
    if std::env::var_os("POOLMON_GOLDEN").is_some_and(|what| what == "write") {
        assert_eq!(VERSION, 1, "a golden file of an old version is never written again");
        std::fs::write(path(), write()).unwrap();
    }
    let mut cursor = SegmentCursor::open(std::fs::File::open(path()).unwrap()).unwrap();
    let found = cursor.head().unwrap();
    assert_eq!((found.version, found.clock, &found.origin), (1, 0, &origin("boot-1")));
    let index = cursor.index().unwrap();
    assert_eq!((index.samples, index.marks.len()), (300, 3));
    let (mut n, mut marks) = (0, Vec::new());
    let mut got = pool_store::Cursor::empty_sample();
    while let Some(entry) = cursor.next_entry().unwrap() {
        match entry {
            Entry::Sample { .. } => {
                assert!(cursor.sample_into(&mut got));
                let mut expected = golden_sample(n);
                expected.origin = Arc::clone(&got.origin);
                assert!(got == expected && *got.origin == *origin("boot-1"), "sample {n}");
                n += 1;
            }
            Entry::Mark(mark) => marks.push((n, mark)),
        }
    }
    assert_eq!(n, 300);
    assert_eq!(marks, golden_marks());
    assert_eq!(cursor.losses(), pool_store::Losses::default());
}

#[test]
fn the_index_can_be_thrown_away() {
    let bytes = std::fs::read(path()).unwrap();
    let mut whole = SegmentCursor::open(std::io::Cursor::new(bytes.clone())).unwrap();
    let stored = whole.index().unwrap();
    let mut cut = SegmentCursor::open(std::io::Cursor::new(bytes[..bytes.len() - 1].to_vec())).unwrap();
    assert_eq!(cut.index().unwrap(), stored);
}

#[test]
fn a_later_version_is_refused_and_not_taken_for_damage() {
    let mut later = head();
    later.version = 2;
    let cursor = SegmentCursor::open(std::io::Cursor::new(later.bytes())).unwrap();
    assert_eq!(cursor.head().unwrap_err(), pool_store::segment::frame::HeadError::Version(2));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("00000000-20261123T000000Z.plog"), later.bytes()).unwrap();
    let recording = pool_store::Recording::open(folder.path()).unwrap();
    let error = recording.info().unwrap_err().to_string();
    assert!(error.contains("format version 2; this program reads up to 1"), "{error}");
}
