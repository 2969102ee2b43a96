//! The Theil–Sen slope: the median of the slopes of all pairs, which a third of wild values cannot move.
//!
//! Theil, *A rank-invariant method of linear and polynomial regression analysis* (1950); Sen, *Estimates of the
//! regression coefficient based on Kendall's tau*, JASA 63 (1968), whose confidence interval is used, with ties.

use super::{normal, rank};

/// A slope with its interval, in units of y per unit of x.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slope {
    /// The median slope.
    pub slope: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Value at x = 0: median of y less slope times median of x.
    pub intercept: f64,
}

/// The slope of y over x. `confidence` is 0.95 for a 95 % interval; `correction` widens Sen's variance for
/// autocorrelation (the factor of [`super::mann_kendall::hamed_rao`], 1 for independent values).
///
/// `None` if no two values of x differ.
pub fn slope(x: &[f64], y: &[f64], confidence: f64, correction: f64) -> Option<Slope> {
    let n = x.len().min(y.len());
    let (x, y) = (&x[..n], &y[..n]);
    let mut slopes = Vec::with_capacity(n * n.saturating_sub(1) / 2);
    for at in 0..n {
        let (x0, y0) = (x[at], y[at]);
        for (x1, y1) in x[at + 1..].iter().zip(&y[at + 1..]) {
            let run = x1 - x0;
            if run > 0.0 {
                slopes.push((y1 - y0) / run);
            } else if run < 0.0 {
                slopes.push((y0 - y1) / -run);
            }
        }
    }
    let middle = rank::median(&mut slopes)?;
    let intercept = rank::median_of(y)? - middle * rank::median_of(x)?;
    let count = slopes.len();
    let pairs = |k: f64| k * (k - 1.0) * (2.0 * k + 5.0);
    let tied = |values: &[f64]| rank::ties(values).into_iter().map(pairs).sum::<f64>();
    let total = pairs(n as f64);
    let variance = (total - tied(x) - tied(y)) / 18.0 * correction.max(0.0);
    let reach = -normal::quantile((1.0 - confidence) / 2.0) * variance.max(0.0).sqrt();
    let last = count - 1;
    // Ranks of the ends, as scipy.stats.theilslopes takes them (rounding half to even).
    let upper = f64::midpoint(count as f64, reach).round_ties_even().clamp(0.0, last as f64) as usize;
    let lower = (((count as f64 - reach) / 2.0).round_ties_even() - 1.0).clamp(0.0, last as f64) as usize;
    let low = *slopes.select_nth_unstable_by(lower, f64::total_cmp).1;
    let high = *slopes.select_nth_unstable_by(upper, f64::total_cmp).1;
    Some(Slope { slope: middle, low, high, intercept })
}
