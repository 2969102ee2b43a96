//! The rising floor: a leak lifts the level below which a series never falls again, a busy cache does not.
//!
//! The lower envelope is the running minimum from the end (a monotone minorant, Barlow, Bartholomew, Bremner and
//! Brunk, *Statistical Inference under Order Restrictions*, 1972, ch. 1); the fall-back is the drawdown of Magdon-
//! Ismail and Atiya (*Maximum drawdown*, Risk 17, 2004).

/// For each value, the minimum of it and all that follow.
pub fn envelope(values: &[f64]) -> Vec<f64> {
    let mut floor = values.to_vec();
    let mut least = f64::INFINITY;
    for value in floor.iter_mut().rev() {
        least = least.min(*value);
        *value = least;
    }
    floor
}

/// The deepest fall below the highest value seen before.
pub fn drawdown(values: &[f64]) -> f64 {
    let (mut peak, mut deepest) = (f64::NEG_INFINITY, 0.0_f64);
    for &value in values {
        peak = peak.max(value);
        deepest = deepest.max(peak - value);
    }
    deepest
}

/// How many of the windows have a higher floor than the window before: `(rises, comparisons)`.
///
/// The minima of `windows` equal parts; a leak lifts nearly all of them.
pub fn rises(minima: &[f64], windows: usize) -> (usize, usize) {
    let n = minima.len();
    if windows < 2 || n < windows {
        return (0, 0);
    }
    let floors: Vec<f64> = (0..windows)
        .map(|w| minima[n * w / windows..n * (w + 1) / windows].iter().copied().fold(f64::INFINITY, f64::min))
        .collect();
    (floors.windows(2).filter(|pair| pair[1] > pair[0]).count(), windows - 1)
}
