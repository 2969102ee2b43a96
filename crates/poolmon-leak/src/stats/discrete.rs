//! Many tests at once, each of which can only give certain p-values.
//!
//! Ten signs can show nothing rarer than one in 1,024. Tags that moved too seldom to ever stand out need not be paid for
//! by the others: Tarone, *A modified Bonferroni method for discrete data*, Biometrics 46 (1990); with the procedure of
//! Benjamini and Hochberg among those that are left: Gilbert, *A modified false discovery rate multiple-comparisons
//! procedure for discrete data*, Journal of the Royal Statistical Society C 54 (2005).

use super::false_discovery;

/// For each (p-value, smallest p-value possible) its q-value; 1 for those that could not stand out at this rate.
pub fn adjust(tests: &[(f64, f64)], alpha: f64) -> Vec<f64> {
    let mut least: Vec<f64> = tests.iter().map(|test| test.1).collect();
    least.sort_unstable_by(f64::total_cmp);
    let able = |bound: f64| least.partition_point(|&p| p <= bound);
    // The smallest number of tests that is enough for all that could pass at it.
    let among = (1..=tests.len()).find(|&k| able(alpha / k as f64) <= k).unwrap_or(tests.len());
    let bound = alpha / among.max(1) as f64;
    let p: Vec<f64> = tests.iter().filter(|test| test.1 <= bound).map(|test| test.0).collect();
    let mut adjusted = false_discovery::adjust(&p).into_iter();
    tests.iter().map(|test| if test.1 <= bound { adjusted.next().unwrap_or(1.0) } else { 1.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand, with alpha 0.05: three of the smallest p-values 0.001, 0.01, 0.02, 0.3, 0.5 are below 0.05 / 1 and below
    /// 0.05 / 2, two are below 0.05 / 3: three tests are enough, and only two could pass at that bound.
    #[test]
    fn only_those_that_could_pass_are_paid_for() {
        let tests = [(0.02, 0.001), (0.4, 0.3), (0.03, 0.02), (0.5, 0.5), (0.012, 0.01)];
        let q = adjust(&tests, 0.05);
        assert_eq!(q, [0.02, 1.0, 1.0, 1.0, 0.02]);
        assert!(adjust(&[], 0.05).is_empty());
    }

    #[test]
    fn with_continuous_tests_it_is_benjamini_and_hochberg() {
        let p = [0.001, 0.2, 0.03, 0.9];
        let tests: Vec<_> = p.iter().map(|&p| (p, 0.0)).collect();
        assert_eq!(adjust(&tests, 0.05), false_discovery::adjust(&p));
    }
}
