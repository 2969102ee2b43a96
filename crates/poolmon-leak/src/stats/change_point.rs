//! Since when: a jump of the level, and a bend of the slope.
//!
//! * Jump: Pettitt, *A non-parametric approach to the change-point problem*, Applied Statistics 28 (1979).
//! * Bend: two lines that meet, by least squares over a grid of bends (Hudson, *Fitting segmented curves whose
//!   join points have to be estimated*, JASA 61, 1966); accepted where Schwarz's criterion (*Estimating the
//!   dimension of a model*, Annals of Statistics 6, 1978) prefers it.

use super::{rank, regression};

/// A jump of the level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Jump {
    /// Index of the last value before it.
    pub at: usize,
    /// Pettitt's K.
    pub k: f64,
    /// Its approximate p-value.
    pub p: f64,
}

/// Pettitt's test: the most likely jump.
pub fn pettitt(values: &[f64]) -> Option<Jump> {
    if values.len() < 4 {
        return None;
    }
    let n = values.len() as f64;
    let (mut sum, mut best) = (0.0, (0_usize, 0.0_f64));
    for (at, rank) in rank::ranks(values).into_iter().enumerate() {
        sum += rank;
        let u = (2.0 * sum - (at as f64 + 1.0) * (n + 1.0)).abs();
        if u > best.1 {
            best = (at, u);
        }
    }
    let (at, k) = best;
    let p = (2.0 * (-6.0 * k * k / (n.powi(3) + n.powi(2))).exp()).min(1.0);
    Some(Jump { at, k, p })
}

/// The chance that the first `before` of values in random order are the lowest of all, at any of the places where they may end.
pub fn chance_apart(before: usize, after: usize) -> f64 {
    let n = before + after;
    // One over the number of ways to choose them.
    let ways = (1..=before.min(after)).map(|k| (n + 1 - k) as f64 / k as f64).product::<f64>();
    n as f64 / ways
}

/// A bend: one line before, another after, which meet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bend {
    /// Index of the value nearest to it.
    pub at: usize,
    /// Slope before.
    pub before: f64,
    /// Slope after.
    pub after: f64,
    /// By how much Schwarz's criterion prefers the bend to one line, for each value that counts as independent.
    pub gain: f64,
}

/// The most likely bend of y over x, between a twelfth and eleven twelfths of the values.
pub fn bend(x: &[f64], y: &[f64]) -> Option<Bend> {
    let n = x.len().min(y.len());
    if n < 12 {
        return None;
    }
    let line = regression::fit(&[x], y)?;
    let mut best: Option<(f64, Bend)> = None;
    for step in 1..24 {
        let at = n * step / 24;
        if at < n / 12 || at + n / 12 >= n {
            continue;
        }
        let hinge: Vec<f64> = x.iter().map(|value| (value - x[at]).max(0.0)).collect();
        let Some(fit) = regression::fit(&[x, &hinge], y) else { continue };
        if best.is_none_or(|(rss, _)| fit.rss < rss) {
            let before = fit.coefficients[1];
            let after = before + fit.coefficients[2];
            best = Some((fit.rss, Bend { at, before, after, gain: 0.0 }));
        }
    }
    let (rss, mut bend) = best?;
    let count = n as f64;
    let scale = y.iter().map(|value| value.abs()).fold(0.0, f64::max) * 1e-9 + 1e-12;
    let floor = scale * scale * count;
    bend.gain = ((line.rss + floor) / (rss + floor)).ln() - 2.0 * count.ln() / count;
    Some(bend)
}
