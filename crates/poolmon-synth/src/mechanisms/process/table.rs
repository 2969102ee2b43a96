//! Objects that are never freed although nothing is lost.

use super::{Chance, Flow, Process, Step, change};

/// A table of distinct names: the more were seen, the fewer are new (Heaps' law), up to all that there are.
pub(crate) struct Names {
    held: u64,
    /// Hours of mean load since the table is empty.
    worked: f64,
    /// Names after an hour.
    first: f64,
    /// Exponent: 1 if every request has a new name.
    power: f64,
    /// Names that exist.
    all: f64,
}

impl Names {
    /// A table that was empty this many hours before the first sample, and will hold `end` names after `hours` more.
    pub(crate) fn new(age: f64, hours: f64, end: f64, chance: &mut Chance) -> Self {
        let power = chance.between(0.35, 0.8);
        let all = end * chance.magnitude(1.2, 8.0);
        let mut table = Self { held: 0, worked: age, first: 1.0, power, all };
        // Solved for the number after an hour, the limit being reached exponentially.
        table.first = -(1.0 - end / all).ln() * all / (age + hours).powf(power);
        table.held = table.expected() as u64;
        table
    }

    fn expected(&self) -> f64 {
        -self.all * (-self.first * self.worked.powf(self.power) / self.all).exp_m1()
    }
}

impl Process for Names {
    fn held(&self) -> u64 {
        self.held
    }

    fn step(&mut self, step: &Step, chance: &mut Chance) -> Flow {
        let before = self.expected();
        self.worked += step.work;
        let born = chance.events(self.expected() - before);
        self.held += born;
        Flow { born, freed: 0 }
    }

    fn reboot(&mut self, _at: f64) {
        self.held = 0;
        self.worked = 0.0;
    }
}

/// A registry hive: it grows by whole bins when something is installed or configured, and is never shrunk.
pub(crate) struct Hive {
    held: u64,
    /// Times a day that it grows.
    changes: f64,
    /// Mean growth, objects.
    grows_by: f64,
}

impl Hive {
    /// A hive that grows by so many objects a day, in so many changes.
    pub(crate) fn new(held: f64, a_day: f64, changes: f64) -> Self {
        Self { held: held as u64, changes, grows_by: a_day / changes }
    }
}

impl Process for Hive {
    fn held(&self) -> u64 {
        self.held
    }

    fn step(&mut self, step: &Step, chance: &mut Chance) -> Flow {
        let mut to = if step.reboot { self.held * 9 / 10 } else { self.held };
        for _ in 0..chance.events(self.changes * step.demand(0.7) / 24.0) {
            to += chance.wait(self.grows_by).ceil() as u64;
        }
        let flow = if step.reboot { change(0, to) } else { change(self.held, to) };
        self.held = to;
        flow
    }

    // It is read again from disk before the first sample after the boot.
    fn reboot(&mut self, _at: f64) {}
}
