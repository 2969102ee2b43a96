//! How often the verdicts are right, on hosts of which the truth is known.
//!
//! ```text
//! cargo run --release -p poolmon-leak --example accuracy -- [--hosts 200] [--tags 3000] [--first N] [--tuning] [--cases] [--early]
//!     [--quick] [--live] [--summaries] [--until PART]
//! ```
//!
//! Two sets of seeds are kept apart: `--tuning` uses seeds 1 to 999, and only there does `--cases` print single tags.
//! Without it the held-out seeds (1,000,000 and up) are used, of which only totals are ever printed, so that no
//! threshold can be chosen by them.
//!
//! `--live` judges as the live screen does ([`AnalysisConfig::live`]); `--until 0.25` ends each recording at its first quarter.
//! `--summaries` shows the judgement 140 summaries of each recording alone, as long recordings tell them; only what it
//! says at the end means something then. What is asked at moments on the way is told for each: of what was called leaking, how much does leak by then; and of
//! the leaks worth acting on that have gone on for a quarter of that time, standing out of their own noise, how many
//! were called so.
//!
//! A leak is worth acting on where `poolmon_synth::hosts::worth_acting_on` says so. Beside the verdicts stand the simple
//! methods that people use, each given as many names as the host has leaks, which nobody knows in practice.
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts of a table")]

use std::collections::BTreeMap;
use std::time::Instant;

use poolmon_leak::{Analysis, AnalysisConfig, Verdict, VerdictKind};
use poolmon_model::{Gather, Pool, Tag};
use poolmon_synth::hosts::{Host, Shape, Truth, random, worth_acting_on};

/// Moments at which the verdict is asked for, as parts of the recording; `--quick` asks at every second one.
const MOMENTS: [f64; 8] = [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0];

#[derive(Default)]
struct OfShape {
    tags: usize,
    leaking: usize,
    worth: usize,
    worth_found: usize,
    first: Vec<f64>,
    error: Vec<f64>,
    covered: usize,
    kinds: BTreeMap<&'static str, usize>,
}

#[derive(Default)]
struct Method {
    named: usize,
    right: usize,
    worth: usize,
}

/// What was said at one moment.
#[derive(Default)]
struct Moment {
    named: usize,
    right: usize,
    named_worth: usize,
    right_worth: usize,
    worth: usize,
    worth_found: usize,
    /// For each shape: leaks worth acting on, those of them found, and called leaking without being one.
    shapes: BTreeMap<&'static str, [usize; 3]>,
}

#[derive(Default)]
struct Totals {
    shapes: BTreeMap<&'static str, OfShape>,
    named: usize,
    right: usize,
    named_worth: usize,
    right_worth: usize,
    worth: usize,
    worth_found: usize,
    hidden: usize,
    hidden_found: usize,
    moments: [Moment; MOMENTS.len()],
    covered: usize,
    groups: usize,
    groups_right: usize,
    groups_expected: usize,
    methods: BTreeMap<&'static str, Method>,
    report_seconds: f64,
    /// Error of each rate over half its interval: 1 and less is within.
    spread: Vec<f64>,
}

#[expect(clippy::struct_excessive_bools, reason = "one for each switch")]
struct Options {
    hosts: u64,
    first: u64,
    tags: usize,
    tuning: bool,
    cases: bool,
    quick: bool,
    early: bool,
    live: bool,
    summaries: bool,
    until: f64,
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        hosts: 200,
        first: 0,
        tags: 3000,
        tuning: false,
        cases: false,
        quick: false,
        early: false,
        live: false,
        summaries: false,
        until: 1.0,
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut number =
            || args.next().and_then(|text| text.parse::<u64>().ok()).ok_or(format!("{arg} needs a number"));
        match arg.as_str() {
            "--hosts" => options.hosts = number()?,
            "--first" => options.first = number()?,
            "--tags" => options.tags = number()? as usize,
            "--tuning" => options.tuning = true,
            "--quick" => options.quick = true,
            "--cases" => options.cases = true,
            "--early" => options.early = true,
            "--live" => options.live = true,
            "--summaries" => options.summaries = true,
            "--until" => {
                let part = args.next().and_then(|text| text.parse().ok());
                options.until = part.ok_or("--until needs a part of the recording, such as 0.25")?;
            }
            other => return Err(format!("unknown argument `{other}`")),
        }
    }
    if (options.cases || options.early) && !options.tuning {
        return Err(
            "--cases and --early need --tuning: held-out hosts are not looked at one by one".to_owned()
        );
    }
    Ok(options)
}

