//! Samples → bytes of a segment.

use std::io;

use jiff::Timestamp;
use poolmon_holder::Digest;
use poolmon_model::{CacheMaker, Sample};

use super::frame::{AFTER_KEY, FrameHead, FrameKind, HEAD, SegmentHead, wall_of};
use super::holders::{self, Holders};
use super::index::{Index, KeyEntry, MarkEntry, SummaryEntry, totals};
use super::marks::RecordedMark;
use super::merged;
use super::parity::{BURST, Group};
use super::summary::Stretch;
use crate::codec::{CodecError, CodecState};

/// A file that only grows, as far as a writer needs one. Tests put failing disks behind it.
pub trait Append: Send {
    /// Writes at the end.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Cuts what was written in part.
    fn cut(&mut self, length: u64) -> io::Result<()>;
    /// Waits until the disk has what was written.
    fn sync(&mut self) -> io::Result<()>;
    /// Whether it still has a name: what is written into a file that was deleted is lost.
    fn has_name(&self) -> bool {
        true
    }
}

impl Append for std::fs::File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        io::Write::write_all(self, bytes)
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)?;
        io::Seek::seek(self, io::SeekFrom::Start(length)).map(|_| ())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn has_name(&self) -> bool {
        #[cfg(unix)]
        {
            self.metadata().is_ok_and(|about| std::os::unix::fs::MetadataExt::nlink(&about) > 0)
        }
        // A file that is open cannot lose its name there.
        #[cfg(not(unix))]
        true
    }
}

/// A key is written when the deltas since the last have become N times its size …
const KEY_SHARE: usize = 8;
/// … or so many.
const KEY_EVERY: u32 = 256;

/// Why a sample was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The disk.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The sample.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

/// Writes one segment. Each frame is one write; a frame that fails is cut off again.
pub struct SegmentWriter {
    file: Box<dyn Append>,
    length: u64,
    next: u32,
    state: Option<CodecState>,
    after_key: bool,
    key_size: usize,
    delta_size: usize,
    deltas: u32,
    group: Group,
    index: Index,
    /// Number of the segment in its recording.
    number: u64,
    stretch: Stretch,
    /// The list of holders that the last frame of them left, and its time.
    holders: Option<(Holders, i64)>,
    /// A part of a frame could not be cut off: nothing may follow it before it is.
    ragged: bool,
}

impl SegmentWriter {
    /// Begins a segment with its head.
    pub fn create(mut file: Box<dyn Append>, head: &SegmentHead) -> io::Result<Self> {
        let bytes = head.bytes();
        file.append(&bytes)?;
        Ok(Self { number: head.number, ..Self::resume(file, bytes.len() as u64) })
    }

    /// What the segment before was gathering goes on in this one.
    pub fn go_on(&mut self, stretch: Stretch) {
        self.stretch = stretch;
    }

    /// The stretch that was being gathered ends: the wall clock does not show the time in it.
    pub fn break_stretch(&mut self) {
        self.stretch = Stretch::default();
    }

    fn resume(file: Box<dyn Append>, length: u64) -> Self {
        Self {
            file,
            length,
            next: 0,
            state: None,
            after_key: false,
            key_size: 0,
            delta_size: 0,
            deltas: 0,
            group: Group::default(),
            index: Index::default(),
            number: 0,
            stretch: Stretch::default(),
            holders: None,
            ragged: false,
        }
    }

    /// Bytes written.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Whether its file still has a name.
    pub fn has_name(&self) -> bool {
        self.file.has_name()
    }

    /// Samples written.
    pub fn samples(&self) -> u32 {
        self.index.samples
    }

    /// Whether a sample belongs to the same source as those before.
    pub fn fits(&self, sample: &Sample) -> bool {
        self.state.as_ref().is_none_or(|state| state.fits(sample))
    }

