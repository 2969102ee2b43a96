//! A simulated host for measurements: 4,000 tags, Zipf activity, block sizes as drivers have them.
//!
//! Rates are chosen so that about 1,470 (busy) or 400 (quiet) rows change each second.
#![allow(dead_code, clippy::pedantic, clippy::unwrap_used, missing_docs)]

use std::sync::Arc;

use jiff::Timestamp;
use poolmon_model::{CounterWidth, Origin, Pool, Row, Sample, SourceKind, Tag};

pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn poisson(&mut self, mean: f64) -> u64 {
        if mean > 40.0 {
            let u = (self.unit() + self.unit() + self.unit() + self.unit() - 2.0) * 1.732;
            return (mean + u * mean.sqrt()).max(0.0).round() as u64;
        }
        let (limit, mut p, mut k) = ((-mean).exp(), 1.0, 0);
        loop {
            p *= self.unit();
            if p <= limit {
                return k;
            }
            k += 1;
        }
    }
}

struct Life {
    rate: f64,
    /// Mean life in seconds.
    life: f64,
    sizes: [u64; 3],
    mixed: bool,
    leak: bool,
}

pub struct Host {
    pub sample: Sample,
    lives: Vec<Life>,
    rng: Rng,
    /// Milliseconds since the start.
    pub at_ms: u64,
}

pub const START: i64 = 1_795_392_000;

impl Host {
    pub fn new(tags: usize, rows_changing: f64) -> Self {
        let mut rng = Rng(7);
        let pools = [Pool::Nonpaged, Pool::Paged];
        let mut origin = Origin::new(SourceKind::Simulated, &pools);
        origin.host = Some("SYNTH".into());
        origin.system = Some("Windows 10.0.19045".into());
        origin.boot = Some("7".into());
        let mut sample = Sample::new(Arc::new(origin), CounterWidth::Bits32);
        // Find the factor that makes so many rows change each second.
        let weight = |n: usize| 1.0 / (n as f64 + 2.7).powf(1.05);
        let (mut low, mut high) = (1e-6_f64, 1e9_f64);
        for _ in 0..200 {
            let mid: f64 = (low * high).sqrt();
            let changing: f64 = (0..tags).map(|n| 1.0 - (-2.0 * mid * weight(n)).exp()).sum();
            if changing < rows_changing { low = mid } else { high = mid }
        }
        let letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        let mut lives = Vec::new();
        for n in 0..tags {
            let tag = [0; 4].map(|_: u8| letters[(rng.next() % 62) as usize]);
            let rate = low * weight(n);
            let life = 10f64.powf(rng.unit() * 4.0 - 1.0);
            let size = 16 * (1 + rng.next() % 40);
            let sizes = [size, 16 * (1 + rng.next() % 100), 16 * (1 + rng.next() % 250)];
            let mixed = rng.unit() < 0.35;
            let outstanding = (rate * life) as u64 + rng.next() % 50;
            let past = (rate * 86_400.0 * (1.0 + rng.unit())) as u64 & 0xffff_ffff;
            let bytes = outstanding * size;
            let row = Row::windows(Tag::pool(tag), pools[n & 1], past + outstanding, past, bytes);
            sample.rows.push(row);
            lives.push(Life { rate, life, sizes, mixed, leak: n % 250 == 60 });
        }
        // The kernel lists them in the order of a hash table.
        for n in (1..tags).rev() {
            let to = (rng.next() % (n as u64 + 1)) as usize;
            sample.rows.swap(n, to);
            lives.swap(n, to);
        }
        sample.header.memory_total = Some(32 << 30);
        sample.header.memory_available = Some(20 << 30);
        sample.header.commit = Some(14 << 30);
        sample.header.commit_limit = Some(40 << 30);
        sample.header.page_faults = Some(90_000_000);
        Self { sample, lives, rng, at_ms: 0 }
    }

    /// Lets time pass and takes a sample.
    pub fn step(&mut self, ms: u64) -> &Sample {
        self.at_ms += ms;
        let seconds = ms as f64 / 1000.0;
        let rng = &mut self.rng;
        let mut sums = [0u64; 2];
        for (row, life) in self.sample.rows.iter_mut().zip(&self.lives) {
            let c = &mut row.counters;
            let (allocs, frees, bytes) = (c.allocs.unwrap(), c.frees.unwrap(), c.bytes.unwrap());
            let live = allocs.wrapping_sub(frees) & 0xffff_ffff;
            let new = rng.poisson(life.rate * seconds);
            let dying = (live + new) as f64 * (1.0 - (-seconds / life.life).exp());
            let dead = if life.leak { 0 } else { rng.poisson(dying).min(live + new) };
            let mut now = bytes as i64;
            if life.mixed {
                for _ in 0..new.min(40) {
                    now += life.sizes[(rng.next() % 3) as usize] as i64;
                }
                for _ in 0..dead.min(40) {
                    now -= life.sizes[(rng.next() % 3) as usize] as i64;
                }
                now += (new as i64 - new.min(40) as i64 - dead as i64 + dead.min(40) as i64)
                    * life.sizes[0] as i64;
            } else {
                now += (new as i64 - dead as i64) * life.sizes[0] as i64;
            }
            c.allocs = Some((allocs + new) & 0xffff_ffff);
            c.frees = Some((frees + dead) & 0xffff_ffff);
            c.bytes = Some(now.max(0) as u64);
            sums[usize::from(row.pool == Pool::Paged)] += now.max(0) as u64;
        }
        let h = &mut self.sample.header;
        h.memory_available = h.memory_available.map(|v| v + (rng.next() % 200) * 4096 - 100 * 4096);
        h.commit = h.commit.map(|v| v + (rng.next() % 60) * 4096 - 30 * 4096);
        h.page_faults = h.page_faults.map(|v| v + rng.poisson(3000.0 * seconds));
        h.pool_nonpaged = Some((sums[0] + (50 << 20)) & !4095);
        h.pool_paged = Some((sums[1] + (50 << 20)) & !4095);
        let jitter = (rng.next() % 400_000) as i64;
        let nanos =
            i128::from(START) * 1_000_000_000 + i128::from(self.at_ms) * 1_000_000 + i128::from(jitter);
        self.sample.time = Some(Timestamp::from_nanosecond(nanos).unwrap());
        self.sample.uptime = Some(std::time::Duration::from_millis(900_000_000 + self.at_ms));
        &self.sample
    }
}

pub fn busy() -> Host {
    Host::new(4000, 1470.0)
}

pub fn quiet() -> Host {
    Host::new(4000, 400.0)
}
