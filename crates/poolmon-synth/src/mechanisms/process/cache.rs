//! Objects that are kept because they may be needed again.

use super::{Chance, Flow, Process, Step};

/// How a cache stays below its limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Limit {
    /// For each new object an old one is freed.
    Replace,
    /// At the limit it is cut down to this part of it.
    TrimTo(f64),
    /// A third of it is freed every so many hours, full or not, as under memory pressure.
    Shrink(f64),
}

/// A cache.
pub(crate) struct Cache {
    held: u64,
    most: u64,
    /// Look-ups an hour at mean load that miss while the cache is empty.
    misses: f64,
    /// Part of them that hits when it is full.
    hits: f64,
    follows: f64,
    /// Hours until an object is dropped because it is out of date; very many if that never happens.
    valid: f64,
    limit: Limit,
    shrinks_at: f64,
}

impl Cache {
    /// A cache that holds this part of its limit at the first sample, and would be full after some hours of mean load.
    pub(crate) fn new(most: f64, part: f64, fills_in: f64, limit: Limit, chance: &mut Chance) -> Self {
        let shrinks_at = if let Limit::Shrink(every) = limit { chance.between(0.0, every) } else { f64::MAX };
        let most = most.max(8.0);
        Self {
            held: (most * part) as u64,
            most: most as u64,
            misses: most / fills_in,
            hits: chance.between(0.3, 0.98),
            follows: chance.between(0.5, 1.0),
            // What is cached is deleted, closed or changed as well, in most caches.
            valid: if chance.happens(0.7) { fills_in * chance.magnitude(0.3, 10.0) } else { 1e9 },
            limit,
            shrinks_at,
        }
    }
}

impl Process for Cache {
    fn held(&self) -> u64 {
        self.held
    }

    fn turnover(&self) -> f64 {
        self.misses * (1.0 - self.hits)
    }

    fn step(&mut self, step: &Step, chance: &mut Chance) -> Flow {
        // The part that hits grows with what is held, so a long step is taken in pieces.
        let demand = step.demand(self.follows);
        let outdated = chance.of(self.held, -(-step.hours() / self.valid).exp_m1());
        self.held -= outdated;
        let pieces = (self.misses * demand / self.most as f64 * 10.0).ceil().clamp(1.0, 50.0);
        let mut all = Flow { born: 0, freed: outdated };
        for _ in 0..pieces as u64 {
            let full = self.held as f64 / self.most as f64;
            let born = chance.events(self.misses * demand / pieces * (1.0 - self.hits * full.min(1.0)));
            self.held += born;
            all.born += born;
            if self.held > self.most {
                let to = if let Limit::TrimTo(part) = self.limit { part } else { 1.0 };
                let freed = self.held - (self.most as f64 * to) as u64;
                self.held -= freed;
                all.freed += freed;
            }
        }
        if let Limit::Shrink(every) = self.limit {
            while self.shrinks_at < step.to {
                let freed = chance.of(self.held, 1.0 / 3.0);
                self.held -= freed;
                all.freed += freed;
                self.shrinks_at += every * chance.between(0.6, 1.4);
            }
        }
        all
    }

    fn reboot(&mut self, _at: f64) {
        self.held = 0;
    }
}
