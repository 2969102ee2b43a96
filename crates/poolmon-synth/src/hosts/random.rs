//! Hosts drawn at random: thousands of tags with Zipf sizes, most of them dull, a few that grow for a good reason,
//! and none to four that leak.
//!
//! Seeds are split: [`TUNING`] seeds may be looked at case by case while thresholds are chosen, [`HELD_OUT`] seeds
//! only ever yield the totals of an accuracy run.

use std::ops::Range;

use poolmon_model::{Pool, Tag};

use super::host::{Clock, Host, Limits};
use super::load::Load;
use super::plan::Follow;
use super::rng::Rng;
use super::{Plan, Shape};

/// Seeds that the analysis may be tuned on.
pub const TUNING: Range<u64> = 1..1_000;

/// Seeds that it may only be measured on.
pub const HELD_OUT: Range<u64> = 1_000_000..2_000_000;

const MB: f64 = 1e6;

/// A host of this many tags.
pub fn host(seed: u64, tags: usize) -> Host {
    let mut rng = Rng::new(seed);
    let hours = [12.0, 24.0, 24.0, 30.0, 48.0, 48.0, 72.0, 168.0][rng.below(8)];
    let interval = f64::max(10.0, (hours * 3600.0 / rng.between(700.0, 1500.0)).round());
    let gap_at = rng.between(0.1, 0.8) * hours;
    let clock = Clock {
        hours,
        interval,
        start_hour: rng.between(0.0, 24.0),
        gap: rng.chance(0.1).then(|| (gap_at, gap_at + rng.between(0.02, 0.12) * hours)),
        reboot: rng.chance(0.06).then(|| rng.between(0.1, 0.4) * hours),
        tells_boot: rng.chance(0.7),
    };
    let mut load = Load::random(&mut rng);
    if rng.chance(0.2) {
        load.shift_at = Some(rng.between(0.2, 0.8) * hours);
        load.shift_by = rng.between(1.3, 2.5);
    }
    let mut plans: Vec<Plan> = (0..tags).map(|rank| background(rank, hours, &mut rng)).collect();
    // Twenty tags that the load moves together, on every second host.
    if rng.chance(0.5) {
        for _ in 0..20 {
            let at = rng.below(tags);
            plans[at].shape = Shape::Load { gain: rng.between(0.3, 1.2) };
            plans[at].no_frees = false;
            plans[at].noise = rng.between(0.002, 0.03);
            plans[at].turnover = rng.log_between(1.0, 100.0);
        }
    }
    for _ in 0..rng.below(5) {
        let at = tags / 40 + rng.below(tags / 2);
        leak(&mut plans[at], hours, &mut rng);
    }
    if rng.chance(0.2) {
        lockstep(&mut plans, hours, &mut rng);
    }
    let memory = (8_u64 << 30) << rng.below(4);
    Host::new(seed, plans, clock, load, Limits { memory, commit: memory + memory / 4 })
}

/// Four characters that no other rank has.
fn name(rank: usize) -> Tag {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let letter = |n: usize| LETTERS[n % LETTERS.len()];
    let n = rank * 7919 % (62 * 62 * 62);
    Tag::pool([letter(rank * 31), letter(n), letter(n / 62), letter(n / 3844)])
}

/// An ordinary tag. The largest holds some 400 MB, the size falls with rank to the power 1.1 (Zipf).
fn background(rank: usize, hours: f64, rng: &mut Rng) -> Plan {
    let pool = if rng.chance(0.55) { Pool::Nonpaged } else { Pool::Paged };
    let size = f64::from(1_u32 << (4 + rng.below(9))) * rng.between(1.0, 1.9);
    let size = size.round();
    let bytes = 400.0 * MB / ((rank + 1) as f64).powf(1.1) * rng.between(0.5, 1.5);
    let base = (bytes / size).max(1.0);
    let mut plan = Plan::new(name(rank), pool, size, base);
    plan.noise = rng.log_between(0.001, 0.15);
    plan.memory = rng.log_between(0.01, 0.5);
    plan.turnover = rng.log_between(0.05, 60.0);
    plan.gain = if rng.chance(0.3) { rng.between(0.02, 0.5) } else { 0.0 };
    plan.mixed = if rng.chance(0.2) { rng.between(0.005, 0.05) } else { 0.0 };
    plan.appears = if rng.chance(0.02) { rng.between(0.05, 0.7) * hours } else { 0.0 };
    plan.wraps = rng.chance(0.01);
    let draw = rng.unit();
    plan.shape = match draw {
        d if d < 0.50 => Shape::Constant,
        d if d < 0.86 => Shape::Traffic,
        d if d < 0.89 => Shape::Daily { swing: rng.between(0.05, 0.6), peak: rng.between(8.0, 20.0) },
        d if d < 0.92 => Shape::Load { gain: rng.between(0.1, 0.8) },
        d if d < 0.935 => {
            Shape::CacheExp { size: base * rng.log_between(0.2, 4.0), tau: hours * rng.between(0.04, 0.3) }
        }
        d if d < 0.95 => {
            Shape::CacheLog { size: base * rng.log_between(0.1, 1.0), tau: hours * rng.between(0.01, 0.08) }
        }
        d if d < 0.965 => {
            Shape::Sawtooth { size: base * rng.between(0.2, 2.0), period: hours * rng.between(0.05, 0.4) }
        }
        d if d < 0.98 => {
            let down = if rng.chance(0.3) { -0.5 } else { 1.0 };
            let size = base * rng.log_between(0.05, 2.0) * down;
            Shape::Step { size, at: rng.between(0.05, 0.95) * hours }
        }
        _ => Shape::Walk { sigma: base * rng.between(0.05, 0.3), tau: hours * rng.log_between(0.005, 0.12) },
    };
    plan
}

