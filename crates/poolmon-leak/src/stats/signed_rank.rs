//! Are differences above zero, and by how much: the signed-rank test, with the estimate and interval that belong to it.
//!
//! * Wilcoxon, *Individual comparisons by ranking methods*, Biometrics Bulletin 1 (1945): zeros are left out, equal
//!   sizes share their mean rank. The distribution is the exact one of signs thrown at random, given the sizes, up to
//!   [`EXACT`] differences; beyond that the normal one, with the variance corrected for ties.
//! * Hodges and Lehmann, *Estimates of location based on rank tests*, Annals of Mathematical Statistics 34 (1963): the
//!   median of all pairwise means. Its interval lies between two of those means (Hollander and Wolfe, *Nonparametric
//!   Statistical Methods*, 1973, 3.3).

use super::{normal, rank};

/// Up to this many differences the distribution is counted out.
pub const EXACT: usize = 100;

/// The test that differences lie above zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignedRank {
    /// Sum of the ranks of positive differences.
    pub w: f64,
    /// One-sided p-value: above zero.
    pub p: f64,
    /// The smallest p-value that these sizes allow: all of them positive.
    pub least: f64,
    /// Differences that are not zero.
    pub n: usize,
}

/// Where the middle of differences lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Location {
    /// The estimate.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The test. Without a difference that is not zero both p-values are 1.
pub fn test(differences: &[f64]) -> SignedRank {
    let moved: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    let n = moved.len();
    if n == 0 {
        return SignedRank { w: 0.0, p: 1.0, least: 1.0, n };
    }
    let sizes: Vec<f64> = moved.iter().map(|d| d.abs()).collect();
    let ranks = rank::ranks(&sizes);
    let w: f64 = moved.iter().zip(&ranks).filter(|(d, _)| **d > 0.0).map(|(_, rank)| rank).sum();
    let least = 0.5_f64.powi(i32::try_from(n).unwrap_or(i32::MAX));
    let p = if n <= EXACT { exact(&ranks, w) } else { approximate(&ranks, w) };
    SignedRank { w, p: p.min(1.0), least, n }
}

/// Probability of a sum of at least `w` where each rank counts or not by the throw of a coin.
fn exact(ranks: &[f64], w: f64) -> f64 {
    // Mean ranks are halves at worst: twice of them are whole.
    let doubled: Vec<usize> = ranks.iter().map(|rank| (rank * 2.0).round() as usize).collect();
    let chance = distribution(&doubled);
    let from = ((w * 2.0).round() as usize).min(chance.len());
    // From the rare end, so that small terms are not lost.
    chance[from..].iter().rev().sum()
}

/// Chance of each sum of a random part of `weights`.
fn distribution(weights: &[usize]) -> Vec<f64> {
    let total: usize = weights.iter().sum();
    let mut chance = vec![0.0; total + 1];
    chance[0] = 1.0;
    let mut reached = 0;
    for &weight in weights {
        for sum in (0..=reached).rev() {
            let half = chance[sum] * 0.5;
            chance[sum] = half;
            chance[sum + weight] += half;
        }
        reached += weight;
    }
    chance
}

fn approximate(ranks: &[f64], w: f64) -> f64 {
    let mean = ranks.iter().sum::<f64>() / 2.0;
    let variance = ranks.iter().map(|rank| rank * rank).sum::<f64>() / 4.0;
    // Half a step less, as the sum comes in steps and `w` itself counts.
    let z = (w - mean - 0.5) / variance.sqrt();
    normal::erfc(z / std::f64::consts::SQRT_2) / 2.0
}

/// The estimate and its interval of at most this uncertainty (0.05). `None` without differences.
///
/// Few differences cannot give so sure an interval; see [`level`].
pub fn location(differences: &[f64], alpha: f64) -> Option<Location> {
    let n = differences.len();
    let mut means = Vec::with_capacity(n * (n + 1) / 2);
    for (at, a) in differences.iter().enumerate() {
        means.extend(differences[at..].iter().map(|b| f64::midpoint(*a, *b)));
    }
    means.sort_unstable_by(f64::total_cmp);
    let depth = depth(n, alpha).0;
    let (low, high) = (*means.get(depth - 1)?, *means.get(means.len() - depth)?);
    Some(Location { estimate: rank::median(&mut means)?, low, high })
}

/// How sure an interval of `n` differences is, where `alpha` was asked for: 0.9375 of five, 0.95 and a little more
/// from six on.
pub fn level(n: usize, alpha: f64) -> f64 {
    depth(n, alpha).1
}

/// Which of the sorted pairwise means, from either end, bounds the interval; and how sure it is.
fn depth(n: usize, alpha: f64) -> (usize, f64) {
    if n > EXACT {
        let size = n as f64;
        let mean = size * (size + 1.0) / 4.0;
        let deviation = (size * (size + 1.0) * (2.0 * size + 1.0) / 24.0).sqrt();
        let depth = (mean - normal::quantile(1.0 - alpha / 2.0) * deviation).floor().max(1.0);
        return (depth as usize, 1.0 - alpha);
    }
    let chance = distribution(&(1..=n).collect::<Vec<_>>());
    let (mut depth, mut below) = (1, chance[0]);
    while let Some(next) = chance.get(depth).filter(|next| below + **next <= alpha / 2.0) {
        below += next;
        depth += 1;
    }
    (depth, 1.0 - 2.0 * below)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_says_nothing() {
        assert_eq!(test(&[]), SignedRank { w: 0.0, p: 1.0, least: 1.0, n: 0 });
        assert_eq!(test(&[0.0; 7]).p.to_bits(), 1.0_f64.to_bits());
        assert_eq!(location(&[], 0.05), None);
        assert_eq!(location(&[3.0], 0.05), Some(Location { estimate: 3.0, low: 3.0, high: 3.0 }));
    }

    proptest! {
        /// The exact distribution and the normal one agree where both hold.
        #[test]
        fn exact_and_approximate_agree(values in prop::collection::vec(-50_i32..60, 40..90)) {
            let values: Vec<f64> = values.into_iter().map(f64::from).filter(|v| *v != 0.0).collect();
            let sizes: Vec<f64> = values.iter().map(|d| d.abs()).collect();
            let ranks = rank::ranks(&sizes);
            let w: f64 = values.iter().zip(&ranks).filter(|(d, _)| **d > 0.0).map(|(_, r)| r).sum();
            prop_assert!((exact(&ranks, w) - approximate(&ranks, w)).abs() < 0.01);
        }

        /// All positive gives the smallest p-value; reversed, the largest; shifted data shift the interval.
        #[test]
        fn order_and_shift(values in prop::collection::vec(1_i32..1000, 1..60), shift in -500_i32..500) {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            let tested = test(&values);
            prop_assert!((tested.p / tested.least - 1.0).abs() < 1e-9);
            let turned: Vec<f64> = values.iter().map(|v| -v).collect();
            prop_assert!((test(&turned).p - 1.0).abs() < 1e-9);
            let here = location(&values, 0.05).unwrap();
            let moved: Vec<f64> = values.iter().map(|v| v + f64::from(shift)).collect();
            let there = location(&moved, 0.05).unwrap();
            for (a, b) in [(here.estimate, there.estimate), (here.low, there.low), (here.high, there.high)] {
                prop_assert!((a + f64::from(shift) - b).abs() < 1e-9);
            }
            prop_assert!(here.low <= here.estimate && here.estimate <= here.high);
        }
    }
}
