//! Verdicts on loads of known kinds: leaks beside whatever comes and goes, and loads that leak nothing. Each is played 25 times,
//! with chances of its own, for 20 s.

use std::collections::BTreeMap;

use poolmon_trace::{About, Answer, Ending, Engine, Event, Growth, Kind, Limits, Verdict};

const LENGTH: f64 = 20.0;

/// Numbers that look like chance, the same each time (xorshift).
struct Chance(u64);

impl Chance {
    fn number(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.number()
    }

    /// Between two events of a Poisson process of this many a second, or a life of this mean.
    fn life(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.number()).ln()
    }
}

/// Objects with the time of their allocation and of their free, in seconds; those of before the trace begin below 0.
#[derive(Default)]
struct Load {
    objects: Vec<(f64, f64)>,
    /// The kernel makes no event of frees.
    silent: bool,
}

impl Load {
    fn hold(&mut self, from: f64, until: f64) {
        self.objects.push((from, until));
    }

    fn leak(&mut self, chance: &mut Chance, rate: f64, from: f64) {
        let mut now = from;
        while now < LENGTH {
            self.hold(now, f64::MAX);
            now += chance.life(1.0 / rate);
        }
    }

    /// `count` objects each `period`, for `held`.
    fn bursts(&mut self, chance: &mut Chance, count: u32, period: f64, held: f64) {
        let mut now = chance.between(-period, 0.0);
        while now < LENGTH {
            for n in 0..count {
                let from = now + f64::from(n) * 1e-5;
                self.hold(from, from + held);
            }
            now += period * chance.between(0.9, 1.1);
        }
    }

    /// A steady state: objects live for a chance time of this mean, and there were some before the trace.
    fn steady(&mut self, chance: &mut Chance, rate: f64, mean: f64) {
        let mut now = -8.0 * mean;
        while now < LENGTH {
            let life = chance.life(mean);
            if now + life > 0.0 {
                self.hold(now, now + life);
            }
            now += chance.life(1.0 / rate);
        }
    }

    /// A queue of which the oldest leaves when a new one comes, or with `any` a chance one.
    fn full(&mut self, chance: &mut Chance, rate: f64, size: usize, any: bool, begun: bool) {
        let mut now = if begun { -3.0 * size as f64 / rate } else { 0.0 };
        let mut held: Vec<f64> = Vec::new();
        while now < LENGTH {
            if held.len() >= size {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place")]
                let place = if any { (chance.number() * held.len() as f64) as usize } else { 0 };
                let from = held.remove(place);
                if now > 0.0 {
                    self.hold(from, now);
                }
            }
            held.push(now);
            now += chance.life(1.0 / rate);
        }
        for from in held {
            self.hold(from, f64::MAX);
        }
    }

    /// What poolmon makes of it.
    fn judged(&self) -> Answer {
        let mut engine = Engine::new(Limits::default());
        let stack = engine.stacks_mut().intern(&[1]);
        engine.begin(0);
        let mut events: Vec<(f64, bool, usize)> = Vec::new();
        for (n, &(from, until)) in self.objects.iter().enumerate() {
            events.push((from, true, n));
            events.push((until, false, n));
        }
        events.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut free, mut next): (Vec<u64>, u64) = (Vec::new(), 1);
        let mut places: BTreeMap<usize, u64> = BTreeMap::new();
        let mut grown = 0_i64;
        for (time, is_alloc, n) in events.into_iter().filter(|event| event.0 < LENGTH) {
            let address = if is_alloc {
                let place = free.pop().unwrap_or_else(|| {
                    next += 1;
                    next
                });
                places.insert(n, place);
                place * 4096
            } else {
                let place = places.remove(&n).unwrap_or(0);
                free.push(place);
                place * 4096
            };
            if time < 0.0 {
                continue;
            }
            grown += if is_alloc { 1 } else { -1 };
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "20 s")]
            let time = (time * 1e9) as u64;
            let alloc = Kind::Alloc { address, bytes: 64, requested: 64, stack, task: 1 };
            if is_alloc || !self.silent {
                let kind = if is_alloc { alloc } else { Kind::Free { address } };
                engine.push(Event { time, cpu: 0, kind });
            }
        }
        let growth = Some(Growth { objects: grown, bytes: grown * 64, exact: true, within: 0 });
        let ending = Ending { growth, ..Ending::default() };
        Answer::new(About::default(), ending, engine.finish(20_000_000_000))
    }
}

/// How often each verdict, of 25.
fn verdicts(make: impl Fn(&mut Chance, &mut Load)) -> BTreeMap<Verdict, u32> {
    let mut found = BTreeMap::new();
    for seed in 1..=25_u64 {
        let mut chance = Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        for _ in 0..9 {
            chance.number();
        }
        let mut load = Load::default();
        make(&mut chance, &mut load);
        let answer = load.judged();
        *found
            .entry(answer.owners.first().map_or(Verdict::AllFreed, |owner| owner.figures.verdict))
            .or_default() += 1;
    }
    found
}

