//! How likely it is that a row leaks: evidence combined, not chained.
//!
//! 1. `facts`: what the series shows, in plain numbers;
//! 2. `rules`: each measures one thing of it, and has words for what it finds;
//! 3. `trees`: what the measures weigh, as logarithms of likelihood ratios, by the length of the recording: a sum of small trees, each
//!    of which asks two rules at most. They are fitted on the tuning hosts of both generators by `examples/fit`;
//! 4. the sum, through the logistic function, is the confidence: of the rows given 0.8, about 80 % leak.

mod facts;
mod rules;
mod trees;

pub use facts::{Around, Facts, Others};
pub(crate) use rules::MOMENTS;
pub use rules::{BY_TIME, Order, RULES, Rule, Seen, Tests};
pub use trees::{Forest, Side, Split, Tree};

use serde::Serialize;

/// How sure it is that a row leaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// 50 % or more.
    Possible,
    /// 80 % or more.
    Likely,
    /// 99 % or more.
    Leak,
}

impl Level {
    /// All of them, the surest first.
    pub const ALL: [Self; 3] = [Self::Leak, Self::Likely, Self::Possible];

    /// The level of a confidence; `None` below a half.
    pub fn of(confidence: f64) -> Option<Self> {
        Self::ALL.into_iter().find(|level| confidence >= level.least())
    }

    /// The least confidence of the level.
    pub const fn least(self) -> f64 {
        match self {
            Self::Leak => 0.99,
            Self::Likely => 0.8,
            Self::Possible => 0.5,
        }
    }

    /// In a sentence, before "leaks".
    pub const fn adverb(self) -> &'static str {
        match self {
            Self::Leak => "almost certainly",
            Self::Likely => "likely",
            Self::Possible => "possibly",
        }
    }

    /// Name in data and options.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Leak => "leak",
            Self::Likely => "likely",
            Self::Possible => "possible",
        }
    }
}

/// What one rule contributes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Contribution {
    /// Name of the rule.
    pub rule: &'static str,
    /// What it found, in words that follow the name of the row.
    pub found: &'static str,
    /// Natural logarithm of its likelihood ratio: above 0 it speaks for a leak, below against.
    pub weight: f64,
    /// The least and the most that the rule could have contributed: what is the same for all rows is no reason.
    #[serde(skip)]
    range: (f64, f64),
    /// What it found is a reason to doubt that the row leaks, to a person who knows no weights.
    #[serde(skip)]
    is_doubt: bool,
}

/// How likely it is that a row leaks, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Suspicion {
    /// From 0 to 1.
    pub confidence: f64,
    /// How many of the rows that grow leak, as log odds, and what follows from measures that are unknown.
    pub prior: f64,
    /// What each rule contributes, the weightiest first.
    pub contributions: Vec<Contribution>,
}

/// Lengths of recordings that are weighed alike: other things tell a leak in minutes than in weeks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum History {
    /// Fewer than twelve points.
    Few,
    /// Less than two hours.
    Short,
    /// Less than twenty hours: no whole day.
    Hours,
    /// A day or more.
    Days,
}

impl History {
    /// All of them, in the order of the fitted table.
    pub const ALL: [Self; 4] = [Self::Few, Self::Short, Self::Hours, Self::Days];

    /// Which one it is.
    pub fn of(points: usize, hours: f64) -> Self {
        if points < 12 {
            Self::Few
        } else if hours < 2.0 {
            Self::Short
        } else if hours < 20.0 {
            Self::Hours
        } else {
            Self::Days
        }
    }
}

/// What each rule measures of a row.
pub type Measures = [Option<f64>; RULES.len()];

/// Asks every rule.
pub fn measures(seen: &Seen) -> Measures {
    std::array::from_fn(|at| {
        let is_known = seen.facts.timed || !BY_TIME.contains(&RULES[at].name);
        (RULES[at].measure)(seen).filter(|_| is_known)
    })
}

/// Weighs what was measured of a row. `without` leaves out what a rule contributes, for the test that each of them matters.
pub fn weigh(history: History, measures: &Measures, without: Option<usize>) -> Suspicion {
    let forest = trees::of(history);
    let (mut sum, mut prior) = (forest.prior, forest.prior);
    let mut contributions = Vec::new();
    for (at, weight) in forest.weigh(measures).into_iter().enumerate() {
        if without == Some(at) || weight == 0.0 {
            continue;
        }
        sum += weight;
        match measures[at] {
            Some(measure) => {
                let rule = &RULES[at];
                let class = rule.class(measure);
                let found = rule.classes.get(class).copied().unwrap_or_default();
                contributions.push(Contribution {
                    rule: rule.name,
                    found,
                    weight,
                    range: trees::range(history, at),
                    is_doubt: rule.is_doubt(class),
                });
            }
            // There are no words for what is unknown.
            None => prior += weight,
        }
    }
    contributions.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
    Suspicion { confidence: 1.0 / (1.0 + (-sum).exp()), prior, contributions }
}