fn leak(plan: &mut Plan, hours: f64, rng: &mut Rng) {
    let pool_share = 1.0;
    let bytes_per_hour = rng.log_between(0.3, 150.0) * MB * pool_share;
    let per_hour = bytes_per_hour / plan.size;
    plan.appears = if rng.chance(0.15) { rng.between(0.05, 0.4) * hours } else { 0.0 };
    plan.wraps = rng.chance(0.1);
    plan.no_frees = rng.chance(0.15);
    if plan.no_frees {
        plan.noise = 0.0;
        plan.gain = 0.0;
        plan.mixed = 0.0;
    }
    plan.shape = match rng.below(8) {
        0 | 1 => Shape::SteadyLeak { per_hour },
        2 => Shape::LoadLeak { per_hour },
        3 => Shape::BurstLeak { per_hour, bursts: rng.between(14.0, 80.0) / hours },
        4 | 5 => Shape::LateLeak { per_hour, from: (rng.between(0.1, 0.6) * hours).max(plan.appears) },
        6 => Shape::FixedLeak { per_hour, until: rng.between(0.3, 0.7) * hours },
        _ => {
            // As slow as the tag's own traffic lets anybody see: the noise of one sample is 25 to 100 hours of it.
            let swing = per_hour * rng.between(25.0, 100.0);
            plan.no_frees = false;
            plan.gain = 0.0;
            plan.memory = 0.02;
            plan.noise = (swing / plan.base).min(0.25);
            plan.base = plan.base.max(swing / 0.25);
            Shape::SlowLeak { per_hour }
        }
    };
}

/// One lost reference of a filter driver keeps objects of four other layers alive.
fn lockstep(plans: &mut [Plan], hours: f64, rng: &mut Rng) {
    let leader = plans.len() / 4 + rng.below(plans.len() / 4);
    let per_hour = rng.log_between(2_000.0, 60_000.0);
    let own = &mut plans[leader];
    own.shape = Shape::SteadyLeak { per_hour };
    own.size = 96.0 + 16.0 * rng.below(12) as f64;
    own.base = rng.between(100.0, 3000.0);
    own.no_frees = rng.chance(0.7);
    own.noise = if own.no_frees { 0.0 } else { 0.01 };
    own.gain = 0.0;
    own.mixed = 0.0;
    own.appears = if rng.chance(0.2) { rng.between(0.05, 0.3) * hours } else { 0.0 };
    let victims: [(&[u8; 4], f64, u32); 4] =
        [(b"File", 416.0, 1), (b"NtFC", 1120.0, 1), (b"IoFE", 64.0, 2), (b"FMfn", 320.0, 1)];
    for (tag, size, multiple) in victims {
        let at = loop {
            let at = leader + 1 + rng.below(plans.len() - leader - 1);
            if plans[at].follows.is_none() {
                break at;
            }
        };
        let mut plan = Plan::new(Tag::pool(*tag), Pool::Nonpaged, size, rng.between(5e3, 5e4));
        plan.noise = rng.between(0.005, 0.03);
        plan.turnover = rng.between(5.0, 40.0);
        plan.follows = Some(Follow { leader, multiple });
        plans[at] = plan;
    }
}

/// Ordinary tags that neither grow nor follow anything, to be around the tags of a scenario.
pub fn quiet(seed: u64, tags: usize) -> Vec<Plan> {
    let mut rng = Rng::new(seed ^ 0x9_0e7);
    (0..tags)
        .map(|rank| {
            let mut plan = background(rank + 5, 24.0, &mut rng);
            plan.shape = if rng.chance(0.6) { Shape::Constant } else { Shape::Traffic };
            plan.noise = plan.noise.min(0.05);
            plan.appears = 0.0;
            plan
        })
        .collect()
}
