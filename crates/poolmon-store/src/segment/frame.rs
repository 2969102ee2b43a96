//! The head of a segment and the heads of its frames.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use poolmon_model::{CounterWidth, Origin};

use super::bytes::{Put, Take};
use crate::codec::range::{Decoder, Encoder};
use crate::codec::state::code_origin;

/// First bytes of a segment. The line ends and the high bit show a transfer as text.
pub const MAGIC: [u8; 8] = *b"\x89PLOG\r\n\x1a";
/// Version of the format that is written.
pub const VERSION: u16 = 1;
/// First bytes of a frame.
pub const SYNC: [u8; 2] = [0xf7, 0x50];
/// Bytes before a frame's payload.
pub const HEAD: usize = 28;
/// Bytes of a segment's head before its origin.
const FIXED: usize = 48;
/// Largest head of a segment.
pub const MAX_HEAD: usize = FIXED + 0xffff + 4;
/// Largest payload.
pub const MAX_PAYLOAD: usize = 64 << 20;
/// Stands for a wall time that is not known.
pub const NO_TIME: i64 = i64::MIN;

/// Frame flag: the sample before it was also written as a key, and the models start from there.
pub const AFTER_KEY: u8 = 1;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// A sample against nothing.
    Key,
    /// A sample against the one before.
    Delta,
    /// Time without samples.
    Gap,
    /// A person's mark.
    Note,
    /// Modules loaded and unloaded.
    Modules,
    /// Brings damaged frames back.
    Parity,
    /// What happened in a stretch that ends with the key before it.
    Summary,
    /// Names of slab caches that share one cache.
    Merged,
    /// Who holds objects.
    Holders,
    /// The same once more, complete.
    HoldersAgain,
    /// Nothing: keeps two frames apart that one damage must not both hit.
    Padding,
    /// The index; the segment is closed.
    End,
    /// Of a later or a very early writer: skipped.
    Other(u8),
}

impl FrameKind {
    /// Number in the file.
    pub const fn number(self) -> u8 {
        match self {
            Self::Key => 1,
            Self::Delta => 2,
            Self::Gap => 3,
            Self::Note => 4,
            Self::Modules => 5,
            Self::End => 7,
            Self::Parity => 8,
            Self::Padding => 9,
            Self::Summary => 10,
            Self::Merged => 11,
            Self::Holders => 12,
            Self::HoldersAgain => 13,
            Self::Other(number) => number,
        }
    }

    /// Kind of a number.
    pub const fn of(number: u8) -> Self {
        match number {
            1 => Self::Key,
            2 => Self::Delta,
            3 => Self::Gap,
            4 => Self::Note,
            5 => Self::Modules,
            7 => Self::End,
            8 => Self::Parity,
            9 => Self::Padding,
            10 => Self::Summary,
            11 => Self::Merged,
            12 => Self::Holders,
            13 => Self::HoldersAgain,
            number => Self::Other(number),
        }
    }

    /// Whether a parity frame covers it. Keys, summaries and holders that are said again repeat what others say already.
    pub const fn is_covered(self) -> bool {
        matches!(self, Self::Delta | Self::Gap | Self::Note | Self::Modules | Self::Holders)
    }
}

/// What is before a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHead {
    /// What it holds.
    pub kind: FrameKind,
    /// See `AFTER_KEY`.
    pub flags: u8,
    /// Bytes of payload.
    pub length: u32,
    /// Number of the frame in its segment, from 0.
    pub number: u32,
    /// Number of the sample in its segment, from 0: the last one before a frame that holds none.
    pub sample: u32,
    /// Wall time in nanoseconds since 1970 (UTC), or `NO_TIME`.
    pub wall: i64,
}

impl FrameHead {
    /// Frame with its checksum: CRC-32 (IEEE 802.3) of everything but the checksum itself.
    pub fn frame(self, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEAD + payload.len());
        out.extend_from_slice(&SYNC);
        out.push(self.kind.number());
        out.push(self.flags);
        out.u32(u32::try_from(payload.len()).unwrap_or(u32::MAX));
        out.u32(self.number);
        out.u32(self.sample);
        out.u64(self.wall.cast_unsigned());
        let sum = checksum(&out, payload);
        out.u32(sum);
        out.extend_from_slice(payload);
        out
    }

    /// Reads a head and its checksum; `None` if it cannot be one.
    pub fn parse(head: &[u8]) -> Option<(Self, u32)> {
        let mut take = Take(head);
        if take.bytes(2)? != SYNC {
            return None;
        }
        let (kind, flags) = (FrameKind::of(take.u8()?), take.u8()?);
        let (length, number, sample) = (take.u32()?, take.u32()?, take.u32()?);
        let (wall, sum) = (take.i64()?, take.u32()?);
        (length as usize <= MAX_PAYLOAD).then_some((Self { kind, flags, length, number, sample, wall }, sum))
    }

    /// Its wall time.
    pub fn time(&self) -> Option<Timestamp> {
        time_of(self.wall)
    }
}

