//! What the measures of the rules weigh: a sum of small trees for each length of recording.
//!
//! A tree asks one rule and then, on each side, a second one: so pairs of facts count ("keeps all of it, and takes a lot of its pool").
//! What a tree adds is split between the two: the first rule contributes the mean of its side, the second one the rest. Where the
//! measure of a rule must speak in one direction ([`super::Order`]), each tree does. The files of this folder are written by
//! `cargo xtask accuracy fit`; `docs/weights.md`, written by the same, shows what each class of each rule adds on average.

mod days;
mod few;
mod hours;
mod short;

use std::sync::OnceLock;

use super::{History, Measures, RULES};

/// A question to a rule: is its measure below a number?
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Split {
    /// Index in [`RULES`].
    pub rule: u8,
    /// The least measure of the upper side.
    pub at: f32,
    /// Where an unknown measure belongs: 0 the lower side, 1 the upper one.
    pub unknown: u8,
}

impl Split {
    #[allow(clippy::cast_possible_truncation, reason = "measures are fitted as 32-bit numbers")]
    fn side(self, measures: &Measures) -> usize {
        match measures[usize::from(self.rule)] {
            // As it was fitted.
            Some(measure) => usize::from(measure as f32 >= self.at),
            None => usize::from(self.unknown),
        }
    }
}

/// One side of a tree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Side {
    /// The second question.
    pub split: Split,
    /// What the side adds on average: the part of the first rule.
    pub mean: f32,
    /// What each answer adds.
    pub values: [f32; 2],
}

/// Two questions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tree {
    /// The first question.
    pub split: Split,
    /// The lower and the upper side.
    pub sides: [Side; 2],
}

/// All trees for one length of recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Forest<'a> {
    /// Log odds that a row that grows leaks, before any rule is asked.
    pub prior: f64,
    /// Their sum, with the prior, is the log odds that a row leaks.
    pub trees: &'a [Tree],
}

impl Forest<'_> {
    /// What each rule adds.
    pub fn weigh(&self, measures: &Measures) -> [f64; RULES.len()] {
        let mut weights = [0.0; RULES.len()];
        for tree in self.trees {
            let side = &tree.sides[tree.split.side(measures)];
            let value = side.values[side.split.side(measures)];
            weights[usize::from(tree.split.rule)] += f64::from(side.mean);
            weights[usize::from(side.split.rule)] += f64::from(value) - f64::from(side.mean);
        }
        weights
    }

    /// The least and the most that each rule can add.
    fn ranges(&self) -> [(f64, f64); RULES.len()] {
        let mut ranges = [(0.0, 0.0); RULES.len()];
        let mut widen = |rule: u8, low: f32, high: f32| {
            let range: &mut (f64, f64) = &mut ranges[usize::from(rule)];
            *range = (range.0 + f64::from(low.min(high)), range.1 + f64::from(low.max(high)));
        };
        for tree in self.trees {
            let [low, high] = tree.sides;
            widen(tree.split.rule, low.mean, high.mean);
            for side in tree.sides {
                // The other side asks something else: then it adds nothing.
                let [below, above] = side.values.map(|value| value - side.mean);
                widen(side.split.rule, below.min(above).min(0.0), below.max(above).max(0.0));
            }
        }
        ranges
    }
}

/// The trees of a length.
pub const fn of(history: History) -> &'static Forest<'static> {
    match history {
        History::Few => &few::FOREST,
        History::Short => &short::FOREST,
        History::Hours => &hours::FOREST,
        History::Days => &days::FOREST,
    }
}

/// The least and the most that a rule can add in recordings of a length.
pub fn range(history: History, rule: usize) -> (f64, f64) {
    static RANGES: OnceLock<[[(f64, f64); RULES.len()]; 4]> = OnceLock::new();
    RANGES.get_or_init(|| History::ALL.map(|history| of(history).ranges()))[history as usize][rule]
}

/// One line of the files that are written.
const fn t(rule: u8, at: f32, unknown: u8, sides: [Side; 2]) -> Tree {
    Tree { split: Split { rule, at, unknown }, sides }
}

/// A side of it.
const fn s(rule: u8, at: f32, unknown: u8, mean: f32, values: [f32; 2]) -> Side {
    Side { split: Split { rule, at, unknown }, mean, values }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suspicion::Order;

    /// Numbers from 0 to 1, the same each time.
    fn random(state: &mut u64) -> f64 {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        (*state >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A measure near the edges of its rule, or none.
    fn measure(rule: usize, state: &mut u64) -> Option<f64> {
        let edges = RULES[rule].edges;
        let edge = edges[(random(state) * edges.len() as f64) as usize];
        (random(state) < 0.9).then(|| edge * (0.2 + 2.0 * random(state)))
    }

    #[test]
    fn no_rule_speaks_against_its_direction() {
        let mut state = 88_172_645_463_325_252;
        for history in History::ALL {
            for _ in 0..2_000 {
                let mut measures: Measures = std::array::from_fn(|rule| measure(rule, &mut state));
                let rule = (random(&mut state) * RULES.len() as f64) as usize;
                let (Some(a), Some(b)) = (measure(rule, &mut state), measure(rule, &mut state)) else {
                    continue;
                };
                let mut sum = |measure: f64| {
                    measures[rule] = Some(measure);
                    of(history).weigh(&measures).iter().sum::<f64>()
                };
                let step = sum(a.max(b)) - sum(a.min(b));
                let holds = match RULES[rule].order {
                    Order::Rising => step >= -0.02,
                    Order::Falling => step <= 0.02,
                    Order::Free { .. } => true,
                };
                assert!(holds, "{history:?}, {}: {step} from {a} to {b}", RULES[rule].name);
            }
        }
    }

    #[test]
    fn what_rules_add_lies_in_their_range() {
        let mut state = 1_442_695_040_888_963_407;
        for history in History::ALL {
            assert!(!of(history).trees.is_empty(), "run the fit");
            for _ in 0..500 {
                let measures: Measures = std::array::from_fn(|rule| measure(rule, &mut state));
                for (rule, weight) in of(history).weigh(&measures).into_iter().enumerate() {
                    let (low, high) = range(history, rule);
                    assert!((low - 1e-4..=high + 1e-4).contains(&weight), "{}: {weight}", RULES[rule].name);
                }
            }
        }
    }
}
