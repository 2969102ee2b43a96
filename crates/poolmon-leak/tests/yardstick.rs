//! A small yardstick: how sure verdicts are of rows whose truth is known, on two hundred hosts that nothing was fitted on.
//!
//! `cargo xtask accuracy` measures the same on more hosts, and more of it.

use std::sync::OnceLock;

use poolmon_leak::suspicion::{History, Measures, RULES, Seen, measures, weigh};
use poolmon_leak::{Analysis, AnalysisConfig, Level};
use poolmon_synth::mechanisms::{Host, Seed, Standing, Validation};

/// A row that grew.
struct Case {
    history: History,
    measures: Measures,
    leaks: bool,
}

fn cases() -> &'static [Case] {
    static CASES: OnceLock<Vec<Case>> = OnceLock::new();
    CASES.get_or_init(|| {
        let mut cases = Vec::new();
        for seed in Seed::<Validation>::first(200) {
            let mut analysis = Analysis::new(AnalysisConfig::default());
            let truth = Host::new(seed).run(|sample| analysis.push(sample));
            for verdict in &analysis.report().verdicts {
                let cause = truth.row(&verdict.tag, verdict.pool).and_then(|row| row.cause);
                let leaks = match cause.map(|cause| truth.causes[cause].standing) {
                    Some(Standing::Leaks) => true,
                    // Naming them is neither right nor wrong.
                    Some(Standing::Stopped | Standing::Bounded) => continue,
                    Some(Standing::Silent) | None => false,
                };
                let Some(facts) = &verdict.facts else { continue };
                let (tag, evidence) = (&verdict.tag, &verdict.evidence);
                let seen = Seen { facts, tag, pool: verdict.pool, tests: verdict.tests, evidence };
                let history = History::of(facts.points, facts.hours);
                cases.push(Case { history, measures: measures(&seen), leaks });
            }
        }
        cases
    })
}

/// Rows named at this confidence or above: how many, how many of them leak, and how many leak in all.
fn named(histories: &[History], least: f64) -> (usize, usize, usize) {
    let of_histories = cases().iter().filter(|case| histories.contains(&case.history));
    let mut sums = (0, 0, 0);
    for case in of_histories {
        let named = weigh(case.history, &case.measures, None).confidence >= least;
        sums.0 += usize::from(named);
        sums.1 += usize::from(named && case.leaks);
        sums.2 += usize::from(case.leaks);
    }
    sums
}

#[test]
fn suspects_leak_as_often_as_is_said() {
    let (named_ones, right, all) = named(&[History::Days], 0.8);
    assert!(right * 100 >= named_ones * 88 && right * 100 >= all * 55, "{right} of {named_ones}, {all} leak");
    let all_lengths = [History::Few, History::Short, History::Hours];
    let (named_ones, right, all) = named(&all_lengths, 0.5);
    assert!(right * 100 >= named_ones * 55 && right * 100 >= all * 30, "{right} of {named_ones}, {all} leak");
}

/// Each rule decides some row rightly that would be decided wrongly without it: a leak that reaches a level, or another row that
/// does not.
#[test]
fn every_rule_decides_some_row_rightly() {
    for (at, rule) in RULES.iter().enumerate() {
        let decides = |case: &Case| {
            let confidence = |without| weigh(case.history, &case.measures, without).confidence;
            let (with, without) = (confidence(None), confidence(Some(at)));
            Level::ALL.iter().any(|level| {
                (with >= level.least()) == case.leaks && (without >= level.least()) != case.leaks
            })
        };
        assert!(cases().iter().any(decides), "no row needs the rule `{}`", rule.name);
    }
}
