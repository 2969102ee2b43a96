//! A simulated Windows kernel: tags that churn, cache and follow the day, and one driver that leaks.
//!
//! [`tags`] says what is held at the start, this file lets time pass and reports the state as a [`Sample`],
//! [`source`] makes a [`poolmon_source::Source`] of it. Equal seeds and steps give equal samples.

pub mod random;
pub mod source;
pub mod tags;

use std::f64::consts::TAU;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use poolmon_model::sample::Session;
use poolmon_model::{CounterWidth, Header, Origin, Pool, Row, Sample, SourceKind, Tag};

use random::Random;
pub use source::SimulatedSource;
use tags::{Habit, Start};

/// The leak of the simulated kernel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leak {
    /// Its tag (nonpaged pool).
    pub tag: [u8; 4],
    /// Bytes of one allocation, not 0.
    pub size: u64,
    /// Bytes lost in each second.
    pub bytes_per_second: u64,
}

/// Driver behind the leak. It does not exist.
pub const LEAK_DRIVER: &str = "leakdrv.sys";

/// What is simulated.
#[derive(Clone, Debug)]
pub struct SimulationConfig {
    /// Equal seeds give equal kernels.
    pub seed: u64,
    /// Rows, the leak not counted.
    pub tags: usize,
    /// Rows that change in a second on average: about 1,470 on a busy machine, 400 on a quiet one.
    pub changes_per_second: f64,
    /// The leak, or none.
    pub leak: Option<Leak>,
    /// How long a day takes.
    pub day: Duration,
    /// The counters of the 16 busiest rows wrap at 2³² after this many allocations more.
    pub wrap_after: Option<u32>,
    /// Width of the counters that are reported.
    pub width: CounterWidth,
    /// Physical memory in bytes.
    pub memory: u64,
    /// Wall-clock time at the start.
    pub start: Timestamp,
    /// Time since boot at the start.
    pub uptime: Duration,
}

impl Default for SimulationConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            tags: 3_000,
            changes_per_second: 1_470.0,
            leak: Some(Leak { tag: *b"Leak", size: 1_040, bytes_per_second: 512 << 10 }),
            day: Duration::from_mins(10),
            wrap_after: None,
            width: CounterWidth::Bits32,
            memory: 16 << 30,
            start: Timestamp::UNIX_EPOCH,
            uptime: Duration::from_hours(72),
        }
    }
}

impl SimulationConfig {
    /// A machine on which little happens.
    pub fn quiet() -> Self {
        Self { changes_per_second: 400.0, ..Self::default() }
    }
}

/// One row of the kernel; counters do not wrap in here.
#[derive(Clone, Debug)]
struct KernelRow {
    tag: [u8; 4],
    pool: Pool,
    size: u64,
    base: f64,
    habit: Habit,
    /// Allocations in a second.
    rate: f64,
    allocs: u64,
    frees: u64,
}

impl KernelRow {
    const fn outstanding(&self) -> u64 {
        self.allocs - self.frees
    }

    const fn bytes(&self) -> u64 {
        self.outstanding() * self.size
    }

    fn row(&self, width: CounterWidth) -> Row {
        let cut = |count: u64| if width == CounterWidth::Bits32 { count & 0xffff_ffff } else { count };
        Row::windows(Tag::pool(self.tag), self.pool, cut(self.allocs), cut(self.frees), self.bytes())
    }
}

/// The kernel.
#[derive(Debug)]
pub struct SimulatedKernel {
    config: SimulationConfig,
    origin: Arc<Origin>,
    random: Random,
    held: Vec<KernelRow>,
    elapsed: Duration,
    faults: u64,
    peak: u64,
}

impl SimulatedKernel {
    /// A kernel at its start.
    pub fn new(config: SimulationConfig) -> Self {
        let mut random = Random::new(config.seed);
        let taken = config.leak.map_or(*b"Leak", |leak| leak.tag);
        let starts = tags::starts(config.tags, taken, &mut random);
        let rates = rates(starts.len(), config.changes_per_second);
        let mut held: Vec<KernelRow> =
            starts.iter().zip(rates).map(|(start, rate)| KernelRow::new(start, rate, &mut random)).collect();
        if let Some(after) = config.wrap_after {
            for row in held.iter_mut().take(16) {
                let outstanding = row.outstanding();
                row.allocs = (1_u64 << 32) - u64::from(after);
                row.frees = row.allocs - outstanding;
            }
        }
        held.extend(config.leak.map(|leak| KernelRow {
            base: 0.0,
            ..KernelRow::new(&(leak.tag, Pool::Nonpaged, leak.size.max(1), 0, Habit::Leak), 20.0, &mut random)
        }));
        let origin = Origin {
            host: Some("demo".into()),
            system: Some("Windows (simulated)".into()),
            boot: Some(format!("simulated-{}", config.seed)),
            ..Origin::new(SourceKind::Simulated, &[Pool::Nonpaged, Pool::Paged])
        };
        let mut kernel = Self {
            config,
            origin: Arc::new(origin),
            random,
            held,
            elapsed: Duration::ZERO,
            faults: 468_600_648,
            peak: 0,
        };
        kernel.peak = kernel.commit();
        kernel
    }

    /// Where its samples come from.
    pub fn origin(&self) -> &Arc<Origin> {
        &self.origin
    }

