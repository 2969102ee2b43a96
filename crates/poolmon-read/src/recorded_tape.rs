//! A recording as a tape: never more than a sample of it is in memory, however long it is.

use std::time::Duration;

use jiff::Timestamp;
use poolmon_model::{CounterWidth, Pool, Sample, Tag};
use poolmon_store::{Cursor, Recording};
use poolmon_store::{TimelinePoint, totals};

use crate::formats::recording::RecordedSamples;
use crate::marks::mark;
use crate::tape::{Place, RowPoint, Tape, Timeline};
use crate::{Result, Samples, moment};

/// Recordings of up to this many samples are read whole for the timeline; of longer ones it shows a point every few
/// minutes, which their indexes hold.
const SHORT: u64 = 4096;

/// Time and bytes of all pools.
type TotalPoints = Vec<(Timestamp, u64)>;

/// What the timeline of a recording is made of.
#[derive(Debug)]
pub(crate) struct RecordedTimeline {
    name: String,
    /// Reads ahead for the timeline, and goes on where it stopped.
    scout: Option<(Cursor, TotalPoints)>,
    width: CounterWidth,
    ends: (Timestamp, Timestamp),
}

impl RecordedTimeline {
    pub(crate) fn new(recording: &Recording) -> Self {
        Self {
            name: recording.folder().display().to_string(),
            scout: Some((recording.cursor(), Vec::new())),
            width: CounterWidth::default(),
            ends: (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH),
        }
    }

    fn points(&mut self, recording: &Recording, samples: u64) -> Result<TotalPoints> {
        if samples > SHORT {
            self.scout = None;
        }
        let Some((cursor, points)) = &mut self.scout else {
            let points = recording.timeline()?;
            return Ok(points.iter().map(|TimelinePoint { time, totals }| (*time, sum(totals))).collect());
        };
        cursor.extend(recording);
        let mut sample = Sample::empty();
        while cursor.next_sample(&mut sample)? {
            if let Some(time) = sample.time {
                points.push((time, sum(&totals(&sample))));
            }
        }
        Ok(points.clone())
    }
}

/// Call sites are the memory of the other pools once more.
pub(crate) fn sum(totals: &[Option<u64>; 6]) -> u64 {
    let pools = Pool::ALL.into_iter().zip(totals).filter(|(pool, _)| *pool != Pool::CallSite);
    pools.filter_map(|(_, bytes)| *bytes).fold(0, u64::saturating_add)
}

impl Tape for RecordedSamples {
    fn name(&self) -> &str {
        &self.timeline.name
    }

    fn place(&self) -> Place {
        self.cursor.place().map_or(Place::default(), |(segment, number)| Place(segment, number.into()))
    }

    fn seek(&mut self, to: Timestamp, sample: &mut Sample) -> Result<bool> {
        // A recorder may have begun another segment.
        self.refresh()?;
        self.shift = None;
        Ok(self.cursor.seek(to, sample)?)
    }

    fn back(&mut self, count: u32, sample: &mut Sample) -> Result<bool> {
        self.shift = None;
        Ok(self.cursor.go_back(count, sample)?)
    }

    fn timeline(&mut self) -> Result<Timeline> {
        self.recording.refresh()?;
        let info = self.recording.info()?;
        let (Some(first), Some(last)) = (info.first, info.last) else {
            return Err(self.recording.no_sample().into());
        };
        self.timeline.width = info.width;
        self.timeline.ends = (first, last);
        Ok(Timeline {
            first,
            last,
            totals: self.timeline.points(&self.recording, info.samples)?,
            marks: self.marks()?.iter().filter_map(mark).collect(),
            interval: info.interval,
            growing: info.recording,
            numbered: false,
        })
    }

    fn row(
        &mut self,
        row: &(Tag, Pool),
        from: Timestamp,
        to: Timestamp,
        count: u32,
    ) -> Result<Vec<RowPoint>> {
        let step = Duration::try_from(to.duration_since(from)).unwrap_or_default() / count.max(1);
        let points = self.recording.series(&row.0, row.1, Some(from), Some(to), Some(step))?;
        let width = self.timeline.width;
        let points = points.into_iter().map(|point| RowPoint {
            time: point.time,
            counters: point.counters.unwrap_or_default(),
            width,
        });
        Ok(points.collect())
    }

    fn moment(&self, text: &str, shown: Timestamp) -> Result<Timestamp> {
        Ok(moment::typed(text, shown, self.timeline.ends.0, self.timeline.ends.1)?)
    }
}
