//! Thousands of tags are tested at once: one in twenty would pass at 5 % by chance.
//!
//! Benjamini and Hochberg, *Controlling the false discovery rate*, Journal of the Royal Statistical Society B 57
//! (1995).

/// For each p-value the smallest rate of false discoveries at which it would be accepted (its q-value).
pub fn adjust(p: &[f64]) -> Vec<f64> {
    let n = p.len() as f64;
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_unstable_by(|&a, &b| p[b].total_cmp(&p[a]));
    let mut adjusted = vec![1.0; p.len()];
    let mut least = 1.0_f64;
    for (down, at) in order.into_iter().enumerate() {
        let rank = n - down as f64;
        least = least.min(p[at] * n / rank);
        adjusted[at] = least;
    }
    adjusted
}