    /// Simulated time since the start.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Lets time pass.
    pub fn step(&mut self, dt: Duration) {
        let leaked = |at: Duration, leak: &Leak| {
            at.as_millis() * u128::from(leak.bytes_per_second) / 1_000 / u128::from(leak.size.max(1))
        };
        let before = self.elapsed;
        self.elapsed += dt;
        let seconds = dt.as_secs_f64();
        let day = (self.elapsed.as_secs_f64() / self.config.day.as_secs_f64().max(1.0)).fract();
        for row in &mut self.held {
            let events = self.random.poisson(row.rate * seconds);
            row.allocs += events;
            if row.habit == Habit::Leak {
                row.frees += events;
                if let Some(leak) = &self.config.leak {
                    let lost = leaked(self.elapsed, leak) - leaked(before, leak);
                    row.allocs += u64::try_from(lost).unwrap_or(u64::MAX >> 1);
                }
            } else if events > 0 {
                row.settle(events, day);
            }
        }
        self.faults += self.random.poisson(2_500.0 * seconds);
        self.peak = self.peak.max(self.commit());
    }

    /// Its rows as the kernel reports them.
    pub fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        self.held.iter().map(|held| held.row(self.config.width))
    }

    /// Its state now, in a new sample.
    pub fn sample(&self) -> Sample {
        let mut sample = Sample::new(Arc::clone(&self.origin), self.config.width);
        self.fill(&mut sample, false);
        sample
    }

    /// Fills a sample with its state now; its memory is used again.
    pub fn fill(&self, sample: &mut Sample, sessions: bool) {
        sample.clear();
        sample.origin = Arc::clone(&self.origin);
        sample.width = self.config.width;
        sample.time = jiff::SignedDuration::try_from(self.elapsed)
            .ok()
            .and_then(|elapsed| self.config.start.checked_add(elapsed).ok());
        sample.uptime = Some(self.config.uptime + self.elapsed);
        sample.header = self.header();
        sample.rows.extend(self.rows());
        if sessions {
            // Session 0 has the services, session 1 the desktop: a sixtieth and a thirtieth of some paged rows.
            for (id, share) in [(0, 60), (1, 30)] {
                let paged = self.held.iter().filter(|held| held.pool == Pool::Paged).take(40);
                let part = paged.map(|held| {
                    let frees = held.frees / share;
                    let outstanding = held.outstanding() / share;
                    KernelRow { allocs: frees + outstanding, frees, ..held.clone() }.row(self.config.width)
                });
                sample.sessions.push(Session { id, rows: part.collect() });
            }
        }
    }

    fn pool(&self, pool: Pool) -> u64 {
        let tagged: u64 = self.held.iter().filter(|held| held.pool == pool).map(KernelRow::bytes).sum();
        // What no tag accounts for: rounding to pages and the pool's own tables.
        (tagged + tagged / 24 + (8 << 20)) & !0xfff
    }

    fn commit(&self) -> u64 {
        (self.config.memory / 4 + self.pool(Pool::Nonpaged) + self.pool(Pool::Paged)) & !0xfff
    }

    fn header(&self) -> Header {
        let (nonpaged, paged) = (self.pool(Pool::Nonpaged), self.pool(Pool::Paged));
        let memory = self.config.memory;
        let resident_paged = (paged / 10 * 9) & !0xfff;
        let in_use = memory / 3 + nonpaged + resident_paged;
        Header {
            memory_total: Some(memory),
            memory_available: Some(memory.saturating_sub(in_use) & !0xfff),
            page_faults: Some(self.faults),
            resident_kernel: Some(10_444 << 10),
            resident_paged: Some(resident_paged),
            commit: Some(self.commit()),
            commit_limit: Some(memory.saturating_mul(2).max(self.peak)),
            commit_peak: Some(self.peak),
            pool_nonpaged: Some(nonpaged),
            pool_paged: Some(paged),
            ..Header::default()
        }
    }
}

impl KernelRow {
    fn new(&(tag, pool, size, outstanding, habit): &Start, rate: f64, random: &mut Random) -> Self {
        let frees = (outstanding + 1) * (1 + random.below(40));
        Self { tag, pool, size, base: outstanding as f64, habit, rate, allocs: frees + outstanding, frees }
    }

    /// Frees after `events` allocations: what was allocated, more or less what leads to the wanted holding.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "holdings are far below 2^53"
    )]
    fn settle(&mut self, events: u64, day: f64) {
        let factor = match self.habit {
            Habit::Daily => 1.0 + 0.25 * (day * TAU).sin(),
            Habit::Cache => 0.7 + 0.4 * (1.0 - (-4.0 * day).exp()),
            Habit::Churn | Habit::Leak => 1.0,
        };
        let wanted = (self.base * factor) as u64;
        let now = self.outstanding() - events.min(self.outstanding());
        let frees = if now > wanted {
            events + (now - wanted).min(events)
        } else {
            events - (wanted - now).min(events.div_ceil(2))
        };
        self.frees += frees.min(self.outstanding());
    }
}

/// Zipf rates of `count` rows, scaled so that `changes` rows change in a second on average.
fn rates(count: usize, changes: f64) -> Vec<f64> {
    let weight = |rank: usize| 1.0 / (rank as f64 + 1.0);
    let changing = |scale: f64| (0..count).map(|rank| 1.0 - (-scale * weight(rank)).exp()).sum::<f64>();
    let wanted = changes.clamp(0.0, count as f64 * 0.98);
    let (mut low, mut high) = (0.0_f64, 1e6_f64);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if changing(middle) < wanted { low = middle } else { high = middle }
    }
    (0..count).map(|rank| low * weight(rank)).collect()
}

#[cfg(test)]
mod tests;
