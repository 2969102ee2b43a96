//! Pages behind the objects of a Linux cache.

use super::chance::Chance;
use super::load::Step;

pub(super) const PAGE: u64 = 4096;

/// The slabs of a cache.
pub(super) struct Slabs {
    per: u64,
    pages: u64,
    count: u64,
    /// Hours until most of the slabs that are not needed are freed.
    lingers: f64,
    /// Slabs that long-lived objects keep, as a part of those needed, more with each hour of mean load.
    pins: f64,
    pinned: f64,
}

impl Slabs {
    /// The slabs of a cache with objects of this size.
    pub(super) fn new(size: u64, held: u64, chance: &mut Chance) -> Self {
        let pages = match size {
            0..=512 => 1,
            513..=1024 => 2,
            1025..=2048 => 4,
            _ => 8 * size.div_ceil(8 * PAGE),
        };
        let per = (pages * PAGE / size.max(8)).max(1);
        let slack = chance.between(0.0, 0.25);
        let count = (held.div_ceil(per) as f64 * (1.0 + slack)) as u64;
        Self { per, pages, count, lingers: chance.magnitude(0.02, 30.0), pins: 0.0, pinned: 0.0 }
    }

    /// Long-lived objects keep more and more slabs that are nearly empty.
    pub(super) const fn pin(&mut self, an_hour: f64) {
        self.pins = an_hour;
    }

    pub(super) fn step(&mut self, live: u64, step: &Step, chance: &mut Chance) {
        self.pinned = (self.pinned + self.pins * step.work).min(4.0);
        let needed = (live.div_ceil(self.per) as f64 * (1.0 + self.pinned)) as u64;
        let excess = self.count.saturating_sub(needed);
        let returned = chance.of(excess, -(-step.hours() / self.lingers).exp_m1());
        self.count = (self.count - returned).max(needed);
    }

    pub(super) const fn reboot(&mut self) {
        self.count = 0;
        self.pinned = 0.0;
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.count * self.pages * PAGE
    }

    /// Bytes of pages for one object.
    pub(super) fn share(&self) -> f64 {
        (self.pages * PAGE) as f64 / self.per as f64
    }
}
