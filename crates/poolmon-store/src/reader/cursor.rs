//! Any moment of a recording and its neighbours.

use std::fs::File;
use std::sync::Arc;

use jiff::Timestamp;
use poolmon_model::{Counters, Pool, Sample, Tag};

use super::stretch::End;
use super::{Steady, indexed, open_steady, start_of};
use crate::codec::KnownLayout;
use crate::error::{Result, StoreError};
use crate::folder::SegmentFile;
use crate::segment::cursor::{Entry, Losses, SegmentCursor};
use crate::segment::frame::wall_of;
use crate::segment::index::Index;

/// What changed from one sample to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed<'a> {
    /// Anything may have.
    All,
    /// The rows are the same ones in the same order, and only the figures of these changed.
    Rows(&'a [u32]),
}

/// Walks through a recording. It holds one segment, its index and one sample.
#[derive(Debug)]
pub struct Cursor {
    pub(super) files: Vec<SegmentFile>,
    pub(super) clock: Arc<Steady>,
    pub(super) at: usize,
    /// Segments before `files` that retention took while this cursor was there.
    taken: u64,
    pub(super) open: Option<Open>,
    losses: Losses,
    /// Place and time of the sample that [`Cursor::next_changed`] gave last.
    pub(super) given: Option<((u64, u32), Option<Timestamp>)>,
    /// The rows of the key that was read last in another segment.
    known: KnownLayout,
    /// Where the stretches of segments end, by the segment's place in `files`.
    pub(super) ends: Vec<(usize, Vec<End>)>,
}

#[derive(Debug)]
pub(super) struct Open {
    pub(super) segment: SegmentCursor<File>,
    index: Option<Index>,
    time: Option<Timestamp>,
}

impl Open {
    fn new(segment: SegmentCursor<File>, index: Option<Index>) -> Self {
        Self { segment, index, time: None }
    }
}

impl Cursor {
    pub(super) fn new(files: Vec<SegmentFile>, clock: Arc<Steady>) -> Self {
        Self {
            files,
            clock,
            at: 0,
            taken: 0,
            open: None,
            losses: Losses::default(),
            given: None,
            known: KnownLayout::default(),
            ends: Vec::new(),
        }
    }

    /// Back before the first sample.
    pub fn rewind(&mut self) {
        self.leave();
        self.at = 0;
        self.given = None;
    }

    /// What could not be read until now.
    pub fn losses(&self) -> Losses {
        let now = self.open.as_ref().map(|open| open.segment.losses()).unwrap_or_default();
        self.losses.plus(now)
    }

    fn leave(&mut self) {
        self.losses = self.losses();
        if let Some(open) = &mut self.open.take() {
            self.known = std::mem::take(&mut open.segment.known);
        }
    }

    /// What comes next: a sample or a mark. `None` at the end; a later call finds what a recorder has written
    /// meanwhile into the last segment ([`Cursor::extend`] brings further segments).
    pub fn next_entry(&mut self) -> Result<Option<Entry>> {
        loop {
            let Some(file) = self.files.get(self.at) else { return Ok(None) };
            let open = match &mut self.open {
                Some(open) => open,
                none => {
                    let mut segment = open_steady(&self.clock, &file.path)?;
                    segment.known = std::mem::take(&mut self.known);
                    none.insert(Open::new(segment, None))
                }
            };
            if let Some(entry) = open.segment.next_entry().map_err(StoreError::io("read", &file.path))? {
                if let Entry::Sample { time } = &entry {
                    open.time = *time;
                }
                return Ok(Some(entry));
            }
            if self.at + 1 >= self.files.len() {
                let before = open.segment.length();
                open.segment.refresh().map_err(StoreError::io("read", &file.path))?;
                if open.segment.length() > before {
                    open.index = None;
                    continue;
                }
                return Ok(None);
            }
            self.leave();
            self.at += 1;
        }
    }

    /// The next sample, marks between are skipped. False at the end: `sample` is as it was.
    pub fn next_sample(&mut self, sample: &mut Sample) -> Result<bool> {
        while let Some(entry) = self.next_entry()? {
            if matches!(entry, Entry::Sample { .. }) {
                return Ok(self.sample_into(sample));
            }
        }
        Ok(false)
    }