fn main() {
    let options = options().unwrap_or_else(|message| {
        eprintln!("accuracy: {message}");
        std::process::exit(2)
    });
    let mut totals = Totals::default();
    let seeds = if options.tuning { random::TUNING } else { random::HELD_OUT };
    let begun = Instant::now();
    for (done, seed) in seeds.skip(options.first as usize).take(options.hosts as usize).enumerate() {
        run(seed, &options, &mut totals);
        if done % 20 == 19 {
            eprintln!("{} hosts done, {:.0} s", done + 1, begun.elapsed().as_secs_f64());
        }
        if done % 50 == 49 && done + 1 < options.hosts as usize {
            print(done as u64 + 1, &options, &totals, begun.elapsed().as_secs_f64());
        }
    }
    print(options.hosts, &options, &totals, begun.elapsed().as_secs_f64());
}

type Key = (Tag, Pool);

fn run(seed: u64, options: &Options, totals: &mut Totals) {
    let mut host = random::host(seed, options.tags);
    let truth: BTreeMap<Key, Truth> = host
        .truth()
        .into_iter()
        .map(|truth| ((host.plans[truth.at].tag.clone(), host.plans[truth.at].pool), truth))
        .collect();
    let mut analysis =
        Analysis::new(if options.live { AnalysisConfig::live() } else { AnalysisConfig::default() });
    let mut by_hand = Simple::default();
    let mut sample = poolmon_model::Sample::new(
        poolmon_model::Origin::new(poolmon_model::SourceKind::Simulated, &[]).into(),
        poolmon_model::CounterWidth::Bits32,
    );
    let mut first: BTreeMap<Key, f64> = BTreeMap::new();
    let wanted = |&(_, part): &(usize, f64)| !options.quick || (part * 4.0).fract() < 0.01;
    let mut moments = MOMENTS.into_iter().enumerate().filter(wanted).peekable();
    let (hours, start) = (host.clock.hours, host.clock.start_hour);
    let mut verdicts = Vec::new();
    let mut groups = Vec::new();
    let mut n = 0_u64;
    let mut gather = Gather::default();
    let stretch = ((hours * 3600.0 / host.clock.interval / 140.0) as u32).max(1);
    while host.sample_into(&mut sample) {
        if !options.summaries || !gather.push(&sample) {
            analysis.push(&sample);
        } else if gather.samples() == stretch
            && let Some(summary) = gather.finish()
        {
            analysis.push_summary(&sample, &summary);
        }
        by_hand.push(&sample, n as f64);
        n += 1;
        let now = sample.time.map_or(0.0, |time| time.as_second() as f64 / 3600.0);
        let elapsed = now - 1_772_409_600.0 / 3600.0 - start;
        let due = moments.next_if(|(_, part)| elapsed + host.clock.interval / 3600.0 >= part * hours);
        if let Some((moment, part)) = due {
            let begun = Instant::now();
            let report = analysis.report();
            totals.report_seconds = totals.report_seconds.max(begun.elapsed().as_secs_f64());
            let now = &mut totals.moments[moment];
            for verdict in &report.verdicts {
                let key = (verdict.tag.clone(), verdict.pool);
                let Some(truth) = truth.get(&key) else { continue };
                let named = verdict.kind == VerdictKind::Leaking;
                let leaks = leaks_by(&host, truth, elapsed);
                now.count(&host, truth, verdict, leaks, elapsed);
                if options.early && (named || verdict.kind == VerdictKind::Growing) {
                    let right = if leaks { "right" } else { "wrong" };
                    let worth = if looks_worth(&host, verdict) { "worth" } else { "small" };
                    println!("{part} of {hours} h {right} {worth} {}", case(&host, seed, truth, verdict));
                }
                if named {
                    first.entry(key).or_insert(elapsed);
                }
            }
            verdicts = report.verdicts;
            groups = report.groups;
            if part >= options.until {
                break;
            }
        }
    }
    judge(seed, options, &host, &truth, &verdicts, &first, totals);
    // Lockstep: is the group found, and the right one named?
    if let Some(leader) = host.plans.iter().find_map(|plan| plan.follows.map(|follow| follow.leader)) {
        let leader = &host.plans[leader].tag;
        totals.groups_expected += 1;
        if let Some(group) = groups.iter().find(|group| {
            group
                .members
                .iter()
                .filter(|&&at| verdicts.get(at).is_some_and(|v| host_follows(&host, v)))
                .count()
                >= 2
        }) {
            totals.groups += 1;
            totals.groups_right += usize::from(verdicts.get(group.culprit).is_some_and(|v| v.tag == *leader));
        }
    }
    by_hand.judge(&truth, totals);
}

