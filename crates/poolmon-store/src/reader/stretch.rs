//! A recording in strides: where a summary says what happened in a stretch, its samples are not read.

use jiff::Timestamp;
use poolmon_model::{Sample, Summary};

use super::{Changed, Cursor, Recording, indexed, open_steady};
use crate::codec;
use crate::error::{Result, StoreError};
use crate::segment::frame::wall_of;
use crate::segment::index::SummaryEntry;
use crate::segment::{FrameKind, summary};

/// What comes next.
#[derive(Clone, Debug, PartialEq)]
pub enum Stretch<'a> {
    /// A sample.
    Sample(Changed<'a>),
    /// The last sample of a stretch, and what happened in it. The sample before the stretch was given before.
    Summary(Box<Summary>),
}

/// Where a stretch ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    entry: SummaryEntry,
    /// Wall time of its last sample.
    wall: i64,
}

impl Recording {
    /// Stretches with a summary whose last sample is in `from..=to` (`None` = without end).
    pub fn summaries(&self, from: Option<Timestamp>, to: Option<Timestamp>) -> Result<usize> {
        let mut count = 0;
        for file in self.segments() {
            let mut segment = open_steady(&self.clock, &file.path)?;
            // A segment that is still written reports a handful at most: they are not worth a scan.
            let index = segment.stored_index().map_err(StoreError::io("read", &file.path))?;
            let Some(index) = index else { continue };
            let is_within = |entry: &&SummaryEntry| {
                let key = index.keys.iter().find(|key| key.sample == entry.last);
                key.is_some_and(|key| super::within(key.wall, from, to))
            };
            count += index.summaries.iter().filter(is_within).count();
        }
        Ok(count)
    }
}

impl Cursor {
    /// As [`Cursor::next_changed`]; where a stretch begins after the sample that is held and ends by `until`, its last
    /// sample comes at once, with the summary.
    pub fn next_stretch(
        &mut self,
        until: Option<Timestamp>,
        sample: &mut Sample,
    ) -> Result<Option<Stretch<'_>>> {
        if let Some(summary) = self.stride(until, sample)? {
            return Ok(Some(Stretch::Summary(Box::new(summary))));
        }
        Ok(self.next_changed(sample)?.map(Stretch::Sample))
    }

    /// Goes to the end of the stretch that begins here. `None` if none does: nothing has moved.
    fn stride(&mut self, until: Option<Timestamp>, sample: &mut Sample) -> Result<Option<Summary>> {
        let Some(open) = &self.open else { return Ok(None) };
        let Some(held) = open.segment.number() else { return Ok(None) };
        let shift = open.segment.shift();
        let Ok(segment) = open.segment.head().map(|head| head.number) else { return Ok(None) };
        let here = self.at;
        let in_time = |end: &End| until.is_none_or(|until| end.wall <= wall_of(Some(until)));
        let begins = |end: &&End| end.entry.after == (segment, held);
        // A stretch may go on into the next segment, though never past its first key.
        let mut found = None;
        for at in [here, here + 1] {
            let end = self.ends(at)?.iter().find(begins).copied();
            found = found.or(end.filter(in_time).map(|end| (at, end.entry)));
        }
        let Some((at, entry)) = found else { return Ok(None) };
        if self.place_at(at, entry.last)?
            && self.open.as_ref().and_then(|open| open.segment.number()) == Some(entry.last)
            // Its times are those of the wall clock.
            && self.shift() == shift
            && self.sample_into(sample)
            && let Some(summary) = self.read_summary(entry, sample)?
        {
            self.given = self.place().map(|place| (place, sample.time));
            return Ok(Some(summary));
        }
        // What cannot be read is made good from the samples themselves, and not tried again.
        for (_, ends) in &mut self.ends {
            ends.retain(|end| end.entry != entry);
        }
        self.given = None;
        self.place_at(here, held)?;
        Ok(None)
    }

    /// The summaries of a segment; those of two segments are kept. Nothing moves.
    fn ends(&mut self, at: usize) -> Result<&[End]> {
        if !self.ends.iter().any(|(of, _)| *of == at) {
            let mut ends = Vec::new();
            if let Some(file) = self.files.get(at) {
                let (_, index) = indexed(&self.clock, &file.path)?;
                for entry in index.summaries {
                    let key = index.keys.iter().find(|key| key.sample == entry.last);
                    ends.extend(key.map(|key| End { entry, wall: key.wall }));
                }
            }
            self.ends.retain(|(of, _)| of.abs_diff(at) <= 1);
            self.ends.push((at, ends));
        }
        Ok(self.ends.iter().find(|(of, _)| *of == at).map_or(&[], |(_, ends)| ends))
    }

    fn read_summary(&mut self, entry: SummaryEntry, sample: &Sample) -> Result<Option<Summary>> {
        let Some(file) = self.files.get(self.at) else { return Ok(None) };
        let Some(open) = &mut self.open else { return Ok(None) };
        let frame = open.segment.frame_at(entry.offset).map_err(StoreError::io("read", &file.path))?;
        let frame =
            frame.filter(|frame| frame.head.kind == FrameKind::Summary && frame.head.sample == entry.last);
        let Some((after, bits)) = frame.as_ref().and_then(|frame| summary::parse(&frame.payload)) else {
            return Ok(None);
        };
        Ok((after == entry.after).then(|| codec::summary::read(bits, sample).ok()).flatten())
    }
}
