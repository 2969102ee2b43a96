//! Fits what the measures of the rules weigh (`src/suspicion/trees/`), on the tuning hosts of both generators.
//!
//! ```text
//! cargo xtask accuracy fit [--hosts 3000] [--check] [--cases FOLDER]
//! ```
//!
//! One fit for each length of recording: every row that grew is a case, and whether it belongs to a leak that goes on is its answer.
//! Leaks that stopped, or are freed by a restart, are left out: naming them is neither right nor wrong. `boost.rs` fits trees of two
//! questions, of which validation hosts say how far they are to be trusted; `table.rs` writes them, and `docs/weights.md` with what
//! each class of each rule adds on average. `--check` writes nothing; it asks validation hosts how often rows of each stated
//! confidence leak, with the trees that the program has. `--cases` keeps what was measured (`kept.rs`), for changes of the fit alone.
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts of a table")]

mod boost;
mod kept;
mod table;

use std::collections::BTreeMap;

use boost::{Case, Fitted, LENGTHS, R};
use poolmon_leak::suspicion::{BY_TIME, History, RULES, Seen, measures};
use poolmon_leak::{Analysis, AnalysisConfig, Report, Verdict};
use poolmon_model::{CounterWidth, Origin, Pool, Sample, SourceKind, Tag};
use poolmon_synth::hosts::{Shape, random};
use poolmon_synth::mechanisms::{Host, Seed, Set, Standing, Truth, Tuning, Validation};

type Cases = [Vec<Case>; 4];

/// Measures that a source may not have: of three hosts in four, rows are cases once more without one of these sets, without those
/// of time or without those of other rows, so that what is unknown weighs as little as it says.
const MISSING: [&[&[&str]]; 6] = [
    &[COUNTS],
    &[COUNTS, OBJECTS],
    &[AROUND],
    &[COUNTS, OBJECTS, AROUND, OTHERS],
    &[&["pool-share"]],
    &[OTHERS],
];
const COUNTS: &[&str] =
    &["kept", "keeps-on", "kept-evenly", "beyond-chance", "beyond-work", "busy", "turnover"];
const OBJECTS: &[&str] = &["objects", "beyond-size"];
const AROUND: &[&str] = &["load", "uptime"];
const OTHERS: &[&str] = &["of-growth", "beyond-rows"];

/// Hosts whose logs were taken by hand have few samples and cost little: N times as many of them, every fifth host, are asked.
const BY_HAND: u64 = 8;

fn cases(report: &Report, host: u64, truth: impl Fn(&Verdict) -> Option<bool>, into: &mut Cases) {
    for verdict in &report.verdicts {
        let (Some(facts), Some(leaks)) = (&verdict.facts, truth(verdict)) else { continue };
        let seen = Seen {
            facts,
            tag: &verdict.tag,
            pool: verdict.pool,
            tests: verdict.tests,
            evidence: &verdict.evidence,
        };
        let measured = measures(&seen).map(|measure| measure.map_or(f32::NAN, |measure| measure as f32));
        let cases = &mut into[History::of(facts.points, facts.hours) as usize];
        cases.push(Case { measures: measured, leaks, host });
        let number = (host / LENGTHS) as usize;
        let missing: &[&[&str]] = match number % 4 {
            0 => MISSING[number / 4 % MISSING.len()],
            1 => &[&BY_TIME],
            2 => &[OTHERS],
            _ => continue,
        };
        let is_missing = |at: usize| missing.iter().any(|set| set.contains(&RULES[at].name));
        let left = |at: usize| if is_missing(at) { f32::NAN } else { measured[at] };
        cases.push(Case { measures: std::array::from_fn(left), leaks, host });
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

/// Asks hosts on all processors; the cases are in the order of the hosts.
fn each(hosts: &[u64], ask: impl Fn(u64) -> Cases + Sync) -> Cases {
    let parts = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        let ask = &ask;
        let of_part = move |part: usize| -> Vec<Cases> {
            hosts.iter().skip(part).step_by(parts).map(|host| ask(*host)).collect()
        };
        let running: Vec<_> = (0..parts).map(|part| scope.spawn(move || of_part(part))).collect();
        let joined = running.into_iter().map(|part| match part.join() {
            Ok(cases) => cases.into_iter(),
            Err(panic) => std::panic::resume_unwind(panic),
        });
        let mut asked: Vec<_> = joined.collect();
        let mut all = Cases::default();
        for host in 0..hosts.len() {
            for (all, cases) in all.iter_mut().zip(asked[host % parts].next().unwrap_or_default()) {
                all.extend(cases);
            }
        }
        all
    })
}

