//! Logs without times: what they show without a clock counts, and nothing that needs one.

use jiff::Timestamp;
use poolmon_leak::suspicion::BY_TIME;
use poolmon_leak::{Analysis, AnalysisConfig, Report};
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
