//! A host: its tags, its load, its clock, and the samples it gives.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use poolmon_model::{CounterWidth, Origin, Pool, Row, Sample, SourceKind};

use super::load::Load;
use super::rng::Rng;
use super::{Plan, Shape, Truth, worth_acting_on};

/// When a host is sampled, and what befalls it meanwhile. Hours count from the start of the recording.
#[derive(Clone, Debug)]
pub struct Clock {
    /// Length of the recording.
    pub hours: f64,
    /// Seconds from sample to sample.
    pub interval: f64,
    /// Hour of the day at the start.
    pub start_hour: f64,
    /// Nothing is sampled from the first to the second hour.
    pub gap: Option<(f64, f64)>,
    /// The machine reboots at this hour.
    pub reboot: Option<f64>,
    /// Samples carry a boot id and an uptime.
    pub tells_boot: bool,
}

/// Where the pools end.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Physical memory, bytes.
    pub memory: u64,
    /// Commit limit, bytes.
    pub commit: u64,
}

#[derive(Clone, Debug, Default)]
struct State {
    noise: f64,
    size_noise: f64,
    walk: f64,
    held: f64,
    lost: f64,
    tooth_start: f64,
    tooth_length: f64,
    outstanding: i64,
    allocs: u64,
    frees: u64,
    row: Option<usize>,
    started: f64,
}

/// A simulated host. Give the same seed and plans, get the same samples.
#[derive(Clone, Debug)]
pub struct Host {
    /// Its tags.
    pub plans: Vec<Plan>,
    /// Its clock.
    pub clock: Clock,
    /// Its limits.
    pub limits: Limits,
    load: Load,
    rng: Rng,
    states: Vec<State>,
    origin: Arc<Origin>,
    rows: Vec<Row>,
    last_hour: Option<f64>,
    next: u64,
    booted: f64,
    base_used: f64,
}

const START: i64 = 1_772_409_600; // a Monday, 00:00 UTC

impl Host {
    /// A host before its first sample.
    pub fn new(seed: u64, plans: Vec<Plan>, clock: Clock, load: Load, limits: Limits) -> Self {
        let mut origin = Origin::new(SourceKind::Simulated, &[Pool::Nonpaged, Pool::Paged]);
        origin.host = Some(format!("synth-{seed}"));
        origin.boot = clock.tells_boot.then(|| "boot-1".to_owned());
        let states = vec![State::default(); plans.len()];
        let booted = -24.0 * (1.0 + (seed % 20) as f64);
        let mut host = Self {
            plans,
            clock,
            limits,
            load,
            rng: Rng::new(seed ^ 0x5eed),
            states,
            origin: Arc::new(origin),
            rows: Vec::new(),
            last_hour: None,
            next: 0,
            booted,
            base_used: 2.5e9,
        };
        host.boot(0.0, true);
        host
    }

    fn boot(&mut self, hour: f64, first: bool) {
        self.rows.clear();
        for (plan, state) in self.plans.iter().zip(&mut self.states) {
            *state = State { started: hour, ..State::default() };
            state.noise = self.rng.normal();
            state.walk = self.rng.normal();
            let age = if first { -self.booted } else { 0.0 };
            let outstanding = plan.base.round() as u64;
            let turned = (plan.base * plan.turnover * age).max(0.0) as u64;
            state.frees = if plan.no_frees { 0 } else { turned };
            if plan.wraps && first {
                state.frees = (1_u64 << 32) - 1 - (plan.base * plan.turnover * 0.3 * self.clock.hours) as u64;
            }
            state.allocs = state.frees + outstanding;
            state.outstanding = outstanding.cast_signed();
            state.tooth_start = hour;
            if let Shape::Sawtooth { period, .. } = plan.shape {
                state.tooth_length = period * self.rng.between(0.75, 1.25);
                state.tooth_start = hour - state.tooth_length * self.rng.unit();
            }
        }
    }