/// Leaks by then: a leak that was fixed later was one before that.
fn leaks_by(host: &Host, truth: &Truth, elapsed: f64) -> bool {
    match host.plans[truth.at].shape {
        Shape::FixedLeak { until, .. } => elapsed <= until * 1.2,
        _ => truth.leak.is_some() && elapsed > truth.since,
    }
}

/// A leak that a recording of this length should show: worth acting on, gone on for a quarter of it, not ended, and
/// what it leaked is more than twice the standard deviation of the tag's own noise.
fn should_show(host: &Host, truth: &Truth, elapsed: f64) -> bool {
    let plan = &host.plans[truth.at];
    let (rate, ended) = match plan.shape {
        Shape::FixedLeak { per_hour, until } => (Some(per_hour * plan.size), elapsed > until),
        _ => (truth.leak, false),
    };
    let of_pool = host.plans.iter().filter(|other| other.pool == plan.pool);
    let pool = || of_pool.map(|other| other.base * other.size).sum();
    let since = truth.since.max(plan.appears);
    rate.is_some_and(|rate| {
        !ended
            && rate * (elapsed - since) > 2.0 * plan.noise * plan.base * plan.size
            && worth_acting_on(rate, pool(), since, elapsed)
    })
}

impl Moment {
    fn count(&mut self, host: &Host, truth: &Truth, verdict: &Verdict, leaks: bool, elapsed: f64) {
        let named = verdict.kind == VerdictKind::Leaking;
        let worth = named && looks_worth(host, verdict);
        self.named += usize::from(named);
        self.right += usize::from(named && leaks);
        self.named_worth += usize::from(worth);
        self.right_worth += usize::from(worth && leaks);
        let wrong = named && !leaks;
        let shows = should_show(host, truth, elapsed);
        if wrong || shows {
            let shape = self.shapes.entry(truth.shape).or_default();
            for (slot, yes) in shape.iter_mut().zip([shows, shows && named, wrong]) {
                *slot += usize::from(yes);
            }
        }
        self.worth += usize::from(shows);
        self.worth_found += usize::from(shows && named);
    }
}

fn host_follows(host: &Host, verdict: &Verdict) -> bool {
    host.plans.iter().any(|plan| plan.follows.is_some() && plan.tag == verdict.tag)
}

fn judge(
    seed: u64,
    options: &Options,
    host: &Host,
    truths: &BTreeMap<Key, Truth>,
    verdicts: &[Verdict],
    first: &BTreeMap<Key, f64>,
    totals: &mut Totals,
) {
    for verdict in verdicts {
        let key = (verdict.tag.clone(), verdict.pool);
        let Some(truth) = truths.get(&key) else { continue };
        let shape = totals.shapes.entry(truth.shape).or_default();
        let named = verdict.kind == VerdictKind::Leaking;
        let leaks = truth.leak.is_some();
        shape.tags += 1;
        shape.leaking += usize::from(named);
        *shape.kinds.entry(verdict.kind.id()).or_default() += 1;
        totals.named += usize::from(named);
        totals.right += usize::from(named && leaks);
        let looks_worth = looks_worth(host, verdict);
        totals.named_worth += usize::from(named && looks_worth);
        totals.right_worth += usize::from(named && looks_worth && leaks);
        if truth.worth && !truth.visible {
            totals.hidden += 1;
            totals.hidden_found += usize::from(named);
        }
        if truth.worth && truth.visible {
            shape.worth += 1;
            totals.worth += 1;
            if named {
                shape.worth_found += 1;
                totals.worth_found += 1;
                if let Some(at) = first.get(&key) {
                    shape.first.push(at - truth.since);
                }
                let rate = truth.leak.unwrap_or(1.0);
                shape.error.push((verdict.bytes.per_hour / rate - 1.0).abs());
                let covered = usize::from(verdict.bytes.low <= rate && rate <= verdict.bytes.high);
                shape.covered += covered;
                let half = if verdict.bytes.per_hour > rate {
                    verdict.bytes.per_hour - verdict.bytes.low
                } else {
                    verdict.bytes.high - verdict.bytes.per_hour
                };
                totals.spread.push((verdict.bytes.per_hour - rate).abs() / half.max(1e-9));
                totals.covered += covered;
            }
        }
        if options.cases && ((named && !leaks && looks_worth) || (!named && truth.worth)) {
            println!("{}", case(host, seed, truth, verdict));
        }
    }
}

