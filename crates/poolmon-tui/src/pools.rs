//! The past of the pools, for the graph above the table: bytes of each pool at each sample since the screen began.
//!
//! Memory is bounded: the last [`RECENT`] points as they came, and [`EVEN`] of all of them, evenly: once there are too many, every
//! second one goes, and from then on only every second one is kept.

use std::collections::VecDeque;

use jiff::Timestamp;
use poolmon_model::{Pool, Sample};

/// Points of the recent past.
const RECENT: usize = 1024;
/// Points of everything, at most.
const EVEN: usize = 1024;
const POOLS: usize = Pool::ALL.len();

/// Bytes of the pools at one moment; 0 = the pool is not there, or empty.
#[derive(Clone, Copy, Debug)]
struct Point {
    /// Milliseconds since 1970.
    at: i64,
    bytes: [u64; POOLS],
}

/// Bytes of the pools over time.
#[derive(Debug, Default)]
pub(crate) struct PoolHistory {
    recent: VecDeque<Point>,
    even: Vec<Point>,
    /// Points that came in, and every how manyth of them is kept for ever.
    count: u64,
    stride: u64,
}

fn index(pool: Pool) -> usize {
    Pool::ALL.iter().position(|known| *known == pool).unwrap_or(0)
}

impl PoolHistory {
    /// Takes in a sample. `clock`: its time, if it does not say.
    pub fn push(&mut self, sample: &Sample, clock: Timestamp) {
        let at = sample.time.unwrap_or(clock).as_millisecond();
        // A clock that was set back: what came before cannot be drawn to the left of it.
        if self.recent.back().is_some_and(|last| last.at >= at) {
            self.recent.retain(|point| point.at < at);
            self.even.retain(|point| point.at < at);
        }
        let mut bytes = [0; POOLS];
        for pool in &sample.origin.pools {
            if let Some(place) = bytes.get_mut(index(*pool)) {
                *place = sample.header.pool_total(*pool).unwrap_or_else(|| sample.tagged_bytes(*pool));
            }
        }
        let point = Point { at, bytes };
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(point);
        if self.even.len() == EVEN {
            self.even.retain({
                let mut keep = false;
                move |_| {
                    keep = !keep;
                    keep
                }
            });
            self.stride *= 2;
        }
        self.stride = self.stride.max(1);
        if self.count.is_multiple_of(self.stride) {
            self.even.push(point);
        }
        self.count += 1;
    }

    /// Forgets everything: the machine rebooted.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Every point that is kept, oldest first.
    fn points(&self) -> impl Iterator<Item = &Point> {
        let recent = self.recent.front().map_or(i64::MAX, |point| point.at);
        self.even.iter().take_while(move |point| point.at < recent).chain(&self.recent)
    }

    /// Milliseconds from the first point to the last.
    pub fn length(&self) -> i64 {
        let first = self.points().next();
        first.zip(self.recent.back()).map_or(0, |(first, last)| last.at - first.at)
    }

    /// Time of the last point.
    pub fn end(&self) -> Option<i64> {
        self.recent.back().map(|point| point.at)
    }

    /// Bytes of a pool at the last point.
    pub fn last(&self, pool: Pool) -> u64 {
        self.recent.back().and_then(|point| point.bytes.get(index(pool))).copied().unwrap_or(0)
    }

    /// Points of a pool from a time on, oldest first; with the last one before it, from which the curve comes.
    pub fn of(&self, pool: Pool, from: i64) -> impl Iterator<Item = (i64, u64)> + '_ {
        let before = self.points().take_while(|point| point.at < from).count().saturating_sub(1);
        let at = index(pool);
        let bytes = move |point: &Point| point.bytes.get(at).copied().unwrap_or(0);
        self.points().skip(before).map(move |point| (point.at, bytes(point)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use poolmon_model::{CounterWidth, Origin, Row, SourceKind, Tag};

    use super::*;

    fn sample(seconds: i64, bytes: u64) -> Sample {
        let origin = Arc::new(Origin::new(SourceKind::Windows, &[Pool::Paged]));
        let mut sample = Sample::new(origin, CounterWidth::Bits64);
        sample.time = Timestamp::from_second(seconds).ok();
        sample.rows = vec![Row::windows(Tag::pool(*b"Test"), Pool::Paged, 1, 0, bytes)];
        sample
    }

    #[test]
    fn it_stays_small_keeps_both_ends_and_is_finest_where_it_is_new() {
        let mut history = PoolHistory::default();
        for second in 0..20_000 {
            history.push(&sample(second, u64::try_from(second).unwrap()), Timestamp::UNIX_EPOCH);
        }
        assert!(history.recent.len() == RECENT && history.even.len() <= EVEN);
        assert_eq!(history.last(Pool::Paged), 19_999);
        assert_eq!(history.length(), 19_999_000, "from the very first one");
        let all: Vec<(i64, u64)> = history.of(Pool::Paged, 0).collect();
        assert!(all.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(all.iter().all(|(at, bytes)| u64::try_from(*at / 1000).unwrap() == *bytes));
        assert_eq!(all[all.len() - 1000].0, (20_000 - 1000) * 1000, "no gap among the last");
        let gaps: Vec<i64> = all.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
        assert!(gaps[..gaps.len() - RECENT].iter().all(|gap| *gap == gaps[0]), "nor unevenness before");
    }

    #[test]
    fn a_part_begins_with_the_point_before_it() {
        let mut history = PoolHistory::default();
        for second in [10, 20, 30] {
            history.push(&sample(second, 5), Timestamp::UNIX_EPOCH);
        }
        let from = |at| history.of(Pool::Paged, at).map(|point| point.0).collect::<Vec<_>>();
        assert_eq!(from(25_000), [20_000, 30_000]);
        assert_eq!(from(0).len(), 3);
        assert_eq!(history.of(Pool::Nonpaged, 0).map(|point| point.1).sum::<u64>(), 0);
    }

    #[test]
    fn a_clock_that_is_set_back_leaves_no_curve_that_runs_backwards() {
        let mut history = PoolHistory::default();
        for second in [10, 20, 15, 16] {
            history.push(&sample(second, 5), Timestamp::UNIX_EPOCH);
        }
        let times: Vec<i64> = history.of(Pool::Paged, 0).map(|point| point.0).collect();
        assert_eq!(times, [10_000, 15_000, 16_000]);
    }
}
