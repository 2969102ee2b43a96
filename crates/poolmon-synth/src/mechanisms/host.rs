//! A host: its samples one after the other, and at the end its truth.

use std::sync::Arc;
use std::time::Duration;

use poolmon_model::{CounterWidth, Header, Key, Origin, Pool, Row as ListedRow, Sample, SourceKind};

use super::builder::{Builder, Leak, MIB, System};
use super::chance::Chance;
use super::load::{self, Step};
use super::process::Process as _;
use super::row::{Figure, Place, Row};
use super::schedule::{Length, Schedule};
use super::seeds::{Seed, Set};
use super::truth::{Cause, Mechanism, RowTruth, Standing, Truth};
use super::{background, growth, leaks};

/// A simulated host whose truth is known.
pub struct Host {
    /// Its system.
    pub system: System,
    /// When it is sampled.
    pub schedule: Schedule,
    /// Physical memory in bytes.
    pub memory: u64,
    rows: Vec<Row>,
    leaks: Vec<Leak>,
    steps: Vec<Step>,
    chance: Chance,
    /// Memory that neither rows nor page tables hold, a part of all.
    used: f64,
}

impl Host {
    /// The host of a seed.
    pub fn new<S: Set>(seed: Seed<S>) -> Self {
        // Every length is drawn equally often, in turn.
        let length = Length::ALL[(seed.position() % 5) as usize];
        Self::of_length(seed.number(), length)
    }

    /// A host with one leak of this mechanism, or one row that grows by it, and otherwise only background rows: for tests
    /// of single mechanisms.
    pub fn with(seed: Seed<super::Tuning>, system: System, length: Length, mechanism: Mechanism) -> Self {
        let mut draw = Chance::new(seed.number(), 3);
        let (mut host, steps) = Self::start(seed.number(), system, length, 150, &mut draw);
        background::fill(&mut host, 150);
        if mechanism.leaks() {
            leaks::one(&mut host, mechanism, 1);
        } else {
            growth::one(&mut host, mechanism);
        }
        Self::of(host, steps, draw)
    }

    fn start(
        number: u64,
        system: System,
        length: Length,
        rows: usize,
        draw: &mut Chance,
    ) -> (Builder, Vec<Step>) {
        let schedule = Schedule::draw(length, rows, draw);
        let steps = load::steps(&schedule, &mut Chance::new(number, 2));
        let memory = f64::from(2_u32.pow(draw.whole(2..=8) as u32)) * 1024.0 * MIB;
        let present = steps.first().map_or(0.0, |step| step.present);
        (Builder::new(number, system, schedule, memory, present), steps)
    }

    fn of_length(number: u64, length: Length) -> Self {
        let mut draw = Chance::new(number, 1);
        let system = draw.weighted(&[(0.65, System::Windows), (0.35, System::Linux)]);
        let rows = draw.magnitude(125.0, 4000.0) as usize;
        let (mut host, steps) = Self::start(number, system, length, rows, &mut draw);
        let grow = draw.whole(1..=3) + rows as u64 / 1000;
        let leak = draw.weighted(&[(0.25, 0), (0.4, 1), (0.2, 2), (0.1, 3), (0.05, 4)]);
        background::fill(&mut host, rows.saturating_sub((grow + leak * 2) as usize));
        growth::add(&mut host, grow);
        if system == System::Windows {
            for _ in 0..draw.whole(0..=2) {
                leaks::wrapping(&mut host);
            }
        }
        leaks::plant(&mut host, leak);
        Self::of(host, steps, draw)
    }

    fn of(mut host: Builder, steps: Vec<Step>, mut chance: Chance) -> Self {
        for row in &mut host.rows {
            row.note();
        }
        // A small machine would not hold all its rows.
        let held: u64 = host.rows.iter().map(Row::held_bytes).sum();
        let memory = host.memory.max(held as f64 * 4.0);
        Self {
            system: host.system,
            schedule: host.schedule,
            memory: (memory / MIB) as u64 * MIB as u64,
            rows: host.rows,
            leaks: host.leaks,
            steps,
            used: chance.between(0.2, 0.4),
            chance,
        }
    }

