//! Fits what the classes of the rules weigh (`src/suspicion/weights.rs`), on the tuning hosts of both generators.
//!
//! ```text
//! cargo xtask accuracy fit [--hosts 1500] [--check]
//! ```
//!
//! Logistic regression with a ridge, one for each length of recording: every row that grew is a case, and whether it belongs to a
//! leak that goes on is its answer. Leaks that stopped, or are freed by a restart, are left out: naming them is neither right nor
//! wrong. Where a rule's classes have an order, weights that contradict it are made equal, so that no weight rests on an accident of
//! the generators. Weights are centred by how often a class is met, so that 0 says nothing, and rounded to two places. `--check` writes
//! nothing; it asks validation hosts how often rows of each stated confidence leak.
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts of a table")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use poolmon_leak::suspicion::{CLASSES, Classes, History, Order, RULES, Seen, classes, weigh};
use poolmon_leak::{Analysis, AnalysisConfig, Report, Verdict};
use poolmon_model::{CounterWidth, Origin, Pool, Sample, SourceKind, Tag};
use poolmon_synth::hosts::{Shape, random};
use poolmon_synth::mechanisms::{Host, Seed, Set, Standing, Truth, Tuning, Validation};

/// How strongly weights are drawn to zero: as if each had been seen with 2 cases that say nothing.
const RIDGE: f64 = 2.0;

/// A row that grew.
struct Case {
    classes: Classes,
    leaks: bool,
}

type Cases = [Vec<Case>; 4];

fn cases(report: &Report, truth: impl Fn(&Verdict) -> Option<bool>, into: &mut Cases) {
    for verdict in &report.verdicts {
        let (Some(facts), Some(leaks)) = (&verdict.facts, truth(verdict)) else { continue };
        let seen = Seen {
            facts,
            tag: &verdict.tag,
            pool: verdict.pool,
            tests: verdict.tests,
            evidence: &verdict.evidence,
        };
        into[History::of(facts.points, facts.hours) as usize].push(Case { classes: classes(&seen), leaks });
    }
}

/// Whether the row of a verdict leaks; `None` where naming it is neither right nor wrong.
fn answer(truth: &Truth, verdict: &Verdict) -> Option<bool> {
    let cause = truth.row(&verdict.tag, verdict.pool).and_then(|row| row.cause);
    match cause.map(|cause| truth.causes[cause].standing) {
        Some(Standing::Leaks) => Some(true),
        Some(Standing::Stopped | Standing::Bounded) => None,
        Some(Standing::Silent) | None => Some(false),
    }
}

fn mechanisms<S: Set>(hosts: u64, into: &mut Cases) {
    for position in 0..hosts {
        let mut analysis = Analysis::new(AnalysisConfig::default());
        let truth = Host::new(Seed::<S>::nth(position)).run(|sample| analysis.push(sample));
        cases(&analysis.report(), |verdict| answer(&truth, verdict), into);
    }
}

/// Of the other generator: judged at a few moments of each recording.
fn shapes(hosts: u64, into: &mut Cases) {
    for seed in random::TUNING.take(hosts as usize) {
        let mut host = random::host(seed, 600);
        let truths: BTreeMap<(Tag, Pool), _> = host
            .truth()
            .into_iter()
            .map(|truth| ((host.plans[truth.at].tag.clone(), host.plans[truth.at].pool), truth))
            .collect();
        let mut analysis = Analysis::new(AnalysisConfig::default());
        let mut sample = Sample::new(Origin::new(SourceKind::Simulated, &[]).into(), CounterWidth::Bits32);
        let (hours, start) = (host.clock.hours, host.clock.start_hour);
        let mut moments = [0.02, 0.125, 0.5, 1.0].into_iter().peekable();
        while host.sample_into(&mut sample) {
            analysis.push(&sample);
            let now = sample.time.map_or(0.0, |time| time.as_second() as f64 / 3600.0);
            let elapsed = now - 1_772_409_600.0 / 3600.0 - start;
            if moments.next_if(|part| elapsed + host.clock.interval / 3600.0 >= part * hours).is_none() {
                continue;
            }
            let leaks = |verdict: &Verdict| {
                let truth = truths.get(&(verdict.tag.clone(), verdict.pool))?;
                match host.plans[truth.at].shape {
                    Shape::FixedLeak { .. } => None,
                    _ => Some(truth.leak.is_some() && elapsed > truth.since),
                }
            };
            cases(&analysis.report(), leaks, into);
        }
    }
}

struct Fit {
    prior: f64,
    /// Before centring.
    raw: Vec<[f64; CLASSES]>,
    rules: Vec<[f64; CLASSES]>,
    counts: Vec<[usize; CLASSES]>,
}

