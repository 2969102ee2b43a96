//! What the screen remembers of each row: the last points of bytes and diff.
//!
//! Memory is bounded: [`MAX_ROWS`] rows of [`POINTS`] points, two `f32` each, all in two flat buffers. Rows that
//! vanish give their place back once all their points are gone.

use poolmon_model::{Pool, Row, Sample, Tag, copies};
use rustc_hash::FxHashMap;

/// Points kept of each row.
pub const POINTS: usize = 120;
/// Rows of which points are kept (8 MB in all); further rows have no trend.
pub const MAX_ROWS: usize = 8192;
#[derive(Debug)]
struct Slot {
    /// Refresh in which the row was last there.
    seen: u64,
}

/// The memory of all rows.
#[derive(Debug, Default)]
pub struct History {
    slots: FxHashMap<(Tag, Pool), u32>,
    state: Vec<Slot>,
    free: Vec<u32>,
    bytes: Vec<f32>,
    diff: Vec<f32>,
    /// Milliseconds of each point, on the screen's clock.
    times: Vec<i64>,
    refresh: u64,
}

/// One point of a row's past.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Milliseconds on the screen's clock.
    pub at: i64,
    /// Bytes held, if known.
    pub bytes: Option<f32>,
    /// Outstanding allocations, if known.
    pub diff: Option<f32>,
}

impl History {
    /// Forgets everything: the machine rebooted.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes in a sample; `at` is its time in milliseconds.
    pub fn push(&mut self, sample: &Sample, at: i64) {
        self.refresh += 1;
        let column = Self::column(self.refresh);
        if self.times.len() < POINTS {
            self.times.resize(POINTS, i64::MIN);
        }
        if let Some(time) = self.times.get_mut(column) {
            *time = at;
        }
        self.clear_column(column);
        // Copies of a cache have a past each, and one as the row that stands for all.
        let joined = copies::joined(sample);
        for row in sample.rows.iter().chain(joined.iter().map(|(_, row)| row)) {
            let Some(slot) = self.slot(row) else { continue };
            self.store(slot, row, column, sample.width);
        }
        self.drop_vanished();
    }

    fn store(&mut self, slot: u32, row: &Row, column: usize, width: poolmon_model::CounterWidth) {
        let at = slot as usize;
        let diff = row.counters.diff(width);
        let place = at * POINTS + column;
        if let (Some(bytes), Some(point)) = (row.counters.bytes, self.bytes.get_mut(place)) {
            #[expect(clippy::cast_possible_truncation, reason = "a chart needs no more")]
            let value = bytes as f64 as f32;
            *point = value;
        }
        if let (Some(diff), Some(point)) = (diff, self.diff.get_mut(place)) {
            *point = diff as f32;
        }
        if let Some(state) = self.state.get_mut(at) {
            state.seen = self.refresh;
        }
    }

    /// Place of a refresh in the rings; the same in all of them.
    #[expect(clippy::cast_possible_truncation, reason = "less than POINTS")]
    fn column(refresh: u64) -> usize {
        (refresh % POINTS as u64) as usize
    }

    fn clear_column(&mut self, column: usize) {
        for ring in [&mut self.bytes, &mut self.diff] {
            for point in ring.iter_mut().skip(column).step_by(POINTS) {
                *point = f32::NAN;
            }
        }
    }

    fn slot(&mut self, row: &Row) -> Option<u32> {
        // A clone of a key shares its text: nothing is allocated.
        let key = (row.tag.clone(), row.pool);
        if let Some(&slot) = self.slots.get(&key) {
            return Some(slot);
        }
        let state = Slot { seen: 0 };
        let slot = if let Some(slot) = self.free.pop() {
            if let Some(place) = self.state.get_mut(slot as usize) {
                *place = state;
            }
            slot
        } else {
            if self.state.len() >= MAX_ROWS {
                return None;
            }
            let slot = u32::try_from(self.state.len()).ok()?;
            self.state.push(state);
            for ring in [&mut self.bytes, &mut self.diff] {
                if ring.capacity() < ring.len() + POINTS {
                    ring.reserve_exact(256 * POINTS);
                }
                ring.extend([f32::NAN; POINTS]);
            }
            slot
        };
        self.slots.insert(key, slot);
        Some(slot)
    }

    fn drop_vanished(&mut self) {
        let (refresh, state, free) = (self.refresh, &self.state, &mut self.free);
        self.slots.retain(|_, slot| {
            let kept = state.get(*slot as usize).is_some_and(|s| s.seen + POINTS as u64 > refresh);
            if !kept {
                free.push(*slot);
            }
            kept
        });
    }

