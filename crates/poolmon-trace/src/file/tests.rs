//! What is written is read again, and what is damaged is named.

use std::io::Read as _;

use super::*;
use crate::{About, Ending, Engine, Event, Growth, Kind, Limits, Summary};

fn about() -> About {
    About { target: "filp".into(), start: 1_000, ..About::default() }
}

/// A trace of 100,000 events through 50 stacks, written while it is counted.
fn written() -> (Vec<u8>, Summary) {
    let mut engine = Engine::new(Limits::default());
    engine.begin(1_000);
    let mut writer = Writer::new(Vec::new(), &about()).unwrap();
    for n in 0..50_000_u64 {
        let stack = engine.stacks_mut().intern(&[0xffff_ffff_8100_0000, 0xffff_ffff_8200_0000 + n % 50]);
        let task = u32::try_from(n % 3).unwrap();
        let kind = Kind::Alloc { address: u64::MAX - n * 64, bytes: 256, requested: 232, stack, task };
        engine.push(Event { time: 1_000 + n * 10, cpu: task, kind });
        let address = u64::MAX - n / 2 * 64;
        let kind = if n % 2 == 0 { Kind::Free { address } } else { Kind::FreeOfAny { address } };
        engine.push(Event { time: 1_005 + n * 10, cpu: 1, kind });
        engine.settle_with(n * 10, |stacks, event| writer.event(stacks, event).unwrap());
    }
    engine.settle_with(600_000, |stacks, event| writer.event(stacks, event).unwrap());
    let bytes = writer.finish(engine.stacks(), &ending()).unwrap();
    (bytes, engine.finish(600_000))
}

fn ending() -> Ending {
    let growth = Some(Growth { objects: 25_000, bytes: 6_400_000, exact: true, within: 0 });
    Ending { end: 600_000, lost: 3, growth, tasks: vec![(1, "init".into())], ..Ending::default() }
}

fn figures(summary: &Summary) -> Vec<String> {
    let all =
        summary.stacks.iter().map(|stack| format!("{:?} {stack:?}", summary.frames.frames(stack.stack)));
    all.chain([format!("{:?} {}", summary.totals, summary.length)]).collect()
}

#[test]
fn what_was_written_is_read_to_the_unit() {
    let (bytes, summary) = written();
    let read = read(&*bytes, Limits::default()).unwrap();
    assert_eq!(figures(&read.summary), figures(&summary));
    assert_eq!((read.about, read.ending, read.damage), (about(), ending(), None));
    assert!(bytes.len() < 100_000 * 10, "{} bytes for 100,000 events", bytes.len());
    assert!(is_trace(&bytes));
}

#[test]
fn a_cut_file_is_read_up_to_its_last_whole_chunk() {
    let (bytes, summary) = written();
    let cut = read(&bytes[..bytes.len() / 2], Limits::default()).unwrap();
    assert_eq!(cut.damage.unwrap().problem, "the file is cut here");
    let allocations = cut.summary.totals.allocations;
    assert!(allocations > 1_000 && allocations < summary.totals.allocations, "{allocations}");
    assert_eq!(cut.ending.stopped.as_deref(), Some("the file ends early"));
}

#[test]
fn damage_is_named_with_its_place() {
    let (mut bytes, _) = written();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    let damage = read(&*bytes, Limits::default()).unwrap().damage.unwrap();
    assert_eq!(damage.problem, "a chunk does not match its checksum");
    assert!(damage.offset < at as u64);
    bytes[12] ^= 1;
    assert!(matches!(read(&*bytes, Limits::default()), Err(FileError::Damaged { .. })));
    bytes[7] = 9;
    assert!(matches!(read(&*bytes, Limits::default()), Err(FileError::Version(9))));
    assert!(matches!(read(&b"PK"[..], Limits::default()), Err(FileError::Other)));
}

/// A disk that fails in the middle is no damage of the file.
#[test]
fn an_error_of_the_system_is_not_taken_for_an_end() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("no disk"))
        }
    }
    let (bytes, _) = written();
    for cut in [4, 20, bytes.len() / 2] {
        let input = std::io::Read::chain(&bytes[..cut], Broken);
        assert!(matches!(read(input, Limits::default()), Err(FileError::Io(_))), "{cut}");
    }
}

/// Chunks with right checksums and any content: no panic, no endless loop.
#[test]
fn any_content_is_survived() {
    let mut seed = 7_u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed >> 33
    };
    for _ in 0..2_000 {
        let mut bytes = Writer::new(Vec::new(), &about())
            .unwrap()
            .finish(Engine::new(Limits::default()).stacks(), &ending())
            .unwrap();
        for _ in 0..random() % 4 {
            let kind = [b'S', b'E', b'T', b'X'][usize::try_from(random() % 4).unwrap()];
            let payload: Vec<u8> =
                (0..random() % 200).map(|_| u8::try_from(random() % 256).unwrap() & 0x8f).collect();
            bytes.push(kind);
            bytes.extend(u32::try_from(payload.len()).unwrap().to_le_bytes());
            bytes.extend(crc32fast::hash(&payload).to_le_bytes());
            bytes.extend(payload);
        }
        read(&*bytes, Limits { objects: 100, stacks: 10, frames: 8, waiting: 50 }).unwrap();
    }
}

/// A reader that never ends, and fails the test if it is asked for much.
struct Zeros(u64);

impl std::io::Read for Zeros {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0 += buffer.len() as u64;
        assert!(self.0 < 1 << 20, "zeros are read");
        buffer.fill(0);
        Ok(buffer.len())
    }
}

/// A file of which nothing but its beginning was written, and one with gigabytes of zeros behind: neither is read for long.
#[test]
fn what_is_missing_is_said_and_zeros_are_not_read() {
    let mut writer = Writer::new(Vec::new(), &about()).unwrap();
    let empty = writer.clone_bytes();
    let read = super::read(&*empty, Limits::default()).unwrap();
    assert!(read.ending.remarks[0].contains("has no events"), "{:?}", read.ending);
    let mut engine = Engine::new(Limits::default());
    let stack = engine.stacks_mut().intern(&[1]);
    let kind = Kind::Alloc { address: 4_096, bytes: 64, requested: 64, stack, task: 1 };
    engine.push(Event { time: 5, cpu: 0, kind });
    engine.settle_with(9, |stacks, event| writer.event(stacks, event).unwrap());
    writer.checkpoint(engine.stacks(), None).unwrap();
    let bare = super::read(&*writer.clone_bytes(), Limits::default()).unwrap();
    assert_eq!(bare.summary.totals.allocations, 1);
    assert!(bare.ending.remarks[0].contains("stacks are addresses"), "{:?}", bare.ending);
    writer.checkpoint(engine.stacks(), Some(&ending())).unwrap();
    let cut = writer.clone_bytes();
    let named = super::read(&*cut, Limits::default()).unwrap();
    assert_eq!((named.ending.tasks, named.ending.growth), (ending().tasks, None));
    assert!(named.ending.remarks[0].contains("have no names"), "{:?}", named.ending.remarks);
    // Reading stops at once.
    let whole = writer.finish(engine.stacks(), &ending()).unwrap();
    for (bytes, damage) in [(cut, Some("zeros follow")), (whole, None)] {
        let read = super::read((&*bytes).chain(Zeros(0)), Limits::default()).unwrap();
        assert_eq!(read.damage.map(|damage| damage.problem), damage);
    }
}
