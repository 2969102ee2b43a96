//! What is said of rows beside their kind: each claim with a history in which it is true, and one in which it is not.

#![allow(
    missing_docs,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a test with small numbers"
)]

use std::time::Duration;

use poolmon_leak::{Analysis, AnalysisConfig, Report, Verdict};
use poolmon_model::{CounterWidth, Counters, Origin, Pool, Row, Sample, SourceKind, Tag};

/// A row at a moment: tag, allocations, frees, bytes of each object.
type At = (&'static [u8; 4], u64, u64, u64);

/// Judges a sample every ten seconds. `available` is the memory that is left; the machine restarts before sample `reboot` and
/// is first seen five hours later.
fn judged(samples: u64, available: u64, reboot: u64, rows: impl Fn(u64) -> Vec<At>) -> Report {
    judged_after_gap(samples, available, reboot, 0, rows)
}

/// The same; after the first sample nothing is seen for `gap` seconds.
fn judged_after_gap(
    samples: u64,
    available: u64,
    reboot: u64,
    gap: u64,
    rows: impl Fn(u64) -> Vec<At>,
) -> Report {
    let mut analysis = Analysis::new(AnalysisConfig::default());
    for n in 0..samples {
        let mut origin = Origin::new(SourceKind::Windows, &[Pool::Nonpaged]);
        origin.boot = Some(if n < reboot { "first" } else { "second" }.into());
        let mut sample = Sample::new(origin.into(), CounterWidth::Bits64);
        let missed = if n > 0 { gap } else { 0 };
        let up = if n < reboot { 100 * 3600 + n * 10 + missed } else { 5 * 3600 + (n - reboot) * 10 };
        sample.uptime = Some(Duration::from_secs(up));
        sample.time = jiff::Timestamp::from_second(1_800_000_000 + (n * 10 + missed).cast_signed()).ok();
        sample.header.memory_available = Some(available);
        for (tag, allocs, frees, size) in rows(n) {
            let bytes = (allocs - frees) * size;
            let counters = Counters {
                allocs: Some(allocs),
                frees: Some(frees),
                bytes: Some(bytes),
                ..Counters::default()
            };
            sample.rows.push(Row {
                tag: Tag::pool(*tag),
                pool: Pool::Nonpaged,
                counters,
                reported_owner: None,
            });
        }
        analysis.push(&sample);
    }
    analysis.report()
}

fn of(report: &Report, tag: [u8; 4]) -> &Verdict {
    report.verdicts.iter().find(|verdict| verdict.tag == Tag::pool(tag)).unwrap()
}

/// A list that leaves rows out says nothing of its pool, which holds at least all that is listed.
#[test]
fn the_share_of_an_unknown_pool_is_that_of_all_listed_rows() {
    let of = |listed: usize| {
        let mut analysis = Analysis::new(AnalysisConfig::default());
        for n in 0..40_u64 {
            let origin = Origin::new(SourceKind::Windows, &[Pool::Nonpaged]);
            let mut sample = Sample::new(origin.into(), CounterWidth::Bits64);
            sample.coverage = sample.coverage.partial();
            sample.time = jiff::Timestamp::from_second(1_800_000_000 + (n * 600).cast_signed()).ok();
            for (tag, held) in
                [(*b"Leak", 1_000_000 + n * 1_000), (*b"Huge", 1_000_000_000)].into_iter().take(listed)
            {
                let counters = Counters {
                    allocs: Some(held / 100 + n * 1_000),
                    frees: Some(n * 1_000),
                    bytes: Some(held),
                    ..Counters::default()
                };
                sample.rows.push(Row {
                    tag: Tag::pool(tag),
                    pool: Pool::Nonpaged,
                    counters,
                    reported_owner: None,
                });
            }
            analysis.push(&sample);
        }
        let report = analysis.report();
        let row = report.verdicts.iter().find(|verdict| verdict.tag == Tag::pool(*b"Leak")).unwrap();
        row.facts.and_then(|facts| facts.of_pool).expect("a share")
    };
    let (alone, beside) = (of(1), of(2));
    assert!(alone > 0.1 && beside < alone / 900.0, "{alone} and {beside}");
}

#[test]
fn no_end_is_stated_beyond_a_year() {
    // 64 KiB in ten seconds are 23.6 MB an hour.
    let leak = |n: u64| vec![(b"Leak", 1000 + 64 * n, 0, 1024)];
    let near = judged(2000, 100_000_000_000, u64::MAX, leak);
    assert!(of(&near, *b"Leak").exhaustion.is_some_and(|end| end.hours > 4000.0), "{near:?}");
    assert_eq!(of(&judged(2000, 300_000_000_000, u64::MAX, leak), *b"Leak").exhaustion, None);
}

#[test]
fn allocations_fall_where_one_sample_shows_it() {
    let held = |n: u64, dips: u64| {
        // Each sample brings ten; every fiftieth frees fifteen. An average over a few samples still rises.
        let freed = n / 50 * 15 * dips;
        vec![(b"Leak", 1000 + 10 * n, freed, 4096)]
    };
    assert!(of(&judged(2000, u64::MAX, u64::MAX, |n| held(n, 0)), *b"Leak").evidence.only_rises);
    assert!(!of(&judged(2000, u64::MAX, u64::MAX, |n| held(n, 1)), *b"Leak").evidence.only_rises);
}

#[test]
fn what_gains_at_the_same_times_is_one_cause_whatever_the_multiple() {
    let gained = |n: u64, lag: f64| -> u64 {
        (0..n).map(|at| (50.0 + 45.0 * ((at as f64 + lag) / 40.0).sin()) as u64).sum()
    };
    let rows = |lag: f64| {
        move |n: u64| {
            let busy = 10_000 * n + (n * 7919) % 5000;
            vec![
                (b"Left", 1000 + 10 * gained(n, 0.0), 0, 64),
                (b"Rght", 1000 + 24 * gained(n, lag), 0, 64),
                (b"Busy", busy + 500, busy, 64),
            ]
        }
    };
    let together = judged(1500, u64::MAX, u64::MAX, rows(0.0));
    assert_eq!(together.groups.len(), 1, "{:?}", together.verdicts);
    let apart = judged(1500, u64::MAX, u64::MAX, rows(120.0));
    assert_eq!(apart.groups.len(), 0, "{:?}", apart.groups);
}

#[test]
fn the_time_since_the_start_is_that_of_the_boot_that_is_judged() {
    let leak = |n: u64| vec![(b"Leak", 1000 + 64 * n, 0, 1024)];
    let uptime =
        |reboot: u64| of(&judged(800, u64::MAX, reboot, leak), *b"Leak").facts.unwrap().uptime.unwrap();
    assert!((uptime(200) - 5.0).abs() < 0.1, "{}", uptime(200));
    assert!((uptime(u64::MAX) - 100.0).abs() < 0.1, "{}", uptime(u64::MAX));
}

#[test]
fn a_gap_after_the_first_sample_does_not_hide_the_others() {
    let leak = |n: u64| vec![(b"Leak", 1000 + 64 * n, 0, 1024)];
    let report = judged_after_gap(100, u64::MAX, u64::MAX, 3600, leak);
    assert!(of(&report, *b"Leak").evidence.points > 90, "{report:?}");
}

#[test]
fn what_is_freed_at_the_last_sample_does_not_leak() {
    let rows = |n: u64| vec![(b"Leak", 1000 + 64 * n, if n == 999 { 64_000 } else { 0 }, 1024)];
    let report = judged(1000, u64::MAX, u64::MAX, rows);
    let row = of(&report, *b"Leak");
    assert!(!row.kind.rises() && row.confidence.is_none(), "{row:?}");
    assert!(of(&judged(999, u64::MAX, u64::MAX, rows), *b"Leak").kind.rises());
}

#[test]
fn growth_that_begins_after_a_reboot_did_not_begin_before_the_recording() {
    let leak = |n: u64| vec![(b"Leak", 1000 + 64 * (n % 400), 0, 1024)];
    assert!(of(&judged(400, u64::MAX, u64::MAX, leak), *b"Leak").since_start);
    assert!(!of(&judged(800, u64::MAX, 400, leak), *b"Leak").since_start);
}

#[test]
fn of_few_rows_ninety_percent_are_all() {
    let rows = |n: u64| vec![(b"Leak", 1000 + 64 * n, 0, 1024), (b"Calm", 1000, 0, 1024)];
    let calm = judged(100, u64::MAX, u64::MAX, rows).calm.unwrap();
    assert!(calm >= 99.0 * 65_536.0, "{calm}");
}
