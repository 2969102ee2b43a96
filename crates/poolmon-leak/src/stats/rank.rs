//! Medians, quantiles and ranks.

/// The median; reorders the slice. `None` if it is empty.
pub fn median(values: &mut [f64]) -> Option<f64> {
    let n = values.len();
    if n == 0 {
        return None;
    }
    let (below, &mut high, _) = values.select_nth_unstable_by(n / 2, f64::total_cmp);
    if n % 2 == 1 {
        return Some(high);
    }
    let low = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Some(f64::midpoint(low, high))
}

/// The median of a copy.
pub fn median_of(values: &[f64]) -> Option<f64> {
    median(&mut values.to_vec())
}

/// The value below which a part `q` (0 to 1) of the values lies: the nearest one. Reorders the slice.
pub fn quantile(values: &mut [f64], q: f64) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let last = values.len() - 1;
    let at = ((last as f64 * q).round() as usize).min(last);
    Some(*values.select_nth_unstable_by(at, f64::total_cmp).1)
}

/// Robust spread: the median absolute deviation, scaled to the standard deviation of a normal distribution
/// (Hampel, *The influence curve and its role in robust estimation*, JASA 1974).
pub fn spread(values: &[f64]) -> f64 {
    let Some(middle) = median_of(values) else { return 0.0 };
    let mut away: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    median(&mut away).unwrap_or(0.0) * 1.482_602_218_505_602
}

/// Ranks from 1; equal values share the mean of their ranks.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut from = 0;
    while from < order.len() {
        let mut to = from + 1;
        while to < order.len() && values[order[to]].total_cmp(&values[order[from]]).is_eq() {
            to += 1;
        }
        let shared = f64::midpoint(from as f64 + 1.0, to as f64);
        for &at in &order[from..to] {
            ranks[at] = shared;
        }
        from = to;
    }
    ranks
}

/// Sizes of the groups of equal values, where they are more than one.
pub fn ties(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
        .chunk_by(|a, b| a.total_cmp(b).is_eq())
        .filter(|group| group.len() > 1)
        .map(|group| group.len() as f64)
        .collect()
}
