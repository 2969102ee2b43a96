//! What happened in a stretch of samples, in so few figures that weeks are judged without reading every sample.
//!
//! A summary is next to the last sample of its stretch, which shows where every row ended; it adds the least, the
//! greatest and the mean, and the allocations and frees made on the way. `gather` makes it, sample by sample.

mod gather;

use std::time::Duration;

pub use gather::Gather;

use crate::{CounterWidth, Counters, Pool, Row, Sample};

/// A stretch of samples of one boot. The sample before it is known from elsewhere.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Samples in it; the last is the one that it is next to.
    pub samples: u32,
    /// Time from the sample before the stretch to the last in it, in whole microseconds.
    pub span: Duration,
    /// How much earlier than the last sample the mean of all their times is, in whole microseconds.
    pub mean_before: Duration,
    /// Sum of the [`load`]s of its samples.
    pub load: f32,
    /// Samples that had a load.
    pub loads: u32,
    /// Whole pools, in the order of [`crate::Origin::pools`].
    pub pools: Vec<PoolSummary>,
    /// One for each of the last sample's rows, in its order.
    pub rows: Vec<RowSummary>,
    /// Rows that were there and are not in the last sample, with what they held until then; now they hold nothing.
    pub gone: Vec<(Row, RowSummary)>,
}

/// The bytes of a whole pool in a stretch: the header's figure, else the sum of its rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoolSummary {
    /// Which.
    pub pool: Pool,
    /// Least bytes.
    pub least: u64,
    /// Greatest bytes.
    pub most: u64,
    /// Mean bytes, rounded.
    pub mean: u64,
}

/// One row in a stretch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowSummary {
    /// Samples since it was first seen in this stretch; where it was gone between, it held nothing.
    pub samples: u32,
    /// Some sample's Diff was the kernel's clamp, not a fact.
    pub inexact: bool,
    /// Least bytes (see [`held`]).
    pub least: u64,
    /// Greatest bytes.
    pub most: u64,
    /// Where the mean lies between them: 0 = min, 255 = max.
    pub mean_at: u8,
    /// Mean outstanding allocations, in quarters.
    pub outstanding: i64,
    /// Allocations made, from the sample before the stretch on where that had the row.
    pub allocs: u64,
    /// Frees, likewise.
    pub frees: u64,
    /// Times that a counter passed 2³².
    pub wraps: u32,
}

impl RowSummary {
    /// Mean bytes, within 1/510 of what lies between the minimum and the maximum.
    pub fn mean(&self) -> f64 {
        self.least as f64 + self.most.saturating_sub(self.least) as f64 * f64::from(self.mean_at) / 255.0
    }

    /// Where `mean` is to be written.
    fn place(&mut self, mean: f64) {
        let wide = self.most.saturating_sub(self.least) as f64;
        let share = if wide > 0.0 { (mean - self.least as f64) / wide } else { 0.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
        let at = (share * 255.0).round().clamp(0.0, 255.0) as u8;
        self.mean_at = at;
    }

    /// A row that is all the time as its last sample reports.
    pub fn still(last: &Counters, width: CounterWidth, samples: u32) -> Self {
        let value = held(last);
        Self {
            samples,
            inexact: last.is_inexact(width),
            least: value,
            most: value,
            outstanding: last.diff(width).unwrap_or(0).saturating_mul(4),
            ..Self::default()
        }
    }

    /// What the mean bytes say of the outstanding allocations, in quarters, if every one is as large as those of the
    /// last sample; and how far from it the truth may be without anyone seeing it in the mean.
    pub fn expected_outstanding(&self, last: &Counters, width: CounterWidth) -> Option<(i64, i64)> {
        let (value, diff) = (held(last), u64::try_from(last.diff(width)?).ok().filter(|&diff| diff > 0)?);
        let unit = value.checked_div(diff).filter(|&unit| unit > 0 && unit * diff == value)?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "at most four times the allocations of 2⁶⁴ bytes"
        )]
        let quarters = |bytes: f64| (bytes * 4.0 / unit as f64).round() as i64;
        Some((quarters(self.mean()), quarters(self.most.saturating_sub(self.least) as f64 / 255.0) + 1))
    }
}

/// Bytes that a row holds, as every judgement takes them; `None` if they are not known.
pub fn known(counters: &Counters) -> Option<u64> {
    counters.bytes.or(counters.used)
}

/// The same, 0 if they are not known.
pub fn held(counters: &Counters) -> u64 {
    known(counters).unwrap_or(0)
}

/// What a row adds to the load of a sample: this many allocations in a step of this many seconds.
pub fn load(made: f64, step: f64) -> f64 {
    if made > 0.0 { (made / step.max(1e-3)).sqrt() } else { 0.0 }
}

/// Bytes of a whole pool: the header's figure, else the sum of its rows.
pub fn pool_bytes(sample: &Sample, pool: Pool) -> u64 {
    sample.header.pool_total(pool).unwrap_or_else(|| sample.tagged_bytes(pool))
}