    /// Fills the next sample; false when the recording is over.
    pub fn sample_into(&mut self, sample: &mut Sample) -> bool {
        let mut hour = self.next as f64 * self.clock.interval / 3600.0;
        if let Some((from, to)) = self.clock.gap
            && hour >= from
            && hour < to
        {
            self.next = (to * 3600.0 / self.clock.interval).ceil() as u64;
            hour = self.next as f64 * self.clock.interval / 3600.0;
        }
        if hour > self.clock.hours {
            return false;
        }
        self.next += 1;
        if let Some(at) = self.clock.reboot
            && hour >= at
            && self.booted < at
        {
            self.booted = at;
            let mut origin = (*self.origin).clone();
            origin.boot = origin.boot.map(|_| "boot-2".to_owned());
            self.origin = Arc::new(origin);
            self.boot(hour, false);
        }
        let step = self.last_hour.map_or(0.0, |last| hour - last);
        self.last_hour = Some(hour);
        let of_day = (self.clock.start_hour + hour).rem_euclid(24.0);
        let day = ((self.clock.start_hour + hour) / 24.0) as u64;
        let load = self.load.at(hour, of_day, day, step, &mut self.rng);
        for at in 0..self.plans.len() {
            self.step(at, hour, step, of_day, load);
        }
        self.fill(sample, hour);
        true
    }

    fn step(&mut self, at: usize, hour: f64, step: f64, of_day: f64, load: f64) {
        let Some(plan) = self.plans.get(at) else { return };
        if hour < plan.appears {
            return;
        }
        let follow = plan.follows.and_then(|follow| {
            self.states.get(follow.leader).map(|leader| leader.lost * f64::from(follow.multiple))
        });
        let (Some(state), rng) = (self.states.get_mut(at), &mut self.rng) else { return };
        let is_new = state.row.is_none() || self.rows.is_empty();
        if plan.shape != Shape::Constant || follow.is_some() || is_new {
            let shape = state.shape(plan, hour - state.started, hour, step, of_day, load, rng);
            if let Some(lost) = follow {
                state.lost = lost;
            }
            if plan.noise > 0.0 {
                let memory = (-step / plan.memory).exp();
                state.noise = state.noise * memory + (1.0 - memory * memory).sqrt() * rng.normal();
            }
            let base = plan.base * (1.0 + plan.gain * (load - 1.0) + plan.noise * state.noise).max(0.0);
            let target = ((base + shape).max(0.0) + state.lost).round() as i64;
            let change = target - state.outstanding;
            let churn =
                if plan.no_frees { 0 } else { rng.count(plan.base * plan.turnover * load.min(3.0) * step) };
            state.allocs += churn + change.max(0).unsigned_abs();
            if plan.no_frees && change < 0 {
                return;
            }
            state.frees += churn + change.min(0).unsigned_abs();
            state.outstanding = target;
            if plan.mixed > 0.0 {
                let memory = (-step / 0.3).exp();
                state.size_noise = state.size_noise * memory + (1.0 - memory * memory).sqrt() * rng.normal();
            }
        }
        let bytes = state.outstanding as f64 * plan.size * (1.0 + plan.mixed * state.size_noise);
        let mask = u64::from(u32::MAX);
        let row = Row::windows(
            plan.tag.clone(),
            plan.pool,
            state.allocs & mask,
            state.frees & mask,
            bytes.max(0.0) as u64,
        );
        match state.row.and_then(|at| self.rows.get_mut(at)) {
            Some(slot) if slot.tag == row.tag => *slot = row,
            _ => {
                state.row = Some(self.rows.len());
                self.rows.push(row);
            }
        }
    }

    fn fill(&self, sample: &mut Sample, hour: f64) {
        sample.clear();
        sample.origin = Arc::clone(&self.origin);
        sample.width = CounterWidth::Bits32;
        let millis = START * 1000 + ((self.clock.start_hour + hour) * 3_600_000.0).round() as i64;
        sample.time = Timestamp::from_millisecond(millis).ok();
        sample.uptime =
            self.clock.tells_boot.then(|| Duration::from_secs_f64(((hour - self.booted) * 3600.0).max(0.0)));
        sample.rows.clone_from(&self.rows);
        let nonpaged = sample.tagged_bytes(Pool::Nonpaged);
        let paged = sample.tagged_bytes(Pool::Paged);
        let header = &mut sample.header;
        header.memory_total = Some(self.limits.memory);
        header.pool_nonpaged = Some(nonpaged + nonpaged / 20);
        header.pool_paged = Some(paged + paged / 30);
        let commit = nonpaged + paged + self.base_used as u64;
        header.commit = Some(commit);
        header.commit_limit = Some(self.limits.commit);
        header.memory_available =
            Some(self.limits.memory.saturating_sub(nonpaged + paged / 2 + self.base_used as u64));
    }

