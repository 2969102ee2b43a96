//! A leak beside a process that takes and frees many of the same kind.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use poolmon_holder::{Census, Counts, Entry, History, Holder, HolderId, Kind};
use poolmon_leak::{Analysis, VerdictKind};
use poolmon_model::{
    CounterWidth, Counters, Filter, Gravity, Origin, Pattern, Pool, Row, Sample, SourceKind, Tag,
};
use poolmon_owner::linux::MergedCaches;
use rustc_hash::FxHashMap;

use crate::{AnalysedSeries, Material, findings, html, main_holder, markdown, words};

/// What a process keeps at a second.
type Course = fn(u64) -> u64;

/// A watch of 40 s of these processes, by name and UNIX sockets. The kernel lists their cache as `signal_cache`.
fn watched(processes: &[(&str, Course)]) -> AnalysedSeries {
    let pools = [Pool::Unreclaimable];
    let mut analysis = Analysis::new(AnalysedSeries::config());
    let mut history = History::default();
    for second in 0..=40_u64 {
        let origin = Origin::new(SourceKind::Linux, &pools);
        let mut sample = Sample::new(origin.into(), CounterWidth::Bits64);
        sample.time = Timestamp::from_second(1_800_000_000 + second.cast_signed()).ok();
        let all: u64 = processes.iter().map(|(_, course)| course(second)).sum();
        for (name, objects) in [("signal_cache", 700 + all), ("steady", 500)] {
            let bytes = Some(objects * 1152);
            let counters = Counters {
                reported_diff: Some(objects.cast_signed()),
                bytes,
                used: bytes,
                ..Counters::default()
            };
            sample.rows.push(Row {
                tag: Tag::name(name),
                pool: Pool::Unreclaimable,
                counters,
                reported_owner: None,
            });
        }
        analysis.push(&sample);
        let of = |(at, (name, course)): (usize, &(&str, Course))| {
            let mut counts = Counts::default();
            for kind in [Kind::Unix, Kind::Socket, Kind::Descriptor] {
                counts.set(kind, course(second));
            }
            let id = HolderId::Process { pid: 100 + u32::try_from(at).unwrap(), start: 1 };
            Entry { holder: Holder { id, name: (*name).into() }, group: None, counts }
        };
        let entries = processes.iter().enumerate().map(of).collect();
        history.push(second as f64, &Census { entries, ..Census::default() });
    }
    let merged = MergedCaches::new([["signal_cache", "UNIX"].map(str::to_owned).to_vec()]);
    let report = analysis.report_with(&|_, _| None, &main_holder(&analysis, &history, &merged));
    AnalysedSeries {
        source: AnalysedSeries::THIS_MACHINE.into(),
        host: None,
        system: None,
        span: None,
        needs: analysis.needs(),
        report,
        perfmon: None,
        analysis,
        last: Sample::empty(),
        holders: FxHashMap::default(),
    }
    .with_holders(&history, &merged)
    .with_merged(&merged)
}

fn leak(second: u64) -> u64 {
    20 + 50 * second
}

/// Fills up to 2,000 in eight seconds, and closes all.
fn sawtooth(second: u64) -> u64 {
    250 * (second % 8)
}

fn material(judged: &AnalysedSeries) -> Material<'_> {
    Material {
        report: &judged.report,
        analysis: &judged.analysis,
        perfmon: None,
        needs: None,
        ..super::material()
    }
}

#[test]
fn a_leak_beside_a_sawtooth_is_said() {
    let judged = watched(&[("python3 leak.py", leak), ("python3 saw.py", sawtooth)]);
    assert!(
        judged.report.verdicts.iter().all(|verdict| verdict.kind > VerdictKind::Suspected),
        "the row is noise"
    );
    let risers = &judged.report.risers;
    assert_eq!(risers.len(), 1, "sums are left out, and so is who closes all: {risers:?}");
    assert_eq!(
        risers[0].sentence(),
        "python3 leak.py (pid 100): 2,020 UNIX sockets, +50.0/s (50.0–50.0, 95 %), all 40 s"
    );
    let row =
        &judged.report.verdicts.iter().find(|verdict| verdict.tag == Tag::name("signal_cache")).unwrap();
    let places = format!("its objects live in UNIX, listed as signal_cache ({})", words::word(row));
    assert_eq!(risers[0].places(), Some(places.clone()));
    let filter = Filter::default();
    let counts = words::Counts { tags: 2, rising: 1, ..words::Counts::default() };
    assert_eq!(
        words::headline(&judged.report, &judged.analysis.config, None, counts),
        "No row is a suspect, but 1 holder only rises in 41 samples over 40 s:"
    );
    assert_eq!(words::risers(&judged.report, &filter).count(), 1);
    let short = words::row_verdict(&judged.report, row, &TimeZone::UTC).unwrap();
    assert_eq!((short.gravity, short.brief.as_str()), (Gravity::Suspected, "holder rises +50.0/s"));
    assert!(short.lines[0].contains("python3 leak.py (pid 100)"), "{short:?}");
    let other = Filter { include: vec![Pattern::new("steady")], ..Filter::default() };
    assert_eq!(words::risers(&judged.report, &other).count(), 0, "its row is not asked for");
    let material = material(&judged);
    assert_eq!(findings::leaks(&material).rising, 1);
    for page in [html::page(&material), markdown::page(&material)] {
        assert!(!page.contains("No leak found"), "{page}");
        assert!(page.contains("1 holder only rises") && page.contains("python3 leak.py"), "{page}");
        assert!(page.contains("UNIX"), "{page}");
    }
}

#[test]
fn who_is_named_by_a_suspect_is_not_said_again() {
    let judged = watched(&[("python3 leak.py", leak)]);
    assert!(judged.report.verdicts[0].kind <= VerdictKind::Suspected);
    let risers = &judged.report.risers;
    assert!(risers.len() == 1 && risers[0].is_named, "{risers:?}");
    assert_eq!(words::risers(&judged.report, &Filter::default()).count(), 0);
}

#[test]
fn who_gives_back_or_has_stopped_does_not_rise() {
    let judged = watched(&[
        ("saw", sawtooth),
        ("filled", |second| 40 * second.min(20)),
        ("jumped", |second| if second < 9 { 0 } else { 5_000 }),
        ("still", |_| 4_000),
    ]);
    assert_eq!(judged.report.risers, []);
}
