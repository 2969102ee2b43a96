//! A played kernel: it keeps the size protocol, and misbehaves as instructed.

use std::collections::VecDeque;
use std::sync::Arc;

use poolmon_model::problem::Remedy as _;
use poolmon_model::{CounterWidth, Origin, Pool, SourceKind};

use super::*;
use crate::windows::status::ACCESS_DENIED;

/// What the kernel does at one call.
#[derive(Clone, Debug)]
enum Play {
    /// A table with this many tags.
    Tags(u32),
    /// This status, and this length.
    Status(u32, u32),
    /// Counts `0` tags, writes `1` of them, calls it success.
    Lie(u32, u32),
}

#[derive(Default)]
struct Played {
    /// Calls of class 255; empty = the class is unknown.
    wide: VecDeque<Play>,
    /// Calls of class 22; the last one stays.
    narrow: VecDeque<Play>,
    /// Class, buffer size.
    calls: Vec<(u32, usize)>,
}

impl Kernel for Played {
    fn query(&mut self, class: u32, buffer: &mut [u8]) -> QueryAnswer {
        assert_eq!(buffer.as_ptr().align_offset(8), 0, "the kernel refuses misaligned buffers");
        self.calls.push((class, buffer.len()));
        let (plays, entry) = if class == 255 { (&mut self.wide, 0x38) } else { (&mut self.narrow, 0x28) };
        let play = if plays.len() > 1 { plays.pop_front() } else { plays.front().cloned() };
        match play {
            None => QueryAnswer { status: INVALID_INFO_CLASS, length: 0 },
            Some(Play::Status(status, length)) => QueryAnswer { status, length },
            Some(Play::Tags(count)) => write(buffer, entry, count, count),
            Some(Play::Lie(count, written)) => {
                let length = write(buffer, entry, written, written).length;
                buffer[..4].copy_from_slice(&count.to_le_bytes());
                QueryAnswer { status: SUCCESS, length }
            }
        }
    }

    fn query_session(&mut self, _: u32, buffer: &mut [u8]) -> QueryAnswer {
        self.query(67, buffer)
    }
}

/// Tag n holds n bytes of nonpaged pool.
fn write(buffer: &mut [u8], entry: usize, count: u32, written: u32) -> QueryAnswer {
    let header = 8;
    if buffer.len() < header + entry {
        let length = u32::try_from(header + entry).unwrap();
        return QueryAnswer { status: INFO_LENGTH_MISMATCH, length };
    }
    buffer[..4].copy_from_slice(&count.to_le_bytes());
    let last = if entry == 0x38 { 0x30 } else { 0x20 };
    for (n, bytes) in (1..=written).zip(buffer[header..].chunks_exact_mut(entry)) {
        bytes.fill(0);
        bytes[..4].copy_from_slice(&n.to_le_bytes());
        bytes[last..last + 8].copy_from_slice(&u64::from(n).to_le_bytes());
    }
    let needed = header + entry * count as usize;
    let status = if needed > buffer.len() { INFO_LENGTH_MISMATCH } else { SUCCESS };
    QueryAnswer { status, length: u32::try_from(needed).unwrap() }
}

fn sample() -> Sample {
    let origin = Origin::new(SourceKind::Windows, &[Pool::Nonpaged, Pool::Paged]);
    Sample::new(Arc::new(origin), CounterWidth::default())
}

fn ask(kernel: &mut Played, tags: &mut Tags) -> Result<Sample> {
    let mut sample = sample();
    tags.sample(kernel, &mut sample).map(|()| sample)
}

#[test]
fn class_22_is_asked_for_good_once_255_is_unknown() {
    for refusal in [INVALID_INFO_CLASS, NOT_IMPLEMENTED] {
        let mut kernel =
            Played { wide: [Play::Status(refusal, 0)].into(), narrow: [Play::Tags(3)].into(), calls: vec![] };
        let mut tags = Tags::default();
        for _ in 0..2 {
            let sample = ask(&mut kernel, &mut tags).unwrap();
            assert_eq!(sample.rows.len(), 3);
            assert_eq!(sample.width, CounterWidth::Bits32);
        }
        assert_eq!(kernel.calls, [(255, FIRST_SIZE), (22, FIRST_SIZE), (22, FIRST_SIZE)]);
    }
}

#[test]
fn class_255_is_taken_where_it_answers() {
    let mut kernel = Played { wide: [Play::Tags(2)].into(), ..Played::default() };
    let sample = ask(&mut kernel, &mut Tags::default()).unwrap();
    assert_eq!((sample.rows.len(), sample.width), (2, CounterWidth::Bits64));
    assert_eq!(sample.rows[1].counters.bytes, Some(2));
}