/// Fits, and as long as neighbouring classes contradict the order that their rule must have, makes them one.
fn fit(cases: &[Case]) -> Fit {
    let mut same: Vec<[usize; CLASSES]> = vec![std::array::from_fn(|class| class); RULES.len()];
    loop {
        let merged: Vec<Case> = cases
            .iter()
            .map(|case| Case {
                classes: std::array::from_fn(|rule| case.classes[rule].map(|class| same[rule][class])),
                leaks: case.leaks,
            })
            .collect();
        let mut fit = newton(&merged);
        let mut contradicted = false;
        for (rule, known) in RULES.iter().enumerate() {
            for class in 1..known.classes.len() {
                let (before, now) = (same[rule][class - 1], same[rule][class]);
                let step = fit.raw[rule][now] - fit.raw[rule][before];
                let wrong = match known.order {
                    Order::Rising => step < -1e-3,
                    Order::Falling => step > 1e-3,
                    Order::Free => false,
                };
                if before != now && wrong {
                    contradicted = true;
                    for place in &mut same[rule] {
                        if *place == now {
                            *place = before;
                        }
                    }
                }
            }
        }
        if !contradicted {
            for (rule, weights) in fit.rules.iter_mut().enumerate() {
                let fitted = *weights;
                for class in 0..RULES[rule].classes.len() {
                    weights[class] = fitted[same[rule][class]];
                    let met = cases.iter().filter(|case| case.classes[rule] == Some(class)).count();
                    fit.counts[rule][class] = met;
                }
            }
            return fit;
        }
    }
}

/// Newton's method.
fn newton(cases: &[Case]) -> Fit {
    let n = 1 + RULES.len() * CLASSES;
    let columns = |case: &Case| -> Vec<usize> {
        let of_rules = case.classes.iter().enumerate();
        let of_rules = of_rules.filter_map(|(rule, class)| Some(1 + rule * CLASSES + (*class)?));
        std::iter::once(0).chain(of_rules).collect()
    };
    let rows: Vec<Vec<usize>> = cases.iter().map(columns).collect();
    let mut weights = vec![0.0; n];
    for _ in 0..25 {
        let mut gradient = vec![0.0; n];
        let mut hessian = vec![0.0; n * n];
        for (row, case) in rows.iter().zip(cases) {
            let sum: f64 = row.iter().map(|&at| weights[at]).sum();
            let p = 1.0 / (1.0 + (-sum).exp());
            let (error, curve) = (f64::from(u8::from(case.leaks)) - p, (p * (1.0 - p)).max(1e-9));
            for &a in row {
                gradient[a] += error;
                for &b in row {
                    hessian[a * n + b] += curve;
                }
            }
        }
        for at in 0..n {
            let ridge = if at == 0 { 1e-6 } else { RIDGE };
            gradient[at] -= ridge * weights[at];
            hessian[at * n + at] += ridge;
        }
        let step = solve(hessian, gradient);
        let largest = step.iter().map(|step| step.abs()).fold(0.0, f64::max);
        // Long steps overshoot where a class is never met with a leak.
        let short = (2.0 / largest.max(1e-9)).min(1.0);
        for (weight, step) in weights.iter_mut().zip(&step) {
            *weight += short * step;
        }
        if largest < 1e-4 {
            break;
        }
    }
    let mut prior = weights[0];
    let mut rules = vec![[0.0; CLASSES]; RULES.len()];
    let mut counts = vec![[0; CLASSES]; RULES.len()];
    for case in cases {
        for (rule, class) in case.classes.iter().enumerate() {
            if let Some(class) = class {
                counts[rule][*class] += 1;
            }
        }
    }
    for (rule, weighed) in rules.iter_mut().enumerate() {
        let all: usize = counts[rule].iter().sum();
        let of = |class: usize| weights[1 + rule * CLASSES + class];
        let mean =
            (0..CLASSES).map(|class| of(class) * counts[rule][class] as f64).sum::<f64>() / all.max(1) as f64;
        // Where a rule has nothing to say it adds nothing: only a rule that always speaks may be centred.
        let centre = if all == cases.len() { mean } else { 0.0 };
        prior += centre;
        for class in 0..RULES[rule].classes.len() {
            weighed[class] = if counts[rule][class] == 0 { 0.0 } else { of(class) - centre };
        }
    }
    let raw = (0..RULES.len())
        .map(|rule| std::array::from_fn(|class| weights[1 + rule * CLASSES + class]))
        .collect();
    Fit { prior, raw, rules, counts }
}

