//! Values without samples: series that come from anywhere else.

use std::sync::Arc;

use jiff::Timestamp;
use poolmon_model::{CounterWidth, Counters, Key, Origin, Pool, Row, Sample, SourceKind};

use super::Analysis;

impl Analysis {
    /// Takes the bytes that each of several series holds at one moment. A series that is missing counts as freed.
    ///
    /// All series of one analysis share their moments: what grows in step with the others is not a leak. Moments are pushed
    /// oldest first; one that is not later than the last is skipped and counted. The number of bytes is all that is known
    /// here. [`Analysis::push`] takes allocations and frees as well, and is surer with them.
    pub fn push_values<'a>(&mut self, time: Timestamp, values: impl IntoIterator<Item = (&'a Key, u64)>) {
        let row = |(key, bytes): (&Key, u64)| Row {
            tag: key.tag.clone(),
            pool: key.pool,
            counters: Counters { bytes: Some(bytes), ..Counters::default() },
            reported_owner: None,
        };
        let rows: Vec<Row> = values.into_iter().map(row).collect();
        let origin = self.origin.clone();
        let origin = origin.unwrap_or_else(|| Arc::new(Origin::new(SourceKind::TableFile, &Pool::ALL)));
        let mut sample = Sample::new(origin, CounterWidth::Bits64);
        sample.time = Some(time);
        sample.rows = rows;
        self.push(&sample);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;
    use poolmon_model::Tag;

    use crate::{AnalysisConfig, VerdictKind};

    #[test]
    fn values_are_judged_like_samples_that_report_bytes() {
        let leaking = Key { tag: Tag::name("leaking"), pool: Pool::Unreclaimable };
        let steady = Key { tag: Tag::name("steady"), pool: Pool::Unreclaimable };
        let start: Timestamp = "2026-03-02T00:00:00Z".parse().unwrap();
        let mut analysis = Analysis::new(AnalysisConfig::default());
        for minute in 0..3 * 24 * 60_u64 {
            let time = start + SignedDuration::from_mins(minute.cast_signed());
            analysis.push_values(time, [(&leaking, (64 << 20) + minute * 8192), (&steady, 30 << 20)]);
        }
        analysis.push_values(start, [(&leaking, 0)]);
        let report = analysis.report();
        let verdict = report.verdict(&leaking).unwrap();
        assert_eq!(verdict.kind, VerdictKind::Leaking, "{:?}", verdict.suspicion);
        assert!((verdict.bytes.per_hour - 8192.0 * 60.0).abs() < 1.0, "{:?}", verdict.bytes);
        assert_eq!(report.verdict(&steady).unwrap().kind, VerdictKind::Steady);
        let other_pool = Key { pool: Pool::Reclaimable, ..leaking };
        assert!(report.verdict(&other_pool).is_none());
        assert_eq!(report.out_of_order, 1);
    }

    #[test]
    fn a_header_of_some_samples_is_no_change_of_the_pool() {
        // The header counts what no row shows, too.
        for (with_header, held, is_header) in [
            (&[0][..], 113.0, false),
            (&[0, 1, 2, 5, 9], 1009.0, true),
            (&[5], 113.0, false),
            (&[], 113.0, false),
        ] {
            let mut analysis = Analysis::new(AnalysisConfig::default());
            let origin = Arc::new(Origin::new(SourceKind::TableFile, &[Pool::Paged]));
            for n in 0..14 {
                let mut sample = Sample::new(Arc::clone(&origin), CounterWidth::Bits64);
                sample.time = Timestamp::from_second(1_800_000_000 + n * 600).ok();
                let bytes = 100 + n.cast_unsigned();
                sample.rows.push(Row::windows(Tag::pool(*b"Tst1"), Pool::Paged, bytes, 0, bytes));
                if with_header.contains(&n) {
                    sample.header.pool_paged = Some(1000 + n.cast_unsigned());
                }
                analysis.push(&sample);
            }
            let pools = analysis.report().pools;
            let pool = &pools[0];
            assert_eq!((pool.held, pool.from_header), (held, is_header), "{with_header:?}");
            let change = if is_header {
                9
            } else if with_header == [0] {
                12
            } else {
                13
            };
            assert_eq!(format!("{:.3}", pool.change), format!("{change}.000"));
        }
    }
}
