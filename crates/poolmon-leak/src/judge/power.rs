//! How large a leak would have been seen: what "no leak found" is worth.
//!
//! A steady leak is added to real rows of the recording, from its first sample on, and they are judged again, as all rows are.
//! The least rate at which nine rows of ten are suspects is what the recording could have shown.

use super::Points;
use super::all::{Moved, confidence};
use super::one;
use crate::series::BucketSeries;
use crate::suspicion::{Around, Facts, Level, Others};
use crate::verdict::Power;
use crate::{Analysis, AnalysisConfig};

/// Rows that a leak is added to, from the calmest to the liveliest.
const ROWS: usize = 10;
/// Of them, those that must show it.
const SHOW: usize = 9;
/// Bytes an hour from which on leaks are tried, each by [`STEP`] larger than the one before.
const LEAST: f64 = 1024.0;
const STEP: f64 = 1.25;
/// Tried rates: up to 100 TiB an hour.
const RATES: usize = 115;
/// Bytes of an object that leaks from a row that says nothing of its objects' size.
const OBJECT: f64 = 256.0;

/// What rows are judged against.
pub struct Judged<'a> {
    /// What is judged.
    pub analysis: &'a Analysis,
    /// Their series.
    pub rows: &'a [&'a BucketSeries],
    /// Slots of the boot that is judged.
    pub slots: (usize, usize),
    /// How far each row moved.
    pub moved: &'a [Moved],
    /// What is known beside the rows, for each of them.
    pub around: &'a dyn Fn(&BucketSeries) -> Around,
}

/// The least rate that would have been seen. `None` without rows.
pub fn power(judged: &Judged<'_>) -> Option<Power> {
    let mut order: Vec<usize> = (0..judged.moved.len()).collect();
    order.sort_by(|&a, &b| judged.moved[a].swing.total_cmp(&judged.moved[b].swing));
    let rows = order.len().min(ROWS);
    if rows == 0 {
        return None;
    }
    let picked = (0..rows).map(|at| order[(2 * at + 1) * order.len() / (2 * rows)]);
    let mut rates: Vec<f64> = picked.map(|at| least_seen(judged, at).unwrap_or(f64::INFINITY)).collect();
    rates.sort_by(f64::total_cmp);
    let rate = rates[(rows * SHOW).div_ceil(ROWS) - 1];
    Some(Power { per_hour: Some(rate).filter(|rate| rate.is_finite()) })
}

/// The least rate at which a row would have been a suspect.
fn least_seen(judged: &Judged<'_>, at: usize) -> Option<f64> {
    let series = *judged.rows.get(at)?;
    let (from, to) = judged.slots;
    let points = Points::new(series, &judged.analysis.timeline, judged.analysis.samples, from, to);
    let around = (judged.around)(series);
    let rate = |step: usize| LEAST * STEP.powi(i32::try_from(step).unwrap_or(i32::MAX));
    let is_seen = |step: usize| is_seen(&judged.analysis.config, series, &points, around, rate(step));
    if !is_seen(RATES) {
        return None;
    }
    let (mut hidden, mut seen) = (0, RATES);
    while seen - hidden > 1 {
        let middle = hidden.midpoint(seen);
        if is_seen(middle) { seen = middle } else { hidden = middle }
    }
    Some(rate(seen))
}

fn is_seen(
    config: &AnalysisConfig,
    series: &BucketSeries,
    points: &Points,
    around: Around,
    rate: f64,
) -> bool {
    let points = leaking(points, rate);
    let finding = one::judge(config, series.pool, &points, series.tells());
    let lost = rate * points.span();
    let rose = around.others.rose.map(|rose| rose + lost);
    let others = Others { rose, ..around.others };
    let around = Around { pool_held: around.pool_held + lost, others, ..around };
    let facts = Facts::of(&points, &around);
    facts.is_some_and(|facts| {
        !finding.excused && confidence(series, &facts, &finding).confidence >= Level::Possible.least()
    })
}

/// The points with a steady leak added from the first of them on: objects of the row's own size, each an allocation.
fn leaking(points: &Points, rate: f64) -> Points {
    let mut leaking = points.clone();
    let start = points.hours.first().copied().unwrap_or(0.0);
    let (bytes, objects) = points.mean.last().zip(points.outstanding.last()).unwrap_or((&0.0, &0.0));
    let each = if *objects > 0.0 && *bytes > 0.0 { bytes / objects } else { OBJECT };
    for (at, hour) in points.hours.iter().enumerate() {
        // Whole objects: a leak of few large ones is a staircase.
        let lost = (rate * (hour - start) / each).floor();
        for column in [&mut leaking.mean, &mut leaking.min, &mut leaking.max] {
            column[at] += lost * each;
        }
        leaking.outstanding[at] += lost;
        leaking.allocs[at] += lost;
    }
    leaking.last += (rate * points.span() / each).floor() * each;
    leaking
}