    /// As [`Cursor::next_sample`], and says which rows changed since the call before, by their places in `sample.rows`,
    /// rising: much faster where most rows do not. `sample` has to be as that call left it.
    pub fn next_changed(&mut self, sample: &mut Sample) -> Result<Option<Changed<'_>>> {
        loop {
            match self.next_entry()? {
                None => return Ok(None),
                Some(Entry::Sample { .. }) => break,
                Some(Entry::Mark(_)) => {}
            }
        }
        let place = self.place();
        let follows = self.given.zip(place).is_some_and(|(((segment, number), time), place)| {
            place == (segment, number.wrapping_add(1)) && sample.time == time
        });
        let Some(open) = &self.open else { return Ok(None) };
        let rows = if follows { open.segment.changes_into(sample) } else { None };
        let changed = match rows {
            Some(rows) => Changed::Rows(rows),
            None if open.segment.sample_into(sample) => Changed::All,
            None => return Ok(None),
        };
        self.given = place.map(|place| (place, sample.time));
        Ok(Some(changed))
    }

    /// Where the held sample is: the segment, counted from the cursor's first, and its number in it. Of two
    /// samples the later one has the greater place, whatever their clocks say. `None` if none is held.
    pub fn place(&self) -> Option<(u64, u32)> {
        let number = self.open.as_ref()?.segment.number()?;
        Some((self.taken + self.at as u64, number))
    }

    /// By how much the times before the held sample were moved against those after it, in nanoseconds, as the clock was set between:
    /// differs from sample to sample where it was.
    pub fn shift(&self) -> i64 {
        self.open.as_ref().map_or(0, |open| open.segment.shift())
    }

    /// Goes back by `count` samples, or to the first one. What damage took counts too. False at the start, and
    /// where `count` is 0: nothing moves.
    pub fn go_back(&mut self, count: u32, sample: &mut Sample) -> Result<bool> {
        // A segment that was begun just now holds nothing yet: back from there is the end of the one before.
        let held = self.open.as_ref().and_then(|open| open.segment.number());
        let number = held.unwrap_or(0);
        if count <= number {
            return Ok(count > 0 && self.place_at(self.at, number - count)? && self.sample_into(sample));
        }
        let (now, mut left) = (self.at, count - number);
        let mut found = None;
        for at in (0..now).rev() {
            self.enter(at)?;
            let samples = self.samples_of_open()?;
            if samples > 0 {
                found = Some((at, samples.saturating_sub(left)));
            }
            if samples >= left {
                break;
            }
            left -= samples;
        }
        // Short of the start of the recording: its first sample, unless that one is held.
        let (at, to) = found.unwrap_or((now, 0));
        if at == now && number == 0 {
            if held.is_some() {
                self.place_at(now, number)?;
            } else {
                self.at = now;
            }
            return Ok(false);
        }
        Ok(self.place_at(at, to)? && self.sample_into(sample))
    }

    /// Samples of the segment that is open.
    fn samples_of_open(&mut self) -> Result<u32> {
        let Some(file) = self.files.get(self.at) else { return Ok(0) };
        let Some(open) = &mut self.open else { return Ok(0) };
        if open.index.is_none() {
            open.index = Some(open.segment.index().map_err(StoreError::io("read", &file.path))?);
        }
        Ok(open.index.as_ref().map_or(0, |index| index.samples))
    }

    /// The sample before the one that is held. False at the start: nothing moves.
    pub fn previous_sample(&mut self, sample: &mut Sample) -> Result<bool> {
        let number = self.open.as_ref().and_then(|open| open.segment.number());
        if let Some(before) = number.and_then(|number| number.checked_sub(1))
            && self.place_at(self.at, before)?
        {
            return Ok(self.sample_into(sample));
        }
        let now = self.at;
        for at in (0..now).rev() {
            if self.place_at(at, u32::MAX)? {
                return Ok(self.sample_into(sample));
            }
        }
        if let Some(number) = number {
            self.place_at(now, number)?;
        } else {
            self.at = now;
        }
        Ok(false)
    }

    /// Holds the sample of a number in a segment, or the last before it. False if there is none.
    pub(super) fn place_at(&mut self, at: usize, number: u32) -> Result<bool> {
        let Some(file) = self.files.get(at).cloned() else { return Ok(false) };
        self.enter(at)?;
        let Some(open) = &mut self.open else { return Ok(false) };
        let index = match open.index.take() {
            Some(index) => index,
            None => open.segment.index().map_err(StoreError::io("read", &file.path))?,
        };
        let number = number.min(index.samples.saturating_sub(1));
        let held = open.segment.seek_number(&index, number).map_err(StoreError::io("read", &file.path));
        open.index = Some(index);
        held
    }

    fn enter(&mut self, at: usize) -> Result<()> {
        if self.at != at || self.open.is_none() {
            self.leave();
            self.at = at;
            if let Some(file) = self.files.get(at) {
                let (mut segment, index) = indexed(&self.clock, &file.path)?;
                segment.known = std::mem::take(&mut self.known);
                self.open = Some(Open::new(segment, Some(index)));
            }
        }
        Ok(())
    }

    /// Holds the last sample at or before `time`; the first of all if every one is later. False if the
    /// recording has no sample.
    pub fn seek(&mut self, time: Timestamp, sample: &mut Sample) -> Result<bool> {
        let wall = wall_of(Some(time));
        let after = self
            .files
            .iter()
            .rposition(|file| start_of(&self.clock, file).is_some_and(|start| start <= time));
        for at in (0..=after.unwrap_or(0)).rev() {
            let Some(file) = self.files.get(at).cloned() else { break };
            self.enter(at)?;
            let Some(open) = &mut self.open else { break };
            let mut index = match open.index.take() {
                Some(index) => index,
                None => open.segment.index().map_err(StoreError::io("read", &file.path))?,
            };
            // A segment that is still written has more than it had.
            if at + 1 == self.files.len() && index.span.is_none_or(|(_, last)| last < wall) {
                open.segment.refresh().map_err(StoreError::io("read", &file.path))?;
                index = open.segment.index().map_err(StoreError::io("read", &file.path))?;
            }
            // The name reports whole seconds: the first sample may be a little later than `time`.
            let too_late = at > 0 && index.span.is_some_and(|(first, _)| first > wall);
            let held =
                !too_late && open.segment.seek(&index, wall).map_err(StoreError::io("read", &file.path))?;
            open.index = Some(index);
            if held {
                return Ok(self.sample_into(sample));
            }
        }
        // Segments without samples at the start: the first sample that there is.
        self.rewind();
        self.next_sample(sample)
    }

    /// A sample at or after `time`, and after the one that is held: the first before `until` that stands alone in the
    /// recording, so that none before it has to be read and weeks are skipped in a moment; if there is none, the
    /// first at or after `time`. False at the end.
    pub fn next_between(&mut self, time: Timestamp, until: Timestamp, sample: &mut Sample) -> Result<bool> {
        let (from, to) = (wall_of(Some(time)), wall_of(Some(until)));
        let mut held = self.open.as_ref().and_then(|open| open.segment.number());
        let begun = self
            .files
            .iter()
            .rposition(|file| start_of(&self.clock, file).is_some_and(|start| start <= time));
        if let Some(begun) = begun.filter(|&begun| begun > self.at) {
            self.enter(begun)?;
            held = None;
        }
        if let Some(number) = self.key_between(from, to, held)? {
            return Ok(self.place_at(self.at, number)? && self.sample_into(sample));
        }
        let next = self.files.get(self.at + 1).and_then(|file| start_of(&self.clock, file));
        if next.is_some_and(|start| start >= time && start < until) {
            self.enter(self.at + 1)?;
            if let Some(number) = self.key_between(from, to, None)? {
                return Ok(self.place_at(self.at, number)? && self.sample_into(sample));
            }
        }
        while self.next_sample(sample)? {
            if sample.time.is_none_or(|now| now >= time) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Number of the first key of this segment in a span of wall time, after a sample.
    fn key_between(&mut self, from: i64, to: i64, after: Option<u32>) -> Result<Option<u32>> {
        let Some(file) = self.files.get(self.at).cloned() else { return Ok(None) };
        if self.open.is_none() {
            self.enter(self.at)?;
        }
        let Some(open) = &mut self.open else { return Ok(None) };
        if open.index.is_none() {
            open.index = Some(open.segment.index().map_err(StoreError::io("read", &file.path))?);
        }
        let later = |number: u32| after.is_none_or(|after| number > after);
        let keys = open.index.iter().flat_map(|index| &index.keys);
        let mut keys = keys.filter(|key| key.wall >= from && key.wall < to && later(key.sample));
        Ok(keys.next().map(|key| key.sample))
    }

    /// Takes up the segments that a recorder began meanwhile.
    pub fn extend(&mut self, recording: &super::Recording) {
        let now = self.files.get(self.at).map(|file| file.path.clone());
        self.files = recording.segments().to_vec();
        self.clock = Arc::clone(&recording.clock);
        self.ends.clear();
        match now.and_then(|now| self.files.iter().position(|file| file.path == now)) {
            Some(at) => {
                self.taken += self.at.saturating_sub(at) as u64;
                self.at = at;
            }
            // Retention took the segment.
            None => self.rewind(),
        }
    }

    /// The sample that is held, in `sample`, whose memory is used again. False if none is.
    pub fn sample_into(&self, sample: &mut Sample) -> bool {
        self.open.as_ref().is_some_and(|open| open.segment.sample_into(sample))
    }

    /// Figures of one row of the sample that is held.
    pub fn counters(&self, tag: &Tag, pool: Pool) -> Option<Counters> {
        self.open.as_ref()?.segment.counters(tag, pool)
    }
}