impl Suspicion {
    /// Its level; `None` below a half.
    pub fn level(&self) -> Option<Level> {
        Level::of(self.confidence)
    }

    /// The facts that speak for a leak, the weightiest first.
    pub fn reasons(&self) -> impl Iterator<Item = &Contribution> {
        self.contributions.iter().filter(|one| one.weight >= 0.2 && one.weight > one.range.0 + 0.1)
    }

    /// The three facts that decided, and what speaks against it: the test that failed, else the weightiest fact.
    pub fn in_words(&self, failed: Option<&str>) -> Vec<String> {
        let mut words: Vec<String> = self.reasons().take(3).map(|one| one.found.to_owned()).collect();
        let against = failed.or_else(|| self.doubts().next().map(|one| one.found));
        words.extend(against.map(|against| format!("against it: {against}")));
        words
    }

    /// The facts that speak against one, the weightiest first.
    pub fn doubts(&self) -> impl Iterator<Item = &Contribution> {
        let weighs = |one: &&Contribution| one.weight <= -0.5 && one.weight < one.range.1 - 0.1;
        self.contributions.iter().filter(|one| one.is_doubt).filter(weighs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_words_for_each_class() {
        for rule in &RULES {
            assert_eq!(rule.edges.len() + 1, rule.classes.len(), "{}", rule.name);
            assert!(rule.edges.is_sorted(), "{}", rule.name);
        }
        let mut names: Vec<&str> = RULES.iter().map(|rule| rule.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), RULES.len());
    }

    /// Also where nothing is known of a row: what unknown measures weigh is part of the prior.
    #[test]
    fn prior_and_contributions_are_the_log_odds() {
        for history in History::ALL {
            let known: Measures = std::array::from_fn(|at| RULES[at].edges.first().copied());
            let without_first: Measures = std::array::from_fn(|at| known[at].filter(|_| at > 4));
            for measures in [known, without_first, [None; RULES.len()]] {
                let all = weigh(history, &measures, None);
                let sum = all.prior + all.contributions.iter().map(|one| one.weight).sum::<f64>();
                assert!((all.confidence - 1.0 / (1.0 + (-sum).exp())).abs() < 1e-12, "{history:?}: {all:?}");
            }
        }
    }

    /// Of a rule whose classes all weigh the same, none is a reason, or speaks against a leak.
    #[test]
    fn what_is_said_of_every_row_is_no_reason() {
        let one = |weight: f64, range: (f64, f64)| Contribution {
            rule: "x",
            found: "x",
            weight,
            range,
            is_doubt: range != (-2.0, 0.0),
        };
        let contributions = vec![
            one(1.0, (1.0, 1.0)),
            one(1.0, (0.0, 1.0)),
            one(-1.0, (-1.0, -1.0)),
            one(-1.0, (-1.0, 0.0)),
            one(-1.0, (-2.0, 0.0)),
        ];
        let suspicion = Suspicion { confidence: 0.5, prior: 0.0, contributions };
        assert_eq!(suspicion.reasons().map(|one| one.range).collect::<Vec<_>>(), [(0.0, 1.0)]);
        assert_eq!(suspicion.doubts().map(|one| one.range).collect::<Vec<_>>(), [(-1.0, 0.0)]);
    }

    #[test]
    fn what_a_leak_shows_is_no_doubt() {
        let is_doubt = |name: &str, found: &str| {
            let rule = RULES.iter().find(|rule| rule.name == name).expect("a rule");
            rule.is_doubt(rule.classes.iter().position(|class| *class == found).expect("a class of it"))
        };
        assert!(is_doubt("kept", "keeps 2 to 10 % of what it allocates"));
        assert!(!is_doubt("kept", "frees nothing"));
        assert!(is_doubt("slows", "grows at half its first speed"));
        assert!(!is_doubt("slows", "grows as fast as at first"));
        assert!(!is_doubt("turnover", "allocated up to ten times the objects that it holds"));
    }

    #[test]
    fn levels_have_limits() {
        let level = |confidence| Level::of(confidence);
        assert_eq!(
            [0.49, 0.5, 0.79, 0.8, 0.989, 0.99].map(level),
            [
                None,
                Some(Level::Possible),
                Some(Level::Possible),
                Some(Level::Likely),
                Some(Level::Likely),
                Some(Level::Leak)
            ]
        );
    }
}
