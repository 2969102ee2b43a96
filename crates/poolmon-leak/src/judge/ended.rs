//! Has the growth ended, though the machine works on? Somebody stopped the service that leaked, or what filled is full.

use super::Points;
use crate::stats::line::correlation;
use crate::stats::rank;

/// From where on it is level: no later point is below by more than this part of the growth.
const GAINS: f64 = 0.1;
/// What the slope of the level end may be of the one before.
const FLAT: f64 = 0.1;
/// The growth is N times what the level end varies by.
const NOISE: f64 = 5.0;
/// The quiet end is at least this part of the time from the begin of the growth on, and [`HOURS`] long.
const PART: f64 = 0.15;
const HOURS: f64 = 2.0;
/// If nothing shows that the machine worked on, a night's rest must be excluded.
const HOURS_UNKNOWN: f64 = 16.0;
/// The machine does at least this part of the work that it did while it grew.
const WORK: f64 = 0.5;
/// Correlation with the load from which on what is level is the load.
const LOAD: f64 = 0.6;
/// A leak in bursts rests between them: the quiet end has to be N times longer than any rest before.
const REST: f64 = 2.0;
/// Part of its swing that the last sample may be above the level where it became quiet.
const AGAIN: f64 = 0.25;
/// Growth of fewer points, in a smaller part of the time that it is quiet, may be one burst, and others may follow.
const BURST: (usize, f64) = (8, 0.2);

/// Hours without growth at the end; `None` if growth goes on, or may. It does not ask for a trend: of a short growth long ago, tests
/// for one see nothing.
pub fn ended(points: &Points) -> Option<f64> {
    let (x, y) = (&points.hours, &points.mean);
    let n = y.len();
    if n < 12 {
        return None;
    }
    let first = rank::median_of(&y[..(n / 20).max(1)])?;
    let level = rank::median_of(&y[n - (n / 10).max(3)..])?;
    let growth = level - first;
    if growth <= 0.0 {
        return None;
    }
    let onset = y.iter().position(|value| *value > first + 0.05 * growth)?.saturating_sub(1);
    let at = y.iter().rposition(|value| *value < level - GAINS * growth)? + 1;
    let noise = rank::spread(y.get(at..)?);
    let full = level - (2.0 * noise).max(0.01 * growth).min(GAINS * growth);
    let at = at + y[at..].iter().position(|value| *value >= full)?;
    let (quiet, grew) = (x[n - 1] - x[at], x[at] - x[onset]);
    if quiet < HOURS.max(PART * (x[n - 1] - x[onset])) || n - at < 4 {
        return None;
    }
    if at - onset < BURST.0 && grew < BURST.1 * quiet {
        return None;
    }
    if growth < NOISE * noise || levels_off(&x[onset..=at], &y[onset..=at]) {
        return None;
    }
    // The median of the end does not see that it has begun to grow again.
    let most = y.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let least = y.iter().copied().fold(f64::INFINITY, f64::min);
    if points.last - y[at] > AGAIN * (most - least) {
        return None;
    }
    // The first third of it may still gain the rest.
    let third = (n - at) / 3;
    let gained = rank::median_of(&y[n - third..])? - rank::median_of(&y[n - 2 * third..n - third])?;
    if gained / (quiet / 3.0) > FLAT * growth / grew {
        return None;
    }
    match points.known_load() {
        Some(load) => {
            // Load sums square roots of counts.
            let work =
                |loads: &[f64]| loads.iter().map(|load| load * load).sum::<f64>() / loads.len().max(1) as f64;
            let (before, after) = load.split_at(at.min(load.len()));
            if work(after) < WORK * work(before) || correlation(&load, y) > LOAD {
                return None;
            }
        }
        None if quiet < HOURS_UNKNOWN => return None,
        None => {}
    }
    (quiet >= REST * longest_rest(&x[onset..at], &y[onset..at], 0.05 * growth)).then_some(quiet)
}