/// At least 1 MB an hour or 1 % of the pool a day, by the verdict.
fn looks_worth(host: &Host, verdict: &Verdict) -> bool {
    let of_pool = host.plans.iter().filter(|plan| plan.pool == verdict.pool);
    let pool: f64 = of_pool.map(|plan| plan.base * plan.size).sum();
    verdict.bytes.per_hour >= 1e6 || verdict.bytes.per_hour * 24.0 >= pool * 0.01
}

/// One verdict in a line, for tuning.
fn case(host: &Host, seed: u64, truth: &Truth, verdict: &Verdict) -> String {
    let e = &verdict.evidence;
    format!(
        "seed {seed} {} h from {:.1} gap {:?} reboot {:?}: {} {} {:?} rate {:.2} MB/h held {:.1} MB -> {} {:.2} MB/h p {:.1e} snr {:.1} floor {:?} dd {:.2} ratio {:?} last {:?} work {} share {:?} t {:?} day {:?} jump {:.2} ret {:?} frees {:?} rises {} size {} out {:.2} span {:.2} start {} | {}",
        host.clock.hours,
        host.clock.start_hour,
        host.clock.gap,
        host.clock.reboot,
        truth.shape,
        verdict.tag,
        host.plans[truth.at].shape,
        truth.leak.unwrap_or(0.0) / 1e6,
        verdict.held / 1e6,
        verdict.kind.id(),
        verdict.bytes.per_hour / 1e6,
        e.p.max(e.p_partial.unwrap_or(0.0)),
        e.signal,
        e.floor,
        e.drawdown,
        e.ratio,
        e.last,
        e.by_work,
        e.partial_share,
        e.partial_t,
        e.day_low,
        e.jump,
        (e.retention, e.even, e.filling),
        e.frees,
        e.only_rises,
        e.constant_size,
        e.outgrown,
        e.hours,
        verdict.since_start,
        verdict.reasons.join("; "),
    )
}

/// A method's score of one row's sums.
type Score = fn(&[f64; 6]) -> f64;

/// What people do by hand.
#[derive(Default)]
struct Simple {
    rows: BTreeMap<Key, [f64; 6]>,
}

impl Simple {
    fn push(&mut self, sample: &poolmon_model::Sample, t: f64) {
        if !(t as u64).is_multiple_of(8) {
            return;
        }
        for row in &sample.rows {
            let y = row.counters.bytes.unwrap_or(0) as f64;
            let sums = self.rows.entry((row.tag.clone(), row.pool)).or_insert([y, 0.0, 0.0, 0.0, 0.0, 0.0]);
            *sums = [sums[0], y, sums[2] + 1.0, sums[3] + t, sums[4] + y, sums[5] + t * y];
        }
    }