    fn slot_of(&self, tag: &Tag, pool: Pool) -> Option<usize> {
        self.slots.get(&(tag.clone(), pool)).map(|&slot| slot as usize)
    }

    /// The last `count` points of a row, oldest first.
    pub fn points(&self, tag: &Tag, pool: Pool, count: usize) -> impl Iterator<Item = Point> + '_ {
        let slot = self.slot_of(tag, pool);
        let kept = self.refresh.min(POINTS as u64).min(count as u64);
        let from = self.refresh + 1 - kept;
        let told = |figure: Option<&f32>| figure.copied().filter(|value| !value.is_nan());
        (from..=self.refresh).filter_map(move |refresh| {
            let column = Self::column(refresh);
            let place = slot? * POINTS + column;
            Some(Point {
                at: *self.times.get(column)?,
                bytes: told(self.bytes.get(place)),
                diff: told(self.diff.get(place)),
            })
        })
    }

    /// Milliseconds from the first of the last `count` points to the last one.
    pub fn span(&self, count: usize) -> Option<i64> {
        let kept = self.refresh.min(POINTS as u64).min(count as u64);
        let time = |refresh| self.times.get(Self::column(refresh));
        Some(time(self.refresh)? - time((self.refresh + 1).checked_sub(kept)?)?)
    }

    /// Samples taken in so far.
    pub fn refreshes(&self) -> u64 {
        self.refresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use poolmon_model::{CounterWidth, Origin, SourceKind};
    use std::sync::Arc;

    fn sample(rows: &[(&str, u64)]) -> Sample {
        let origin = Arc::new(Origin::new(SourceKind::Windows, &[Pool::Paged]));
        let mut sample = Sample::new(origin, CounterWidth::Bits32);
        sample.rows = rows
            .iter()
            .map(|(name, bytes)| {
                Row::windows(name.parse().map(Tag::Pool).unwrap(), Pool::Paged, 1, 0, *bytes)
            })
            .collect();
        sample
    }

    fn tag(name: &str) -> Tag {
        Tag::Pool(name.parse().unwrap())
    }

    #[test]
    fn points_come_back_oldest_first_and_gaps_stay_gaps() {
        let mut history = History::default();
        history.push(&sample(&[("A", 10)]), 0);
        history.push(&sample(&[]), 5);
        history.push(&sample(&[("A", 30)]), 10);
        let points: Vec<_> =
            history.points(&tag("A"), Pool::Paged, 9).map(|point| (point.at, point.bytes)).collect();
        assert_eq!(points, [(0, Some(10.0)), (5, None), (10, Some(30.0))]);
        assert_eq!(history.points(&tag("B"), Pool::Paged, 9).count(), 0);
        assert_eq!([1, 2, 3, 9].map(|count| history.span(count)), [0, 5, 10, 10].map(Some));
    }

    #[test]
    fn the_ring_goes_round() {
        let mut history = History::default();
        for n in 0..300 {
            history.push(&sample(&[("A", n)]), i64::try_from(n).unwrap());
        }
        let points: Vec<_> = history.points(&tag("A"), Pool::Paged, 1000).collect();
        assert_eq!(points.len(), POINTS);
        assert_eq!((points[0].at, points[0].bytes), (180, Some(180.0)));
        assert_eq!(points[POINTS - 1].at, 299);
    }

    #[test]
    fn vanished_rows_give_their_place_back_and_rows_are_bounded() {
        let mut history = History::default();
        history.push(&sample(&[("A", 10)]), 0);
        for at in 1..=i64::try_from(POINTS).unwrap() {
            history.push(&sample(&[]), at);
        }
        assert!(history.slot_of(&tag("A"), Pool::Paged).is_none());
        history.push(&sample(&[("B", 10)]), 500);
        assert_eq!(history.state.len(), 1, "B stands where A stood");
        assert_eq!(
            history.points(&tag("B"), Pool::Paged, POINTS).filter(|p| p.bytes.is_some()).count(),
            1,
            "nothing of A is left"
        );
        let names: Vec<String> = (0..10_000).map(|n| format!("{n:04}")).collect();
        let rows: Vec<_> = names.iter().map(|name| (name.as_str(), 5)).collect();
        history.push(&sample(&rows), 501);
        assert_eq!(history.state.len(), MAX_ROWS);
    }
}
