//! Seeds in three sets that code cannot mix: a function that fits thresholds takes `Seed<Tuning>` and nothing else.

use std::marker::PhantomData;

mod sealed {
    pub trait Sealed {}
}

/// A set of seeds.
pub trait Set: sealed::Sealed + Copy {
    /// Name on the command line and in tables.
    const NAME: &'static str;
    /// Its first number. The sets do not overlap.
    const FIRST: u64;
}

/// Numbers in a set.
const PER_SET: u64 = 1_000_000;

/// Hosts that thresholds and weights are fitted on. Look at each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tuning {}

/// Hosts that choose between designs. Look at totals, and at single hosts when a total is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validation {}

/// Hosts that only the final table is made of. No host of them is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldOut {}

impl sealed::Sealed for Tuning {}
impl sealed::Sealed for Validation {}
impl sealed::Sealed for HeldOut {}

impl Set for Tuning {
    const NAME: &'static str = "tuning";
    const FIRST: u64 = 10_000_000;
}

impl Set for Validation {
    const NAME: &'static str = "validation";
    const FIRST: u64 = 20_000_000;
}

impl Set for HeldOut {
    const NAME: &'static str = "held-out";
    const FIRST: u64 = 30_000_000;
}

/// A seed of one set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed<S> {
    number: u64,
    set: PhantomData<S>,
}

impl<S: Set> Seed<S> {
    /// The seed at a position of its set; positions from 1,000,000 on begin again at 0.
    pub const fn nth(position: u64) -> Self {
        Self { number: S::FIRST + position % PER_SET, set: PhantomData }
    }

    /// The first seeds of the set.
    pub fn first(count: u64) -> impl Iterator<Item = Self> {
        (0..count).map(Self::nth)
    }

    /// Position in its set.
    pub const fn position(self) -> u64 {
        self.number - S::FIRST
    }

    /// What the generator of random numbers starts from.
    pub(crate) const fn number(self) -> u64 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_share_no_number() {
        let ends = |first: u64| (first, first + PER_SET - 1);
        let all = [ends(Tuning::FIRST), ends(Validation::FIRST), ends(HeldOut::FIRST)];
        assert!(all.windows(2).all(|pair| pair[0].1 < pair[1].0), "{all:?}");
        assert_eq!(Seed::<HeldOut>::nth(PER_SET + 3), Seed::nth(3));
        assert_eq!(Seed::<Tuning>::first(4).map(Seed::position).collect::<Vec<_>>(), [0, 1, 2, 3]);
    }
}
