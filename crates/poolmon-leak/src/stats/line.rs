//! The straight line through points, by least squares.

/// Slope and standard deviation of what is left, by least squares.
pub fn line(x: &[f64], y: &[f64]) -> (f64, f64) {
    let n = x.len() as f64;
    if x.len() < 2 {
        return (0.0, 0.0);
    }
    let (mx, my) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for (a, b) in x.iter().zip(y) {
        xx += (a - mx) * (a - mx);
        xy += (a - mx) * (b - my);
        yy += (b - my) * (b - my);
    }
    if xx <= 0.0 {
        return (0.0, 0.0);
    }
    let slope = xy / xx;
    (slope, ((yy - slope * xy).max(0.0) / n).sqrt())
}

/// Half of the 95 % interval of a slope: Student's quantile times the standard error.
fn half_interval(x: &[f64], left: f64) -> f64 {
    const QUANTILES: [f64; 10] = [12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23];
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let squares: f64 = x.iter().map(|value| (value - mean) * (value - mean)).sum();
    let Some(free) = x.len().checked_sub(3) else { return f64::INFINITY };
    let quantile = QUANTILES.get(free).copied().unwrap_or(2.0);
    let variance = left * left * n / (free + 1) as f64;
    quantile * (variance / squares.max(1e-12)).sqrt()
}

/// Slope, and half of its 95 % interval as if what is left were independent; infinite for two points.
pub fn slope(x: &[f64], y: &[f64]) -> (f64, f64) {
    let (slope, left) = line(x, y);
    (slope, if x.len() < 3 { f64::INFINITY } else { half_interval(x, left) })
}

/// Pearson's correlation; 0 where one does not vary.
pub fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len().min(b.len()) as f64;
    let (ma, mb) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        ab += (x - ma) * (y - mb);
        aa += (x - ma) * (x - ma);
        bb += (y - mb) * (y - mb);
    }
    if aa > 0.0 && bb > 0.0 { ab / (aa * bb).sqrt() } else { 0.0 }
}
