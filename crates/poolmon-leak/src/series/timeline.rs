//! The slots that all series share.

use poolmon_model::Summary;

/// One slot of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slot {
    /// Its place in the grid of the present width.
    pub index: u64,
    /// Boot that it belongs to, counted from 0.
    pub epoch: u32,
    /// Samples in it.
    pub samples: u32,
    /// Sum of their times, seconds since the first sample.
    pub seconds: f64,
    /// Sum of the load of its samples.
    pub load: f64,
    /// Samples that had a load.
    pub loads: u32,
}

impl Slot {
    /// Mean time of its samples, hours since the first sample.
    pub fn hours(&self) -> f64 {
        self.seconds / f64::from(self.samples.max(1)) / 3600.0
    }

    /// Mean load, where one is known.
    pub fn mean_load(&self) -> Option<f64> {
        (self.loads > 0).then(|| self.load / f64::from(self.loads))
    }
}

/// Slots in order of time. The last one is open: samples still fall into it.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// The slots.
    pub slots: Vec<Slot>,
    /// Width of a slot, seconds; 0 until two samples were seen.
    pub width: f64,
}

impl Timeline {
    /// Whether a sample at this time falls into a new slot.
    pub fn is_new(&self, seconds: f64, epoch: u32) -> bool {
        self.slots.last().is_none_or(|slot| slot.epoch != epoch || slot.index != self.index(seconds))
    }

    fn index(&self, seconds: f64) -> u64 {
        if self.width > 0.0 { (seconds / self.width) as u64 } else { 0 }
    }

    /// A step from sample to sample that is shorter than those before: slots become as narrow, as long as each of them has one
    /// sample. A clock that is late by a second at the first sample would otherwise put two others into one slot, and a gap after it
    /// all others into a few.
    pub fn narrow(&mut self, step: f64) {
        // A little less, as the places are worked out in floating point.
        let width = step * (1.0 - 1e-9);
        if step > 0.0 && width < self.width && self.slots.iter().all(|slot| slot.samples == 1) {
            self.width = width;
            for slot in &mut self.slots {
                slot.index = (slot.seconds / width) as u64;
            }
        }
    }

    /// Opens a slot.
    pub fn open(&mut self, seconds: f64, epoch: u32) {
        let index = self.index(seconds);
        self.slots.push(Slot { index, epoch, samples: 0, seconds: 0.0, load: 0.0, loads: 0 });
    }

    /// Counts a sample into the open slot.
    pub fn count(&mut self, seconds: f64, load: Option<f64>) {
        if let Some(slot) = self.slots.last_mut() {
            slot.samples += 1;
            slot.seconds += seconds;
            if let Some(load) = load {
                slot.load += load;
                slot.loads += 1;
            }
        }
    }

    /// Counts a stretch into the open slot; `seconds` is the mean of its times.
    pub fn count_many(&mut self, seconds: f64, summary: &Summary) {
        if let Some(slot) = self.slots.last_mut() {
            slot.samples += summary.samples;
            slot.seconds += seconds * f64::from(summary.samples);
            slot.load += f64::from(summary.load);
            slot.loads += summary.loads;
        }
    }

    /// Whether doubling brings the slots nearer to a width.
    pub fn is_narrower(&self, width: f64) -> bool {
        self.width > 0.0 && self.width < width
    }

    /// Doubles the width and merges neighbours. Says for each old slot which new one it went into.
    pub fn halve(&mut self) -> Vec<u32> {
        self.width *= 2.0;
        let mut merged: Vec<Slot> = Vec::with_capacity(self.slots.len());
        let mut into = Vec::with_capacity(self.slots.len());
        for slot in &self.slots {
            let index = slot.index / 2;
            match merged.last_mut() {
                Some(last) if last.index == index && last.epoch == slot.epoch => {
                    last.samples += slot.samples;
                    last.seconds += slot.seconds;
                    last.load += slot.load;
                    last.loads += slot.loads;
                }
                _ => merged.push(Slot { index, ..*slot }),
            }
            into.push(merged.len() as u32 - 1);
        }
        self.slots = merged;
        into
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_an_unsteady_clock_stay_apart() {
        for steps in
            [&[1805.0, 1795.0, 1800.0, 1799.0, 1801.0][..], &[0.1; 40], &[60.0; 40], &[9000.0, 1.0, 60.0]]
        {
            let mut timeline = Timeline::default();
            let mut seconds = 0.0;
            timeline.open(seconds, 0);
            timeline.count(seconds, None);
            for (at, &step) in steps.iter().enumerate() {
                seconds += step;
                if at == 0 {
                    timeline.width = step;
                } else {
                    timeline.narrow(step);
                }
                assert!(timeline.is_new(seconds, 0), "{seconds} of {steps:?}");
                timeline.open(seconds, 0);
                timeline.count(seconds, None);
            }
            assert_eq!(timeline.slots.len(), steps.len() + 1);
        }
    }
}