/// Solves a symmetric system by Cholesky's decomposition.
fn solve(mut matrix: Vec<f64>, mut right: Vec<f64>) -> Vec<f64> {
    let n = right.len();
    for row in 0..n {
        for column in 0..=row {
            let mut sum = matrix[row * n + column];
            for at in 0..column {
                sum -= matrix[row * n + at] * matrix[column * n + at];
            }
            matrix[row * n + column] =
                if row == column { sum.max(1e-12).sqrt() } else { sum / matrix[column * n + column] };
        }
    }
    for row in 0..n {
        for at in 0..row {
            right[row] -= matrix[row * n + at] * right[at];
        }
        right[row] /= matrix[row * n + row];
    }
    for row in (0..n).rev() {
        for at in row + 1..n {
            right[row] -= matrix[at * n + row] * right[at];
        }
        right[row] /= matrix[row * n + row];
    }
    right
}

fn write(fits: &[Fit], cases: &Cases, hosts: u64) -> String {
    let mut text = String::from(
        "//! What each class of each rule weighs: the natural logarithm of a likelihood ratio.\n//!\n//! Written by `cargo xtask accuracy fit`; not by hand.\n",
    );
    let _ = writeln!(text, "//! Fitted on {hosts} tuning hosts of each generator.");
    text.push_str("\nuse super::Weights;\n\n/// In the order of [`super::History`].\n#[rustfmt::skip]\n#[allow(clippy::approx_constant, reason = \"a weight may look like a constant\")]\npub const WEIGHTS: [Weights; 4] = [\n");
    for ((fit, history), cases) in fits.iter().zip(History::ALL).zip(cases) {
        let leaks = cases.iter().filter(|case| case.leaks).count();
        let _ =
            writeln!(text, "    // {history:?}: {} rows that grew, {leaks} of them leaking.", cases.len());
        let _ = writeln!(text, "    Weights {{\n        prior: {:.2},\n        rules: &[", fit.prior);
        for ((rule, weights), counts) in RULES.iter().zip(&fit.rules).zip(&fit.counts) {
            let weights: Vec<String> =
                weights[..rule.classes.len()].iter().map(|weight| format!("{weight:.2}")).collect();
            let counts: Vec<String> = counts[..rule.classes.len()].iter().map(ToString::to_string).collect();
            let _ = writeln!(
                text,
                "            (\"{}\", &[{}]), // met: {}",
                rule.name,
                weights.join(", "),
                counts.join(" ")
            );
        }
        text.push_str("        ],\n    },\n");
    }
    text.push_str("];\n");
    text.replace("-0.00", "0.00")
}

fn check(cases: &Cases) {
    for (history, cases) in History::ALL.iter().zip(cases) {
        let mut bins = [(0_usize, 0_usize, 0.0); 10];
        let leaks = cases.iter().filter(|case| case.leaks).count();
        let mut named = [(0_usize, 0_usize); 3];
        for case in cases {
            let p = weigh(*history, &case.classes, None).confidence;
            let bin = &mut bins[((p * 10.0) as usize).min(9)];
            bin.0 += 1;
            bin.1 += usize::from(case.leaks);
            bin.2 += p;
            for (at, least) in [0.5, 0.8, 0.99].into_iter().enumerate() {
                if p >= least {
                    named[at].0 += 1;
                    named[at].1 += usize::from(case.leaks);
                }
            }
        }
        println!("{history:?}: {} rows, {leaks} leak", cases.len());
        for (of, right, sum) in bins.iter().filter(|bin| bin.0 > 0) {
            println!("  said {:.3}, leak {:.3} of {of}", sum / *of as f64, *right as f64 / *of as f64);
        }
        for (level, (of, right)) in ["possible", "likely", "leak"].iter().zip(named) {
            println!(
                "  {level}: precision {:.3}, recall {:.3} ({right} of {of})",
                right as f64 / of.max(1) as f64,
                right as f64 / leaks.max(1) as f64
            );
        }
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let hosts = args
        .iter()
        .position(|arg| arg == "--hosts")
        .and_then(|at| args.get(at + 1)?.parse().ok())
        .unwrap_or(1500);
    let mut found = Cases::default();
    if args.iter().any(|arg| arg == "--check") {
        mechanisms::<Validation>(hosts, &mut found);
        return check(&found);
    }
    mechanisms::<Tuning>(hosts, &mut found);
    shapes(hosts / 6, &mut found);
    let fits: Vec<Fit> = found.iter().map(|cases| fit(cases)).collect();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/suspicion/weights.rs");
    if let Err(error) = std::fs::write(file, write(&fits, &found, hosts)) {
        eprintln!("{file}: {error}");
        std::process::exit(1);
    }
    check(&found);
    println!("wrote {file}");
}