/// What fills along a curve takes N times as long for the last two fifths of its growth as for the first: a straight line takes as
/// long, an exponential approach 2.7 times.
const CURVE: f64 = 2.0;

/// Whether growth slows for long before it ends, as of a cache.
fn levels_off(x: &[f64], y: &[f64]) -> bool {
    let (first, last) = (y[0], y[y.len() - 1]);
    let reached = |part: f64| {
        let at = y.iter().position(|value| *value >= first + part * (last - first)).unwrap_or(0);
        x[at]
    };
    reached(0.9) - reached(0.5) > CURVE * (reached(0.5) - reached(0.1))
}

/// Longest time in which a series rose by less than `rise`, hours.
fn longest_rest(x: &[f64], y: &[f64], rise: f64) -> f64 {
    let (mut longest, mut from) = (0.0_f64, 0);
    for to in 0..x.len() {
        while from < to && y[to] - y[from] >= rise {
            from += 1;
        }
        longest = longest.max(x[to] - x[from]);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points each half hour; load is that of a machine in use all the time.
    fn points(hours: usize, held: impl Fn(f64) -> f64) -> Points {
        let mut points = Points::default();
        for at in 0..=hours * 2 {
            let hour = at as f64 / 2.0;
            points.hours.push(hour);
            points.mean.push(1e7 + held(hour) + (at * 7919 % 13) as f64 * 500.0);
            points.load.push(1.0 + 0.1 * (hour * 1.3).sin());
        }
        points
    }

    #[test]
    fn what_stopped_is_seen_whenever_it_did() {
        // Fast and slow, short and long; of most of them, the median slope is nothing.
        for (begins, stops) in [(0.0, 6.0), (0.0, 24.0), (0.0, 38.0), (4.0, 9.0), (20.0, 26.0), (30.0, 36.0)]
        {
            for grew in [3e5, 1e8] {
                let held = |hour: f64| grew * ((hour - begins) / (stops - begins)).clamp(0.0, 1.0);
                let quiet = ended(&points(48, held)).unwrap_or_else(|| panic!("{begins} to {stops}, {grew}"));
                assert!((quiet - (48.0 - stops)).abs() <= 0.05 * (stops - begins) + 0.5, "{stops}: {quiet}");
            }
        }
    }

    #[test]
    fn a_last_sample_that_rises_again_is_no_quiet_end() {
        let mut held = points(48, |hour| 1e8 * (hour / 24.0).clamp(0.0, 1.0));
        held.last = 1.1e8;
        assert!(ended(&held).is_some());
        held.last = 1.5e8;
        assert_eq!(ended(&held), None);
    }

    #[test]
    fn what_goes_on_or_may_has_not_ended() {
        let none = |what: &str, held: &dyn Fn(f64) -> f64| {
            assert_eq!(ended(&points(48, held)), None, "{what}");
        };
        none("a line", &|hour| hour * 1e6);
        none("a line that slows", &|hour| hour.sqrt() * 1e7);
        none("bursts, as long apart", &|hour| (hour / 12.0).floor() * 1e7);
        none("one burst", &|hour| ((hour - 10.0) * 1e7).clamp(0.0, 1e7));
        none("noise", &|hour| (hour * 5.0).sin() * 1e6);
        none("a cache that fills", &|hour| 1e8 * -(-hour / 5.0).exp_m1());
        none("it only just stopped", &|hour| hour.min(44.0) * 1e6);
        none("it fell", &|hour| (48.0 - hour) * 1e6);
        let mut follows = points(48, |hour| 1e8 * (hour / 24.0).min(1.0));
        follows.load = follows.mean.clone();
        assert_eq!(ended(&follows), None, "it is as level as the load");
        let mut unknown = points(20, |hour| 1e8 * (hour / 10.0).min(1.0));
        assert!(ended(&unknown).is_some());
        unknown.load.fill(f64::NAN);
        assert_eq!(ended(&unknown), None, "it may be night");
    }
}
