//! Summaries of stretches lead where their samples lead.

use jiff::Timestamp;
use poolmon_leak::series::CurvePoint;
use poolmon_leak::{Analysis, AnalysisConfig};
use poolmon_model::{CounterWidth, Gather, Origin, Pool, Row, Sample, SourceKind, Summary, Tag};
use proptest::prelude::*;

const NAMES: [&[u8; 4]; 6] = [b"A   ", b"B   ", b"C   ", b"D   ", b"E   ", b"F   "];

type Step = (i64, u8, [u8; 6]);

/// Rows that move, come and go; reboots; clocks that stand still; a tag that stands twice.
fn samples(steps: &[Step]) -> Vec<Sample> {
    let mut held = [(4_294_967_000_u64, 4_294_966_000_u64); 6];
    let (mut second, mut boots) = (0, 0);
    let mut samples = Vec::new();
    for (n, &(wait, event, moves)) in steps.iter().enumerate() {
        second += wait;
        boots += u64::from(event == 0);
        for (held, by) in held.iter_mut().zip(moves) {
            let (made, given) = (u64::from(by % 8), u64::from(by / 8 % 8));
            *held = (held.0 + made, held.1 + given.min(held.0 + made - held.1));
        }
        let origin =
            Origin { boot: Some(boots.to_string()), ..Origin::new(SourceKind::Simulated, &[Pool::Nonpaged]) };
        let mut sample = Sample::new(origin.into(), CounterWidth::Bits32);
        sample.time = Timestamp::from_second(1_772_409_600 + second).ok();
        let shown = if event == 1 { 4 } else { 6 };
        for (&name, (allocs, frees)) in NAMES.iter().zip(held).take(shown) {
            let low = |figure: u64| figure & u64::from(u32::MAX);
            let bytes = (allocs - frees) * 64;
            sample.rows.push(Row::windows(Tag::pool(*name), Pool::Nonpaged, low(allocs), low(frees), bytes));
        }
        if event == 2 && n % 3 == 0 {
            sample.rows.push(sample.rows[0].clone());
        }
        samples.push(sample);
    }
    samples
}

/// As a long recording is judged: by summaries where there are some, by samples elsewhere.
fn by_summaries(samples: &[Sample], length: u32) -> (Analysis, Vec<Summary>) {
    let mut analysis = Analysis::new(AnalysisConfig::default());
    let (mut gather, mut waiting, mut all) = (Gather::default(), Vec::new(), Vec::new());
    for sample in samples {
        if gather.push(sample) {
            waiting.push(sample);
        } else {
            waiting.drain(..).for_each(|sample| analysis.push(sample));
            analysis.push(sample);
        }
        if gather.samples() == length {
            let summary = gather.finish().expect("samples were gathered");
            assert_eq!(summary.rows.len(), sample.rows.len());
            analysis.push_summary(sample, &summary);
            all.push(summary);
            waiting.clear();
        }
    }
    for sample in waiting {
        analysis.push(sample);
    }
    (analysis, all)
}

fn ends(curve: &[CurvePoint]) -> (f64, f64) {
    curve
        .iter()
        .fold((f64::INFINITY, 0.0), |(least, most), point| (point.least.min(least), point.most.max(most)))
}

proptest! {
    #[test]
    fn the_same_extremes_means_and_counts(
        steps in prop::collection::vec((0_i64..90, 0_u8..60, any::<[u8; 6]>()), 40..200),
        length in 1_u32..12,
    ) {
        let samples = samples(&steps);
        let mut whole = Analysis::new(AnalysisConfig::default());
        for sample in &samples {
            whole.push(sample);
        }
        let (told, _) = by_summaries(&samples, length);
        prop_assert_eq!(whole.samples(), told.samples());
        prop_assert_eq!(whole.len(), told.len());
        for name in NAMES {
            let curve = |analysis: &Analysis| analysis.curve(&Tag::pool(*name), Pool::Nonpaged);
            prop_assert_eq!(ends(&curve(&whole)), ends(&curve(&told)));
        }
        prop_assert_eq!(ends(&whole.pool_curve(Pool::Nonpaged)), ends(&told.pool_curve(Pool::Nonpaged)));
        let (whole, told) = (whole.report(), told.report());
        prop_assert_eq!(whole.verdicts.len(), told.verdicts.len());
    }

    /// Against sums made here, sample by sample.
    #[test]
    fn a_summary_is_the_sum_of_its_samples(moves in prop::collection::vec(any::<[u8; 6]>(), 2..40)) {
        let steps: Vec<Step> = moves.iter().map(|&by| (5, 9, by)).collect();
        let samples = samples(&steps);
        let mut gather = Gather::default();
        prop_assert!(!gather.push(&samples[0]));
        for sample in &samples[1..] {
            prop_assert!(gather.push(sample));
        }
        let summary = gather.finish().unwrap();
        let count = samples.len() - 1;
        prop_assert_eq!(summary.samples as usize, count);
        prop_assert_eq!(summary.span.as_secs(), 5 * count as u64);
        prop_assert_eq!(summary.mean_before.as_micros(), 2_500_000 * (count as u128 - 1));
        for (at, row) in summary.rows.iter().enumerate() {
            let figures = || samples[1..].iter().map(|sample| &sample.rows[at].counters);
            let bytes: Vec<u64> = figures().map(|row| row.bytes.unwrap()).collect();
            let mean = bytes.iter().sum::<u64>() as f64 / count as f64;
            prop_assert_eq!(Some(row.least), bytes.iter().copied().min());
            prop_assert_eq!(Some(row.most), bytes.iter().copied().max());
            let (least, most) = (row.least as f64, row.most as f64);
            prop_assert!((row.mean() - mean).abs() <= (most - least) / 510.0 + 1e-6);
            prop_assert!((row.outstanding as f64 / 4.0 - mean / 64.0).abs() <= (most - least) / 255.0 / 64.0 + 0.6);
            let (first, last) = (samples[0].rows[at].counters, figures().next_back().unwrap());
            let turned = |now: Option<u64>, before: Option<u64>| (now.unwrap() + (1 << 32) - before.unwrap()) & 0xffff_ffff;
            prop_assert_eq!(row.allocs, turned(last.allocs, first.allocs));
            prop_assert_eq!(row.frees, turned(last.frees, first.frees));
            prop_assert_eq!(row.samples as usize, count);
        }
        prop_assert_eq!(gather.samples(), 0);
    }
}
