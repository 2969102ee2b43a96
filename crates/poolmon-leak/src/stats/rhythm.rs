//! What remains of a trend after removing the effect of the machine's load and the time of day.
//!
//! * The trend with covariates: Libiseller and Grimvall, *Performance of partial Mann–Kendall tests for trend
//!   detection in the presence of covariates*, Environmetrics 13 (2002), here by least squares on the load and the
//!   first two harmonics of the day (Bliss, *Periodic regression in biology and climatology*, 1958).
//! * From day to day: Hirsch, Slack and Smith, *Techniques of trend analysis for monthly water quality data*, Water
//!   Resources Research 18 (1982): only equal times of day are compared.

use std::f64::consts::TAU;

use super::{normal, rank, regression};

/// The trend that load and time of day do not explain.
#[derive(Clone, Debug, PartialEq)]
pub struct Partial {
    /// Growth per hour that remains.
    pub slope: f64,
    /// Over its standard error.
    pub t: f64,
    /// The standard error.
    pub error: f64,
    /// Its two-sided p-value.
    pub p: f64,
    /// The series without what load and time of day explain.
    pub adjusted: Vec<f64>,
    /// Standard deviation of what is left when the trend is taken out too.
    pub residual: f64,
}

/// Fits y over hours with the covariates that are there: `load` (any unit) and, where asked for, the time of day.
pub fn partial(hours: &[f64], y: &[f64], load: Option<&[f64]>, by_day: bool) -> Option<Partial> {
    let own = covariates(hours, load, by_day);
    let mut columns: Vec<&[f64]> = vec![hours];
    columns.extend(own.iter().map(Vec::as_slice));
    let fit = regression::fit(&columns, y)?;
    let mut adjusted = y.to_vec();
    for (column, coefficient) in own.iter().zip(&fit.coefficients[2..]) {
        let middle = rank::median_of(column)?;
        for (value, x) in adjusted.iter_mut().zip(column) {
            *value -= coefficient * (x - middle);
        }
    }
    let (slope, error) = (fit.coefficients[1], fit.errors[1]);
    let t = if error > 0.0 { slope / error } else { f64::INFINITY * slope.signum() };
    let p = normal::student_two_sided(t, fit.freedom.max(3.0));
    Some(Partial { slope, t, p, adjusted, error, residual: (fit.rss / y.len() as f64).sqrt() })
}

/// The columns of load and time of day.
pub fn covariates(hours: &[f64], load: Option<&[f64]>, by_day: bool) -> Vec<Vec<f64>> {
    let wave = |n: f64, f: fn(f64) -> f64| hours.iter().map(|h| f(h / 24.0 * TAU * n)).collect::<Vec<f64>>();
    let mut own: Vec<Vec<f64>> = Vec::new();
    if by_day {
        own.extend([wave(1.0, f64::sin), wave(1.0, f64::cos)]);
        if hours.last().zip(hours.first()).is_some_and(|(last, first)| last - first > 40.0) {
            own.extend([wave(2.0, f64::sin), wave(2.0, f64::cos)]);
        }
    }
    if let Some(load) = load {
        own.push(load.to_vec());
    }
    own
}

/// Growth per hour between equal times of neighbouring days.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DayToDay {
    /// The median.
    pub slope: f64,
    /// A fifth of all pairs grew less than this.
    pub low: f64,
    /// Pairs compared.
    pub pairs: usize,
}

/// Compares each value with the one a day later. `None` with fewer than eight pairs.
pub fn day_to_day(hours: &[f64], y: &[f64]) -> Option<DayToDay> {
    let mut slopes = Vec::new();
    for (at, &hour) in hours.iter().enumerate() {
        let next = hours.partition_point(|&other| other < hour + 24.0);
        if let (Some(&later), Some(&value)) = (hours.get(next), y.get(next))
            && later - hour < 25.5
        {
            slopes.push((value - y[at]) / (later - hour));
        }
    }
    let pairs = slopes.len();
    if pairs < 8 {
        return None;
    }
    Some(DayToDay { slope: rank::median(&mut slopes)?, low: rank::quantile(&mut slopes, 0.2)?, pairs })
}
