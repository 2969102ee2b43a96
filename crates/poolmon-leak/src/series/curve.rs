//! What a series looks like, for plots: a point for each slot that had samples.

use jiff::{SignedDuration, Timestamp};
use poolmon_model::{Pool, Tag};

use super::{Bucket, BucketSeries};
use crate::Analysis;

/// One slot of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// Mean time of its samples, hours since the first sample of all.
    pub hours: f64,
    /// Least bytes.
    pub least: f64,
    /// Mean bytes.
    pub mean: f64,
    /// Most bytes.
    pub most: f64,
    /// Mean outstanding allocations; 0 if the source does not report them.
    pub outstanding: f64,
    /// Boot that it belongs to, counted from 0.
    pub boot: u32,
}

impl Analysis {
    /// The course of a tag; empty if it was never seen. At most [`crate::AnalysisConfig::buckets`] points.
    pub fn curve(&self, tag: &Tag, pool: Pool) -> Vec<CurvePoint> {
        let series = self.series.iter().find(|series| series.pool == pool && series.tag == *tag);
        series.map(|series| self.points(series)).unwrap_or_default()
    }

    /// The course of a whole pool: the header's figure, else the sum of the rows.
    pub fn pool_curve(&self, pool: Pool) -> Vec<CurvePoint> {
        let series = self.pools.iter().find(|series| series.pool == pool);
        series.map(|series| self.points(series)).unwrap_or_default()
    }

    /// A moment this many hours after the first sample; `None` if no sample reported the time.
    pub fn at(&self, hours: f64) -> Option<Timestamp> {
        let since = SignedDuration::try_from_secs_f64(hours * 3600.0).ok()?;
        self.start?.checked_add(since).ok()
    }

    fn points(&self, series: &BucketSeries) -> Vec<CurvePoint> {
        let buckets = series.all(self.samples);
        let slots = self.timeline.slots.iter().skip(series.first);
        let seen = slots.zip(&buckets).filter(|(_, bucket)| bucket.samples > 0);
        seen.map(|(slot, bucket)| {
            let &Bucket { min, mean, max, outstanding, .. } = bucket;
            CurvePoint { hours: slot.hours(), least: min, mean, most: max, outstanding, boot: slot.epoch }
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use poolmon_model::{CounterWidth, Counters, Origin, Row, Sample, SourceKind};

    use super::*;
    use crate::AnalysisConfig;

    fn sample(second: i64, boot: &str, bytes: Option<u64>) -> Sample {
        let origin =
            Origin { boot: Some(boot.into()), ..Origin::new(SourceKind::Windows, &[Pool::Nonpaged]) };
        let mut sample = Sample::new(origin.into(), CounterWidth::default());
        sample.time = Timestamp::from_second(1_000_000 + second).ok();
        sample.rows.extend(bytes.map(|bytes| {
            let counters = Counters {
                allocs: Some(bytes / 16),
                frees: Some(0),
                bytes: Some(bytes),
                ..Counters::default()
            };
            Row { tag: Tag::pool(*b"Test"), pool: Pool::Nonpaged, counters, reported_owner: None }
        }));
        sample
    }

    #[test]
    fn a_point_for_each_slot_that_had_the_row() {
        let mut analysis = Analysis::new(AnalysisConfig::default());
        let tag = Tag::pool(*b"Test");
        assert!(analysis.curve(&tag, Pool::Nonpaged).is_empty() && analysis.at(0.0).is_none());
        for (second, boot, bytes) in [
            (0, "a", None),
            (10, "a", Some(160)),
            (20, "a", Some(320)),
            (30, "a", None),
            (40, "b", None),
            (50, "b", Some(16)),
        ] {
            analysis.push(&sample(second, boot, bytes));
        }
        let curve = analysis.curve(&tag, Pool::Nonpaged);
        let told: Vec<_> = curve
            .iter()
            .map(|point| ((point.hours * 3600.0).round(), point.mean, point.outstanding, point.boot))
            .collect();
        let wanted =
            [(10.0, 160.0, 10.0, 0), (20.0, 320.0, 20.0, 0), (30.0, 0.0, 0.0, 0), (50.0, 16.0, 1.0, 1)];
        assert_eq!(told, wanted, "gone is nothing held, before it was seen nothing is known");
        assert_eq!(analysis.pool_curve(Pool::Nonpaged).len(), 6);
        assert!(analysis.curve(&tag, Pool::Paged).is_empty());
        assert_eq!(analysis.at(1.0), Timestamp::from_second(1_003_600).ok());
    }
}
