//! Every scenario of `tests/scenarios/*.toml`: the verdict of each tag named there, and no leak named beside them.

use std::fs;
use std::path::Path;

use poolmon_leak::suspicion::Tests;
use poolmon_leak::{Analysis, AnalysisConfig, Report, VerdictKind};
use poolmon_model::{CounterWidth, Counters, Gather, Origin, Pool, Row, Sample, SourceKind, Tag};
use poolmon_synth::hosts::Host;
use poolmon_synth::hosts::scenario::Scenario;

fn analyse(host: &mut Host) -> Report {
    let mut analysis = Analysis::new(AnalysisConfig::default());
    let mut sample = Sample::new(Origin::new(SourceKind::Simulated, &[]).into(), CounterWidth::Bits32);
    while host.sample_into(&mut sample) {
        analysis.push(&sample);
    }
    analysis.report()
}

fn count(host: &mut Host) -> u32 {
    let mut sample = Sample::new(Origin::new(SourceKind::Simulated, &[]).into(), CounterWidth::Bits32);
    let mut samples = 0;
    while host.sample_into(&mut sample) {
        samples += 1;
    }
    samples
}

/// The same, of which the judgement sees summaries of so many samples alone, as of a long recording.
fn analyse_summaries(host: &mut Host, samples: u32) -> Report {
    let mut analysis = Analysis::new(AnalysisConfig::default());
    let mut gather = Gather::default();
    let mut sample = Sample::new(Origin::new(SourceKind::Simulated, &[]).into(), CounterWidth::Bits32);
    let mut waiting = Vec::new();
    while host.sample_into(&mut sample) {
        if gather.push(&sample) {
            waiting.push(sample.clone());
        } else {
            waiting.drain(..).for_each(|sample| analysis.push(&sample));
            analysis.push(&sample);
        }
        if gather.samples() == samples {
            analysis.push_summary(&sample, &gather.finish().expect("samples were gathered"));
            waiting.clear();
        }
    }
    for sample in &waiting {
        analysis.push(sample);
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
        wrong.extend(verdicts(name, &mut load(name).1, analyse));
        // At least as many as are judged, as where a recording's summaries are used.
        let length = count(&mut load(name).1) / 128;
        let in_stretches = |host: &mut Host| analyse_summaries(host, length);
        wrong.extend(verdicts(&format!("{name} in stretches of {length}"), &mut load(name).1, in_stretches));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is not as expected.
fn verdicts(name: &str, host: &mut Host, analyse: impl Fn(&mut Host) -> Report) -> Vec<String> {
    let mut wrong = Vec::new();
    let report = analyse(host);
    for verdict in &report.verdicts {
        let plan = host.plans.iter().find(|plan| plan.tag == verdict.tag && plan.pool == verdict.pool);
        let expected = plan.and_then(|plan| plan.expect.as_deref());
        let named_wrongly = expected.is_none() && verdict.kind == VerdictKind::Leaking;
        if named_wrongly
            || expected.is_some_and(|expected| expected.split(" or ").all(|kind| kind != verdict.kind.id()))
        {
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
    wrong
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
    assert!(group.reason.contains("never frees"), "{}", group.reason);
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

#[test]
fn a_leak_that_somebody_fixed_says_when_it_ended() {
    let (_, mut host) = load("fixed-leak.toml");
    let report = analyse(&mut host);
    let fixed = report.verdicts.iter().find(|verdict| verdict.tag == Tag::pool(*b"Fixd")).expect("a verdict");
    // It was fixed 13 hours before the end.
    let quiet = fixed.evidence.ended.expect("it ended");
    assert!((quiet - 13.0).abs() < 1.0, "{quiet}");
    let sentence = fixed.sentence(&jiff::tz::TimeZone::UTC);
    assert!(sentence.contains(" before the end and still holds it: a leak that stopped"), "{sentence}");
    assert!(fixed.reasons[0].starts_with("has not grown for 1"), "{:?}", fixed.reasons);
}

#[test]
fn what_comes_too_early_says_so_and_how_much_longer() {
    let (_, mut host) = load("early.toml");
    let report = analyse(&mut host);
    let of = |tag: &[u8; 4]| report.verdicts.iter().find(|v| v.tag == Tag::pool(*tag)).expect("a verdict");
    for tag in [b"Teet", b"Same"] {
        let verdict = of(tag);
        let early = "too early to distinguish it from a cache that will be trimmed";
        assert!(
            verdict.reasons.last().is_some_and(|reason| reason.ends_with(early)),
            "{:?}",
            verdict.reasons
        );
        // Until it has trebled, which comes before two days are over.
        let level = verdict.held - verdict.growth;
        let hours = (3.0 * level - verdict.held) / verdict.bytes.per_hour;
        let needs = verdict.needs_hours.expect("says how much longer");
        assert!((needs / hours - 1.0).abs() < 0.2, "{needs} h instead of {hours} h");
    }
    assert_eq!(of(b"Keep").tests, Tests::Say(VerdictKind::Leaking), "nothing is ever freed");
    let tall = &of(b"Tall").reasons;
    assert!(tall.iter().any(|reason| reason.contains(" times what it held")), "{tall:?}");
}

#[test]
fn a_leak_past_doubt_carries_those_in_lockstep_with_it() {
    let (_, mut host) = load("early-lockstep.toml");
    let report = analyse(&mut host);
    let carried = |tag: &[u8; 4]| {
        let verdict = report.verdicts.iter().find(|v| v.tag == Tag::pool(*tag)).expect("a verdict");
        verdict.evidence.outgrown < 2.0
            && verdict.reasons.first().is_some_and(|reason| reason.contains("in lockstep"))
    };
    assert!(carried(b"NtFC") && carried(b"FMfn"));
    assert_eq!(report.leaks().count(), 5);
    // Without the one that never frees, and the two that outgrew what they held, nothing carries them.
    host = load("early-lockstep.toml").1;
    let mut analysis = Analysis::new(AnalysisConfig::default());
    let mut sample = Sample::new(Origin::new(SourceKind::Simulated, &[]).into(), CounterWidth::Bits32);
    while host.sample_into(&mut sample) {
        sample.rows.retain(|row| [b"NtFC", b"FMfn"].iter().any(|tag| row.tag == Tag::pool(**tag)));
        analysis.push(&sample);
    }
    let alone = analysis.report();
    assert!(alone.verdicts.iter().all(|verdict| verdict.tests == Tests::TooEarly), "{:?}", alone.verdicts);
}

/// Slab caches tell no frees: there, that hardly anything falls back has to stand for them.
#[test]
fn where_frees_are_not_told_that_nothing_falls_back_is_enough() {
    let kind = |dips: bool| {
        let mut analysis = Analysis::new(AnalysisConfig::default());
        let mut sample =
            Sample::new(Origin::new(SourceKind::Linux, &[Pool::Unreclaimable]).into(), CounterWidth::Bits64);
        for n in 0..600_u64 {
            sample.time = jiff::Timestamp::from_second(1_800_000_000 + n.cast_signed()).ok();
            // Fifty a second beside sixty thousand, and, where it dips, one that is given back now and then.
            let back = if dips { 4_000 * u64::from(n % 50 > 25) } else { 0 };
            let count = 60_000 + 50 * n - back;
            let counters = Counters {
                reported_diff: Some(count.cast_signed()),
                bytes: Some(count * 640),
                ..Counters::default()
            };
            sample.rows = vec![Row {
                tag: Tag::name("sock_inode_cache"),
                pool: Pool::Unreclaimable,
                counters,
                reported_owner: None,
            }];
            analysis.push(&sample);
        }
        analysis.report().verdicts[0].clone()
    };
    let (rises, falls) = (kind(false), kind(true));
    assert_eq!(rises.tests, Tests::Say(VerdictKind::Leaking), "{rises:?}");
    assert!(rises.evidence.outgrown < 1.0);
    assert_eq!(falls.tests, Tests::TooEarly, "{falls:?}");
}
