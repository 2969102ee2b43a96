//! What people do without a judge, on the same samples.

use poolmon_leak::stats::{mann_kendall, theil_sen};
use poolmon_model::Key;

use crate::series::{Line, Series};

/// Names of the methods.
pub const METHODS: [&str; 6] = [
    "largest bytes",
    "last minus first",
    "least squares",
    "Mann–Kendall, Theil–Sen",
    "Hamed–Rao, Theil–Sen",
    "rose in three snapshots",
];

/// A trend counts from this p-value on.
const ALPHA: f64 = 0.01;

/// The answer of a method: rows, the gravest first.
#[derive(Clone, Debug, Default)]
pub struct Ranking {
    /// The rows.
    pub rows: Vec<Key>,
    /// Whether it claims that all of them leak; otherwise it only ranks.
    pub claims: bool,
}

/// The answers of all methods, in the order of [`METHODS`].
pub fn rank(series: &Series) -> Vec<Ranking> {
    let mut scores: [Vec<(f64, u32)>; METHODS.len()] = Default::default();
    series.each_changing(|line| {
        for (list, score) in scores.iter_mut().zip(score(&line)) {
            list.extend(score.filter(|score| *score > 0.0).map(|score| (score, line.key)));
        }
    });
    let ranking = |(method, mut list): (usize, Vec<(f64, u32)>)| {
        list.sort_by(|a, b| b.0.total_cmp(&a.0));
        let keys = list.iter().filter_map(|&(_, number)| series.keys().known().get(number as usize).cloned());
        Ranking { rows: keys.collect(), claims: method >= 3 }
    };
    scores.into_iter().enumerate().map(ranking).collect()
}

fn score(line: &Line<'_>) -> [Option<f64>; METHODS.len()] {
    let bytes = &line.bytes;
    let (first, middle, last) = (bytes[0], bytes[bytes.len() / 2], bytes[bytes.len() - 1]);
    let slope = || theil_sen::slope(line.hours, bytes, 0.95, 1.0).map(|slope| slope.slope);
    let plain = mann_kendall::original(bytes);
    let rising = plain.s > 0.0;
    let sen = if rising { slope() } else { None };
    let a_step = sen.unwrap_or(0.0) * step(line.hours);
    let modified = rising.then(|| mann_kendall::hamed_rao(bytes, a_step, 0.05));
    let rose = first < middle && middle < last;
    [
        Some(last),
        Some(last - first),
        Some(least_squares(line.hours, bytes)),
        sen.filter(|_| plain.p < ALPHA),
        sen.filter(|_| modified.is_some_and(|test| test.p < ALPHA)),
        rose.then_some(last - first),
    ]
}

/// Hours from point to point.
fn step(hours: &[f64]) -> f64 {
    let span = hours[hours.len() - 1] - hours[0];
    span / (hours.len() - 1).max(1) as f64
}

/// Slope of the line with the least squares, per hour.
fn least_squares(hours: &[f64], bytes: &[f64]) -> f64 {
    let n = hours.len() as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / n;
    let (mean_hours, mean_bytes) = (mean(hours), mean(bytes));
    let both = hours.iter().zip(bytes);
    let (products, squares) = both.fold((0.0, 0.0), |(products, squares), (hour, value)| {
        let off = hour - mean_hours;
        (off.mul_add(value - mean_bytes, products), off.mul_add(off, squares))
    });
    if squares > 0.0 { products / squares } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(bytes: &[f64]) -> [Option<f64>; METHODS.len()] {
        let hours: Vec<f64> = (0..bytes.len()).map(|hour| hour as f64).collect();
        score(&Line { key: 0, hours: &hours, bytes: bytes.to_vec() })
    }

    #[test]
    fn a_line_scores_its_slope() {
        let line: Vec<f64> = (0..20).map(|hour| 100.0 + 3.0 * f64::from(hour)).collect();
        let [largest, change, squares, sen, _, three] = scores(&line);
        assert_eq!((largest, change, three), (Some(157.0), Some(57.0), Some(57.0)));
        assert!((squares.unwrap() - 3.0).abs() < 1e-9);
        assert!((sen.unwrap() - 3.0).abs() < 1e-9);
    }

    #[test]
    fn what_falls_back_is_claimed_by_none() {
        let wave: Vec<f64> = (0..20).map(|hour| f64::from(hour % 5)).collect();
        let [.., plain, modified, three] = scores(&wave);
        assert_eq!((plain, modified, three), (None, None, None));
    }
}
