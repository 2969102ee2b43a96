//! Is the later part slower than the earlier? Caches fill, leaks go on.
//!
//! The slopes of four equal stretches are compared (Theil–Sen in each), as is the later half with the earlier: the
//! estimate of Sen (1968) applied part by part. The clock may be time, or the machine's work.
//!
//! [`filling`] asks the same of the whole curve: does 1 − exp(−t/τ) or log(1 + t/τ) fit better than a line? Nonlinear
//! least squares over a grid of τ, where all other coefficients are linear (Golub and Pereyra, *The differentiation of
//! pseudo-inverses and nonlinear least squares problems whose variables separate*, SIAM J. Numer. Anal. 10, 1973).

use super::{regression, theil_sen};

/// Slopes of parts of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parts {
    /// Slopes of the four quarters, in units of y per unit of x.
    pub quarters: [f64; 4],
    /// Slope of the later half over that of the earlier; infinite if the earlier did not rise.
    pub ratio: f64,
    /// Slope of the last quarter over the slope of the whole.
    pub last: f64,
    /// Least quarter's slope over the slope of the whole.
    pub least: f64,
    /// Least quarter's slope over the steepest: 1 for a straight line, at most 0.73 for eight hours of a daily wave.
    pub even: f64,
}

/// Splits x into equal stretches and compares slopes. `None` if a stretch has fewer than three values.
pub fn parts(x: &[f64], y: &[f64]) -> Option<Parts> {
    let n = x.len().min(y.len());
    let (x, y) = (&x[..n], &y[..n]);
    let (first, last) = (*x.first()?, *x.last()?);
    let length = last - first;
    if length <= 0.0 {
        return None;
    }
    let within = |from: f64, to: f64| {
        let start = x.partition_point(|&value| value < first + from * length);
        let end = x.partition_point(|&value| value <= first + to * length);
        (end >= start + 3).then(|| theil_sen::slope(&x[start..end], &y[start..end], 0.95, 1.0))?
    };
    let whole = within(0.0, 1.0)?.slope;
    let mut quarters = [0.0; 4];
    for (at, quarter) in quarters.iter_mut().enumerate() {
        *quarter = within(at as f64 / 4.0, (at as f64 + 1.0) / 4.0)?.slope;
    }
    let (early, late) = (within(0.0, 0.5)?.slope, within(0.5, 1.0)?.slope);
    let ratio = if early > 0.0 { late / early } else { f64::INFINITY };
    let share = |slope: f64| if whole > 0.0 { slope / whole } else { 0.0 };
    let slowest = quarters.iter().copied().fold(f64::INFINITY, f64::min);
    let steepest = quarters.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let even = if steepest > 0.0 { (slowest / steepest).max(0.0) } else { 0.0 };
    Some(Parts { quarters, ratio, last: share(quarters[3]), least: share(slowest), even })
}

/// Residual sum of squares of the best filling curve over that of the best line; below 1 the curve fits better.
///
/// `clocks` are what either may run by (time, the machine's work), each rising; `covariates` are added to both.
pub fn filling(clocks: &[&[f64]], covariates: &[Vec<f64>], y: &[f64]) -> Option<f64> {
    const EXP: [f64; 8] = [0.03, 0.05, 0.08, 0.12, 0.18, 0.26, 0.36, 0.5];
    const LOG: [f64; 7] = [0.003, 0.01, 0.02, 0.04, 0.08, 0.16, 0.3];
    let (mut line, mut curve) = (f64::INFINITY, f64::INFINITY);
    for clock in clocks {
        let first = *clock.first()?;
        let length = clock.last()? - first;
        if length <= 0.0 {
            continue;
        }
        let rss = |column: &[f64]| -> Option<f64> {
            let mut columns: Vec<&[f64]> = vec![column];
            columns.extend(covariates.iter().map(Vec::as_slice));
            let fit = regression::fit(&columns, y)?;
            (fit.coefficients[1] > 0.0).then_some(fit.rss)
        };
        line = line.min(rss(clock).unwrap_or(f64::INFINITY));
        let part = |value: &f64| (value - first) / length;
        for tau in EXP {
            let filled: Vec<f64> = clock.iter().map(|value| -(-part(value) / tau).exp_m1()).collect();
            curve = curve.min(rss(&filled).unwrap_or(f64::INFINITY));
        }
        for tau in LOG {
            let filled: Vec<f64> = clock.iter().map(|value| (part(value) / tau).ln_1p()).collect();
            curve = curve.min(rss(&filled).unwrap_or(f64::INFINITY));
        }
    }
    (line.is_finite() && curve.is_finite()).then(|| curve / line.max(f64::MIN_POSITIVE))
}
