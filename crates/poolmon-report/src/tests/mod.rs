//! The host of `tests/scenarios/report.toml`, judged once, and what is said about it.

use std::path::Path;
use std::sync::OnceLock;

use jiff::tz::TimeZone;
use poolmon_leak::{Analysis, AnalysisConfig, Report, VerdictKind};
use poolmon_model::{CounterWidth, Filter, MarkKind, Origin, Pool, Sample, SourceKind};
use poolmon_synth::hosts::scenario::Scenario;

use super::*;

mod holders;
mod risers;

/// What strangers could write.
pub const HOSTILE: &str = "</title><script>alert('x')</script>`|[a](javascript:b)\u{202e}\u{1b}[31m";

fn judged() -> &'static (Analysis, Report) {
    static JUDGED: OnceLock<(Analysis, Report)> = OnceLock::new();
    JUDGED.get_or_init(|| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios/report.toml");
        let scenario = Scenario::parse(&std::fs::read_to_string(path).unwrap()).unwrap();
        let mut host = scenario.host().unwrap();
        let mut analysis = Analysis::new(AnalysisConfig::default());
        let mut sample = Sample::new(Origin::new(SourceKind::Simulated, &[]).into(), CounterWidth::Bits32);
        while host.sample_into(&mut sample) {
            analysis.push(&sample);
        }
        let report = analysis.report();
        (analysis, report)
    })
}

/// Everything that can be shown, all of it hostile.
pub fn material() -> Material<'static> {
    let (analysis, report) = judged();
    let at = |hours: f64| analysis.at(hours).unwrap();
    let event = |hours, kind, minutes: u64, text: &str| TimelineMark {
        at: at(hours),
        kind,
        length: Duration::from_mins(minutes),
        text: text.to_owned(),
    };
    let mut material = Material {
        title: None,
        source: format!("C:\\{HOSTILE}"),
        host: Some(HOSTILE.to_owned()),
        system: Some(HOSTILE.to_owned()),
        span: Some((at(0.0), at(report.hours))),
        report,
        analysis,
        needs: None,
        perfmon: Some(report),
        events: vec![
            event(4.0, MarkKind::Note, 0, HOSTILE),
            event(17.5, MarkKind::Gap, 90, "the machine slept for 1 h 30 min"),
            event(30.0, MarkKind::Modules, 0, HOSTILE),
        ],
        dossiers: Vec::new(),
        traces: Vec::new(),
        filter: Filter::default(),
        limit: 6,
        zone: TimeZone::UTC,
        made: "2026-11-23T12:00:00Z".parse().unwrap(),
        maker: "poolmon".to_owned(),
    };
    let of = material.causes()[0];
    material.dossiers = vec![Dossier {
        tag: of.tag.clone(),
        pool: of.pool,
        known: vec![("Owner".to_owned(), HOSTILE.to_owned())],
        suspects: vec![Suspect {
            name: HOSTILE.to_owned(),
            evidence: vec![HOSTILE.to_owned()],
            proven: None,
        }],
        searched: Some(HOSTILE.to_owned()),
        drivers: vec![HOSTILE.to_owned()],
    }];
    material
}

#[test]
fn causes_are_leaks_and_the_group_is_one() {
    let material = material();
    let tags: Vec<String> = material.causes().iter().map(|verdict| verdict.tag.to_string()).collect();
    assert_eq!(tags, ["WCsc", "<b>&"]);
    let counts = findings::leaks(&material);
    assert_eq!((counts.leaks, counts.causes), (5, 2));
    // Where nothing leaks, what grows has the sections.
    let mut calm = judged().1.clone();
    calm.groups.clear();
    for verdict in calm.verdicts.iter_mut().filter(|verdict| verdict.kind == VerdictKind::Leaking) {
        (verdict.kind, verdict.group) = (VerdictKind::Growing, None);
    }
    let calm = Material { report: &calm, ..super::tests::material() };
    assert_eq!(calm.causes().len(), 6, "one grew before");
    assert_eq!(Material { limit: 2, ..calm }.causes().len(), 2);
}

#[test]
fn the_trend_lies_in_the_points_and_its_interval_around_it() {
    let material = material();
    for verdict in material.causes() {
        let points = material.analysis.curve(&verdict.tag, verdict.pool);
        let trend = findings::trend(&material, verdict, &points).unwrap();
        let last = points.last().unwrap();
        assert!((trend.bytes.1 / last.mean - 1.0).abs() < 0.03, "{trend:?} {last:?}");
        assert!(trend.low.1 <= trend.bytes.1 && trend.bytes.1 <= trend.high.1, "{trend:?}");
        let slope = (trend.bytes.1 - trend.bytes.0) / (trend.hours.1 - trend.hours.0);
        assert!((slope / verdict.bytes.per_hour - 1.0).abs() < 0.02, "{slope} {:?}", verdict.bytes);
    }
    let late = findings::trend(
        &material,
        material.causes()[0],
        &material.analysis.curve(&material.causes()[0].tag, Pool::Nonpaged),
    );
    assert!(late.unwrap().hours.0 > 8.0, "it leaks from the ninth hour on");
}

