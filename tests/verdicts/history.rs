//! Histories made of rows, each of which says what it allocates and frees from one sample to the next.

use std::f64::consts::TAU;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use poolmon_model::{CounterWidth, Counters, Origin, Pool, Row, Sample, SourceKind, Tag};

/// Random numbers (`SplitMix64`).
pub struct Noise(u64);

impl Noise {
    /// Even from 0 to below 1.
    pub fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Mean 0, standard deviation 1.
    pub fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (TAU * self.unit()).cos()
    }

    /// A count of independent events of which so many are expected.
    pub fn count(&mut self, expected: f64) -> f64 {
        (expected + expected.max(0.0).sqrt() * self.normal()).round().max(0.0)
    }
}

/// A step from one sample to the next.
pub struct Step {
    /// Its number: 0 leads to the second sample.
    pub number: usize,
    /// Hours from the first sample to its end.
    pub hours: f64,
    /// Hours in it.
    pub takes: f64,
    /// The machine's load in it, 1 on average: the rhythm of days.
    pub load: f64,
}

type Change = Box<dyn FnMut(&Step, &mut Noise) -> (f64, f64)>;

struct Series {
    row: Row,
    size: u64,
    allocs: f64,
    frees: f64,
    /// Pages per needed page, of a slab cache, at the end of the history.
    spread: f64,
    change: Change,
}

/// A history.
pub struct History {
    /// Hours of each sample.
    hours: Vec<f64>,
    linux: bool,
    series: Vec<Series>,
}

impl History {
    /// Samples at an interval, over so many hours.
    pub fn every(minutes: f64, hours: f64, linux: bool) -> Self {
        let samples = (hours * 60.0 / minutes).round() as usize;
        Self::at((0..=samples).map(|sample| sample as f64 * minutes / 60.0).collect(), linux)
    }

    /// Samples at these hours, with sixty rows in which nothing is wrong.
    pub fn at(hours: Vec<f64>, linux: bool) -> Self {
        let mut history = Self { hours, linux, series: Vec::new() };
        for row in 0..60 {
            let name = if linux { format!("calm_{row:02}") } else { format!("Cm{row:02}") };
            let (held, lives) = (20.0 * 1.15_f64.powi(row), 0.01 * 1.1_f64.powi(row));
            let quiet = row % 3 == 0;
            let mut now = held;
            history.row(&name, 128 + 16 * row as u64, held, 1e4, move |step, noise| {
                if quiet {
                    return (0.0, 0.0);
                }
                let gone = now * -(-step.takes / lives).exp_m1();
                let freed = noise.count(gone).min(now);
                let born = noise.count(gone.max(0.0) * step.load);
                // Objects come at a steady rate, so their number finds back to its mean.
                let born = (born + (held - now) * 0.3).max(0.0).round();
                now += born - freed;
                (born, freed)
            });
        }
        history
    }

    /// A row with so many objects held and allocated before the first sample, and what is allocated and freed in a step.
    pub fn row(
        &mut self,
        name: &str,
        size: u64,
        held: f64,
        allocated: f64,
        change: impl FnMut(&Step, &mut Noise) -> (f64, f64) + 'static,
    ) -> &mut Self {
        let (tag, pool) = match <[u8; 4]>::try_from(name.as_bytes()) {
            Ok(bytes) if !self.linux => (Tag::pool(bytes), Pool::Nonpaged),
            _ => (Tag::name(name), Pool::Unreclaimable),
        };
        let (held, allocated) = (held.round(), allocated.round().max(held.round()));
        self.series.push(Series {
            row: Row { tag, pool, counters: Counters::default(), reported_owner: None },
            size,
            allocs: allocated,
            frees: allocated - held,
            spread: 1.0,
            change: Box::new(change),
        });
        self
    }

    /// The slabs of the row added last come to need so many times their pages.
    pub fn half_empty(&mut self, spread: f64) -> &mut Self {
        self.series.last_mut().unwrap().spread = spread;
        self
    }

    /// The samples.
    pub fn samples(mut self) -> Vec<Sample> {
        let (kind, system) =
            if self.linux { (SourceKind::Linux, "Linux 6.12") } else { (SourceKind::Windows, "Windows 10") };
        let pools =
            if self.linux { [Pool::Unreclaimable, Pool::Reclaimable] } else { [Pool::Nonpaged, Pool::Paged] };
        let mut origin = Origin::new(kind, &pools);
        origin.system = Some(system.into());
        let origin = Arc::new(origin);
        let start: Timestamp = "2026-03-02T00:00:00Z".parse().unwrap();
        let mut noise = Noise(7);
        let hours = std::mem::take(&mut self.hours);
        let mut samples = Vec::new();
        for (at, &hour) in hours.iter().enumerate() {
            if at > 0 {
                let load = 1.0 + 0.5 * (TAU * (hour - 8.0) / 24.0).sin();
                let takes = hour - hours[at - 1];
                let step = Step { number: at - 1, hours: hour, takes, load };
                for series in &mut self.series {
                    let (born, freed) = (series.change)(&step, &mut noise);
                    series.allocs += born;
                    series.frees += freed.min(series.allocs - series.frees);
                }
            }
            let mut sample = Sample::new(
                Arc::clone(&origin),
                if self.linux { CounterWidth::Bits64 } else { CounterWidth::Bits32 },
            );
            sample.time = Some(start + SignedDuration::from_millis((hour * 3.6e6).round() as i64));
            let done = hour / hours[hours.len() - 1];
            sample.rows = self.series.iter().map(|series| series.listed(self.linux, done)).collect();
            samples.push(sample);
        }
        samples
    }
}

impl Series {
    fn listed(&self, linux: bool, done: f64) -> Row {
        let held = (self.allocs - self.frees).round() as u64;
        let mut row = self.row.clone();
        row.counters = if linux {
            let pages = (held * self.size) as f64 / 4096.0 * (1.0 + (self.spread - 1.0) * done.powf(0.85));
            Counters {
                reported_diff: Some(held.cast_signed()),
                bytes: Some(pages.ceil() as u64 * 4096),
                used: Some(held * self.size),
                ..Counters::default()
            }
        } else {
            const LOW: u64 = u32::MAX as u64;
            Counters::windows(self.allocs as u64 & LOW, self.frees as u64 & LOW, held * self.size)
        };
        row
    }
}
