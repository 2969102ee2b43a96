//! What a command loses at each run: runs next to idle intervals of the same length.
//!
//! Data passes in one direction:
//!
//! 1. [`Measurement::push`] takes the sample that ends an interval, and what the interval was ([`Phase`]);
//! 2. [`Measurement::report`] compares, for each (tag, pool), every run with the idle interval of its pair (`judge`);
//! 3. [`Losses`] is plain data; [`Loss::sentence`] says it in words (`report`).
//!
//! Within a pair a coin decides whether the run or the idle interval comes first ([`run_first`]). So, where the command
//! does nothing to a tag, the sign of each difference is a coin's throw, whatever the machine does next to it: bursts,
//! drift, heavy tails. That is all that the test rests on (Fisher, *The Design of Experiments*, 1935).

mod judge;
mod report;
mod series;

pub use report::{Loss, LossKind, Losses, PerRun, figure};
pub use series::Measurement;

use serde::Serialize;

/// What happened between two samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Nothing was started yet: the ambient noise.
    Ambient,
    /// A run that does not count: caches fill, code is loaded.
    WarmUp,
    /// The command ran, and what it left settled.
    Run,
    /// As long as a run, without the command.
    Idle,
}

/// Rate of false discoveries that is allowed. With nothing to find it is the chance to name anything at all: half of the
/// one in a hundred that is promised, as the tests are exact and reach what is allowed.
pub const ALPHA: f64 = 0.005;

/// Uncertainty of the intervals.
pub const INTERVAL_ALPHA: f64 = 0.05;

/// Whether the run comes first in this pair: a coin, the same for the same seed (Steele, Lea and Flood, *Fast splittable
/// pseudorandom number generators*, OOPSLA 2014).
pub const fn run_first(seed: u64, pair: u64) -> bool {
    let mut z = seed.wrapping_add(pair.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) & 1 == 1
}

/// Runs without which a single tag among `tags` cannot stand out of the noise; `figures` are tested for each (one, or
/// two where objects and bytes are distinguished).
pub fn least_runs(tags: usize, figures: usize) -> usize {
    let wanted = ALPHA / (tags.max(1) * figures.max(1)) as f64;
    (-wanted.log2()).ceil() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coin_is_fair_and_repeats_itself() {
        for seed in 0..50 {
            let heads = (0..1000).filter(|&pair| run_first(seed, pair)).count();
            assert!((420..580).contains(&heads), "{seed}: {heads}");
            assert_eq!(run_first(seed, 3), run_first(seed, 3));
        }
    }

    #[test]
    fn so_many_runs_are_needed() {
        // 2^-13 * 30 is below 0.005, 2^-12 * 30 is not.
        assert_eq!(least_runs(30, 1), 13);
        assert_eq!(least_runs(3000, 2), 21);
        assert_eq!(least_runs(0, 1), 8);
    }
}
