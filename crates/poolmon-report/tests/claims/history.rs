//! Random histories: what rows did at each sample, and the samples that a kernel would have shown of it.

use std::time::Duration;

use poolmon_model::{CounterWidth, Counters, Origin, Pool, Row, Sample, SourceKind, Tag};
use proptest::prelude::*;

/// What a row's figures are made from.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Allocations at each sample in the mean.
    pub pace: u16,
    /// Part of them that is kept, of 100.
    pub keeps: u8,
    /// Bytes of an object.
    pub size: u16,
    /// Every other object has twice the size.
    pub mixed: bool,
    /// How it goes on.
    pub shape: Shape,
    /// What the source reports of it.
    pub reports: Reports,
    /// Seed of its own noise.
    pub seed: u64,
}

/// How a row goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// At its pace.
    Steady,
    /// Only after a part of the history, of 100.
    From(u8),
    /// Only until a part of the history.
    Until(u8),
    /// Fast at first.
    Levels,
    /// Keeps in bursts, every N samples.
    Bursts(u8),
    /// Gains and loses in waves of N samples.
    Waves(u8),
    /// Everything is freed every N samples, as at the restart of a service.
    Restarts(u8),
    /// One jump.
    Jump(u8),
    /// Loses a little more than it gained at some samples.
    Dips(u8),
    /// Moves at random.
    Walk,
}

/// What a source reports of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reports {
    /// Allocs, frees and bytes.
    Counts,
    /// Outstanding allocations and bytes.
    Objects,
    /// Bytes alone.
    Bytes,
}

/// A history.
#[derive(Clone, Debug)]
pub struct Plans {
    /// Samples.
    pub samples: usize,
    /// Seconds from one to the next.
    pub step: u32,
    /// A sample after which nothing is seen for as many steps.
    pub gap: Option<(usize, u16)>,
    /// A sample before which the machine reboots.
    pub reboot: Option<usize>,
    /// Counters are 32 bits wide and start shortly before they pass 2³².
    pub wraps: bool,
    /// The pool's header and limits are known.
    pub header: bool,
    /// The rows.
    pub rows: Vec<Plan>,
}

/// Any history.
pub fn plans() -> impl Strategy<Value = Plans> {
    let samples = prop_oneof![2..12_usize, 12..60_usize, 60..300_usize];
    let step = prop_oneof![Just(10_u32), Just(60), Just(600), Just(3600)];
    let gap = proptest::option::weighted(0.2, (1..299_usize, 2..200_u16));
    let reboot = proptest::option::weighted(0.15, 2..299_usize);
    let rows = proptest::collection::vec(plan(), 1..6);
    (samples, step, gap, reboot, any::<bool>(), any::<bool>(), rows).prop_map(
        |(samples, step, gap, reboot, wraps, header, rows)| Plans {
            samples,
            step,
            gap,
            reboot,
            wraps,
            header,
            rows,
        },
    )
}

fn plan() -> impl Strategy<Value = Plan> {
    let shape = prop_oneof![
        3 => Just(Shape::Steady),
        1 => (5..95_u8).prop_map(Shape::From),
        1 => (5..95_u8).prop_map(Shape::Until),
        1 => Just(Shape::Levels),
        1 => (2..60_u8).prop_map(Shape::Bursts),
        1 => (4..80_u8).prop_map(Shape::Waves),
        1 => (3..150_u8).prop_map(Shape::Restarts),
        1 => (5..95_u8).prop_map(Shape::Jump),
        1 => (2..9_u8).prop_map(Shape::Dips),
        1 => Just(Shape::Walk),
    ];
    let reports =
        prop_oneof![3 => Just(Reports::Counts), 1 => Just(Reports::Objects), 1 => Just(Reports::Bytes)];
    let keeps = prop_oneof![Just(0_u8), Just(1), Just(100), 0..=100_u8];
    let pace = prop_oneof![0..4_u16, 1..300_u16, 1..20_000_u16];
    let size = prop_oneof![Just(16_u16), 16..4096_u16];
    (pace, keeps, size, any::<bool>(), shape, reports, any::<u64>()).prop_map(
        |(pace, keeps, size, mixed, shape, reports, seed)| Plan {
            pace,
            keeps,
            size,
            mixed,
            shape,
            reports,
            seed,
        },
    )
}

/// A row at a moment, whatever the source reports of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct At {
    /// Allocations since boot, not cut to any width.
    pub allocs: u64,
    /// Frees since boot.
    pub frees: u64,
    /// Bytes held.
    pub bytes: u64,
}

/// What was simulated.
pub struct History {
    /// Hours of each sample from the first one.
    pub hours: Vec<f64>,
    /// Boot of each sample.
    pub boots: Vec<u32>,
    /// Each row at each sample.
    pub rows: Vec<Vec<At>>,
    /// What the judge is shown.
    pub samples: Vec<Sample>,
}

struct Noise(u64);

impl Noise {
    /// From 0 to 1.
    fn part(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(1_u32 << 31)
    }
}

