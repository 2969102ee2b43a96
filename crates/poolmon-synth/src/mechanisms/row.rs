//! A row: what its processes do, in the counters that its system reports.

use poolmon_model::{Counters, Key, Pool, Tag};

use super::chance::Chance;
use super::load::Step;
use super::process::{Flow, Process};
use super::slabs::Slabs;
use super::truth::Mechanism;

/// Where the memory of a row is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a row of this pool.
    Listed(Pool),
    /// In Linux's machine-wide figures alone.
    Header(Figure),
}

/// A machine-wide figure that grows with objects of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Figure {
    PageTables,
    KernelStack,
    PerCpu,
}

impl Figure {
    /// The row of a verdict on it: the kernel reports it as a pool of its own.
    pub(super) fn key(self) -> Key {
        let pool = match self {
            Self::PageTables => Pool::PageTables,
            Self::KernelStack => Pool::KernelStack,
            Self::PerCpu => Pool::PerCpu,
        };
        Key { tag: Tag::name(pool.whole().unwrap_or_default()), pool }
    }
}

/// What a row held that is not lost, over the samples of one boot (Welford 1962).
#[derive(Clone, Copy, Debug, Default)]
struct Spread {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Spread {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let off = value - self.mean;
        self.mean += off / self.count;
        self.squares += off * (value - self.mean);
    }

    fn deviation(&self) -> f64 {
        if self.count < 2.0 { 0.0 } else { (self.squares / (self.count - 1.0)).sqrt() }
    }
}

/// A row of the simulated system.
pub(super) struct Row {
    pub(super) tag: Tag,
    pub(super) place: Place,
    pub(super) mechanism: Mechanism,
    /// Index of its cause, if it loses objects.
    pub(super) cause: Option<usize>,
    /// Bytes of lost objects at each sample of this boot.
    pub(super) lost_bytes: Vec<f64>,
    size: u64,
    /// Standard deviation of the size of single objects, relative.
    spread: f64,
    processes: Vec<Box<dyn Process>>,
    chance: Chance,
    allocs: u64,
    frees: u64,
    bytes: f64,
    slabs: Option<Slabs>,
    lost: u64,
    others: Spread,
    rises: u32,
}

impl Row {
    pub(super) fn new(
        tag: Tag,
        place: Place,
        size: u64,
        mechanism: Mechanism,
        processes: Vec<Box<dyn Process>>,
        mut chance: Chance,
    ) -> Self {
        let held: u64 = processes.iter().map(|process| process.held()).sum();
        let is_slab = matches!(place, Place::Listed(Pool::Reclaimable | Pool::Unreclaimable));
        let slabs = is_slab.then(|| Slabs::new(size, held, &mut chance));
        Self {
            tag,
            place,
            mechanism,
            cause: None,
            lost_bytes: Vec::new(),
            size,
            spread: 0.0,
            processes,
            chance,
            allocs: held,
            frees: 0,
            bytes: (held * size) as f64,
            slabs,
            lost: 0,
            others: Spread::default(),
            rises: 0,
        }
    }

    /// Objects of different sizes.
    pub(super) const fn mixed(&mut self, spread: f64) {
        self.spread = spread;
    }

    /// Half-empty slabs: see [`Slabs::pin`].
    pub(super) const fn pin(&mut self, an_hour: f64) {
        if let Some(slabs) = &mut self.slabs {
            slabs.pin(an_hour);
        }
    }

    /// What was allocated and freed in these hours before the first sample.
    pub(super) fn age(&mut self, uptime: f64) {
        let rate: f64 = self.processes.iter().map(|process| process.turnover()).sum();
        let passed = self.chance.events(rate * uptime);
        self.allocs += passed;
        self.frees += passed;
    }

    /// Sets the counters so that Allocs reaches 2³² after these hours of mean load.
    pub(super) fn wraps_after(&mut self, hours: f64) {
        let rate: f64 = self.processes.iter().map(|process| process.turnover()).sum();
        let more = (1_u64 << 32).saturating_sub(self.allocs + (rate * hours) as u64);
        self.allocs += more;
        self.frees += more;
    }

