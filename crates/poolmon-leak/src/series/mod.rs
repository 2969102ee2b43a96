//! Series in bounded memory.
//!
//! All series share one timeline of slots (`timeline`); a series keeps one bucket for each slot since it was first
//! seen (`buckets`): mean, min, max and last bytes, mean outstanding allocations, and the allocs and frees
//! counted so far. When the slots run out, the slots' width doubles and neighbours are merged, in all series at once:
//! memory stays bounded, and a recording of a year is judged on 128 to 256 buckets just as one of an hour. Means over
//! all samples of a bucket are kept, so a longer recording at the same rate makes every bucket less noisy.
//!
//! A row that did not change since the sample before costs one comparison (`analysis`). `values` takes series that are no samples.

mod analysis;
mod buckets;
mod curve;
mod timeline;
mod values;

pub use analysis::Analysis;
pub use buckets::{Bucket, BucketSeries, SeriesStart};
pub use curve::CurvePoint;
pub use timeline::{Slot, Timeline};
