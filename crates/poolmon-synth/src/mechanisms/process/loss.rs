//! Objects that are allocated and never freed, or only when whatever holds them ends.

use super::{Chance, Flow, Process, Step};

/// What each loss is tied to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Pace {
    /// A part of the requests: so many objects an hour of mean load.
    Work(f64),
    /// A timer: so many objects each time, so many times an hour.
    Timer(f64, u64),
    /// So many objects in a working hour, none else.
    Office(f64),
    /// The rate grows evenly from nothing: so many objects an hour, more each hour.
    Rising(f64),
    /// Failures at some moments, which last for a while: so many objects an hour of mean load during them.
    Failures(Vec<(f64, f64)>, f64),
    /// Jobs at some moments: so many objects at once.
    Jumps(Vec<f64>, f64),
}

/// When what was lost is freed after all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Release {
    /// At the next boot.
    Reboot,
    /// At night, when the service is restarted.
    Nightly,
    /// At these intervals in hours, when the process that holds them ends and is started again.
    Exit(f64),
}

/// A leak.
pub(crate) struct Loss {
    pace: Pace,
    release: Release,
    /// Hours from the first sample to its begin; far below 0 if it is as old as the boot.
    onset: f64,
    /// To its end.
    ends: f64,
    held: u64,
    due: f64,
    exits_at: f64,
    booted: f64,
}

impl Loss {
    /// A leak that loses nothing before its onset; what was lost before the first sample is held at it.
    pub(crate) fn new(pace: Pace, release: Release, onset: f64, ends: f64, chance: &mut Chance) -> Self {
        let exits_at =
            if let Release::Exit(every) = release { chance.between(0.1, 1.0) * every } else { f64::MAX };
        let mut loss = Self { pace, release, onset, ends, held: 0, due: 0.0, exits_at, booted: f64::MIN };
        if onset < 0.0 {
            // Released leaks were released lately.
            let since = match release {
                Release::Reboot => onset,
                Release::Nightly => onset.max(-12.0),
                Release::Exit(every) => onset.max(exits_at - every),
            };
            loss.held = chance.events(loss.mean_lost(since, 0.0));
        }
        loss
    }

    /// Objects lost at mean load before the first sample.
    fn mean_lost(&self, from: f64, to: f64) -> f64 {
        let hours = (to - from).max(0.0);
        match &self.pace {
            Pace::Work(rate) => rate * hours,
            Pace::Timer(times, each) => times * hours * *each as f64,
            Pace::Office(rate) => rate * hours * 50.0 / 168.0,
            Pace::Rising(more) => 0.5 * more * ((to - self.onset).powi(2) - (from - self.onset).powi(2)),
            // Their moments are chosen within the recording only.
            Pace::Failures(..) | Pace::Jumps(..) => 0.0,
        }
    }

    fn lost(&mut self, step: &Step, chance: &mut Chance) -> u64 {
        let from = self.onset.max(self.booted);
        let active = step.within(from, self.ends);
        if active <= 0.0 {
            return 0;
        }
        let part = active / step.hours().max(1e-9);
        match &self.pace {
            Pace::Work(rate) => chance.events(rate * step.work * part),
            Pace::Timer(times, each) => {
                self.due += times * active;
                let whole = self.due.floor();
                self.due -= whole;
                whole as u64 * each
            }
            Pace::Office(rate) => chance.events(rate * step.office * part),
            Pace::Rising(more) => {
                let (a, b) = (step.from.max(from) - from, step.to.min(self.ends) - from);
                chance.events(0.5 * more * (b * b - a * a))
            }
            Pace::Failures(episodes, rate) => {
                let hours: f64 = episodes.iter().map(|&(from, to)| step.within(from, to)).sum();
                chance.events(rate * hours * step.work / step.hours().max(1e-9))
            }
            Pace::Jumps(moments, size) => {
                let jumps = moments.iter().filter(|at| (step.from..step.to).contains(*at)).count();
                (0..jumps).map(|_| (size * chance.between(0.6, 1.4)) as u64).sum()
            }
        }
    }

    fn is_released(&mut self, step: &Step, chance: &mut Chance) -> bool {
        match self.release {
            Release::Reboot => false,
            Release::Nightly => step.nights > 0,
            Release::Exit(every) => {
                let ends = self.exits_at < step.to;
                while self.exits_at < step.to {
                    self.exits_at += every * chance.between(0.7, 1.3);
                }
                ends
            }
        }
    }
}

impl Process for Loss {
    fn held(&self) -> u64 {
        self.held
    }

    fn step(&mut self, step: &Step, chance: &mut Chance) -> Flow {
        let born = self.lost(step, chance);
        let freed = if self.is_released(step, chance) { self.held } else { 0 };
        self.held = self.held + born - freed;
        Flow { born, freed }
    }

    fn reboot(&mut self, at: f64) {
        self.held = 0;
        self.due = 0.0;
        // A leak that grows faster and faster begins slowly again.
        self.booted = at;
    }
}
