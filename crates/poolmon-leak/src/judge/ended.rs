//! Has the growth ended, though the machine works on? Somebody stopped the service that leaked, or what filled is full.

use super::Points;
use crate::stats::change_point;

/// What the slope after the bend may be of the one before.
const FLAT: f64 = 0.1;
/// How far a bend has to be better than a line (see [`change_point::Bend::gain`]).
const GAIN: f64 = 0.3;
/// The quiet end is at least this part of the window, and [`HOURS`] long.
const PART: f64 = 0.15;
const HOURS: f64 = 2.0;
/// Where nothing tells that the machine worked on, a night's rest must be excluded.
const HOURS_UNKNOWN: f64 = 16.0;
/// The machine does at least this part of the work that it did while it grew.
const WORK: f64 = 0.5;
/// What may still be gained after the bend, as a part of all growth: over a gap between samples, growth that goes on is flat, too.
const GAINS: f64 = 0.25;
/// A leak in bursts rests between them: the quiet end has to be N times longer than any rest before.
const REST: f64 = 2.0;

/// Hours without growth at the end; `None` if growth goes on, or may.
pub fn ended(points: &Points, growth: f64) -> Option<f64> {
    let (x, y) = (&points.hours, &points.mean);
    let bend = change_point::bend(x, y)?;
    let (at, end) = (*x.get(bend.at)?, *x.last()?);
    let quiet = end - at;
    let long = quiet >= HOURS.max(PART * points.span());
    if bend.before <= 0.0 || bend.after > FLAT * bend.before || bend.gain < GAIN || !long {
        return None;
    }
    let all = y[y.len() - 1] - y[0];
    if y[y.len() - 1] - y[bend.at] > GAINS * growth.min(all) {
        return None;
    }
    match points.known_load() {
        Some(load) => {
            // Load sums square roots of counts.
            let work =
                |loads: &[f64]| loads.iter().map(|load| load * load).sum::<f64>() / loads.len().max(1) as f64;
            let (before, after) = load.split_at(bend.at.min(load.len()));
            if work(after) < WORK * work(before) {
                return None;
            }
        }
        None if quiet < HOURS_UNKNOWN => return None,
        None => {}
    }
    (quiet >= REST * longest_rest(&x[..bend.at], &y[..bend.at], 0.05 * growth)).then_some(quiet)
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
