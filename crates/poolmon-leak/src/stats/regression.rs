//! Least squares with a few regressors.
//!
//! Standard errors use the effective sample size of first-order autocorrelation, n (1 − r) / (1 + r) (Bayley and
//! Hammersley, *The "effective" number of independent observations in an autocorrelated time series*, JRSS
//! Supplement 8, 1946).

/// A fit of `y = c0 + c1 x1 + …`.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// c0, c1, …
    pub coefficients: Vec<f64>,
    /// Their standard errors.
    pub errors: Vec<f64>,
    /// Residual sum of squares.
    pub rss: f64,
    /// First-order autocorrelation of the residuals.
    pub autocorrelation: f64,
    /// Degrees of freedom of the errors, after autocorrelation.
    pub freedom: f64,
}

/// Fits y on the columns, which are as long as y. `None` if they are (nearly) dependent on each other.
#[allow(
    clippy::many_single_char_names,
    clippy::needless_range_loop,
    reason = "matrices read best with their indices"
)]
pub fn fit(columns: &[&[f64]], y: &[f64]) -> Option<Fit> {
    let n = y.len();
    let k = columns.len() + 1;
    if n <= k {
        return None;
    }
    // Columns are centred and scaled first: hours since 1970 or bytes squared would lose all digits otherwise.
    let mean = |values: &[f64]| values.iter().sum::<f64>() / n as f64;
    let means: Vec<f64> = columns.iter().map(|column| mean(column)).collect();
    let scales: Vec<f64> = columns
        .iter()
        .zip(&means)
        .map(|(column, m)| (column.iter().map(|v| (v - m).powi(2)).sum::<f64>() / n as f64).sqrt())
        .collect();
    if scales.iter().any(|scale| *scale <= 0.0 || !scale.is_finite()) {
        return None;
    }
    let y_mean = mean(y);
    let p = k - 1;
    let at = |j: usize, i: usize| (columns[j][i] - means[j]) / scales[j];
    let mut a = vec![vec![0.0; 2 * p + 1]; p];
    for i in 0..n {
        for r in 0..p {
            let x = at(r, i);
            for c in r..p {
                a[r][c] += x * at(c, i);
            }
            a[r][p] += x * (y[i] - y_mean);
        }
    }
    for r in 0..p {
        for c in 0..r {
            a[r][c] = a[c][r];
        }
        a[r][p + 1 + r] = 1.0;
    }
    eliminate(&mut a, p, n as f64 * 1e-7)?;
    let betas: Vec<f64> = (0..p).map(|r| a[r][p]).collect();
    let residuals: Vec<f64> = (0..n)
        .map(|i| y[i] - y_mean - betas.iter().enumerate().map(|(j, beta)| beta * at(j, i)).sum::<f64>())
        .collect();
    let rss: f64 = residuals.iter().map(|r| r * r).sum();
    let lagged: f64 = residuals.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let autocorrelation = if rss > 0.0 { (lagged / rss).clamp(0.0, 0.99) } else { 0.0 };
    let effective = (n as f64 * (1.0 - autocorrelation) / (1.0 + autocorrelation)).max(k as f64 + 1.0);
    let variance = rss / n as f64 * (n as f64 / (effective - k as f64).max(1.0));
    let mut coefficients = vec![y_mean];
    let mut errors = vec![(variance / n as f64).sqrt()];
    for j in 0..p {
        coefficients.push(betas[j] / scales[j]);
        errors.push((variance * a[j][p + 1 + j].max(0.0)).sqrt() / scales[j]);
        coefficients[0] -= betas[j] / scales[j] * means[j];
    }
    let freedom = (effective - k as f64).max(1.0);
    Some(Fit { coefficients, errors, rss, autocorrelation, freedom })
}

/// Gauss–Jordan with pivots; the matrix carries the right-hand side and the unit matrix.
fn eliminate(a: &mut [Vec<f64>], p: usize, least: f64) -> Option<()> {
    for r in 0..p {
        let pivot = (r..p).max_by(|&i, &j| a[i][r].abs().total_cmp(&a[j][r].abs()))?;
        a.swap(r, pivot);
        let divisor = a[r][r];
        if divisor.abs() < least {
            return None;
        }
        for value in &mut a[r] {
            *value /= divisor;
        }
        for other in 0..p {
            if other != r {
                let factor = a[other][r];
                if factor != 0.0 {
                    let row = a[r].clone();
                    for (value, own) in a[other].iter_mut().zip(row) {
                        *value -= factor * own;
                    }
                }
            }
        }
    }
    Some(())
}
