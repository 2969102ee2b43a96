//! Objects that live for some time: M(t)/M/∞, exact for any step as long as the rate is constant within it.

use super::{Chance, Flow, Process, Step};

/// Objects of one mean lifetime.
struct Class {
    /// Objects an hour at mean load.
    rate: f64,
    /// Mean lifetime, hours.
    lives: f64,
    held: u64,
    /// Objects that the start of the system has allocated again, not yet counted.
    booting: u64,
}

/// Objects that live longer than this, in hours, are for the most part there again once the system has started.
const STARTUP: f64 = 1.0;

impl Class {
    fn step(&mut self, step: &Step, demand: f64, chance: &mut Chance) -> Flow {
        let arrivals = self.rate * demand;
        let hours = step.hours().max(1e-9);
        let gone = -(-hours / self.lives).exp_m1();
        // Of what arrives evenly within the step, this part still exists at its end.
        let stays = (self.lives / hours * gone).min(1.0);
        let old = chance.of(self.held, gone);
        let stay = chance.events(arrivals * stays);
        let pass = chance.events(arrivals * (1.0 - stays));
        let again = std::mem::take(&mut self.booting);
        self.held = self.held - old + stay + again;
        Flow { born: stay + pass + again, freed: old + pass }
    }
}

/// A queue, or any other set of objects whose lifetimes are random.
pub(crate) struct Queue {
    classes: Vec<Class>,
    /// Part of the arrivals that follows the load; the rest arrives evenly.
    follows: f64,
}

impl Queue {
    /// A queue in balance that holds this many objects at mean load.
    pub(crate) fn balanced(mean: f64, lives: f64, follows: f64, chance: &mut Chance) -> Self {
        let held = chance.events(mean);
        Self { classes: vec![Class { rate: mean / lives, lives, held, booting: 0 }], follows }
    }

    /// As [`Queue::balanced`], a part of whose objects lives far longer: what most tags of a real table look like.
    pub(crate) fn mixed(mean: f64, lives: f64, follows: f64, chance: &mut Chance) -> Self {
        let part = chance.between(0.2, 0.8);
        let longer = lives * chance.magnitude(10.0, 300.0);
        let mut queue = Self::balanced(mean * part, lives, follows, chance);
        queue.classes.extend(Self::balanced(mean * (1.0 - part), longer, follows, chance).classes);
        queue
    }
}

impl Process for Queue {
    fn held(&self) -> u64 {
        self.classes.iter().map(|class| class.held).sum()
    }

    fn turnover(&self) -> f64 {
        self.classes.iter().map(|class| class.rate).sum()
    }

    fn step(&mut self, step: &Step, chance: &mut Chance) -> Flow {
        let demand = step.demand(self.follows);
        let mut all = Flow::default();
        for class in &mut self.classes {
            let flow = class.step(step, demand, chance);
            all.born += flow.born;
            all.freed += flow.freed;
        }
        all
    }

    fn reboot(&mut self, _at: f64) {
        for class in &mut self.classes {
            class.held = 0;
            if class.lives > STARTUP {
                class.booting = (class.rate * class.lives * 0.9) as u64;
            }
        }
    }
}

/// Stages that an object passes through before it is freed: lifetimes vary by half of their mean.
const STAGES: usize = 4;

/// A service that started some time ago, whose objects live for hours: its queue fills, then stays level.
pub(crate) struct Filling {
    stages: [u64; STAGES],
    /// Objects an hour at mean load.
    rate: f64,
    /// Mean lifetime, hours.
    lives: f64,
    /// Start of the service, hours from the first sample.
    starts: f64,
    follows: f64,
}

impl Filling {
    /// A service that will hold this many objects and starts at this time, before or after the first sample.
    pub(crate) fn new(mean: f64, lives: f64, starts: f64, follows: f64, chance: &mut Chance) -> Self {
        let mut filling = Self { stages: [0; STAGES], rate: mean / lives, lives, starts, follows };
        if starts < 0.0 {
            let before = Step { from: starts, to: 0.0, work: -starts, ..Step::default() };
            filling.step(&before, chance);
        }
        filling
    }
}

impl Process for Filling {
    fn held(&self) -> u64 {
        self.stages.iter().sum()
    }

    fn step(&mut self, step: &Step, chance: &mut Chance) -> Flow {
        let active = step.within(self.starts, f64::MAX);
        if active <= 0.0 {
            return Flow::default();
        }
        let stage = self.lives / STAGES as f64;
        let pieces = (active / (stage * 0.25)).ceil().clamp(1.0, 400.0);
        let passes = -(-active / pieces / stage).exp_m1();
        let arrivals = self.rate * step.demand(self.follows) * active / step.hours().max(1e-9) / pieces;
        let mut all = Flow::default();
        for _ in 0..pieces as u64 {
            let mut moving = chance.events(arrivals);
            all.born += moving;
            for held in &mut self.stages {
                let leave = chance.of(*held, passes);
                *held = *held - leave + moving;
                moving = leave;
            }
            all.freed += moving;
        }
        all
    }

    fn reboot(&mut self, _at: f64) {
        self.stages = [0; STAGES];
    }
}