impl Plan {
    /// The row at each of N samples, from a boot on.
    fn run(&self, samples: usize) -> Vec<At> {
        let mut noise = Noise(self.seed);
        let pace = f64::from(self.pace);
        let start = (noise.part() * 50.0 * (pace + 1.0)) as u64;
        let (mut allocs, mut frees) = (start * 3, start * 2);
        let mut kept_part = 0.0;
        (0..samples)
            .map(|at| {
                let part = at as f64 / samples as f64;
                let every = |each: u8| at > 0 && at % usize::from(each) == 0;
                let after = |part_of: u8| part >= f64::from(part_of) / 100.0;
                let active = match self.shape {
                    Shape::From(from) => f64::from(u8::from(after(from))),
                    Shape::Until(until) => f64::from(u8::from(!after(until))),
                    Shape::Levels => 3.0 * (-4.0 * part).exp(),
                    Shape::Bursts(each) => f64::from(u8::from(every(each))) * 10.0,
                    Shape::Jump(when) => f64::from(u8::from(at == samples * usize::from(when) / 100)) * 50.0,
                    _ => 1.0,
                };
                let made = (pace * 2.0 * noise.part()).round() as u64;
                kept_part += made as f64 * f64::from(self.keeps) / 100.0 * active;
                let kept = (kept_part as u64).min(if active > 1.0 { u64::MAX } else { made });
                kept_part -= kept as f64;
                allocs += made.max(kept);
                frees += made.max(kept) - kept;
                let held = allocs - frees;
                let lost = match self.shape {
                    Shape::Waves(each) if at / (usize::from(each) / 2) % 2 == 1 => held.min(2 * made),
                    Shape::Restarts(each) if every(each) => held,
                    Shape::Dips(each) if every(each) => held.min(kept + kept / 2),
                    Shape::Walk if noise.part() < 0.5 => held.min(2 * kept),
                    _ => 0,
                };
                frees += lost;
                let held = allocs - frees;
                let size = u64::from(self.size);
                let more = if self.mixed { held / 2 * size } else { 0 };
                At { allocs, frees, bytes: held * size + more }
            })
            .collect()
    }
}

impl Plans {
    /// Simulates it.
    pub fn run(&self) -> History {
        let reboot = self.reboot.filter(|at| *at < self.samples).unwrap_or(self.samples);
        let parts = [reboot, self.samples - reboot];
        let rows: Vec<Vec<At>> = self
            .rows
            .iter()
            .map(|plan| parts.iter().flat_map(|samples| plan.run(*samples)).collect())
            .collect();
        let mut seconds = 0_u64;
        let mut history = History { hours: Vec::new(), boots: Vec::new(), rows, samples: Vec::new() };
        for at in 0..self.samples {
            if at > 0 {
                let steps = self.gap.filter(|gap| gap.0 == at).map_or(1, |gap| u64::from(gap.1));
                seconds += steps * u64::from(self.step);
            }
            let boot = u32::from(at >= reboot);
            history.hours.push(seconds as f64 / 3600.0);
            history.boots.push(boot);
            history.samples.push(self.sample(at, boot, seconds, &history.rows));
        }
        history
    }

    fn sample(&self, at: usize, boot: u32, seconds: u64, rows: &[Vec<At>]) -> Sample {
        let mut origin = Origin::new(SourceKind::Windows, &[Pool::Nonpaged]);
        origin.boot = Some(format!("boot {boot}"));
        let width = if self.wraps { CounterWidth::Bits32 } else { CounterWidth::Bits64 };
        let mut sample = Sample::new(origin.into(), width);
        sample.time = jiff::Timestamp::from_second(1_800_000_000 + seconds.cast_signed()).ok();
        // Nobody knows how long the machine had been up before the second boot was seen.
        let up = if boot == 0 { 90_000 + seconds } else { 600 + seconds - seconds.min(600) };
        sample.uptime = (boot == 0).then(|| Duration::from_secs(up));
        for (number, (plan, row)) in self.rows.iter().zip(rows).enumerate() {
            let now = row[at];
            let before = if self.wraps { (1_u64 << 32) - 2000 } else { 0 };
            let counter = |value: u64| {
                let value = value + before;
                Some(if self.wraps { value % (1 << 32) } else { value })
            };
            let mut counters = Counters { bytes: Some(now.bytes), ..Counters::default() };
            match plan.reports {
                Reports::Counts => {
                    (counters.allocs, counters.frees) = (counter(now.allocs), counter(now.frees));
                }
                Reports::Objects => counters.reported_diff = Some((now.allocs - now.frees).cast_signed()),
                Reports::Bytes => {}
            }
            let tag = Tag::pool([b'R', b'o', b'w', b'0' + number as u8]);
            sample.rows.push(Row { tag, pool: Pool::Nonpaged, counters, reported_owner: None });
        }
        if self.header {
            let all = sample.rows.iter().filter_map(|row| row.counters.bytes).sum::<u64>();
            sample.header.pool_nonpaged = Some(all + 10_000_000);
            sample.header.limit_nonpaged = Some(40_000_000_000);
            sample.header.memory_available = Some(8_000_000_000_u64.saturating_sub(all));
        }
        sample
    }
}
