//! Logs that leave something out, times or bytes: what they show without it counts, and nothing that needs it.

use jiff::Timestamp;
use poolmon_leak::suspicion::BY_TIME;
use poolmon_leak::{Analysis, AnalysisConfig, Report, VerdictKind};
use poolmon_model::{CounterWidth, Origin, Pool, Row, Sample, SourceKind, Tag};

/// Six logs over two days, at irregular times; one row of forty grows in each of them and frees nothing.
fn six_logs(timed: bool) -> Report {
    let mut analysis = Analysis::new(AnalysisConfig::default());
    for (n, hour) in [0_u64, 11, 14, 15, 44, 48].into_iter().enumerate() {
        let origin = Origin::new(SourceKind::Windows, &[Pool::Nonpaged]);
        let mut sample = Sample::new(origin.into(), CounterWidth::Bits32);
        let start = 1_772_409_600;
        sample.time = Timestamp::from_second(start + (hour * 3600).cast_signed()).ok().filter(|_| timed);
        let calm = |at: u8| {
            let (held, made) = (5000 + u64::from(at) * 100, 70_000 * hour + n as u64 * u64::from(at));
            Row::windows(
                Tag::pool([b'C', b'm', b'a' + at / 26, b'a' + at % 26]),
                Pool::Nonpaged,
                held + made,
                made,
                held * 256,
            )
        };
        sample.rows = (0..40).map(calm).collect();
        let held = 4000 + hour * 2000;
        sample.rows.push(Row::windows(Tag::pool(*b"Leak"), Pool::Nonpaged, held, 0, held * 512));
        analysis.push(&sample);
    }
    analysis.report()
}

#[test]
fn rules_that_need_a_clock_say_nothing_without_one() {
    let said = |timed: bool| {
        let report = six_logs(timed);
        let leak = report.verdicts.iter().find(|verdict| verdict.tag == Tag::pool(*b"Leak")).unwrap();
        let suspicion = leak.suspicion.clone().expect("it grew");
        let rules: Vec<&str> = suspicion.contributions.iter().map(|one| one.rule).collect();
        (rules.iter().any(|rule| BY_TIME.contains(rule)), suspicion.confidence)
    };
    let ((with_clock, timed), (without, untimed)) = (said(true), said(false));
    assert!(with_clock && !without);
    assert!(timed > untimed && untimed > 0.3, "{timed} with times, {untimed} without");
}

#[test]
fn without_a_clock_nothing_is_per_hour() {
    let report = six_logs(false);
    let leak = report.verdicts.iter().find(|verdict| verdict.tag == Tag::pool(*b"Leak")).unwrap();
    let sentence = leak.sentence(&jiff::tz::TimeZone::UTC);
    assert!(!sentence.contains("/h") && !sentence.contains("needs about"), "{sentence}");
    assert!(leak.exhaustion.is_none() && leak.needs_hours.is_none() && leak.change > 0.0);
    assert!(report.pools.iter().all(|pool| !pool.bytes.is_known()) && report.power.is_none());
    let data = serde_json::to_value(leak.with_unknown_figures()).unwrap();
    assert!(data["bytes"].is_null() && data["allocs"].is_null(), "{data:#}");
    assert!(six_logs(true).verdicts[0].sentence(&jiff::tz::TimeZone::UTC).contains("/h"));
}

/// Thirty samples of two rows that gain 10,000 objects each time; of the second row, bytes are known where `known` says so.
fn thirty(known: impl Fn(u64) -> bool) -> Report {
    let mut analysis = Analysis::new(AnalysisConfig::default());
    for n in 0..30_u64 {
        let origin = Origin::new(SourceKind::TableFile, &[Pool::Nonpaged, Pool::Paged]);
        let mut sample = Sample::new(origin.into(), CounterWidth::Bits32);
        sample.time = Timestamp::from_second(1_772_409_600 + (n * 300).cast_signed()).ok();
        let held = 200_000 + n * 10_000;
        for (tag, pool) in [(*b"Seen", Pool::Paged), (*b"Dark", Pool::Nonpaged)] {
            let mut row = Row::windows(Tag::pool(tag), pool, held + n * 5000, n * 5000, held * 1024);
            row.counters.bytes = row.counters.bytes.filter(|_| tag == *b"Seen" || known(n));
            sample.rows.push(row);
        }
        analysis.push(&sample);
    }
    analysis.report()
}

#[test]
fn bytes_that_are_not_known_are_not_0() {
    let dark = |report: &Report| {
        report.verdicts.iter().find(|verdict| verdict.tag == Tag::pool(*b"Dark")).cloned().unwrap()
    };
    let report = thirty(|_| false);
    let verdict = dark(&report);
    assert_eq!((verdict.kind, verdict.since, verdict.needs_hours), (VerdictKind::Unknown, None, None));
    assert_eq!(
        verdict.reasons,
        ["490,000 outstanding allocations at the end, +290,000 since it was first listed"]
    );
    let pools: Vec<Pool> = report.pools.iter().map(|pool| pool.pool).collect();
    assert_eq!(pools, [Pool::Paged], "the other pool's size is not known");
    // A row of which some samples were cut is judged by the others, and falls nowhere.
    let all = dark(&thirty(|_| true));
    let some = dark(&thirty(|n| n % 3 != 1));
    assert!(all.kind.rises(), "{all:?}");
    assert_eq!((some.kind, some.held, some.change), (all.kind, all.held, all.change));
    assert!((some.bytes.per_hour - all.bytes.per_hour).abs() < 1.0, "{:?} {:?}", some.bytes, all.bytes);
}