    /// Number of rows that its samples list at most.
    pub fn len(&self) -> usize {
        self.rows.iter().filter(|row| matches!(row.place, Place::Listed(_))).count()
    }

    /// Whether it has no rows; none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives all samples, one after the other, and then the truth.
    pub fn run(mut self, mut each: impl FnMut(&Sample)) -> Truth {
        let mut sample = Sample::new(self.origin(0), self.width());
        self.fill(0, 0.0, &mut sample);
        each(&sample);
        let mut booted = None;
        for at in 0..self.steps.len() {
            let step = self.steps[at];
            if step.reboot {
                sample.origin = self.origin(1);
                // The machine is up again some minutes before it is sampled.
                booted = Some(step.to - (step.hours() * 0.5).min(0.1));
            }
            self.step(&step);
            let uptime = booted.map_or(self.schedule.uptime + step.to, |booted| step.to - booted);
            self.fill(at + 1, uptime - step.to, &mut sample);
            each(&sample);
        }
        self.truth()
    }

    fn step(&mut self, step: &Step) {
        for row in &mut self.rows {
            if step.reboot {
                row.reboot(step.from);
            }
            row.step(step);
        }
        for leak in &mut self.leaks {
            if step.reboot {
                leak.loss.reboot(step.from);
            }
            let flow = leak.loss.step(step, &mut leak.chance);
            for &(row, multiple) in &leak.outputs {
                let mut flow = flow;
                flow.born *= multiple;
                flow.freed *= multiple;
                self.rows[row].lose(flow);
            }
        }
        for row in &mut self.rows {
            row.settle(step);
        }
    }

    const fn width(&self) -> CounterWidth {
        match self.system {
            System::Windows => CounterWidth::Bits32,
            System::Linux => CounterWidth::Bits64,
        }
    }

    fn origin(&self, boot: u32) -> Arc<Origin> {
        let (kind, system, pools): (_, _, &[Pool]) = match self.system {
            System::Windows => (SourceKind::Windows, "Windows 10.0.26100", &[Pool::Nonpaged, Pool::Paged]),
            System::Linux => {
                (SourceKind::Linux, "Linux 6.12.0", &[Pool::Unreclaimable, Pool::Reclaimable, Pool::Vmalloc])
            }
        };
        let mut origin = Origin::new(kind, pools);
        origin.host = Some("simulated".into());
        origin.system = Some(system.into());
        origin.boot = Some(format!("boot {boot}"));
        Arc::new(origin)
    }

    /// Writes the sample of a moment; `before` is the uptime in hours less the hours since the first sample.
    fn fill(&mut self, at: usize, before: f64, sample: &mut Sample) {
        let hours = self.schedule.hours[at];
        let before = if at == 0 { self.schedule.uptime } else { before };
        sample.clear();
        sample.time = Some(self.schedule.time(hours));
        sample.uptime = Some(Duration::from_secs_f64((before + hours).max(0.0) * 3600.0));
        for row in &self.rows {
            let Place::Listed(pool) = row.place else { continue };
            let counters = match self.system {
                System::Windows if !row.is_listed() => continue,
                System::Windows => row.windows(),
                System::Linux => row.linux(),
            };
            sample.rows.push(ListedRow { tag: row.tag.clone(), pool, counters, reported_owner: None });
        }
        self.header(sample);
    }

