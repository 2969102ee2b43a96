//! Every scenario of `tests/scenarios/*.toml`: the verdict of each tag named there, and no leak named beside them.

use std::fs;
use std::path::Path;

use pool_leak::{Analysis, Config, Kind, Report};
use pool_model::{CounterWidth, Origin, Sample, SourceKind};
use pool_synth::hosts::Host;
use pool_synth::hosts::scenario::Scenario;

fn analyse(host: &mut Host) -> Report {
    let mut analysis = Analysis::new(Config::default());
    let mut sample = Sample::new(Origin::new(SourceKind::Simulated, &[]).into(), CounterWidth::Bits32);
    while host.sample_into(&mut sample) {
        analysis.push(&sample);
    }
    analysis.report()
}

fn load(name: &str) -> (Scenario, Host) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios").join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let scenario = Scenario::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let host = scenario.host().unwrap_or_else(|error| panic!("{name}: {error}"));
    (scenario, host)
}

#[test]
fn every_scenario_gets_the_verdicts_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios");
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("tests/scenarios is there")
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
        .filter(|name| Path::new(name).extension().is_some_and(|end| end == "toml"))
        .collect();
    names.sort();
    assert!(names.len() >= 15, "only {names:?}");
    let mut wrong = Vec::new();
    for name in &names {
        let (_, mut host) = load(name);
        let report = analyse(&mut host);
        for verdict in &report.verdicts {
            let plan = host.plans.iter().find(|plan| plan.tag == verdict.tag && plan.pool == verdict.pool);
            let expected = plan.and_then(|plan| plan.expect.as_deref());
            let named_wrongly = expected.is_none() && verdict.kind == Kind::Leaking;
            if named_wrongly || expected.is_some_and(|expected| expected != verdict.kind.id()) {
                wrong.push(format!(
                    "{name}: {} is {}, not {}: {:?} {:?}",
                    verdict.tag,
                    verdict.kind.id(),
                    expected.unwrap_or("plain traffic"),
                    verdict.reasons,
                    verdict.evidence
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_lockstep_group_is_one_cause_and_its_culprit_is_named() {
    let (_, mut host) = load("lockstep.toml");
    let report = analyse(&mut host);
    let group = report.groups.first().expect("a group");
    let mut members: Vec<String> =
        group.members.iter().map(|&at| report.verdicts[at].tag.to_string()).collect();
    members.sort();
    assert_eq!(members, ["FMfn", "File", "IoFE", "NtFC", "WCsc"]);
    let culprit = &report.verdicts[group.culprit];
    assert_eq!(culprit.tag.to_string(), "WCsc");
    assert!(group.reason.contains("never freed"), "{}", group.reason);
    let biggest = report.verdicts.first().expect("verdicts");
    assert_eq!(
        biggest.tag.to_string(),
        "NtFC",
        "the biggest of the group is the layer that is dragged along"
    );
}

#[test]
fn a_late_leak_says_since_when_and_how_fast() {
    let (scenario, mut host) = load("late-leak.toml");
    let report = analyse(&mut host);
    let leak = report.leaks().next().expect("a leak");
    let start = scenario.start_hour + 14.0;
    let since = leak.since.expect("times are known").as_second() as f64 / 3600.0 % 24.0;
    assert!((since - start.rem_euclid(24.0)).abs() < 1.5, "since {since:.2}, not {start:.2}");
    assert!(!leak.since_start);
    let rate = 5000.0 * 4096.0;
    assert!((leak.bytes.per_hour / rate - 1.0).abs() < 0.02, "{:?}", leak.bytes);
    assert!(leak.bytes.low <= rate && rate <= leak.bytes.high, "{:?}", leak.bytes);
    let allocs = leak.allocs.expect("allocs are told");
    assert!((allocs.per_hour / 5000.0 - 1.0).abs() < 0.02, "{allocs:?}");
    let share = leak.share.expect("the pool grows");
    assert!(share > 0.85, "{share}");
    let end = leak.exhaustion.expect("limits are known");
    assert!(end.hours > 100.0 && end.hours < 2000.0, "{end:?}");
}
