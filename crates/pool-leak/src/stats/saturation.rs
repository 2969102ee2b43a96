//! Is the later part slower than the earlier? Caches fill, leaks go on.
//!
//! The slopes of four equal stretches are compared (Theil–Sen in each), as is the later half with the earlier: the
//! idea of Brooks' subseries comparison of trends, after Sen (1968). The clock may be time, or the machine's work.

use super::theil_sen;

/// Slopes of parts of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parts {
    /// Slopes of the four quarters, in units of y per unit of x.
    pub quarters: [f64; 4],
    /// Slope of the later half over that of the earlier; infinite where the earlier did not rise.
    pub ratio: f64,
    /// Slope of the last quarter over the slope of the whole.
    pub last: f64,
    /// Least quarter's slope over the slope of the whole.
    pub least: f64,
    /// Least quarter's slope over the steepest: 1 for a straight line, at most 0.73 for eight hours of a daily wave.
    pub even: f64,
}

/// Splits x into equal stretches and compares slopes. `None` where a stretch has fewer than three values.
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
    let least = quarters.iter().copied().fold(f64::INFINITY, f64::min);
    let most = quarters.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let even = if most > 0.0 { (least / most).max(0.0) } else { 0.0 };
    Some(Parts { quarters, ratio, last: share(quarters[3]), least: share(least), even })
}
