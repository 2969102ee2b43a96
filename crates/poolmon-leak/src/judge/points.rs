//! The points that one judgement works on.

use crate::series::{Bucket, BucketSeries, Timeline};

/// Columns of equal length, in order of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Points {
    /// Hours since the first sample of the recording.
    pub hours: Vec<f64>,
    /// Mean bytes.
    pub mean: Vec<f64>,
    /// Least bytes.
    pub min: Vec<f64>,
    /// Most bytes.
    pub max: Vec<f64>,
    /// Mean outstanding allocations.
    pub outstanding: Vec<f64>,
    /// Allocations counted.
    pub allocs: Vec<f64>,
    /// Frees counted.
    pub frees: Vec<f64>,
    /// Outstanding allocations fell to some sample of the point, or may have.
    pub fell: Vec<bool>,
    /// Bytes fell to some sample of the point, or may have.
    pub dropped: Vec<bool>,
    /// Samples of the point at which bytes were others than before; `None` where a summary hides some.
    pub moves: Vec<Option<u32>>,
    /// Load of the machine; NaN where unknown.
    pub load: Vec<f64>,
    /// Bytes at the first sample; where a summary stands for it, the mean of the first point.
    pub first: f64,
    /// Bytes at the last sample.
    pub last: f64,
    /// Some figure was the kernel's clamp.
    pub inexact: bool,
}

impl Points {
    /// The points of a series within slots `from..to`.
    pub fn new(series: &BucketSeries, timeline: &Timeline, samples: u64, from: usize, to: usize) -> Self {
        let buckets = series.all(samples);
        let mut points = Self::default();
        for (at, slot) in timeline.slots.iter().enumerate().take(to).skip(from.max(series.first)) {
            if let Some(bucket) = buckets.get(at - series.first).filter(|bucket| bucket.samples > 0) {
                points.push(slot.hours(), bucket, slot.mean_load().unwrap_or(f64::NAN));
            }
        }
        // The first sample of an earlier boot is not kept.
        let first = series.first_bytes().filter(|_| to == timeline.slots.len());
        points.first =
            first.map_or_else(|| points.mean.first().copied().unwrap_or(0.0), |bytes| bytes as f64);
        points
    }

    fn push(&mut self, hours: f64, bucket: &Bucket, load: f64) {
        self.hours.push(hours);
        self.mean.push(bucket.mean);
        self.min.push(bucket.min);
        self.max.push(bucket.max);
        self.outstanding.push(bucket.outstanding);
        self.allocs.push(bucket.allocs);
        self.frees.push(bucket.frees);
        self.fell.push(bucket.fell);
        self.dropped.push(bucket.dropped);
        self.moves.push((!bucket.moves_unknown).then_some(bucket.moves));
        self.load.push(load);
        self.last = bucket.last;
        self.inexact |= bucket.inexact;
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.hours.len()
    }

    /// Hours from first to last.
    pub fn span(&self) -> f64 {
        self.hours.last().zip(self.hours.first()).map_or(0.0, |(last, first)| last - first)
    }

    /// Those from index `from` on.
    #[must_use]
    pub fn after(&self, from: usize) -> Self {
        let cut = |values: &[f64]| values.get(from..).unwrap_or_default().to_vec();
        Self {
            hours: cut(&self.hours),
            mean: cut(&self.mean),
            min: cut(&self.min),
            max: cut(&self.max),
            outstanding: cut(&self.outstanding),
            allocs: cut(&self.allocs),
            frees: cut(&self.frees),
            fell: self.fell.get(from..).unwrap_or_default().to_vec(),
            dropped: self.dropped.get(from..).unwrap_or_default().to_vec(),
            moves: self.moves.get(from..).unwrap_or_default().to_vec(),
            load: cut(&self.load),
            first: self.first,
            last: self.last,
            inexact: self.inexact,
        }
    }

    /// At most `most` points: neighbours are averaged, least and counted figures kept as such.
    #[must_use]
    pub fn thinned(&self, most: usize) -> Self {
        let n = self.len();
        let each = n.div_ceil(most.max(1)).max(1);
        if each == 1 {
            return self.clone();
        }
        let mean = |values: &[f64]| -> Vec<f64> {
            values.chunks(each).map(|chunk| chunk.iter().sum::<f64>() / chunk.len() as f64).collect()
        };
        let last = |values: &[f64]| -> Vec<f64> {
            values.chunks(each).map(|chunk| chunk.last().copied().unwrap_or(0.0)).collect()
        };
        let known = |values: &[f64]| -> Vec<f64> {
            values
                .chunks(each)
                .map(|chunk| {
                    let told = chunk.iter().filter(|value| value.is_finite());
                    let (sum, count) =
                        told.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
                    sum / count
                })
                .collect()
        };
        Self {
            hours: mean(&self.hours),
            mean: mean(&self.mean),
            min: self.min.chunks(each).map(|c| c.iter().copied().fold(f64::INFINITY, f64::min)).collect(),
            max: self.max.chunks(each).map(|c| c.iter().copied().fold(f64::NEG_INFINITY, f64::max)).collect(),
            outstanding: mean(&self.outstanding),
            allocs: last(&self.allocs),
            frees: last(&self.frees),
            fell: self.fell.chunks(each).map(|chunk| chunk.contains(&true)).collect(),
            dropped: self.dropped.chunks(each).map(|chunk| chunk.contains(&true)).collect(),
            moves: self.moves.chunks(each).map(|chunk| chunk.iter().copied().sum()).collect(),
            load: known(&self.load),
            first: self.first,
            last: self.last,
            inexact: self.inexact,
        }
    }

    /// The value of a column at an hour, in a straight line between its points.
    pub fn at(&self, column: &[f64], hour: f64) -> f64 {
        let after = self.hours.partition_point(|&other| other < hour).clamp(1, self.len() - 1);
        let (x0, x1) = (self.hours[after - 1], self.hours[after]);
        let (y0, y1) = (column[after - 1], column[after]);
        y0 + (y1 - y0) * ((hour - x0) / (x1 - x0)).clamp(0.0, 1.0)
    }

    /// The load where every point has one; the first point may lack it and takes the second's.
    pub fn known_load(&self) -> Option<Vec<f64>> {
        let mut load = self.load.clone();
        let missing = load.iter().filter(|value| !value.is_finite()).count();
        if load.len() < 4 || missing * 10 > load.len() {
            return None;
        }
        let mut near = load.iter().copied().find(|value| value.is_finite())?;
        for value in &mut load {
            if value.is_finite() {
                near = *value;
            } else {
                *value = near;
            }
        }
        Some(load)
    }
}