/// What is wrong with the verdicts on these loads.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn is_leak(&mut self, name: &str, least: u32, make: impl Fn(&mut Chance, &mut Load)) {
        let found = verdicts(make);
        let named = found.get(&Verdict::KeepsGrowing).copied().unwrap_or(0);
        // "No growth" would be false.
        if named < least || found.contains_key(&Verdict::InUse) || found.contains_key(&Verdict::FilledEarly) {
            self.0.push(format!("{name}: {found:?}"));
        }
    }

    fn is_none(&mut self, name: &str, make: impl Fn(&mut Chance, &mut Load)) {
        let found = verdicts(make);
        if found.contains_key(&Verdict::KeepsGrowing) {
            self.0.push(format!("{name}: {found:?}"));
        }
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        assert!(std::thread::panicking() || self.0.is_empty(), "{:#?}", self.0);
    }
}

#[test]
fn leaks_are_found_beside_what_comes_and_goes() {
    let mut faults = Faults::default();
    faults.is_leak("alone", 25, |c, load| load.leak(c, 5.0, 0.0));
    for held in [0.05, 0.7, 2.0, 4.0] {
        let name = format!("beside bursts of 400 for {held} s");
        faults.is_leak(&name, 22, |c, load| {
            load.leak(c, 50.0, 0.0);
            load.bursts(c, 400, held + 1.3, held);
        });
    }
    faults.is_leak("beside a queue", 25, |c, load| {
        load.leak(c, 20.0, 0.0);
        load.full(c, 500.0, 300, false, false);
    });
    faults.is_leak("beside a full cache", 24, |c, load| {
        load.leak(c, 30.0, 0.0);
        load.full(c, 100.0, 300, true, false);
    });
    faults.is_leak("beside a cache that fills at once", 25, |c, load| {
        load.leak(c, 20.0, 0.0);
        for n in 0..2_000 {
            load.hold(f64::from(n) * 1e-4, f64::MAX);
        }
    });
    faults.is_leak("from the middle on", 24, |c, load| {
        load.leak(c, 30.0, 7.0);
        load.steady(c, 50.0, 0.5);
    });
    faults.is_leak("in bursts of 30", 24, |c, load| {
        let mut now = 0.5;
        while now < LENGTH {
            for n in 0..30 {
                load.hold(now + f64::from(n) * 1e-4, f64::MAX);
            }
            now += c.between(0.8, 1.2);
        }
        load.steady(c, 200.0, 0.2);
    });
}

#[test]
fn what_leaks_nothing_is_not_called_a_leak() {
    let mut faults = Faults::default();
    for period in [0.3, 1.0, 2.7, 5.0, 7.0] {
        for share in [0.1, 0.5, 0.9] {
            faults.is_none(&format!("bursts each {period} s for {share} of it"), |c, load| {
                load.bursts(c, 400, period, period * share);
            });
        }
    }
    for begun in [false, true] {
        faults.is_none("a queue", |c, load| load.full(c, 500.0, 300, false, begun));
        faults.is_none("a full cache", |c, load| load.full(c, 100.0, 300, true, begun));
    }
    for mean in [0.2, 2.0, 10.0, 20.0, 60.0, 200.0] {
        for rate in [5.0, 50.0, 500.0] {
            faults.is_none(&format!("steady, {rate}/s for {mean} s"), |c, load| load.steady(c, rate, mean));
        }
    }
    for period in [2.0, 4.0, 8.0, 10.0] {
        faults.is_none(&format!("filled and drained each {period} s"), |c, load| {
            let mut begins = c.between(-period, 0.0);
            while begins < LENGTH {
                let mut now = begins;
                while now < begins + period {
                    load.hold(now, begins + period);
                    now += 0.01;
                }
                begins += period;
            }
        });
    }
    for mean in [1.0, 2.0, 4.0] {
        faults.is_none(&format!("a cache that fills, e-fold in {mean} s"), |c, load| {
            for _ in 0..1_000 {
                load.hold(c.life(mean), f64::MAX);
            }
        });
    }
}

/// Frees that make no event, as those of RCU: an address comes back, and the cache does not grow.
#[test]
fn frees_without_events_are_no_leak() {
    let mut faults = Faults::default();
    for mean in [0.01, 0.2, 2.0] {
        for rate in [20.0, 200.0, 1_000.0] {
            faults.is_none(&format!("freed in silence after {mean} s, {rate}/s"), |c, load| {
                load.silent = true;
                load.steady(c, rate, mean);
            });
        }
    }
    faults.is_none("freed in silence in batches", |c, load| {
        load.silent = true;
        load.bursts(c, 300, 1.7, 1.6);
    });
}