    /// Writes a sample.
    pub fn sample(&mut self, sample: &Sample, clock: u64) -> Result<(), WriteError> {
        let wall = wall_of(sample.time);
        let number = self.index.samples;
        let Some(state) = &mut self.state else {
            self.key(sample, clock, number)?;
            self.stretch.push(sample, None, (self.number, number));
            self.spare(|writer| {
                if number == 0 {
                    // Nothing else says what the first sample held: it is written twice, apart.
                    writer.pad(writer.length)?;
                    writer.key(sample, clock, number)?;
                }
                writer.summary(sample, number)?;
                Ok(writer.parity()?)
            });
            return Ok(());
        };
        let payload = match state.delta(sample, clock) {
            Ok(payload) => payload,
            Err(error) => {
                self.state = None;
                return Err(error.into());
            }
        };
        let flags = if self.after_key { AFTER_KEY } else { 0 };
        self.put(FrameKind::Delta, flags, number, wall, &payload)?;
        self.after_key = false;
        self.index.sample(number, wall);
        let changed = self.state.as_ref().and_then(CodecState::changed);
        self.stretch.push(sample, changed, (self.number, number));
        self.delta_size += payload.len() + HEAD;
        self.deltas += 1;
        if self.delta_size > KEY_SHARE * self.key_size || self.deltas >= KEY_EVERY {
            self.spare(|writer| {
                writer.key(sample, clock, number)?;
                writer.summary(sample, number)?;
                writer.parity()?;
                Ok(writer.holders_again()?)
            });
        }
        Ok(())
    }

    /// Writes who holds objects; to be called before the sample of the same moment.
    pub fn holders(&mut self, time: Option<Timestamp>, digest: &Digest) -> io::Result<()> {
        let wall = wall_of(time);
        let (flags, payload, list) = if let Some((mut list, _)) = self.holders.take() {
            (0, list.change(digest), list)
        } else {
            let (list, payload) = Holders::begin(digest);
            (holders::COMPLETE, payload, list)
        };
        self.put(FrameKind::Holders, flags, self.index.samples.saturating_sub(1), wall, &payload)?;
        self.holders = Some((list, wall));
        Ok(())
    }

    /// Writes the list of holders once more, complete, for a reader that comes from elsewhere. The last frame but summary, padding
    /// and parity is a key.
    fn holders_again(&mut self) -> io::Result<()> {
        let Some((list, wall)) = &self.holders else { return Ok(()) };
        let (payload, wall) = (list.complete(), *wall);
        self.put(FrameKind::HoldersAgain, 0, self.index.samples.saturating_sub(1), wall, &payload)
    }

    /// Writes what happened since the last summary, where that is long enough ago. The last frame but padding is a key
    /// of this sample.
    fn summary(&mut self, sample: &Sample, number: u32) -> io::Result<()> {
        if let Some((after, payload)) = self.stretch.end(sample, (self.number, number)) {
            let offset = self.length;
            self.put(FrameKind::Summary, 0, number, wall_of(sample.time), &payload)?;
            self.index.summaries.push(SummaryEntry { offset, last: number, after });
        }
        Ok(())
    }

    /// Writes what a reader can do without. Where the disk refuses, the next sample becomes a key and will say so.
    fn spare(&mut self, write: impl FnOnce(&mut Self) -> Result<(), WriteError>) {
        if write(self).is_err() {
            self.state = None;
        }
    }

    fn key(&mut self, sample: &Sample, clock: u64, number: u32) -> Result<(), WriteError> {
        let wall = wall_of(sample.time);
        let (state, payload) = CodecState::key(sample, clock)?;
        let offset = self.length;
        self.put(FrameKind::Key, 0, number, wall, &payload)?;
        self.index.sample(number, wall);
        if self.index.keys.last().map(|key| key.sample) != Some(number) {
            self.index.keys.push(KeyEntry { offset, sample: number, wall, totals: totals(sample) });
        }
        self.state = Some(state);
        self.after_key = true;
        self.key_size = payload.len() + HEAD;
        (self.delta_size, self.deltas) = (0, 0);
        Ok(())
    }

