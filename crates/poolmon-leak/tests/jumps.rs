//! What jumped once and stands has stopped: a queue that was filled and is not read. It is no suspect, whenever in the watch it jumped.

use jiff::Timestamp;
use poolmon_leak::{Analysis, AnalysisConfig, Report, VerdictKind};
use poolmon_model::{CounterWidth, Counters, Origin, Pool, Row, Sample, SourceKind, Tag};

/// A watch of 40 s beside quiet rows: objects at each second.
fn watch(objects: impl Fn(u64) -> u64) -> Report {
    let origin =
        Origin { boot: Some("one".into()), ..Origin::new(SourceKind::Linux, &[Pool::Unreclaimable]) };
    let config = AnalysisConfig { least_hours: 20.0 / 3600.0, ..AnalysisConfig::default() };
    let mut analysis = Analysis::new(config);
    let mut sample = Sample::new(origin.into(), CounterWidth::Bits64);
    for second in 0..=40_u64 {
        sample.time = Timestamp::from_second(1_772_409_600 + second.cast_signed()).ok();
        let row = |name: &str, objects: u64, size: u64| {
            let counters = Counters {
                reported_diff: Some(objects.cast_signed()),
                bytes: Some(objects.div_ceil(4096 / size) * 4096),
                used: Some(objects * size),
                ..Counters::default()
            };
            Row { tag: Tag::name(name), pool: Pool::Unreclaimable, counters, reported_owner: None }
        };
        sample.rows = vec![
            row("msg_msg-96", objects(second), 96),
            row("filp", 900 + second * second % 7, 192),
            row("task_struct", 100, 1024),
        ];
        analysis.push(&sample);
    }
    analysis.report()
}

#[test]
fn what_was_filled_and_stands_is_no_suspect() {
    for begins in 0..=38_u64 {
        for length in 1..=15_u64 {
            for filled in [800_u64, 20_000, 200_000] {
                let objects = |second: u64| 42 + filled * second.saturating_sub(begins).min(length) / length;
                let report = watch(objects);
                let tag = Tag::name("msg_msg-96");
                let verdict = report.verdicts.iter().find(|verdict| verdict.tag == tag).unwrap();
                let is_suspect = verdict.kind <= VerdictKind::Suspected;
                let says =
                    format!("{begins} s, for {length} s, {filled}: {:?} {:?}", verdict.kind, verdict.reasons);
                // For a tenth of the watch it has been level.
                assert!(!is_suspect || begins + length > 36, "{says}");
                let is_jump =
                    verdict.reasons.iter().any(|reason| reason.contains("one jump explains its growth"));
                assert!(!(is_suspect && is_jump), "it contradicts itself: {says}");
            }
        }
    }
}
