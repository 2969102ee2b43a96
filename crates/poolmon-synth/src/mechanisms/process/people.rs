//! Sessions of people, and jobs that need memory for a while.

use super::{Chance, Flow, Process, Step, change};

/// Objects of people who are logged on.
pub(crate) struct Sessions {
    people: u64,
    each: u64,
    on: u64,
}

impl Sessions {
    /// So many people, each with so many objects.
    pub(crate) fn new(people: u64, each: u64, present: f64, chance: &mut Chance) -> Self {
        Self { people, each, on: chance.of(people, present) }
    }
}

impl Process for Sessions {
    fn held(&self) -> u64 {
        self.on * self.each
    }

    fn step(&mut self, step: &Step, chance: &mut Chance) -> Flow {
        // Each goes where the hour wants it within some twenty minutes.
        let moves = -(-step.hours() / 0.3).exp_m1();
        let wanted = chance.of(self.people - self.on, step.present);
        let come = chance.of(wanted, moves);
        let leaving = chance.of(self.on, 1.0 - step.present);
        let go = chance.of(leaving, moves);
        self.on = self.on + come - go;
        Flow { born: come * self.each, freed: go * self.each }
    }

    fn reboot(&mut self, _at: f64) {
        self.on = 0;
    }
}

/// Jobs at random times, each of which holds some objects for a while.
pub(crate) struct Jobs {
    base: u64,
    an_hour: f64,
    size: f64,
    lasts: f64,
    running: Vec<(f64, u64)>,
}

impl Jobs {
    /// Jobs of a mean size and length in hours, beside objects that always exist.
    pub(crate) fn new(base: f64, an_hour: f64, size: f64, lasts: f64, chance: &mut Chance) -> Self {
        let mut jobs = Self { base: base as u64, an_hour, size, lasts, running: Vec::new() };
        for _ in 0..chance.events(an_hour * lasts) {
            jobs.starts(0.0, chance);
        }
        jobs
    }

    fn starts(&mut self, at: f64, chance: &mut Chance) {
        let size = chance.wait(self.size).ceil() as u64;
        self.running.push((at + chance.wait(self.lasts), size));
    }

    fn all(&self) -> u64 {
        self.base + self.running.iter().map(|(_, size)| size).sum::<u64>()
    }
}

impl Process for Jobs {
    fn held(&self) -> u64 {
        self.all()
    }

    fn turnover(&self) -> f64 {
        self.an_hour * self.size
    }

    fn step(&mut self, step: &Step, chance: &mut Chance) -> Flow {
        let mut flow = Flow { born: if step.reboot { self.base } else { 0 }, freed: 0 };
        for _ in 0..chance.events(self.an_hour * step.demand(0.6)) {
            self.starts(chance.between(step.from, step.to), chance);
            flow.born += self.running.last().map_or(0, |(_, size)| *size);
        }
        self.running.retain(|&(until, size)| {
            let stays = until > step.to;
            flow.freed += if stays { 0 } else { size };
            stays
        });
        flow
    }

    fn reboot(&mut self, _at: f64) {
        self.running.clear();
    }
}

/// A scan or a backup that once touches very many files: what it brought in stays for a long time, or until its end.
pub(crate) struct Scan {
    held: u64,
    from: f64,
    to: f64,
    objects: f64,
    /// Mean time until what it brought in is freed, hours.
    stays: f64,
}

impl Scan {
    /// A scan in this stretch of time that touches so many objects.
    pub(crate) fn new(from: f64, to: f64, objects: f64, stays: f64) -> Self {
        let part = (-from / (to - from)).clamp(0.0, 1.0);
        Self { held: (objects * part) as u64, from, to, objects, stays }
    }
}

impl Process for Scan {
    fn held(&self) -> u64 {
        self.held
    }

    fn step(&mut self, step: &Step, chance: &mut Chance) -> Flow {
        let part = step.within(self.from, self.to) / (self.to - self.from);
        let born = chance.events(self.objects * part);
        let freed = chance.of(self.held, -(-step.hours() / self.stays).exp_m1());
        let flow = Flow { born, freed };
        self.held = self.held + born - freed;
        flow
    }

    fn reboot(&mut self, _at: f64) {
        self.held = 0;
    }
}

/// Waves of objects that come and go around a level, each wave lasting for some time: what fragments slabs.
pub(crate) struct Waves {
    level: u64,
    swing: f64,
    period: f64,
    held: u64,
}

impl Waves {
    /// A level around which the count swings by this part, with this period in hours.
    pub(crate) fn new(level: f64, swing: f64, period: f64) -> Self {
        Self { level: level as u64, swing, period, held: level as u64 }
    }
}

impl Process for Waves {
    fn held(&self) -> u64 {
        self.held
    }

    fn step(&mut self, step: &Step, chance: &mut Chance) -> Flow {
        let wave = (std::f64::consts::TAU * step.to / self.period).sin() + 0.3 * chance.normal();
        let to = (self.level as f64 * (1.0 + self.swing * wave)).max(0.0) as u64;
        // In every period each object is exchanged once on average.
        let turned = chance.of(self.held.min(to), (step.hours() / self.period).min(1.0));
        let net = if step.reboot { change(0, to) } else { change(self.held, to) };
        self.held = to;
        let turned = if step.reboot { 0 } else { turned };
        Flow { born: net.born + turned, freed: net.freed + turned }
    }

    fn reboot(&mut self, _at: f64) {
        self.held = 0;
    }
}