    fn header(&mut self, sample: &mut Sample) {
        let figure = |figure: Figure| -> u64 {
            let rows = self.rows.iter().filter(|row| row.place == Place::Header(figure));
            rows.map(Row::held_bytes).sum()
        };
        let all: u64 = self.rows.iter().map(Row::held_bytes).sum();
        let wander = 1.0 + 0.02 * self.chance.normal();
        // Programs are paged out before the kernel runs out of memory.
        let programs = self.memory as f64 * self.used * wander;
        let programs = (programs as u64).min(self.memory.saturating_sub(all) / 10 * 9);
        let mut header = Header {
            memory_total: Some(self.memory),
            memory_available: Some(self.memory.saturating_sub(all + programs)),
            ..Header::default()
        };
        let pool = |pool| Some(sample.tagged_bytes(pool));
        match self.system {
            System::Windows => {
                // Some of each pool belongs to no tag.
                header.pool_nonpaged = pool(Pool::Nonpaged).map(|bytes| bytes + bytes / 20);
                header.pool_paged = pool(Pool::Paged).map(|bytes| bytes + bytes / 30);
                header.commit = Some(all + programs * 5 / 4);
                header.commit_limit = Some(self.memory + self.memory / 4);
            }
            System::Linux => {
                header.slab_reclaimable = pool(Pool::Reclaimable);
                header.slab_unreclaimable = pool(Pool::Unreclaimable);
                header.vmalloc_used = pool(Pool::Vmalloc);
                header.kernel_stack = Some(figure(Figure::KernelStack));
                header.page_tables = Some(figure(Figure::PageTables));
                header.percpu = Some(figure(Figure::PerCpu));
            }
        }
        sample.header = header;
    }

    fn truth(self) -> Truth {
        let boot = self.schedule.last_boot();
        let hours: Vec<f64> = self.schedule.hours.iter().copied().filter(|&hours| hours >= boot).collect();
        let mut order: Vec<usize> = (0..self.leaks.len()).collect();
        let causes: Vec<Cause> = self.leaks.iter().map(|leak| self.cause(leak, hours.len() - 1)).collect();
        order.sort_by(|&a, &b| causes[b].bytes_per_hour.total_cmp(&causes[a].bytes_per_hour));
        let place = |old: usize| order.iter().position(|&cause| cause == old);
        let mut truth = Truth { hours, ..Truth::default() };
        let mut numbers = vec![None; self.rows.len()];
        let figures = self.system == System::Linux;
        for (number, row) in self.rows.into_iter().enumerate() {
            let key = match row.place {
                Place::Listed(pool) => Some(Key { tag: row.tag, pool }),
                // Windows reports no such figures.
                Place::Header(figure) => figures.then(|| figure.key()),
            };
            if let Some(key) = key {
                numbers[number] = Some(truth.rows.len());
                truth.rows.push(RowTruth {
                    key,
                    mechanism: row.mechanism,
                    cause: row.cause.and_then(place),
                    lost: row.lost_bytes,
                });
            }
        }
        for old in order {
            let mut cause = causes[old].clone();
            cause.members = cause.members.iter().filter_map(|&row| numbers[row]).collect();
            cause.culprit = cause.culprit.and_then(|row| numbers[row]);
            truth.causes.push(cause);
        }
        truth
    }

    fn cause(&self, leak: &Leak, intervals: usize) -> Cause {
        let (boot, span) = (self.schedule.last_boot(), self.schedule.span());
        let rows = || leak.outputs.iter().map(|&(row, _)| &self.rows[row]);
        let lost: f64 = rows().filter_map(|row| Some(row.lost_bytes.last()? - row.lost_bytes.first()?)).sum();
        let fell = rows().any(|row| row.lost_bytes.windows(2).any(|pair| pair[1] < pair[0]));
        let active = (leak.ends.min(span) - leak.onset.max(boot)).max(0.0);
        let bytes_per_hour = if active > 0.0 { lost / active } else { 0.0 };
        let standing = if fell {
            Standing::Bounded
        } else if lost <= 0.0 {
            Standing::Silent
        } else if leak.ends < span - 0.1 * (span - boot) {
            Standing::Stopped
        } else {
            Standing::Leaks
        };
        let grave = bytes_per_hour * 720.0 >= self.memory as f64 * 0.01 || lost >= 50.0 * MIB;
        let figures = self.system == System::Linux;
        let listed = rows().filter(|row| figures || matches!(row.place, Place::Listed(_)));
        Cause {
            mechanism: leak.mechanism,
            members: leak.outputs.iter().map(|&(row, _)| row).collect(),
            culprit: leak.culprit,
            standing,
            onset: (leak.onset > boot).then_some(leak.onset),
            bytes_per_hour,
            lost,
            worth: standing == Standing::Leaks && grave,
            visible: listed.into_iter().any(|row| row.is_visible(intervals)),
        }
    }
}