    /// Writes the parity of the frames before the last key, or before the end; never so near to them that one damage
    /// could hit both.
    fn parity(&mut self) -> io::Result<()> {
        if !self.group.is_empty() {
            self.pad(self.group.end())?;
            let payload = self.group.payload();
            self.spacer(FrameKind::Parity, &payload)?;
            self.group.clear();
        }
        Ok(())
    }

    /// Keeps what follows so far from what ends at `end` that one burst cannot hit both.
    fn pad(&mut self, end: u64) -> io::Result<()> {
        let apart = usize::try_from(self.length.saturating_sub(end)).unwrap_or(usize::MAX);
        match BURST.saturating_sub(apart) {
            0 => Ok(()),
            short => self.spacer(FrameKind::Padding, &vec![0; short.saturating_sub(HEAD)]),
        }
    }

    fn spacer(&mut self, kind: FrameKind, payload: &[u8]) -> io::Result<()> {
        let sample = self.index.samples.saturating_sub(1);
        self.put(kind, 0, sample, super::frame::NO_TIME, payload)
    }

    /// Writes a mark.
    pub fn mark(&mut self, time: Option<Timestamp>, mark: &RecordedMark) -> io::Result<()> {
        let (offset, wall) = (self.length, wall_of(time));
        let sample = self.index.samples.saturating_sub(1);
        self.put(mark.kind(), 0, sample, wall, &mark.payload())?;
        self.index.marks.push(MarkEntry { offset, wall });
        Ok(())
    }

    /// Writes which caches share one, and which modules made some, behind the first sample: no parity covers it, so that it must not be among frames that have one.
    /// A reader can do without it.
    pub fn merged(&mut self, time: Option<Timestamp>, groups: &[Vec<String>], makers: &[CacheMaker]) {
        let (offset, wall) = (self.length, wall_of(time));
        let payload = merged::payload(groups, makers);
        self.spare(|writer| {
            writer.put(FrameKind::Merged, 0, writer.index.samples.saturating_sub(1), wall, &payload)?;
            writer.index.marks.push(MarkEntry { offset, wall });
            Ok(())
        });
    }

    fn put(&mut self, kind: FrameKind, flags: u8, sample: u32, wall: i64, payload: &[u8]) -> io::Result<()> {
        if self.ragged {
            self.file.cut(self.length)?;
            self.ragged = false;
        }
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        let head = FrameHead { kind, flags, length, number: self.next, sample, wall };
        let frame = head.frame(payload);
        if let Err(error) = self.file.append(&frame) {
            // What follows could not be read against a frame that is not there.
            self.state = None;
            self.holders = None;
            self.group.clear();
            self.ragged = self.file.cut(self.length).is_err();
            return Err(error);
        }
        if kind.is_covered() {
            self.group.add(self.length, &frame);
        }
        self.length += frame.len() as u64;
        self.next += 1;
        Ok(())
    }

    /// Waits until the disk has everything.
    pub fn sync(&mut self) -> io::Result<()> {
        self.file.sync()
    }

    /// Writes parity and index, and waits for the disk. Gives the length, and what was being gathered.
    pub fn finish(mut self) -> io::Result<(u64, Stretch)> {
        self.parity()?;
        let payload = self.index.payload(HEAD);
        let sample = self.index.samples.saturating_sub(1);
        self.put(FrameKind::End, 0, sample, super::frame::NO_TIME, &payload)?;
        self.sync()?;
        Ok((self.length, self.stretch))
    }

    /// Closes a segment whose recorder died: its whole frames end at `length`, `found` is what they hold, and
    /// `groups` are those that have no parity yet.
    pub fn close(
        file: Box<dyn Append>,
        length: u64,
        next: u32,
        found: Index,
        groups: impl IntoIterator<Item = Group>,
    ) -> io::Result<u64> {
        let mut writer = Self { next, index: found, ..Self::resume(file, length) };
        for group in groups {
            writer.group = group;
            writer.parity()?;
        }
        writer.finish().map(|(length, _)| length)
    }
}
