//! The Mann–Kendall test: does a series tend upwards, whatever the shape of its noise?
//!
//! * Mann, *Nonparametric tests against trend*, Econometrica 13 (1945); Kendall, *Rank Correlation Methods* (1975),
//!   with the variance corrected for ties;
//! * autocorrelation: Hamed and Rao, *A modified Mann–Kendall trend test for autocorrelated data*, Journal of
//!   Hydrology 204 (1998): the variance grows by the significant autocorrelations of the detrended ranks.

use super::{normal, rank};

/// Result of the test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MannKendall {
    /// Kendall's S: pairs that rise less pairs that fall.
    pub s: f64,
    /// Variance of S without a trend, corrected for ties.
    pub variance: f64,
    /// Factor of Hamed and Rao; 1 if it was not asked for.
    pub correction: f64,
    /// Kendall's tau: S over the number of pairs.
    pub tau: f64,
    /// Standard normal score.
    pub z: f64,
    /// Two-sided p-value.
    pub p: f64,
}

impl MannKendall {
    fn new(s: f64, variance: f64, correction: f64, n: f64) -> Self {
        let sigma = (variance * correction).sqrt();
        let z = if s == 0.0 || sigma <= 0.0 || sigma.is_nan() { 0.0 } else { (s - s.signum()) / sigma };
        let tau = if n > 1.0 { s / (0.5 * n * (n - 1.0)) } else { 0.0 };
        Self { s, variance, correction, tau, z, p: normal::two_sided(z) }
    }

    /// The same test with at least this correction: negative autocorrelation is not trusted to sharpen it.
    #[must_use]
    pub fn with_correction_of_at_least(self, least: f64, n: usize) -> Self {
        Self::new(self.s, self.variance, self.correction.max(least), n as f64)
    }
}

/// S and its variance.
fn score(values: &[f64]) -> (f64, f64) {
    let mut s = 0_i64;
    for (at, &early) in values.iter().enumerate() {
        for &late in &values[at + 1..] {
            s += i64::from(late > early) - i64::from(late < early);
        }
    }
    let part = |n: f64| n * (n - 1.0) * (2.0 * n + 5.0);
    let tied: f64 = rank::ties(values).into_iter().map(part).sum();
    (s as f64, (part(values.len() as f64) - tied) / 18.0)
}

/// The test for independent values.
pub fn original(values: &[f64]) -> MannKendall {
    let (s, variance) = score(values);
    MannKendall::new(s, variance, 1.0, values.len() as f64)
}

/// The test of Hamed and Rao. `slope` is the trend per step (of the index) that is taken out before ranking,
/// [`super::theil_sen`]'s as a rule; `alpha` decides which autocorrelations count (0.05).
pub fn hamed_rao(values: &[f64], slope: f64, alpha: f64) -> MannKendall {
    let (s, variance) = score(values);
    let n = values.len() as f64;
    let detrended: Vec<f64> =
        values.iter().enumerate().map(|(at, value)| value - (at as f64 + 1.0) * slope).collect();
    let correction = correction(&rank::ranks(&detrended), alpha);
    MannKendall::new(s, variance, correction, n)
}

/// The factor by which autocorrelation widens the variance of S.
fn correction(ranks: &[f64], alpha: f64) -> f64 {
    let count = ranks.len();
    let n = count as f64;
    if count < 4 {
        return 1.0;
    }
    let mean = ranks.iter().sum::<f64>() / n;
    let away: Vec<f64> = ranks.iter().map(|rank| rank - mean).collect();
    let power: f64 = away.iter().map(|a| a * a).sum();
    if power <= 0.0 {
        return 1.0;
    }
    let bound = normal::quantile(1.0 - alpha / 2.0) / n.sqrt();
    let mut sum = 0.0;
    for lag in 1..count {
        let product: f64 = away.iter().zip(&away[lag..]).map(|(a, b)| a * b).sum();
        let r = product / power;
        if r.abs() > bound {
            let left = n - lag as f64;
            sum += left * (left - 1.0) * (left - 2.0) * r;
        }
    }
    1.0 + 2.0 / (n * (n - 1.0) * (n - 2.0)) * sum
}