    /// What is true of every tag that is not plain traffic.
    pub fn truth(&self) -> Vec<Truth> {
        let pool_bytes = |pool| -> f64 {
            self.plans.iter().filter(|plan| plan.pool == pool).map(|plan| plan.base * plan.size).sum()
        };
        let pools = [(Pool::Nonpaged, pool_bytes(Pool::Nonpaged)), (Pool::Paged, pool_bytes(Pool::Paged))];
        let mut truths = Vec::with_capacity(self.plans.len());
        for (at, plan) in self.plans.iter().enumerate() {
            let (leak, shape) = match plan.follows {
                Some(follow) => {
                    let leader = self.plans.get(follow.leader).and_then(|leader| leader.shape.leak());
                    let leak = leader.map(|(rate, since)| (rate * f64::from(follow.multiple), since));
                    (leak, "lockstep")
                }
                None => (plan.shape.leak(), plan.shape.id()),
            };
            let since = leak.map_or(0.0, |(_, since)| since).max(plan.appears);
            let leak = leak.map(|(rate, _)| rate * plan.size);
            let pool = pools.iter().find(|(pool, _)| *pool == plan.pool).map_or(0.0, |(_, bytes)| *bytes);
            let worth = leak.is_some_and(|rate| worth_acting_on(rate, pool, since, self.clock.hours));
            let grown = leak.unwrap_or(0.0) * (self.clock.hours - since);
            let visible = leak.is_some() && grown > 2.0 * plan.noise * plan.base * plan.size;
            truths.push(Truth { at, shape, leak, since, worth, visible });
        }
        truths
    }
}

impl State {
    /// Allocations that the shape adds; what leaks goes into `lost`.
    #[expect(clippy::too_many_arguments, reason = "one moment of one tag")]
    fn shape(
        &mut self,
        plan: &Plan,
        age: f64,
        hour: f64,
        step: f64,
        of_day: f64,
        load: f64,
        rng: &mut Rng,
    ) -> f64 {
        let lose = |state: &mut Self, mean: f64, rng: &mut Rng| {
            state.lost += rng.count(mean) as f64;
            0.0
        };
        match plan.shape {
            Shape::Constant | Shape::Traffic => 0.0,
            Shape::SteadyLeak { per_hour } | Shape::SlowLeak { per_hour } => lose(self, per_hour * step, rng),
            Shape::LoadLeak { per_hour } => lose(self, per_hour * load * step, rng),
            Shape::BurstLeak { per_hour, bursts } => {
                for _ in 0..rng.count(bursts * step) {
                    let size = rng.exponential(per_hour / bursts * 0.5) + per_hour / bursts * 0.5;
                    self.lost += size.round();
                }
                0.0
            }
            Shape::LateLeak { per_hour, from } => {
                if hour > from {
                    lose(self, per_hour * step.min(hour - from), rng);
                }
                0.0
            }
            Shape::FixedLeak { per_hour, until } => {
                if hour < until {
                    lose(self, per_hour * step, rng);
                }
                0.0
            }
            // A cache fills by its misses: what the machine does, not the clock alone.
            Shape::CacheExp { size, tau } => {
                self.held += (size - self.held) * (1.0 - (-step * load / tau).exp());
                self.held
            }
            Shape::CacheLog { size, tau } => size * (age / tau).ln_1p(),
            Shape::Sawtooth { size, period } => {
                if hour - self.tooth_start > self.tooth_length {
                    self.tooth_start = hour;
                    self.tooth_length = period * rng.between(0.75, 1.25);
                }
                size * (hour - self.tooth_start) / self.tooth_length
            }
            Shape::Daily { swing, peak } => {
                plan.base * swing * ((of_day - peak) / 24.0 * std::f64::consts::TAU).cos()
            }
            Shape::Step { size, at } => {
                if hour >= at {
                    size
                } else {
                    0.0
                }
            }
            Shape::Walk { sigma, tau } => {
                let memory = (-step / tau).exp();
                self.walk = self.walk * memory + (1.0 - memory * memory).sqrt() * rng.normal();
                sigma * self.walk
            }
            Shape::Load { gain } => plan.base * gain * (load - 1.0),
        }
    }
}
