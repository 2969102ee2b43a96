//! Random numbers and the distributions that mechanisms need. Equal seeds give equal numbers on every system.

use std::f64::consts::TAU;
use std::ops::RangeInclusive;

/// A stream of random numbers: `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014).
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

/// From this mean on a Poisson number is drawn as a rounded normal one: its skew is then below 0.2.
const NORMAL_FROM: f64 = 30.0;

impl Chance {
    /// The stream of a host and a part of it: parts do not disturb each other.
    pub(crate) fn new(seed: u64, part: u64) -> Self {
        let mut chance =
            Self(seed.wrapping_mul(0xD134_2543_DE82_EF95) ^ part.wrapping_mul(0x9FB2_1C65_1E98_DF25));
        chance.next();
        chance.next();
        chance
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Even between two numbers.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Even in the logarithm: as often between 1 and 10 as between 10 and 100.
    pub(crate) fn magnitude(&mut self, low: f64, high: f64) -> f64 {
        (self.between(low.ln(), high.ln())).exp()
    }

    /// A whole number of a range.
    pub(crate) fn whole(&mut self, range: RangeInclusive<u64>) -> u64 {
        let width = range.end() - range.start() + 1;
        range.start() + self.next() % width
    }

    /// True with this probability.
    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of a list that is not empty.
    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        let end = list.len() as u64 - 1;
        &list[self.whole(0..=end) as usize]
    }

    /// One of a list of (weight, choice).
    pub(crate) fn weighted<T: Copy>(&mut self, list: &[(f64, T)]) -> T {
        let mut left = self.unit() * list.iter().map(|(weight, _)| weight).sum::<f64>();
        for (weight, choice) in list {
            left -= weight;
            if left < 0.0 {
                return *choice;
            }
        }
        list[list.len() - 1].1
    }

    /// Mean 0, standard deviation 1 (Box and Muller).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (TAU * self.unit()).cos()
    }

    /// Waiting time until an event, in units of its mean.
    pub(crate) fn wait(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// Number of events where `mean` are expected.
    pub(crate) fn events(&mut self, mean: f64) -> u64 {
        if mean <= 0.0 {
            return 0;
        }
        if mean >= NORMAL_FROM {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0) as u64;
        }
        let limit = (-mean).exp();
        let mut product = self.unit();
        let mut count = 0;
        while product > limit {
            product *= self.unit();
            count += 1;
        }
        count
    }

    /// How many of `count` objects something happens to that happens to each with this probability.
    pub(crate) fn of(&mut self, count: u64, probability: f64) -> u64 {
        let probability = probability.clamp(0.0, 1.0);
        if count == 0 || probability <= 0.0 {
            return 0;
        }
        if probability > 0.5 {
            return count - self.of(count, 1.0 - probability);
        }
        if count <= 16 {
            return (0..count).filter(|_| self.unit() < probability).count() as u64;
        }
        let mean = count as f64 * probability;
        if mean < NORMAL_FROM {
            return self.events(mean).min(count);
        }
        let deviation = (mean * (1.0 - probability)).sqrt();
        ((mean + deviation * self.normal()).round().max(0.0) as u64).min(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(mut draw: impl FnMut(&mut Chance) -> f64) -> (f64, f64) {
        let mut chance = Chance::new(7, 1);
        let drawn: Vec<f64> = (0..40_000).map(|_| draw(&mut chance)).collect();
        let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
        let variance = drawn.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / drawn.len() as f64;
        (mean, variance)
    }

    #[test]
    fn distributions_have_their_mean_and_variance() {
        let near = |(mean, variance): (f64, f64), want_mean: f64, want_variance: f64| {
            assert!((mean - want_mean).abs() < 0.03 * want_mean.max(1.0), "mean {mean}, not {want_mean}");
            let off = (variance - want_variance).abs();
            assert!(off < 0.06 * want_variance, "variance {variance}, not {want_variance}");
        };
        near(moments(Chance::unit), 0.5, 1.0 / 12.0);
        near(moments(Chance::normal), 0.0, 1.0);
        near(moments(|chance| chance.wait(3.0)), 3.0, 9.0);
        near(moments(|chance| chance.events(4.0) as f64), 4.0, 4.0);
        near(moments(|chance| chance.events(400.0) as f64), 400.0, 400.0);
        near(moments(|chance| chance.of(12, 0.25) as f64), 3.0, 2.25);
        near(moments(|chance| chance.of(1000, 0.9) as f64), 900.0, 90.0);
    }

    #[test]
    fn parts_of_a_host_differ_and_repeat() {
        let drawn = |seed, part| Chance::new(seed, part).next();
        assert_eq!(drawn(1, 2), drawn(1, 2));
        assert_ne!(drawn(1, 2), drawn(1, 3));
        assert_ne!(drawn(1, 2), drawn(2, 2));
    }
}
