//! Small recordings for tests.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "small numbers of a test"
)]
#![allow(dead_code, reason = "each test uses a part of it")]

use std::io::Cursor;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use poolmon_model::{CounterWidth, Origin, Pool, Row, Sample, SourceKind, Tag};
use poolmon_store::internal::{
    Append, Frame, FrameKind, SegmentCursor, SegmentHead, SegmentWriter, VERSION, wall_of,
};
use poolmon_store::{ClockMoment, Entry};

pub const START: i64 = 1_795_392_000;

pub fn time(n: u64) -> Timestamp {
    Timestamp::from_millisecond(START * 1000 + i64::try_from(n).unwrap() * 1000).unwrap()
}

pub fn moment(n: u64) -> ClockMoment {
    ClockMoment { wall: time(n), clock: Duration::from_secs(n) }
}

pub fn origin(boot: &str) -> Arc<Origin> {
    let mut origin = Origin::new(SourceKind::Windows, &[Pool::Nonpaged, Pool::Paged]);
    origin.host = Some("HOST".into());
    origin.system = Some("Windows 10.0.19045".into());
    origin.boot = Some(boot.into());
    Arc::new(origin)
}

/// Sample `n` of a host with a few tags; every sample differs from every other.
pub fn sample(n: u64) -> Sample {
    sample_of(&origin("boot-1"), n)
}

pub fn sample_of(origin: &Arc<Origin>, n: u64) -> Sample {
    let mut sample = Sample::new(Arc::clone(origin), CounterWidth::Bits32);
    sample.time = Some(time(n));
    sample.uptime = Some(Duration::from_secs(1000 + n));
    sample.header.memory_available = Some((1 << 30) - n * 4096);
    for t in 0..12_u64 {
        let tag = Tag::pool([b'T', b'a', b'g', b'a' + t as u8]);
        let pool = if t % 2 == 0 { Pool::Nonpaged } else { Pool::Paged };
        let noise = (n * 2_654_435_761 + t * 40_503) % 97;
        let (allocs, frees) = (1000 * t + n * (t + 1) + noise, 900 * t + n * t);
        sample.rows.push(Row::windows(tag, pool, allocs, frees, (allocs - frees) * 16 * (t + 1)));
    }
    if n % 7 == 3 {
        sample.rows.push(Row::windows(Tag::pool(*b"Come"), Pool::Paged, n, 0, n * 32));
    }
    sample
}

/// A file in memory.
#[derive(Clone, Default)]
pub struct Memory(pub Arc<Mutex<Vec<u8>>>);

impl Append for Memory {
    fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(())
    }

    fn cut(&mut self, length: u64) -> std::io::Result<()> {
        self.0.lock().unwrap().truncate(usize::try_from(length).unwrap());
        Ok(())
    }

    fn sync(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub fn head() -> SegmentHead {
    SegmentHead {
        version: VERSION,
        number: 0,
        wall: wall_of(Some(time(0))),
        clock: 0,
        interval: Duration::from_secs(1),
        origin: origin("boot-1"),
        width: CounterWidth::Bits32,
    }
}

/// Bytes of a segment of so many samples, and where each frame begins (and the end).
pub fn segment(samples: u64, closed: bool) -> (Vec<u8>, Vec<usize>) {
    let memory = Memory::default();
    let mut writer = SegmentWriter::create(Box::new(memory.clone()), &head()).unwrap();
    for n in 0..samples {
        writer.sample(&sample(n), n * 1_000_000).unwrap();
    }
    if closed {
        writer.finish().unwrap();
    }
    let bytes = memory.0.lock().unwrap().clone();
    let mut starts = Vec::new();
    let mut cursor = SegmentCursor::open(Cursor::new(bytes.clone())).unwrap();
    cursor.scan(|frame| starts.push(usize::try_from(frame.offset).unwrap())).unwrap();
    starts.push(bytes.len());
    (bytes, starts)
}

/// Every sample that can be read from bytes, and the cursor after them.
pub fn read_all(bytes: Vec<u8>) -> (Vec<Sample>, SegmentCursor<Cursor<Vec<u8>>>) {
    let mut cursor = SegmentCursor::open(Cursor::new(bytes)).unwrap();
    let mut samples = Vec::new();
    while let Some(entry) = cursor.next_entry().unwrap() {
        if matches!(entry, Entry::Sample { .. }) {
            let mut sample = Sample::empty();
            assert!(cursor.sample_into(&mut sample));
            samples.push(sample);
        }
    }
    (samples, cursor)
}

/// A frame of a segment.
#[derive(Clone, Copy, Debug)]
pub struct FrameAt {
    pub kind: FrameKind,
    pub start: usize,
    pub end: usize,
    pub sample: u32,
}

impl FrameAt {
    /// Number of the sample that can be read from it.
    pub fn held(&self) -> Option<u32> {
        matches!(self.kind, FrameKind::Key | FrameKind::Delta).then_some(self.sample)
    }
}

/// Every frame of a whole segment.
pub fn frames(bytes: &[u8]) -> Vec<FrameAt> {
    let mut frames = Vec::new();
    let mut cursor = SegmentCursor::open(Cursor::new(bytes)).unwrap();
    let place = |at: u64| usize::try_from(at).unwrap();
    let each = |frame: &Frame| {
        let (start, end) = (place(frame.offset), place(frame.end()));
        frames.push(FrameAt { kind: frame.head.kind, start, end, sample: frame.head.sample });
    };
    cursor.scan(each).unwrap();
    frames
}