    /// Objects that a leak has lost here before the first sample.
    pub(super) fn had_lost(&mut self, cause: usize, objects: u64) {
        self.cause = Some(cause);
        self.lost += objects;
        self.allocs += objects;
        self.bytes += (objects * self.size) as f64;
        if let Some(slabs) = &mut self.slabs {
            let held = self.allocs - self.frees;
            *slabs = Slabs::new(self.size, held, &mut self.chance);
        }
    }

    /// Objects held.
    pub(super) const fn held(&self) -> u64 {
        self.allocs - self.frees
    }

    /// Bytes of a lost object, with its part of the slab.
    pub(super) fn unit(&self) -> f64 {
        self.slabs.as_ref().map_or(self.size as f64, Slabs::share)
    }

    pub(super) fn reboot(&mut self, at: f64) {
        for process in &mut self.processes {
            process.reboot(at);
        }
        (self.allocs, self.frees, self.bytes, self.lost, self.rises) = (0, 0, 0.0, 0, 0);
        self.lost_bytes.clear();
        self.others = Spread::default();
        if let Some(slabs) = &mut self.slabs {
            slabs.reboot();
        }
    }

    /// Lets the row's own processes work.
    pub(super) fn step(&mut self, step: &Step) {
        let mut all = Flow::default();
        for process in &mut self.processes {
            let flow = process.step(step, &mut self.chance);
            all.born += flow.born;
            all.freed += flow.freed;
        }
        if all != Flow::default() {
            self.exchange(all);
        }
    }

    /// Loses objects, or frees lost ones.
    pub(super) fn lose(&mut self, flow: Flow) {
        self.exchange(flow);
        self.lost = self.lost + flow.born - flow.freed;
        self.rises += u32::from(flow.born > flow.freed);
    }

    fn exchange(&mut self, flow: Flow) {
        self.allocs += flow.born;
        let held = self.held();
        let mean = if self.spread > 0.0 && flow.born > 0 {
            1.0 + self.spread * self.chance.normal() / (flow.born as f64).sqrt()
        } else {
            1.0
        };
        self.bytes += (flow.born * self.size) as f64 * mean.max(0.1);
        self.bytes *= 1.0 - flow.freed as f64 / held.max(1) as f64;
        self.frees += flow.freed;
    }

    /// After a step: pages, and what the truth needs to know.
    pub(super) fn settle(&mut self, step: &Step) {
        let held = self.held();
        if let Some(slabs) = &mut self.slabs {
            slabs.step(held, step, &mut self.chance);
        }
        self.note();
    }

    /// Notes what is lost at a sample.
    pub(super) fn note(&mut self) {
        if self.cause.is_some() {
            let lost = self.lost as f64 * self.unit();
            self.lost_bytes.push(lost);
            self.others.add(self.held_bytes() as f64 - lost);
        }
    }

    /// Bytes held now, as the system reports them.
    pub(super) fn held_bytes(&self) -> u64 {
        match &self.slabs {
            Some(slabs) => slabs.bytes(),
            None => self.bytes.max(0.0).round() as u64,
        }
    }

    /// Whether what was lost in this boot stands out; `intervals` is the number of intervals between its samples.
    pub(super) fn is_visible(&self, intervals: usize) -> bool {
        let (Some(first), Some(last)) = (self.lost_bytes.first(), self.lost_bytes.last()) else {
            return false;
        };
        let leaked = last - first;
        leaked > 3.0 * self.others.deviation()
            && leaked >= 10.0 * self.unit()
            && self.rises as usize >= 3.min(intervals)
    }

    /// Figures as Windows reports them: the low 32 bits of both counts, and Allocs not below Frees.
    pub(super) fn windows(&self) -> Counters {
        const LOW: u64 = u32::MAX as u64;
        let (allocs, frees) = (self.allocs & LOW, self.frees & LOW);
        Counters::windows(allocs.max(frees), frees, self.held_bytes())
    }

    /// Figures as Linux reports them: objects and pages, nothing of what was freed.
    pub(super) fn linux(&self) -> Counters {
        Counters {
            reported_diff: Some(self.held().cast_signed()),
            bytes: Some(self.held_bytes()),
            used: self.slabs.as_ref().map(|_| self.held() * self.size),
            ..Counters::default()
        }
    }

    /// Windows lists a tag from its first allocation on.
    pub(super) const fn is_listed(&self) -> bool {
        self.allocs > 0
    }
}
