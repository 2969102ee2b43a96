//! What a series shows: plain numbers, each of which a person could work out with the samples and a ruler.

use crate::judge::Points;
use crate::stats::line::{correlation, line};
use crate::stats::rank;

/// Points that facts are worked out from, at most.
const POINTS: usize = 96;

/// Growth below which a row has not moved, bytes.
const MOVED: f64 = 4096.0;

/// What a series shows from the begin of its growth on. Numbers that the source does not tell are `None`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Facts {
    /// Points judged.
    pub points: usize,
    /// The times of the samples are known; else the same time is assumed between any two of them.
    pub timed: bool,
    /// Hours from the first to the last of them.
    pub hours: f64,
    /// Hours since the first sample at which the growth began; that of the first point, if it began before.
    pub start: f64,
    /// The part of the series before the growth, 0 if it grew from the first point on.
    pub before: f64,
    /// The last point less the first, bytes.
    pub growth: f64,
    /// Growth over what was held before.
    pub outgrown: f64,
    /// Part of the allocations that was kept.
    pub kept: Option<f64>,
    /// The part kept in the later half of the allocations, over that in the earlier half.
    pub keeps_on: Option<f64>,
    /// How far the part kept differs between quarters of the allocations: standard deviation over mean.
    pub kept_unevenly: Option<f64>,
    /// Allocations less frees, over the square root of their sum: what chance gives is 2 or less.
    pub beyond_chance: Option<f64>,
    /// Relative growth over the relative increase of its allocations from the first to the last third.
    pub beyond_work: Option<f64>,
    /// Standard deviation from the straight line, over the growth.
    pub off_line: f64,
    /// Slope of the later half over that of the earlier, by time.
    pub ratio: f64,
    /// Growth in the last quarter, over a quarter of all growth.
    pub last: f64,
    /// Growth in the quarter of the time with the least, over a quarter of all growth; of few points, in the interval.
    pub least: f64,
    /// Deepest fall below what was held before, over the growth.
    pub drawdown: f64,
    /// Largest rise from one point to the next but one, over the growth.
    pub jump: f64,
    /// Rises from point to point, of all moves.
    pub rises: (usize, usize),
    /// Objects gained, at the size that an object has at the end, over the growth.
    pub objects: Option<f64>,
    /// Nothing was freed in all the time.
    pub frees_nothing: bool,
    /// Allocations in the time.
    pub allocs: Option<f64>,
    /// Correlation of the bytes, less their trend, with the machine's load.
    pub with_load: Option<f64>,
    /// Growth an hour from equal times of day to equal times of day, over the growth an hour of all: what a rhythm leaves.
    pub by_days: Option<f64>,
    /// Growth a day over what its pool holds; `None` if that is unknown.
    pub of_pool: Option<f64>,
    /// Hours that the system had been running when the growth began.
    pub uptime: Option<f64>,
    /// Allocations in the time over the objects held: what is replaced often has found its level.
    pub turnover: Option<f64>,
    /// Objects gained, over the square root of those held: a level that is kept up by chance varies by 2 or less.
    pub beyond_size: Option<f64>,
    /// Growth over what all rows of its pool gained; `None` where few rows are listed.
    pub of_growth: Option<f64>,
    /// Growth relative to what was held, over that which nine of ten rows stayed below; `None` where few rows are listed.
    pub beyond_rows: Option<f64>,
}

fn change(values: &[f64]) -> f64 {
    values.last().zip(values.first()).map_or(0.0, |(last, first)| last - first)
}

/// Index at which a level stretch ends and the growth begins; 0 if it grows from the start.
fn start(x: &[f64], y: &[f64]) -> usize {
    let n = x.len();
    if n < 8 {
        return 0;
    }
    let squares = |left: f64, points: usize| left * left * points as f64;
    let whole = squares(line(x, y).1, n);
    let mut best = (0, whole);
    for at in n / 10..n * 4 / 5 {
        let before = &y[..=at];
        let level = before.iter().sum::<f64>() / before.len() as f64;
        let left: f64 = before.iter().map(|value| (value - level) * (value - level)).sum();
        // A line from the end of the level stretch on.
        let (mut xx, mut xy) = (0.0, 0.0);
        for (a, b) in x[at..].iter().zip(&y[at..]) {
            xx += (a - x[at]) * (a - x[at]);
            xy += (a - x[at]) * (b - level);
        }
        let slope = if xx > 0.0 { xy / xx } else { 0.0 };
        let rest = x[at..].iter().zip(&y[at..]).map(|(a, b)| b - level - slope * (a - x[at]));
        let both = left + rest.map(|rest| rest * rest).sum::<f64>();
        if slope > 0.0 && both < best.1 {
            best = (at, both);
        }
    }
    if best.1 < 0.4 * whole { best.0 } else { 0 }
}