#[test]
fn a_refusal_of_255_that_is_no_answer_leaves_22() {
    let mut kernel = Played {
        wide: [Play::Status(ACCESS_DENIED, 0), Play::Tags(2)].into(),
        narrow: [Play::Tags(3)].into(),
        calls: vec![],
    };
    let mut tags = Tags::default();
    assert_eq!(ask(&mut kernel, &mut tags).unwrap().rows.len(), 3);
    assert_eq!(ask(&mut kernel, &mut tags).unwrap().rows.len(), 2);
    kernel.wide = [Play::Status(ACCESS_DENIED, 0)].into();
    let error = ask(&mut kernel, &mut tags).unwrap_err().to_string();
    assert!(error.contains("class 255") && error.contains("STATUS_ACCESS_DENIED"), "{error}");
}

#[test]
fn a_table_that_grows_between_calls_is_read_whole_and_the_buffer_kept() {
    let grows = [Play::Tags(5000), Play::Tags(9000), Play::Tags(70_000), Play::Tags(70_001)];
    let mut kernel = Played { narrow: grows.into(), ..Played::default() };
    let mut tags = Tags::default();
    let sample = ask(&mut kernel, &mut tags).unwrap();
    assert_eq!(sample.rows.len(), 70_001, "more than 65,536 tags");
    assert_eq!(sample.rows.last().unwrap().counters.bytes, Some(70_001));
    assert!(sample.remarks.is_empty());
    let calls = kernel.calls.len();
    let kept = tags.buffer_size();
    assert_eq!(ask(&mut kernel, &mut tags).unwrap().rows.len(), 70_001);
    assert_eq!(kernel.calls.len(), calls + 1, "one call a refresh from then on");
    assert_eq!(tags.buffer_size(), kept);
}

#[test]
fn a_length_that_is_not_the_need_does_not_loop_for_ever() {
    // Whatever was offered, the kernel wants 0x30 bytes.
    let mut kernel =
        Played { narrow: [Play::Status(INFO_LENGTH_MISMATCH, 0x30)].into(), ..Played::default() };
    let error = ask(&mut kernel, &mut Tags::default()).unwrap_err().in_full();
    assert!(error.contains("STATUS_INFO_LENGTH_MISMATCH") && error.contains("try again"), "{error}");
    assert_eq!(kernel.calls.len(), 1 + TRIES);
    assert!(kernel.calls.windows(2).skip(1).all(|two| two[0].1 < two[1].1), "{:?}", kernel.calls);

    // A need that no memory holds.
    let mut kernel =
        Played { narrow: [Play::Status(INFO_LENGTH_MISMATCH, u32::MAX)].into(), ..Played::default() };
    ask(&mut kernel, &mut Tags::default()).unwrap_err();
    assert_eq!(kernel.calls.len(), 2);
}

#[test]
fn rows_of_the_answer_before_are_not_read_again() {
    let mut kernel = Played { narrow: [Play::Tags(100), Play::Lie(100, 4)].into(), ..Played::default() };
    let mut tags = Tags::default();
    assert_eq!(ask(&mut kernel, &mut tags).unwrap().rows.len(), 100);
    let sample = ask(&mut kernel, &mut tags).unwrap();
    assert_eq!(sample.rows.len(), 4);
    assert_eq!(
        sample.remarks,
        ["the kernel counted 100 tags but reported 4; the rest is missing from this table"]
    );
}

#[test]
fn failures_pass_and_the_next_refresh_works() {
    let plays = [Play::Tags(1), Play::Status(0xC0DE_0001, 0), Play::Status(SUCCESS, 3), Play::Tags(2)];
    let mut kernel = Played { narrow: plays.into(), ..Played::default() };
    let mut tags = Tags::default();
    ask(&mut kernel, &mut tags).unwrap();
    let error = ask(&mut kernel, &mut tags).unwrap_err().to_string();
    assert!(error.contains("0xc0de0001"), "{error}");
    let error = ask(&mut kernel, &mut tags).unwrap_err().to_string();
    assert!(error.contains("the kernel's answer: offset 0x0"), "{error}");
    assert_eq!(ask(&mut kernel, &mut tags).unwrap().rows.len(), 2);
}

#[test]
fn sessions_or_why_there_are_none() {
    let cases = [
        (Play::Status(INVALID_INFO_CLASS, 0), "no session pools"),
        (Play::Status(ACCESS_DENIED, 0), "STATUS_ACCESS_DENIED"),
        (Play::Status(SUCCESS, 5), "session pools: class 67"),
    ];
    for (play, said) in cases {
        let mut kernel = Played { narrow: [play].into(), ..Played::default() };
        let mut sample = sample();
        sessions(&mut kernel, &mut Buffer::default(), &mut sample);
        assert!(sample.sessions.is_empty());
        assert!(sample.remarks[0].contains(said), "{:?}", sample.remarks);
    }
}
