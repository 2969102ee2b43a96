//! Where the keys and marks of a segment are. It is in the last frame and can be thrown away:
//! a scan of the segment makes the same again.

use jiff::Timestamp;
use poolmon_model::{Pool, Sample};

use super::bytes::{Put, Take};
use super::frame::{NO_TIME, time_of};

/// Last bytes of a closed segment, after the length of its last frame.
pub const TAIL: [u8; 8] = *b"PLOGEND1";

/// Bytes after the index: the length of its frame, and [`TAIL`].
const LAST: usize = 12;

/// A key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEntry {
    /// Byte in the file.
    pub offset: u64,
    /// Number of its sample.
    pub sample: u32,
    /// Wall time, nanoseconds, or [`NO_TIME`].
    pub wall: i64,
    /// Bytes of each pool, in the order of [`Pool::ALL`], if known: what a timeline draws.
    pub totals: [Option<u64>; 6],
}

/// A gap, a note or modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkEntry {
    /// Byte in the file.
    pub offset: u64,
    /// Wall time, nanoseconds, or [`NO_TIME`].
    pub wall: i64,
}

/// A summary of a stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SummaryEntry {
    /// Byte in the file.
    pub offset: u64,
    /// Number of its last sample: a key.
    pub last: u32,
    /// The sample before its first: number of the segment in the recording and of the sample in that segment.
    pub after: (u64, u32),
}

/// Keys, marks and counts of a segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// Its keys, in the order of the file. A key written twice is here once.
    pub keys: Vec<KeyEntry>,
    /// Its marks.
    pub marks: Vec<MarkEntry>,
    /// Its summaries.
    pub summaries: Vec<SummaryEntry>,
    /// How many samples.
    pub samples: u32,
    /// Wall time of the first and the last sample.
    pub span: Option<(i64, i64)>,
}

/// What a pool holds: as the system says, else the sum of its tags.
pub fn totals(sample: &Sample) -> [Option<u64>; 6] {
    Pool::ALL.map(|pool| {
        sample.header.pool_total(pool).or_else(|| {
            let mut rows = sample.rows.iter().filter(|row| row.pool == pool).peekable();
            rows.peek()?;
            Some(rows.filter_map(|row| row.counters.bytes).fold(0, u64::wrapping_add))
        })
    })
}

impl Index {
    /// Counts a sample.
    pub fn sample(&mut self, number: u32, wall: i64) {
        self.samples = self.samples.max(number.saturating_add(1));
        if wall != NO_TIME {
            self.span = Some(self.span.map_or((wall, wall), |(first, _)| (first, wall)));
        }
    }

    /// Wall time of the first and the last sample.
    pub fn times(&self) -> Option<(Timestamp, Timestamp)> {
        let (first, last) = self.span?;
        Some((time_of(first)?, time_of(last)?))
    }

    /// The last key whose time is not after `wall`, else the first.
    pub fn key_before(&self, wall: i64) -> Option<&KeyEntry> {
        self.keys.iter().rfind(|key| key.wall != NO_TIME && key.wall <= wall).or_else(|| self.keys.first())
    }

    /// The payload of the last frame.
    pub fn payload(&self, frame_head: usize) -> Vec<u8> {
        let mut out = Vec::new();
        out.u32(self.samples);
        let (first, last) = self.span.unwrap_or((NO_TIME, NO_TIME));
        out.u64(first.cast_unsigned());
        out.u64(last.cast_unsigned());
        out.u32(u32::try_from(self.keys.len()).unwrap_or(u32::MAX));
        out.u32(u32::try_from(self.marks.len()).unwrap_or(u32::MAX));
        for key in &self.keys {
            out.u64(key.offset);
            out.u32(key.sample);
            out.u64(key.wall.cast_unsigned());
            for total in key.totals {
                out.u64(total.unwrap_or(u64::MAX));
            }
        }
        for mark in &self.marks {
            out.u64(mark.offset);
            out.u64(mark.wall.cast_unsigned());
        }
        out.u32(u32::try_from(self.summaries.len()).unwrap_or(u32::MAX));
        for summary in &self.summaries {
            out.u64(summary.offset);
            out.u32(summary.last);
            out.u64(summary.after.0);
            out.u32(summary.after.1);
        }
        let length = out.len() + frame_head + 12;
        out.u32(u32::try_from(length).unwrap_or(u32::MAX));
        out.extend_from_slice(&TAIL);
        out
    }

    /// Reads the payload of the last frame.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let mut take = Take(payload);
        let samples = take.u32()?;
        let (first, last) = (take.i64()?, take.i64()?);
        let (keys, marks) = (take.u32()?, take.u32()?);
        let mut index = Self { samples, ..Self::default() };
        index.span = (first != NO_TIME).then_some((first, last));
        for _ in 0..keys {
            let (offset, sample, wall) = (take.u64()?, take.u32()?, take.i64()?);
            let mut totals = [None; 6];
            for total in &mut totals {
                *total = Some(take.u64()?).filter(|&total| total != u64::MAX);
            }
            index.keys.push(KeyEntry { offset, sample, wall, totals });
        }
        for _ in 0..marks {
            index.marks.push(MarkEntry { offset: take.u64()?, wall: take.i64()? });
        }
        // Early writers made none; behind them are the length of the frame and the tail alone.
        let summaries = if take.0.len() > LAST { take.u32()? } else { 0 };
        for _ in 0..summaries {
            let (offset, last) = (take.u64()?, take.u32()?);
            index.summaries.push(SummaryEntry { offset, last, after: (take.u64()?, take.u32()?) });
        }
        Some(index)
    }
}
