//! What creates and frees objects. A process knows nothing of rows: a row adds up what its processes do.
//!
//! * [`queue`]: objects that live for some time: requests, connections, a service that has just started;
//! * [`cache`]: objects kept because they may be needed again, up to a limit;
//! * [`table`]: objects that are never freed although nothing is lost: names, registry hives;
//! * [`people`]: sessions, and jobs that need memory for a while;
//! * [`loss`]: objects that are lost.

pub(super) mod cache;
pub(super) mod loss;
pub(super) mod people;
pub(super) mod queue;
pub(super) mod table;

use super::chance::Chance;
use super::load::Step;

/// What happened to a process's objects in a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flow {
    /// Objects allocated.
    pub born: u64,
    /// Objects freed, of these and of older ones.
    pub freed: u64,
}

/// Something that allocates and frees objects of one kind.
pub(super) trait Process {
    /// Objects that exist at the first sample.
    fn held(&self) -> u64;

    /// Objects allocated in an hour at mean load, as far as they are freed again.
    fn turnover(&self) -> f64 {
        0.0
    }

    /// Lets time pass.
    fn step(&mut self, step: &Step, chance: &mut Chance) -> Flow;

    /// The machine was rebooted at this hour: nothing is held any more.
    fn reboot(&mut self, at: f64);
}

/// The flow from a count to another one when objects are not exchanged.
pub(super) fn change(from: u64, to: u64) -> Flow {
    Flow { born: to.saturating_sub(from), freed: from.saturating_sub(to) }
}

/// A number of objects that always exist.
pub(super) struct Constant(pub u64);

impl Process for Constant {
    fn held(&self) -> u64 {
        self.0
    }

    fn step(&mut self, step: &Step, _chance: &mut Chance) -> Flow {
        // After a reboot they are there again before the first sample.
        Flow { born: if step.reboot { self.0 } else { 0 }, freed: 0 }
    }

    fn reboot(&mut self, _at: f64) {}
}
