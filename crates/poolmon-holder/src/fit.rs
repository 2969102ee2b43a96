//! Whether the course of a holder explains the course of a row.
//!
//! Both are put against time by least squares. What remains of the row when the holder is subtracted has a slope of its own; its
//! interval (95 %) is by Newey and West (Econometrica 55, 1987), as what remains is correlated from sample to sample: the kernel counts
//! objects of half-filled slabs late.

/// A row over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Course {
    /// Seconds since the first sample, rising.
    pub seconds: Vec<f64>,
    /// Objects at each of them.
    pub objects: Vec<f64>,
}

/// Points below which nothing is said.
const LEAST: usize = 6;

/// The part of a row's growth that a holder explains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Explained {
    /// 1 = all of it.
    pub share: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// How far the two courses are apart at most when each is put to the same growth, as a part of the growth: 0 = in step.
    pub apart: f64,
}

/// Compares; `None` if the row does not grow, the holder does not, or there are fewer than six points.
pub fn compare(row: &Course, held: &[f64]) -> Option<Explained> {
    if row.seconds.len() < LEAST || row.seconds.len() != row.objects.len() || row.objects.len() != held.len()
    {
        return None;
    }
    let of_row = line(&row.seconds, &row.objects)?;
    let of_held = line(&row.seconds, held)?;
    if of_row.slope <= 0.0 || of_held.slope <= 0.0 {
        return None;
    }
    let rest: Vec<f64> = row.objects.iter().zip(held).map(|(row, held)| row - held).collect();
    let of_rest = line(&row.seconds, &rest)?;
    let share = |slope: f64| 1.0 - slope / of_row.slope;
    let length = row.seconds.last()? - row.seconds.first()?;
    let gaps = row.objects.iter().zip(held).map(|(row, held)| {
        ((row - of_row.mean) / of_row.slope - (held - of_held.mean) / of_held.slope).abs() / length
    });
    Some(Explained {
        share: share(of_rest.slope),
        low: share(of_rest.slope + 1.96 * of_rest.error),
        high: share(of_rest.slope - 1.96 * of_rest.error),
        apart: gaps.fold(0.0, f64::max),
    })
}

/// A line through points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Per second.
    pub slope: f64,
    /// Mean of the values.
    pub mean: f64,
    /// Standard error of the slope.
    pub error: f64,
}

/// Least squares, with the error of Newey and West; `None` for fewer than three points or without length.
pub fn line(x: &[f64], y: &[f64]) -> Option<Line> {
    let n = x.len() as f64;
    if x.len() < 3 {
        return None;
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / n;
    let (middle, mean_y) = (mean(x), mean(y));
    let squares: f64 = x.iter().map(|x| (x - middle).powi(2)).sum();
    if squares <= 0.0 {
        return None;
    }
    let slope = x.iter().zip(y).map(|(x, y)| (x - middle) * (y - mean_y)).sum::<f64>() / squares;
    let scores: Vec<f64> =
        x.iter().zip(y).map(|(x, y)| (x - middle) * (y - mean_y - slope * (x - middle))).collect();
    // Lags by Newey and West's own rule of thumb.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
    let lags = (4.0 * (n / 100.0).powf(2.0 / 9.0)).floor() as usize;
    let product =
        |lag: usize| -> f64 { scores.iter().zip(scores.iter().skip(lag)).map(|(a, b)| a * b).sum() };
    let weight = |lag: usize| 1.0 - lag as f64 / (lags as f64 + 1.0);
    let sum = product(0) + 2.0 * (1..=lags).map(|lag| weight(lag) * product(lag)).sum::<f64>();
    let error = (sum.max(0.0) * n / (n - 2.0)).sqrt() / squares;
    Some(Line { slope, mean: mean_y, error })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(objects: Vec<f64>) -> Course {
        Course { seconds: (0..objects.len()).map(|at| at as f64).collect(), objects }
    }

    /// From the paper's full sandwich of matrices, in exact fractions, with the factor n / (n - 2) for small samples.
    #[test]
    fn errors_as_newey_and_west_have_them() {
        let y = [1.0, 3.0, 2.0, 5.0, 4.0, 8.0, 7.0, 9.0, 12.0, 10.0];
        let x: Vec<f64> = (0..10).map(f64::from).collect();
        let line = line(&x, &y).unwrap();
        assert!((line.slope - 1.145_454_545_455).abs() < 1e-9, "{line:?}");
        assert!((line.error - 0.072_574_623_449).abs() < 1e-9, "{line:?}");
    }

    #[test]
    fn a_holder_that_has_it_all() {
        let held: Vec<f64> = (0..40).map(|at| f64::from(at) * 50.0 + 1000.0).collect();
        let noise = |at: usize| [30.0, -20.0, 10.0, -40.0, 20.0][at % 5];
        let row = course(held.iter().enumerate().map(|(at, held)| held + 700.0 + noise(at)).collect());
        let found = compare(&row, &held).unwrap();
        assert!((found.share - 1.0).abs() < 0.02 && found.low < 1.0 && found.high > 1.0, "{found:?}");
        assert!(found.apart < 0.03, "{found:?}");
        let half: Vec<f64> = held.iter().map(|held| held / 2.0).collect();
        assert!((compare(&row, &half).unwrap().share - 0.5).abs() < 0.02);
    }

    #[test]
    fn a_holder_that_grew_at_another_time_is_not_in_step() {
        let row = course((0..40).map(f64::from).collect());
        let late: Vec<f64> = (0..40).map(|at| if at < 30 { 0.0 } else { 40.0 }).collect();
        let found = compare(&row, &late).unwrap();
        assert!(found.apart > 0.25, "{found:?}");
    }

    #[test]
    fn nothing_is_said_of_what_does_not_grow() {
        let flat = vec![7.0; 40];
        let rising: Vec<f64> = (0..40).map(f64::from).collect();
        assert_eq!(compare(&course(flat.clone()), &rising), None);
        assert_eq!(compare(&course(rising.clone()), &flat), None);
        assert_eq!(compare(&course(rising[..5].to_vec()), &rising[..5]), None, "five points");
        assert_eq!(line(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]), None, "without length");
    }
}
