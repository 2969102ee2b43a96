//! Whether a recording is whole.

use std::path::PathBuf;

use poolmon_model::units::counted;

use super::{Recording, open_segment};
use crate::error::{Result, StoreError};
use crate::segment::cursor::{Entry, Losses};
use crate::segment::frame::HeadError;

/// One segment, read from end to end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentCheck {
    /// The file.
    pub path: PathBuf,
    /// Samples that can be read.
    pub samples: u64,
    /// Frames whose checksum is right.
    pub frames: u64,
    /// The head is damaged; nothing but the interval is lost by it.
    pub head_damaged: bool,
    /// Damaged parts: first byte and byte after the last.
    pub damage: Vec<(u64, u64)>,
    /// What that cost.
    pub losses: Losses,
    /// It has its index: the recorder closed it.
    pub closed: bool,
}

impl SegmentCheck {
    /// Nothing is damaged, and nothing torn.
    pub fn is_whole(&self) -> bool {
        !self.head_damaged && self.damage.is_empty() && self.losses == Losses::default()
    }
}

/// Every segment of a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verification {
    /// Its segments, oldest first.
    pub segments: Vec<SegmentCheck>,
}

impl Verification {
    /// Every segment is whole. A torn tail of the segment that is being written does not count against it.
    pub fn is_whole(&self) -> bool {
        self.segments.iter().all(SegmentCheck::is_whole)
    }
}

impl Verification {
    /// What is damaged, in words, but for a frame of the `newest` segment that may be on its way; `None` if nothing is.
    pub fn in_words(&self, is_written: bool) -> Option<String> {
        let mut losses =
            self.segments.iter().map(|segment| segment.losses).fold(Losses::default(), Losses::plus);
        if is_written {
            losses.torn -= self.segments.last().map_or(0, |newest| newest.losses.torn);
        }
        let heads = self.segments.iter().filter(|segment| segment.head_damaged).count();
        let heads = (heads > 0).then(|| {
            let of = counted(self.segments.len() as u64, "segment");
            format!("the header of {heads} of {of} is damaged (its interval is lost)")
        });
        let words: Vec<String> = losses.in_words(self.samples()).into_iter().chain(heads).collect();
        (!words.is_empty()).then(|| words.join("; "))
    }

    /// Samples that can be read.
    pub fn samples(&self) -> u64 {
        self.segments.iter().map(|segment| segment.samples).sum()
    }

    /// Samples that are known to be lost.
    pub fn lost(&self) -> u64 {
        self.segments.iter().map(|segment| segment.losses.samples).sum()
    }
}

/// Bytes of recordings that are read whole to say what is in them; longer ones by their indexes.
const SMALL: u64 = 64 << 20;

impl Recording {
    /// As [`Recording::verify`], if the recording is so small that it takes a moment; else `None`.
    ///
    /// # Errors
    /// A segment cannot be read.
    pub fn verify_if_small(&self) -> Result<Option<Verification>> {
        let bytes: u64 = self.segments().iter().map(crate::folder::SegmentFile::size).sum();
        if bytes <= SMALL { self.verify().map(Some) } else { Ok(None) }
    }

    /// Why there is no sample in it, for those who found none.
    pub fn no_sample(&self) -> StoreError {
        // What cannot be checked is no better.
        let is_whole = self.verify().is_ok_and(|found| found.is_whole());
        StoreError::NoSample { folder: self.path().into(), is_damaged: !is_whole }
    }

    /// Reads everything, every checksum and every sample.
    pub fn verify(&self) -> Result<Verification> {
        let mut verification = Verification::default();
        for file in self.segments() {
            // Created, and the machine went down before anything was written; or anyone's.
            if file.size() == 0 {
                continue;
            }
            let reading = || StoreError::io("read", &file.path);
            let mut segment = open_segment(&file.path)?;
            let scan = segment.scan(|_| {}).map_err(reading())?;
            let mut samples = 0;
            while let Some(entry) = segment.next_entry().map_err(reading())? {
                samples += u64::from(matches!(entry, Entry::Sample { .. }));
            }
            verification.segments.push(SegmentCheck {
                path: file.path.clone(),
                samples,
                frames: scan.frames,
                head_damaged: matches!(segment.head(), Err(HeadError::Damaged | HeadError::NotASegment)),
                damage: scan.damage,
                losses: segment.losses(),
                closed: scan.closed,
            });
        }
        Ok(verification)
    }
}
