//! Kernel stacks, page tables and per-CPU memory of Linux: pools of which the kernel reports one figure.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use poolmon_leak::{Analysis, AnalysisConfig, Report, Verdict, VerdictKind};
use poolmon_model::{CounterWidth, Counters, Gather, Origin, Pool, Row, Sample, SourceKind, Tag};

/// Two days, every ten minutes: page tables grow by this many bytes an hour, all else is level.
fn two_days(an_hour: u64, summaries: bool) -> Report {
    let origin = Origin::new(SourceKind::Linux, &[Pool::Unreclaimable]);
    let mut sample = Sample::new(origin.into(), CounterWidth::Bits64);
    let mut analysis = Analysis::new(AnalysisConfig::default());
    let mut gather = Gather::default();
    for n in 0..=288_u64 {
        sample.time = Timestamp::from_second(1_772_409_600 + (n * 600).cast_signed()).ok();
        let noise = |seed: u64| n.wrapping_mul(seed) % 13 * 65_536;
        sample.header.kernel_stack = Some(20_000_000 + noise(7919));
        sample.header.page_tables = Some(60_000_000 + n * an_hour / 6 + noise(7907));
        sample.header.percpu = Some(9_000_000);
        let row = |at: u64| Row {
            tag: Tag::name(&format!("cache_{at}")),
            pool: Pool::Unreclaimable,
            counters: Counters {
                reported_diff: Some((1000 + at * 10 + n * (at + 3) % 7).cast_signed()),
                bytes: Some((1000 + at * 10 + n * (at + 3) % 7) * 512),
                ..Counters::default()
            },
            reported_owner: None,
        };
        sample.rows = (0..30).map(row).collect();
        if !summaries || n < 2 || gather.push(&sample) {
            analysis.push(&sample);
        } else if gather.samples() == 2 {
            analysis.push_summary(&sample, &gather.finish().expect("samples were gathered"));
        }
    }
    analysis.report()
}

fn of(report: &Report, pool: Pool) -> &Verdict {
    report.verdicts.iter().find(|verdict| verdict.pool == pool).expect("it is judged")
}

#[test]
fn page_tables_that_grow_are_named() {
    for summaries in [false, true] {
        let report = two_days(2 << 20, summaries);
        let tables = of(&report, Pool::PageTables);
        let said = tables.sentence(&TimeZone::UTC);
        assert!(tables.kind < VerdictKind::Growing, "{said}\n{:?}", tables.suspicion);
        assert!((tables.bytes.per_hour / f64::from(2 << 20) - 1.0).abs() < 0.05, "{said}");
        assert!(said.starts_with("PageTables (page-tables)"), "{said}");
        assert!(!tables.reasons.iter().any(|reason| reason.contains("of its pool")), "{:?}", tables.reasons);
        assert!(of(&report, Pool::KernelStack).kind > VerdictKind::Growing);
        assert!(report.pools.iter().any(|pool| pool.pool == Pool::PageTables && pool.grows));
    }
}

#[test]
fn without_growth_they_are_steady() {
    let report = two_days(0, false);
    for pool in Pool::WHOLE {
        assert!(
            of(&report, pool).kind > VerdictKind::Growing,
            "{}",
            of(&report, pool).sentence(&TimeZone::UTC)
        );
    }
}
