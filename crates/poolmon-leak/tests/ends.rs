//! The figures of a verdict are those of samples, however many samples a point of the judge stands for.
#![allow(clippy::float_cmp, reason = "whole numbers of bytes")]

use jiff::Timestamp;
use poolmon_leak::{Analysis, AnalysisConfig, Report};
use poolmon_model::{CounterWidth, Origin, Pool, Row, Sample, SourceKind, Tag};

const MIB: u64 = 1 << 20;

/// A sample a minute: bytes of one tag, and of the pool that the header reports.
fn judged(samples: u64, held: impl Fn(u64) -> u64) -> Report {
    let mut sample =
        Sample::new(Origin::new(SourceKind::Windows, &[Pool::Nonpaged]).into(), CounterWidth::Bits64);
    let mut analysis = Analysis::new(AnalysisConfig::default());
    for n in 0..samples {
        sample.time = Timestamp::from_second(1_772_409_600 + (n * 60).cast_signed()).ok();
        let held = held(n);
        sample.header.pool_nonpaged = Some(100 * MIB + held);
        sample.rows = vec![Row::windows(Tag::pool(*b"Jmp1"), Pool::Nonpaged, held / 512, 0, held)];
        analysis.push(&sample);
    }
    analysis.report()
}

#[test]
fn the_last_figure_is_that_of_the_last_sample() {
    for samples in [12, 144, 500, 1_000, 5_000] {
        // It jumps in the last sample alone.
        let report = judged(samples, |n| 3 * MIB + n * 1024 + if n + 1 == samples { 1_000 * MIB } else { 0 });
        let verdict =
            report.verdicts.iter().find(|verdict| verdict.tag == Tag::pool(*b"Jmp1")).expect("it is judged");
        let (first, last) = (3 * MIB, 1_003 * MIB + (samples - 1) * 1024);
        assert_eq!(verdict.held, last as f64, "{samples} samples");
        assert_eq!(verdict.change, (last - first) as f64, "{samples} samples");
        let pool = report.pools.iter().find(|pool| pool.pool == Pool::Nonpaged).expect("the header has it");
        assert_eq!(
            (pool.held, pool.change),
            ((100 * MIB + last) as f64, (last - first) as f64),
            "{samples} samples"
        );
    }
}

#[test]
fn what_is_freed_in_the_last_sample_is_not_held() {
    let samples = 1_000;
    let report = judged(samples, |n| if n + 1 == samples { MIB } else { 900 * MIB });
    let verdict =
        report.verdicts.iter().find(|verdict| verdict.tag == Tag::pool(*b"Jmp1")).expect("it is judged");
    assert_eq!((verdict.held, verdict.change), (MIB as f64, -(899.0 * MIB as f64)));
}