/// Index of the point at which a part of the way from the first to the last value of a rising column is reached.
fn reached(column: &[f64], part: f64) -> usize {
    let wanted = column[0] + part * change(column);
    column.partition_point(|&value| value < wanted).clamp(0, column.len() - 1)
}

/// The parts kept of equal shares of the allocations.
fn kept_by_share(points: &Points, shares: usize) -> Vec<f64> {
    let net = |from: usize, to: usize| {
        let made = points.allocs[to] - points.allocs[from];
        let freed = points.frees[to] - points.frees[from];
        (made > 0.0).then(|| (made - freed) / made)
    };
    let ends: Vec<usize> =
        (0..=shares).map(|share| reached(&points.allocs, share as f64 / shares as f64)).collect();
    ends.windows(2).filter_map(|ends| net(ends[0], ends[1])).collect()
}

fn ratio_of_halves(x: &[f64], y: &[f64]) -> f64 {
    let middle = reached(x, 0.5).clamp(1, x.len() - 1);
    let slope = |from: usize, to: usize| {
        let run = x[to] - x[from];
        if run > 0.0 { (y[to] - y[from]) / run } else { 0.0 }
    };
    let (early, late) = (slope(0, middle), slope(middle, x.len() - 1));
    if early <= 0.0 { if late > 0.0 { 99.0 } else { 0.0 } } else { (late / early).clamp(0.0, 99.0) }
}

/// Median growth an hour between points that are whole days apart.
fn by_days(x: &[f64], y: &[f64]) -> Option<f64> {
    let mut slopes = Vec::new();
    let step = change(x) / (x.len() - 1) as f64;
    for from in 0..x.len() {
        for day in 1..=3 {
            let wanted = x[from] + 24.0 * f64::from(day);
            let to = x.partition_point(|&hour| hour < wanted - step * 0.5);
            if to < x.len() && (x[to] - wanted).abs() <= step {
                slopes.push((y[to] - y[from]) / (x[to] - x[from]));
            }
        }
    }
    (slopes.len() >= 6).then(|| rank::median_of(&slopes)).flatten()
}

/// What is known beside the series itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Around {
    /// Rows report allocs and frees.
    pub counts: bool,
    /// Rows report outstanding allocations.
    pub objects: bool,
    /// Bytes that the pool of the row holds at the end.
    pub pool_held: f64,
    /// Hours that the system had been running at the first sample of the boot, and the hour of that sample.
    pub uptime: Option<(f64, f64)>,
    /// What the other rows did.
    pub others: Others,
    /// The samples have no times.
    pub times_unknown: bool,
}

/// What the rows of a recording did, where there are enough to compare with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Others {
    /// Bytes that all rows of the pool gained, those that lost some aside.
    pub rose: Option<f64>,
    /// Growth relative to what was held that nine of ten rows stayed below.
    pub usual: Option<f64>,
}

impl Facts {
    /// Works them out; `None` where the row did not grow, or was seen once.
    pub fn of(all: &Points, around: &Around) -> Option<Self> {
        if all.len() < 2 || all.span() <= 0.0 {
            return None;
        }
        let highest_end = all.mean.len() - (all.len() / 20).max(1);
        let end = rank::median_of(&all.mean[highest_end..])?;
        let first = all.mean.iter().take(all.len().div_ceil(5)).copied().fold(f64::INFINITY, f64::min);
        if end - first < MOVED {
            return None;
        }
        let thin = all.thinned(POINTS);
        let at = start(&thin.hours, &thin.mean);
        let points = thin.after(at);
        let (x, y) = (&points.hours, &points.mean);
        let growth = change(y);
        if growth < MOVED || points.len() < 2 {
            return None;
        }
        let n = points.len();
        let (slope, left) = line(x, y);
        let level = rank::median_of(&thin.mean[..=at])?;
        let moves: Vec<f64> = y.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mut facts = Self {
            points: n,
            timed: !around.times_unknown,
            hours: points.span(),
            start: x[0],
            before: at as f64 / thin.len() as f64,
            growth,
            outgrown: growth / level.max(4096.0),
            kept: None,
            keeps_on: None,
            kept_unevenly: None,
            beyond_chance: None,
            beyond_work: None,
            off_line: left / growth,
            ratio: ratio_of_halves(x, y),
            last: (y[n - 1] - y[reached(x, 0.75).min(n - 2)]) / growth * 4.0,
            least: least_part(x, y) / growth,
            drawdown: crate::stats::floor::drawdown(y) / growth,
            jump: jump(y) / growth,
            rises: (
                moves.iter().filter(|change| **change > 0.0).count(),
                moves.iter().filter(|change| **change != 0.0).count(),
            ),
            objects: None,
            frees_nothing: false,
            allocs: None,
            with_load: None,
            by_days: by_days(x, y).map(|days| days * points.span() / growth),
            of_pool: (around.pool_held > 0.0).then(|| growth / points.span() * 24.0 / around.pool_held),
            uptime: around.uptime.map(|(hours, at)| (hours + x[0] - at).max(0.0)),
            turnover: None,
            beyond_size: None,
            of_growth: None,
            beyond_rows: None,
        };
        facts.counted(&points, around);
        facts.compare(&around.others);
        if let Some(load) = points.known_load() {
            let trend: Vec<f64> = x.iter().zip(y).map(|(hour, value)| value - slope * hour).collect();
            facts.with_load = Some(correlation(&load, &trend));
        }
        Some(facts)
    }

