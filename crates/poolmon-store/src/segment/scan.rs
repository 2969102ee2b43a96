//! Bytes → frames, past damage.

use std::io::{self, Read, Seek};

use memchr::memmem;

use super::frame::{FrameHead, FrameKind, HEAD, SYNC, checksum};
use super::index::{Index, KeyEntry, MarkEntry, SummaryEntry, TAIL};
use super::summary;
use super::window::Window;

/// A frame and where it is.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Byte in the file.
    pub offset: u64,
    /// Its head.
    pub head: FrameHead,
    /// Its payload.
    pub payload: Vec<u8>,
}

impl Frame {
    /// Byte after it.
    pub fn end(&self) -> u64 {
        self.offset + (HEAD + self.payload.len()) as u64
    }
}

/// What is at a place of a segment.
#[derive(Clone, Debug)]
pub enum Step {
    /// A frame whose checksum is right.
    Frame(Frame),
    /// Bytes that are no frame, and where the next frame begins.
    Damage {
        /// First damaged byte.
        from: u64,
        /// Byte after the last.
        to: u64,
    },
    /// The file ends here; `torn` bytes before the end are no frame.
    End {
        /// Bytes of a frame that was not written whole.
        torn: u64,
    },
}

/// The frame at `offset`, if one is there.
pub fn frame_at<R: Read + Seek>(window: &mut Window<R>, offset: u64) -> io::Result<Option<Frame>> {
    let Some((head, sum)) = FrameHead::parse(window.get(offset, HEAD)?) else { return Ok(None) };
    let length = HEAD + head.length as usize;
    if window.length().saturating_sub(offset) < length as u64 {
        return Ok(None);
    }
    let bytes = window.get(offset, length)?;
    let payload = bytes.get(HEAD..).unwrap_or_default();
    if payload.len() != head.length as usize || checksum(bytes, payload) != sum {
        return Ok(None);
    }
    Ok(Some(Frame { offset, head, payload: payload.to_vec() }))
}

/// Bytes searched at a time behind damage.
const CHUNK: usize = 32 << 10;

/// Bytes searched behind damage: more than a segment has. Behind that, a file is no segment, however long it claims to be.
const FARTHEST: u64 = 128 << 20;

/// What is at `offset`.
pub fn step<R: Read + Seek>(window: &mut Window<R>, offset: u64) -> io::Result<Step> {
    if offset >= window.length() {
        return Ok(Step::End { torn: 0 });
    }
    if let Some(frame) = frame_at(window, offset)? {
        return Ok(Step::Frame(frame));
    }
    let mut at = offset + 1;
    let end = window.length().min(offset.saturating_add(FARTHEST));
    while at < end {
        let found = {
            let bytes = window.get(at, CHUNK)?;
            let found = memmem::find(bytes, &SYNC);
            found.ok_or(bytes.len())
        };
        match found {
            Ok(skip) => {
                at += skip as u64;
                if frame_at(window, at)?.is_some() {
                    return Ok(Step::Damage { from: offset, to: at });
                }
                at += 1;
            }
            // The last byte may be the first of the mark.
            Err(read) if read > 1 => at += read as u64 - 1,
            Err(_) => break,
        }
    }
    Ok(Step::End { torn: window.length() - offset })
}

/// Whether there is any frame in a file.
pub fn has_frame<R: Read + Seek>(window: &mut Window<R>) -> io::Result<bool> {
    Ok(!matches!(step(window, 0)?, Step::End { .. }))
}

/// What a scan of a whole segment found.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// Keys, marks and counts.
    pub index: Index,
    /// Frames whose checksum is right.
    pub frames: u64,
    /// Damaged parts: first byte and byte after the last.
    pub damage: Vec<(u64, u64)>,
    /// Bytes of a frame at the end that was not written whole.
    pub torn: u64,
    /// The last frame is the index: the segment is closed.
    pub closed: bool,
    /// Byte after the last whole frame.
    pub end: u64,
    /// Number of the last frame.
    pub last: Option<FrameHead>,
}

/// Reads every frame of a segment from `offset`, one at a time.
pub fn scan<R: Read + Seek>(
    window: &mut Window<R>,
    offset: u64,
    mut each: impl FnMut(&Frame),
) -> io::Result<Scan> {
    let mut found = Scan { end: offset, ..Scan::default() };
    let mut at = offset;
    loop {
        match step(window, at)? {
            Step::Frame(frame) => {
                at = frame.end();
                found.end = at;
                found.frames += 1;
                let head = frame.head;
                found.closed = head.kind == FrameKind::End;
                match head.kind {
                    FrameKind::Key | FrameKind::Delta => found.index.sample(head.sample, head.wall),
                    FrameKind::Gap | FrameKind::Note | FrameKind::Modules | FrameKind::Merged => {
                        found.index.marks.push(MarkEntry { offset: frame.offset, wall: head.wall });
                    }
                    FrameKind::Summary => {
                        if let Some((after, _)) = summary::parse(&frame.payload) {
                            let entry = SummaryEntry { offset: frame.offset, last: head.sample, after };
                            found.index.summaries.push(entry);
                        }
                    }
                    _ => {}
                }
                if head.kind == FrameKind::Key
                    && found.index.keys.last().map(|key| key.sample) != Some(head.sample)
                {
                    let (offset, sample, wall) = (frame.offset, head.sample, head.wall);
                    found.index.keys.push(KeyEntry { offset, sample, wall, totals: [None; 6] });
                }
                found.last = Some(head);
                each(&frame);
            }
            Step::Damage { from, to } => {
                found.damage.push((from, to));
                at = to;
            }
            Step::End { torn } => {
                found.torn = torn;
                return Ok(found);
            }
        }
    }
}

/// The index in the last frame, where the segment is closed and its end is whole.
pub fn stored_index<R: Read + Seek>(window: &mut Window<R>) -> io::Result<Option<Index>> {
    const LAST: u64 = 12;
    let Some(at) = window.length().checked_sub(LAST) else { return Ok(None) };
    let last = window.get(at, 12)?;
    let Some((&length, tail)) = last.split_first_chunk::<4>() else { return Ok(None) };
    if tail != TAIL {
        return Ok(None);
    }
    let Some(at) = window.length().checked_sub(u32::from_le_bytes(length).into()) else { return Ok(None) };
    let frame = frame_at(window, at)?.filter(|frame| frame.head.kind == FrameKind::End);
    Ok(frame.and_then(|frame| Index::parse(&frame.payload)))
}