    fn judge(&self, truths: &BTreeMap<Key, Truth>, totals: &mut Totals) {
        let leaks = truths.values().filter(|truth| truth.leak.is_some()).count();
        let methods: [(&'static str, Score); 3] = [
            ("largest at the end", |s| s[1]),
            ("last less first", |s| s[1] - s[0]),
            ("least-squares slope", |s| (s[5] - s[3] * s[4] / s[2]) / s[2].powi(3)),
        ];
        for (name, score) in methods {
            let mut order: Vec<(&Key, f64)> =
                self.rows.iter().map(|(key, sums)| (key, score(sums))).collect();
            order.sort_by(|a, b| b.1.total_cmp(&a.1));
            let method = totals.methods.entry(name).or_default();
            for (key, _) in order.iter().take(leaks) {
                let truth = truths.get(*key);
                method.named += 1;
                method.right += usize::from(truth.is_some_and(|truth| truth.leak.is_some()));
                method.worth += usize::from(truth.is_some_and(|truth| truth.worth && truth.visible));
            }
        }
    }
}

fn middle(values: &[f64]) -> Option<f64> {
    poolmon_leak::stats::rank::median_of(values)
}

fn part(a: usize, b: usize) -> String {
    if b == 0 { "-".to_owned() } else { format!("{:.4}", a as f64 / b as f64) }
}

fn print(hosts: u64, options: &Options, totals: &Totals, seconds: f64) {
    let set = if options.tuning { "tuning" } else { "held-out" };
    println!(
        "{} hosts x {} tags, {set} seeds, {seconds:.0} s; slowest report {:.2} s\n",
        hosts, options.tags, totals.report_seconds
    );
    println!(
        "| shape | tags | called leaking | worth acting on | found | recall | first right, h (median) | rate error (median) | rate within its interval | all verdicts |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for (name, shape) in &totals.shapes {
        let kinds: Vec<String> = shape.kinds.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        println!(
            "| {name} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            shape.tags,
            shape.leaking,
            shape.worth,
            shape.worth_found,
            part(shape.worth_found, shape.worth),
            middle(&shape.first).map_or("-".to_owned(), |h| format!("{h:.1}")),
            middle(&shape.error).map_or("-".to_owned(), |e| format!("{:.1} %", e * 100.0)),
            part(shape.covered, shape.worth_found),
            kinds.join(", "),
        );
    }
    println!(
        "\nprecision, all that was called leaking: {} ({} of {})",
        part(totals.right, totals.named),
        totals.right,
        totals.named
    );
    println!(
        "precision, of those called worth acting on: {} ({} of {})",
        part(totals.right_worth, totals.named_worth),
        totals.right_worth,
        totals.named_worth
    );
    println!(
        "recall, leaks worth acting on: {} ({} of {})",
        part(totals.worth_found, totals.worth),
        totals.worth_found,
        totals.worth
    );
    println!(
        "recall, with those hidden in their own noise: {} ({} of {})",
        part(totals.worth_found + totals.hidden_found, totals.worth + totals.hidden),
        totals.worth_found + totals.hidden_found,
        totals.worth + totals.hidden
    );
    println!("true rate within the 95 % interval: {}", part(totals.covered, totals.worth_found));
    let mut spread = totals.spread.clone();
    spread.sort_by(f64::total_cmp);
    let at = |part: f64| spread.get((part * spread.len() as f64) as usize).copied().unwrap_or(0.0);
    println!(
        "error of a rate over half its interval: median {:.2}, 80 % {:.2}, 90 % {:.2}, 95 % {:.2}",
        at(0.5),
        at(0.8),
        at(0.9),
        at(0.95)
    );
    println!(
        "lockstep groups found: {} of {}, culprit right: {}",
        totals.groups, totals.groups_expected, totals.groups_right
    );
    print_moments(&totals.moments);
    println!("\n| simple method, told how many leaks there are | precision | recall, worth acting on |");
    println!("|---|---|---|");
    for (name, method) in &totals.methods {
        println!("| {name} | {} | {} |", part(method.right, method.named), part(method.worth, totals.worth));
    }
}

fn print_moments(moments: &[Moment]) {
    println!(
        "\n| part of the recording | called leaking | precision | called worth acting on | precision | worth acting on by then | found | recall |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (at, now) in MOMENTS.iter().zip(moments).filter(|(_, now)| now.worth > 0) {
        println!(
            "| {at} | {} | {} | {} | {} | {} | {} | {} |",
            now.named,
            part(now.right, now.named),
            now.named_worth,
            part(now.right_worth, now.named_worth),
            now.worth,
            now.worth_found,
            part(now.worth_found, now.worth),
        );
    }
    // Found of worth acting on, and wrongly called leaking, for each shape on the way.
    let columns = MOMENTS.iter().zip(moments).filter(|(at, _)| at.log2().fract() == 0.0);
    let chosen: Vec<&Moment> = columns.map(|(_, now)| now).collect();
    println!("\n| shape: found of worth acting on (wrongly called leaking) | 0.125 | 0.25 | 0.5 | 1 |");
    println!("|---|---|---|---|---|");
    let mut names: Vec<&str> = chosen.iter().flat_map(|now| now.shapes.keys().copied()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let cell = |now: &&Moment| match now.shapes.get(name) {
            None => "-".to_owned(),
            Some([0, _, wrong]) => format!("({wrong})"),
            Some([worth, found, 0]) => format!("{found} of {worth}"),
            Some([worth, found, wrong]) => format!("{found} of {worth} ({wrong})"),
        };
        println!("| {name} | {} |", chosen.iter().map(cell).collect::<Vec<_>>().join(" | "));
    }
}
