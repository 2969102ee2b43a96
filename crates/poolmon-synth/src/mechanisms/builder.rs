//! A host while it is put together.

use poolmon_model::{Pool, Tag};

use super::chance::Chance;
use super::names::{Known, LINUX, Names, WINDOWS};
use super::process::Process;
use super::process::loss::Loss;
use super::row::{Place, Row};
use super::schedule::Schedule;
use super::truth::Mechanism;

/// Bytes in a mebibyte.
pub(super) const MIB: f64 = 1_048_576.0;

/// The system of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum System {
    /// Pool tags with 32-bit counters.
    Windows,
    /// Slab caches and vmalloc areas.
    Linux,
}

impl System {
    pub(super) const fn known(self) -> &'static [Known] {
        match self {
            Self::Windows => WINDOWS,
            Self::Linux => LINUX,
        }
    }

    /// Name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Windows => "Windows",
            Self::Linux => "Linux",
        }
    }
}

/// A leak and the rows that it makes grow.
pub(super) struct Leak {
    pub(super) mechanism: Mechanism,
    pub(super) loss: Loss,
    /// Rows, and objects in each for one that is lost.
    pub(super) outputs: Vec<(usize, u64)>,
    pub(super) culprit: Option<usize>,
    /// Its begin and end in hours from the first sample.
    pub(super) onset: f64,
    pub(super) ends: f64,
    pub(super) chance: Chance,
}

/// A host while it is put together.
pub(super) struct Builder {
    pub(super) seed: u64,
    pub(super) system: System,
    pub(super) schedule: Schedule,
    /// Physical memory in bytes.
    pub(super) memory: f64,
    /// Share of people who are logged on at the first sample.
    pub(super) present: f64,
    pub(super) chance: Chance,
    pub(super) rows: Vec<Row>,
    pub(super) leaks: Vec<Leak>,
    names: Names,
}

impl Builder {
    pub(super) fn new(seed: u64, system: System, schedule: Schedule, memory: f64, present: f64) -> Self {
        Self {
            seed,
            system,
            schedule,
            memory,
            present,
            chance: Chance::new(seed, 10),
            rows: Vec::new(),
            leaks: Vec::new(),
            names: Names::new(system == System::Linux, system.known()),
        }
    }

    /// Hours from the first sample to the last.
    pub(super) fn span(&self) -> f64 {
        self.schedule.span()
    }

    /// A pool that an invented row is in.
    pub(super) fn pool(&mut self) -> Pool {
        match self.system {
            System::Windows => self.chance.weighted(&[(0.55, Pool::Nonpaged), (0.45, Pool::Paged)]),
            System::Linux => {
                let pools = [(0.7, Pool::Unreclaimable), (0.25, Pool::Reclaimable), (0.05, Pool::Vmalloc)];
                self.chance.weighted(&pools)
            }
        }
    }

    /// A pool whose memory no one but its owner frees.
    pub(super) fn fixed_pool(&mut self) -> Pool {
        match self.system {
            System::Windows => self.pool(),
            System::Linux => Pool::Unreclaimable,
        }
    }

    /// Size of an object of an invented row, bytes.
    pub(super) fn size(&mut self, low: f64, high: f64) -> u64 {
        let size = self.chance.magnitude(low, high) as u64;
        size.div_ceil(16) * 16
    }

    /// A name that is not taken.
    pub(super) fn name(&mut self) -> Tag {
        self.names.invent(&mut self.chance)
    }

    /// Adds a row.
    pub(super) fn add(
        &mut self,
        tag: Tag,
        place: Place,
        size: u64,
        mechanism: Mechanism,
        processes: Vec<Box<dyn Process>>,
    ) -> usize {
        let number = self.rows.len();
        let chance = Chance::new(self.seed, 1000 + number as u64);
        let mut row = Row::new(tag, place, size, mechanism, processes, chance);
        row.age(self.schedule.uptime);
        self.rows.push(row);
        number
    }

    /// Adds a row with an invented name in one of the pools.
    pub(super) fn invent(
        &mut self,
        pool: Pool,
        size: u64,
        mechanism: Mechanism,
        process: impl Process + 'static,
    ) -> usize {
        let tag = self.name();
        self.add(tag, Place::Listed(pool), size, mechanism, vec![Box::new(process)])
    }

    /// The row of a name that the system is known to have.
    pub(super) fn known(&self, name: &str) -> Option<usize> {
        let tag = self.names.tag(name);
        self.rows.iter().position(|row| row.tag == tag)
    }

    /// The tag of a known name.
    pub(super) fn tag(&self, name: &str) -> Tag {
        self.names.tag(name)
    }

    /// Adds a leak: rows with the objects in each for one that is lost. Rows that lose already are left as they are.
    pub(super) fn leak(&mut self, leak: Leak) {
        let cause = self.leaks.len();
        let held = leak.loss.held();
        for &(row, multiple) in &leak.outputs {
            let row = &mut self.rows[row];
            row.had_lost(cause, held * multiple);
            row.mechanism = leak.mechanism;
        }
        self.leaks.push(leak);
    }
}
