//! How fast each pool grows.

use super::Points;
use super::all::Moved;
use crate::stats::{mann_kendall, theil_sen};
use crate::verdict::{PoolGrowth, Rate};
use crate::{Analysis, AnalysisConfig};

/// The growth of the pools of which a figure is known, over these slots.
pub fn pools(analysis: &Analysis, from: usize, to: usize) -> Vec<PoolGrowth> {
    let config: &AnalysisConfig = &analysis.config;
    let mut pools = Vec::new();
    for series in &analysis.pools {
        let all = Points::new(series, &analysis.timeline, analysis.samples, from, to);
        let points = all.thinned(config.points);
        let (x, y) = (&points.hours, &points.mean);
        let Some(plain) = theil_sen::slope(x, y, config.confidence, 1.0) else { continue };
        let per_step = plain.slope * points.span() / (points.len().max(2) - 1) as f64;
        let test = mann_kendall::hamed_rao(y, per_step, 0.05).with_correction_of_at_least(1.0, y.len());
        let slope = theil_sen::slope(x, y, config.confidence, test.correction).unwrap_or(plain);
        let bytes = Rate { per_hour: slope.slope, low: slope.low, high: slope.high };
        pools.push(PoolGrowth {
            pool: series.pool,
            bytes,
            grows: bytes.is_sure() && test.p < 0.05 && points.len() >= config.least_points,
            tested: points.len() >= config.least_points,
            change: Moved::of(&all).change,
            held: all.last,
            from_header: series.owner.is_some(),
        });
    }
    pools
}