fn mechanisms<S: Set>(hosts: u64) -> Cases {
    let more = (hosts.next_multiple_of(LENGTHS)..hosts * BY_HAND).step_by(LENGTHS as usize);
    each(&(0..hosts).chain(more).collect::<Vec<u64>>(), |position| {
        let (mut into, mut analysis) = (Cases::default(), Analysis::new(AnalysisConfig::default()));
        let truth = Host::new(Seed::<S>::nth(position)).run(|sample| analysis.push(sample));
        cases(&analysis.report(), position, |verdict| answer(&truth, verdict), &mut into);
        into
    })
}

/// Of the other generator: judged at a few moments of each recording.
fn shapes(hosts: u64) -> Cases {
    each(&random::TUNING.take(hosts as usize).collect::<Vec<u64>>(), |seed| {
        let mut into = Cases::default();
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
            cases(&analysis.report(), seed, leaks, &mut into);
        }
        into
    })
}

/// Log odds that a row leaks.
type Scores<'a> = &'a dyn Fn(History, &[f32; R]) -> f64;

fn check(cases: &Cases, scores: Scores<'_>) {
    for (history, cases) in History::ALL.iter().zip(cases) {
        let mut bins = [(0_usize, 0_usize, 0.0); 10];
        let leaks = cases.iter().filter(|case| case.leaks).count();
        let mut named = [(0_usize, 0_usize); 3];
        for case in cases {
            let p = 1.0 / (1.0 + (-scores(*history, &case.measures)).exp());
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

/// The trees that the program has.
fn compiled(history: History, measures: &[f32; R]) -> f64 {
    let measures = measures.map(|measure| (!measure.is_nan()).then_some(f64::from(measure)));
    let confidence = poolmon_leak::suspicion::weigh(history, &measures, None).confidence;
    (confidence / (1.0 - confidence)).ln()
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let hosts = args
        .iter()
        .position(|arg| arg == "--hosts")
        .and_then(|at| args.get(at + 1)?.parse().ok())
        .unwrap_or(3000);
    let kept = args.iter().position(|arg| arg == "--cases").and_then(|at| args.get(at + 1));
    let checked = kept::or_else(kept, "validation", || mechanisms::<Validation>(hosts / 2));
    if args.iter().any(|arg| arg == "--check") {
        return check(&checked, &compiled);
    }
    let found = kept::or_else(kept, "tuning", || {
        let mut cases = mechanisms::<Tuning>(hosts);
        cases.iter_mut().zip(shapes(hosts / 6)).for_each(|(all, cases)| all.extend(cases));
        cases
    });
    let fits: Vec<(Fitted, table::About)> = History::ALL
        .into_iter()
        .zip(found)
        .map(|(history, cases)| {
            eprintln!("{history:?}: {} rows that grew", cases.len());
            let about = table::About::of(&cases);
            let mut fitted = boost::boosted(cases);
            boost::calibrate(&mut fitted, &checked[history as usize]);
            table::write(history, &fitted, &about, hosts);
            (fitted, about)
        })
        .collect();
    table::explain(&fits);
    check(&checked, &|history, measures| {
        let (fitted, _) = &fits[history as usize];
        boost::score(fitted.prior, &fitted.trees, measures)
    });
}