#[test]
fn a_composition_adds_up_to_the_pool_or_more() {
    let material = material();
    let mut pools = 0;
    for growth in findings::pools(&material) {
        let composition = findings::composition(&material, growth.pool).unwrap();
        assert!((1..=findings::LAYERS).contains(&composition.layers.len()));
        for (at, whole) in composition.whole.iter().enumerate() {
            let named: f64 = composition.layers.iter().map(|layer| layer.1[at]).sum();
            let sum = named + composition.others[at];
            assert!(sum >= whole - 1.0, "{sum} of {whole}");
            assert!(composition.others[at] == 0.0 || (sum - whole).abs() < 1.0, "no more than the pool");
        }
        let first = &composition.layers[0].0;
        assert_eq!(first.kind, VerdictKind::Leaking);
        pools += 1;
    }
    assert_eq!(pools, 2);
    assert!(findings::composition(&material, Pool::Vmalloc).is_none());
}

#[test]
fn the_biggest_is_not_the_leak() {
    let material = material();
    let biggest = findings::biggest(&material);
    assert_eq!(biggest[0].tag.to_string(), "MmSt");
    assert!(biggest.is_sorted_by(|a, b| a.held >= b.held) && biggest.len() == 15);
    assert!(findings::moving(&material).iter().all(|verdict| verdict.kind != VerdictKind::Steady));
    let counted: usize = findings::counts(&material).iter().map(|(_, count)| count).sum();
    assert_eq!(counted, material.report.verdicts.len());
}

#[test]
fn shares_of_a_group_are_told_beside_the_culprits_own() {
    let material = material();
    let (dragging, alone) = (material.causes()[0], material.causes()[1]);
    assert!(dragging.share.unwrap() < 0.2 && dragging.group_share.unwrap() > 0.9, "{dragging:?}");
    assert!(alone.share.is_some() && alone.group_share.is_none(), "it leaks alone");
    // The machine has one end, which both causes bring about.
    let file = material.report.verdicts.iter().find(|verdict| verdict.tag.to_string() == "File").unwrap();
    assert_eq!(dragging.exhaustion, file.exhaustion);
    assert_eq!(dragging.exhaustion, alone.exhaustion);
    assert_eq!(dragging.exhaustion.unwrap().causes, 2);
    let lines = words::lockstep(material.report, material.causes()[0]);
    assert!(lines[0].contains("NtFC") && lines[1].contains("never frees"), "{lines:?}");
}

/// A tag that has a section is not one of the others, and neither is one that grows with it.
#[test]
fn other_tags_are_those_that_are_not_named() {
    let material = Material { limit: 0, ..material() };
    let total = |text: Option<String>| -> usize {
        let numbers = text.unwrap_or_default();
        numbers.split(", ").filter_map(|part| part.split(' ').next()?.parse::<usize>().ok()).sum()
    };
    let of = |kind| material.report.verdicts.iter().filter(|verdict| verdict.kind == kind).count();
    let all = total(findings::others(&material));
    assert_eq!(all, material.report.verdicts.len() - of(VerdictKind::Leaking));
    // Growth has sections where nothing leaks.
    let mut report = material.report.clone();
    report.groups.clear();
    report.verdicts.retain(|verdict| !matches!(verdict.kind, VerdictKind::Leaking | VerdictKind::Suspected));
    for verdict in &mut report.verdicts {
        verdict.group = None;
    }
    let growing = report.verdicts.iter().filter(|verdict| verdict.kind == VerdictKind::Growing).count();
    let calm = Material { report: &report, limit: 6, ..material };
    assert!(growing > 0, "the scenario has growth");
    assert_eq!(total(findings::others(&calm)), report.verdicts.len() - growing);
}

#[test]
fn without_times_or_data_everything_is_still_told() {
    let analysis = Analysis::new(AnalysisConfig::default());
    let report = analysis.report();
    let empty = || Material {
        report: &report,
        analysis: &analysis,
        span: None,
        perfmon: None,
        events: Vec::new(),
        dossiers: Vec::new(),
        needs: Some(Duration::from_mins(4)),
        ..material()
    };
    let (page, text) = (html::page(&empty()), markdown::page(&empty()));
    for text in [&page, &text] {
        assert!(
            text.contains("Too little data for any verdict: ")
                && text.contains(": about 4 min more at this pace"),
            "{text}"
        );
        assert!(text.contains("the samples have no times") && !text.contains("NaN"), "{text}");
    }
    assert!(page.contains("class=\"summary unsure\""));
}