/// CRC-32 of the first 24 bytes of the head and the payload.
pub fn checksum(head: &[u8], payload: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(head.get(..HEAD - 4).unwrap_or(head));
    crc.update(payload);
    crc.finalize()
}

/// A wall time in the file as a timestamp.
pub fn time_of(wall: i64) -> Option<Timestamp> {
    if wall == NO_TIME { None } else { Timestamp::from_nanosecond(wall.into()).ok() }
}

/// A timestamp as in the file. Times before 1678 and after 2261 do not fit and count as unknown.
pub fn wall_of(time: Option<Timestamp>) -> i64 {
    time.and_then(|time| i64::try_from(time.as_nanosecond()).ok()).unwrap_or(NO_TIME)
}

/// What is at the start of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentHead {
    /// Version of the format.
    pub version: u16,
    /// Number of the segment in its recording, from 0.
    pub number: u64,
    /// Wall time of its start, nanoseconds since 1970 (UTC).
    pub wall: i64,
    /// The recorder's own clock at the same moment, in microseconds. It never jumps.
    pub clock: u64,
    /// Time between samples that was asked for.
    pub interval: Duration,
    /// Where the samples come from.
    pub origin: Arc<Origin>,
    /// How wide its counters are.
    pub width: CounterWidth,
}

/// Why a head cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadError {
    /// The file does not begin as a segment does.
    NotASegment,
    /// A later version.
    Version(u16),
    /// Its checksum is wrong.
    Damaged,
}

impl SegmentHead {
    /// The bytes at the start of a segment.
    pub fn bytes(&self) -> Vec<u8> {
        let mut c = Encoder::default();
        // Only a decoder can fail here.
        let _ = code_origin(&mut c, Some((&self.origin, self.width)));
        let origin = c.finish();
        let mut out = MAGIC.to_vec();
        out.u16(self.version);
        out.u16(u16::try_from(origin.len()).unwrap_or(0));
        out.u32(0);
        out.u64(self.number);
        out.u64(self.wall.cast_unsigned());
        out.u64(self.clock);
        out.u64(u64::try_from(self.interval.as_nanos()).unwrap_or(u64::MAX));
        out.extend_from_slice(&origin);
        let sum = crc32fast::hash(&out);
        out.u32(sum);
        out
    }

    /// Reads the head; also returns its length.
    pub fn parse(bytes: &[u8]) -> Result<(Self, usize), HeadError> {
        let mut take = Take(bytes);
        if take.bytes(8) != Some(&MAGIC) {
            return Err(HeadError::NotASegment);
        }
        let damaged = HeadError::Damaged;
        let version = take.u16().ok_or(damaged)?;
        let length = usize::from(take.u16().ok_or(damaged)?);
        // The checksum comes first: a damaged version number is not a later version.
        let total = FIXED + length;
        let sum = bytes.get(total..).and_then(|rest| Take(rest).u32());
        if sum.is_none() || bytes.get(..total).map(crc32fast::hash) != sum {
            return Err(damaged);
        }
        if version == 0 || version > VERSION {
            return Err(HeadError::Version(version));
        }
        take.u32().ok_or(damaged)?;
        let number = take.u64().ok_or(damaged)?;
        let wall = take.i64().ok_or(damaged)?;
        let clock = take.u64().ok_or(damaged)?;
        let interval = Duration::from_nanos(take.u64().ok_or(damaged)?);
        let origin = take.bytes(length).ok_or(damaged)?;
        let (origin, width) = code_origin(&mut Decoder::new(origin), None).map_err(|_| damaged)?;
        let head = Self { version, number, wall, clock, interval, origin: Arc::new(origin), width };
        Ok((head, total + 4))
    }
}
