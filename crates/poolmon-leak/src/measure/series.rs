//! Takes samples in, and keeps what changed in each interval.

use std::sync::Arc;

use poolmon_model::{Counters, Delta, Keys, Pool, Sample, Tag};

use super::Phase;
use crate::judge::owner::OwnerHint;
use crate::measure::Losses;

/// Samples of a measurement, as changes from one to the next.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Measurement {
    pub(super) intervals: Vec<(Phase, f64)>,
    pub(super) tracks: Vec<Track>,
    /// Numbers of rows: their places in `tracks`.
    keys: Keys,
    samples: u32,
    pub(super) caches_dropped: bool,
}

/// One (tag, pool).
#[derive(Clone, Debug)]
pub(super) struct Track {
    pub tag: Tag,
    pub pool: Pool,
    pub owner: Option<Arc<str>>,
    /// Every sample reported how many objects there are, and exactly.
    pub objects_told: bool,
    /// Bytes are those of live objects, so they say what the objects say.
    pub bytes_of_objects: bool,
    /// Only the intervals in which something changed.
    pub changes: Vec<Change>,
    last: Option<Counters>,
    seen: u32,
}

/// What changed in one interval.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Change {
    /// Number of the interval.
    pub at: usize,
    /// Outstanding allocations.
    pub objects: f64,
    /// Bytes: of live objects if the source reports them, else those held.
    pub bytes: f64,
    /// Bytes held.
    pub held: f64,
}

impl Measurement {
    /// Begins with a sample: what is there already.
    pub fn new(first: &Sample) -> Self {
        let mut new = Self::default();
        new.take(first, None);
        new
    }

    /// The kernel drops what it can of its caches before each sample, the first one included: what they hold all the same is held by
    /// something.
    pub const fn drops_caches(&mut self) {
        self.caches_dropped = true;
    }

    /// Takes the sample that ends an interval of this many seconds.
    pub fn push(&mut self, sample: &Sample, phase: Phase, seconds: f64) {
        let at = self.intervals.len();
        self.intervals.push((phase, seconds.max(0.0)));
        self.take(sample, Some(at));
    }

    fn take(&mut self, sample: &Sample, at: Option<usize>) {
        self.samples += 1;
        let width = sample.width;
        self.keys.match_rows(&sample.rows);
        for (row, &slot) in sample.rows.iter().zip(self.keys.order()) {
            let slot = slot as usize;
            if slot == self.tracks.len() {
                self.tracks.push(Track {
                    tag: row.tag.clone(),
                    pool: row.pool,
                    owner: None,
                    objects_told: true,
                    bytes_of_objects: true,
                    changes: Vec::new(),
                    last: None,
                    seen: 0,
                });
            }
            let track = &mut self.tracks[slot];
            // Of two equal keys the first counts, as everywhere.
            if track.seen == self.samples {
                continue;
            }
            track.seen = self.samples;
            let now = &row.counters;
            track.objects_told &= now.diff(width).is_some() && !now.is_inexact(width);
            track.bytes_of_objects &= now.used.is_some();
            if row.reported_owner.is_some() {
                track.owner.clone_from(&row.reported_owner);
            }
            if let Some(at) = at {
                // A tag that was absent held nothing.
                track.changed(
                    at,
                    &track.last.map_or_else(
                        || Delta::from_nothing(now, width),
                        |before| Delta::between(&before, now, width),
                    ),
                );
            }
            track.last = Some(*now);
        }
        for track in self.tracks.iter_mut().filter(|track| track.seen != self.samples) {
            // A tag that is absent now freed everything.
            if let (Some(before), Some(at)) = (track.last.take(), at) {
                track.changed(at, &Delta::between(&before, &before.freed(), width));
            }
        }
    }

    /// Intervals of this kind so far.
    pub fn count(&self, phase: Phase) -> usize {
        self.intervals.iter().filter(|interval| interval.0 == phase).count()
    }

    /// What the command loses at each run.
    pub fn report(&self) -> Losses {
        self.report_with(&|_, _| None)
    }

    /// The same, with what the caller knows of owners.
    pub fn report_with(&self, owner: &dyn Fn(&Tag, Pool) -> Option<OwnerHint>) -> Losses {
        super::judge::all(self, owner)
    }
}

impl Track {
    fn changed(&mut self, at: usize, delta: &Delta) {
        let number = |figure: Option<i64>| figure.unwrap_or(0) as f64;
        let change = Change {
            at,
            objects: number(delta.diff),
            bytes: number(delta.used.or(delta.bytes)),
            held: number(delta.bytes),
        };
        if change.objects != 0.0 || change.bytes != 0.0 || change.held != 0.0 {
            self.changes.push(change);
        }
    }
}
