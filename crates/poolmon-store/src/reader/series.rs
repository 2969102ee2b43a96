//! One tag through time, and totals for a timeline.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use poolmon_model::{Counters, Pool, Sample, Tag};

use super::Recording;
use crate::error::Result;
use crate::segment::cursor::Entry;
use crate::segment::frame::time_of;

/// One row at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesPoint {
    /// When.
    pub time: Timestamp,
    /// Its figures; `None` if the sample has no such row.
    pub counters: Option<Counters>,
}

/// Totals at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimelinePoint {
    /// When.
    pub time: Timestamp,
    /// Bytes of each pool, in the order of [`Pool::ALL`], if known.
    pub totals: [Option<u64>; 6],
}

/// Reading on is quicker than jumping as long as the next point is near.
const NEAR: u32 = 64;

impl Recording {
    /// One row through `from..=to` (`None` = without end). With `step`, at most one point in each step: long ranges
    /// are then jumped through, not read whole.
    pub fn series(
        &self,
        tag: &Tag,
        pool: Pool,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
        step: Option<Duration>,
    ) -> Result<Vec<SeriesPoint>> {
        let mut points: Vec<SeriesPoint> = Vec::new();
        let mut cursor = self.cursor();
        let mut sample = Sample::empty();
        let step = step.and_then(|step| SignedDuration::try_from(step).ok()).filter(|step| !step.is_zero());
        let mut since = 0;
        if let Some(from) = from
            && cursor.seek(from, &mut sample)?
            && let Some(time) = sample.time.filter(|&time| time >= from && to.is_none_or(|to| time <= to))
        {
            points.push(SeriesPoint { time, counters: cursor.counters(tag, pool) });
        }
        loop {
            let due = step.and_then(|step| points.last()?.time.checked_add(step).ok());
            if let Some(due) = due.filter(|_| since >= NEAR) {
                since = 0;
                if to.is_some_and(|to| due > to) || !cursor.seek(due, &mut sample)? {
                    break;
                }
                if let Some(time) = sample.time.filter(|&time| time == due) {
                    points.push(SeriesPoint { time, counters: cursor.counters(tag, pool) });
                    continue;
                }
            }
            let Some(entry) = cursor.next_entry()? else { break };
            let Entry::Sample { time: Some(time) } = entry else { continue };
            since += 1;
            if to.is_some_and(|to| time > to) {
                break;
            }
            if from.is_none_or(|from| time >= from) && due.is_none_or(|due| time >= due) {
                since = 0;
                points.push(SeriesPoint { time, counters: cursor.counters(tag, pool) });
            }
        }
        Ok(points)
    }

    /// Totals of the pools at every key (a few minutes apart), oldest first: quick also for months.
    pub fn timeline(&self) -> Result<Vec<TimelinePoint>> {
        let mut points = Vec::new();
        for file in self.segments() {
            let (_, index) = self.indexed(file)?;
            let keys = index.keys.iter();
            points.extend(
                keys.filter_map(|key| Some(TimelinePoint { time: time_of(key.wall)?, totals: key.totals })),
            );
        }
        Ok(points)
    }
}
