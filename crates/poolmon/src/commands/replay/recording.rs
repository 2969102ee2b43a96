//! A recording as a tape: never more than a sample of it is in memory, however long it is.

use std::time::Duration;

use jiff::Timestamp;
use poolmon_model::{CounterWidth, Pool, Sample, Tag};
use poolmon_report::{Event, EventKind};
use poolmon_store::reader::TimelinePoint;
use poolmon_store::segment::index::totals;
use poolmon_store::{Cursor, Recording, TimedMark};
use poolmon_tui::Tape;
use poolmon_tui::history::Point;
use poolmon_tui::replay::tape::{self, MarkKind, Place, Result, Timeline};

use crate::input::marks;

/// Recordings of up to so many samples are read whole for the timeline; of longer ones it shows a point every few
/// minutes, which their indexes hold.
const SHORT: u64 = 4096;

/// The tape.
pub struct RecordingTape {
    name: String,
    recording: Recording,
    cursor: Cursor,
    /// Reads ahead for the timeline, and goes on where it stopped.
    scout: Option<(Cursor, Vec<(Timestamp, u64)>)>,
    width: CounterWidth,
    ends: (Timestamp, Timestamp),
}

impl RecordingTape {
    /// A tape before its first sample.
    pub fn new(recording: Recording) -> Self {
        Self {
            name: recording.folder().display().to_string(),
            cursor: recording.cursor(),
            scout: Some((recording.cursor(), Vec::new())),
            recording,
            width: CounterWidth::default(),
            ends: (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH),
        }
    }

    fn points(&mut self, samples: u64) -> poolmon_store::Result<Vec<(Timestamp, u64)>> {
        if samples > SHORT {
            self.scout = None;
        }
        let Some((cursor, points)) = &mut self.scout else {
            let points = self.recording.timeline()?;
            return Ok(points.iter().map(|TimelinePoint { time, totals }| (*time, sum(totals))).collect());
        };
        cursor.extend(&self.recording);
        let mut sample = Cursor::empty_sample();
        while cursor.next_sample(&mut sample)? {
            if let Some(time) = sample.time {
                points.push((time, sum(&totals(&sample))));
            }
        }
        Ok(points.clone())
    }
}

/// Call sites are the memory of the other pools once more.
pub fn sum(totals: &[Option<u64>; 6]) -> u64 {
    let pools = Pool::ALL.into_iter().zip(totals).filter(|(pool, _)| *pool != Pool::CallSite);
    pools.filter_map(|(_, bytes)| *bytes).fold(0, u64::saturating_add)
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err wants it")]
fn text(error: poolmon_store::StoreError) -> String {
    error.to_string()
}

impl Tape for RecordingTape {
    fn name(&self) -> &str {
        &self.name
    }

    fn place(&self) -> Place {
        self.cursor.place().map_or(Place::default(), |(segment, number)| Place(segment, number.into()))
    }

    fn seek(&mut self, to: Timestamp, sample: &mut Sample) -> Result<bool> {
        // A recorder may have begun another segment.
        self.recording.refresh().map_err(text)?;
        self.cursor.extend(&self.recording);
        self.cursor.seek(to, sample).map_err(text)
    }

    fn next(&mut self, sample: &mut Sample) -> Result<bool> {
        if self.cursor.next_sample(sample).map_err(text)? {
            return Ok(true);
        }
        self.recording.refresh().map_err(text)?;
        self.cursor.extend(&self.recording);
        self.cursor.next_sample(sample).map_err(text)
    }

    fn back(&mut self, count: u32, sample: &mut Sample) -> Result<bool> {
        self.cursor.go_back(count, sample).map_err(text)
    }

    fn timeline(&mut self) -> Result<Timeline> {
        self.recording.refresh().map_err(text)?;
        let info = self.recording.info().map_err(text)?;
        let (Some(first), Some(last)) = (info.first, info.last) else {
            return Err(format!("{}: there is no sample in it yet", self.name));
        };
        self.width = info.width;
        self.ends = (first, last);
        Ok(Timeline {
            first,
            last,
            totals: self.points(info.samples).map_err(text)?,
            marks: self.recording.marks(None, None).map_err(text)?.iter().filter_map(mark).collect(),
            interval: info.interval,
            growing: info.recording,
            numbered: false,
        })
    }

    fn series(
        &mut self,
        row: &(Tag, Pool),
        from: Timestamp,
        to: Timestamp,
        count: u32,
    ) -> Result<Vec<Point>> {
        let step = Duration::try_from(to.duration_since(from)).unwrap_or_default() / count.max(1);
        let points = self.recording.series(&row.0, row.1, Some(from), Some(to), Some(step)).map_err(text)?;
        let width = self.width;
        let points = points.into_iter().map(|point| {
            let counters = point.counters.unwrap_or_default();
            super::memory::point(point.time, &counters, width)
        });
        Ok(points.collect())
    }

    fn moment(&self, text: &str, shown: Timestamp) -> Result<Timestamp> {
        super::typed(text, shown, self.ends.0, self.ends.1)
    }
}

fn mark(timed: &TimedMark) -> Option<tape::Mark> {
    let Event { at, kind, length, text } = marks::event(timed)?;
    let (kind, text) = match kind {
        EventKind::Note => (MarkKind::Note, format!("note: {text}")),
        EventKind::Modules => (MarkKind::Modules, text),
        EventKind::Restart => (MarkKind::Reboot, text),
        EventKind::Gap => (MarkKind::Gap, text),
    };
    Some(tape::Mark { at, kind, length, text })
}