    /// Compares the growth with that of other rows.
    pub(crate) fn compare(&mut self, others: &Others) {
        self.of_growth = others.rose.map(|rose| self.growth / rose.max(self.growth));
        self.beyond_rows = others.usual.map(|usual| (self.outgrown / usual).min(9999.0));
    }

    fn counted(&mut self, points: &Points, around: &Around) {
        if around.objects {
            let (bytes, objects) = (points.mean[points.len() - 1], points.outstanding[points.len() - 1]);
            let each = bytes / objects.max(1.0);
            let gained = change(&points.outstanding) * each / self.growth;
            self.objects = Some(gained.clamp(-9.0, 9.0));
            let held = f64::midpoint(points.outstanding[0], objects).max(1.0);
            self.beyond_size = Some(change(&points.outstanding) / held.sqrt());
            self.turnover = around.counts.then(|| change(&points.allocs) / held);
        }
        if !around.counts {
            return;
        }
        let (made, freed) = (change(&points.allocs), change(&points.frees));
        self.allocs = Some(made);
        self.frees_nothing = freed <= 0.0 && made > 0.0;
        if made <= 0.0 {
            return;
        }
        let net = made - freed;
        self.kept = Some((net / made).clamp(-1.0, 1.0));
        self.beyond_chance = Some(net / (made + freed).sqrt());
        let halves = kept_by_share(points, 2);
        if let [early, late] = halves.as_slice() {
            self.keeps_on = Some(if *early > 0.0 { (late / early).clamp(0.0, 9.0) } else { 9.0 });
        }
        let quarters = kept_by_share(points, 4);
        if quarters.len() == 4 {
            let mean = quarters.iter().sum::<f64>() / 4.0;
            let spread = (quarters.iter().map(|part| (part - mean).powi(2)).sum::<f64>() / 4.0).sqrt();
            self.kept_unevenly = Some(if mean > 0.0 { (spread / mean).min(9.0) } else { 9.0 });
        }
        let third = points.span() / 3.0;
        let (from, to) = (points.hours[0] + third, points.hours[0] + 2.0 * third);
        // Of few points, the first and the last interval.
        let (a, b) = if points.len() < 6 {
            (1, points.len().saturating_sub(2))
        } else {
            (
                points.hours.partition_point(|&hour| hour < from).max(1),
                points.hours.partition_point(|&hour| hour < to).min(points.len() - 2),
            )
        };
        if points.len() >= 3 && a <= b {
            let rate = |from: usize, to: usize| {
                (points.allocs[to] - points.allocs[from]) / (points.hours[to] - points.hours[from]).max(1e-9)
            };
            let (early, late) = (rate(0, a), rate(b, points.len() - 1));
            let more = if early > 0.0 { late / early - 1.0 } else { 9.0 };
            let relative = self.growth / points.mean[0].max(1.0);
            self.beyond_work = Some((relative / more.max(0.01)).clamp(0.0, 999.0));
        }
    }
}

/// Least growth of a quarter of the time, or of an interval where there are fewer, as if all of the time were like that.
fn least_part(x: &[f64], y: &[f64]) -> f64 {
    let n = x.len();
    let parts = (n - 1).min(4);
    let end = |part: usize| if n <= 5 { part } else { reached(x, part as f64 / parts as f64) };
    let slopes = (0..parts).filter(|&part| end(part) < end(part + 1)).map(|part| {
        let (from, to) = (end(part), end(part + 1));
        (y[to] - y[from]) / (x[to] - x[from])
    });
    slopes.fold(f64::INFINITY, f64::min) * change(x)
}

/// The largest rise from a point to the next but one.
fn jump(y: &[f64]) -> f64 {
    let wide = if y.len() < 8 { 1 } else { 2 };
    y.windows(wide + 1).map(|part| part[wide] - part[0]).fold(0.0, f64::max)
}
