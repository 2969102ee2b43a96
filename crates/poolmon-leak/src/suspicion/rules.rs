//! The rules: each measures what a series shows, in one number, and has words for its classes.
//!
//! How much a measure weighs is not written here: it is fitted (`trees/`). The classes are for words. To add a rule, add it to [`RULES`], add the fact that
//! it needs to `facts.rs`, and run `cargo xtask accuracy fit`.

use poolmon_model::{Pool, Tag};

use super::facts::Facts;
use crate::judge::owner;
use crate::verdict::{Evidence, VerdictKind};

/// What rules look at.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// What the series shows.
    pub facts: &'a Facts,
    /// Which row.
    pub tag: &'a Tag,
    /// Of which pool.
    pub pool: Pool,
    /// What the tests for a trend say of it.
    pub tests: Tests,
    /// The statistics behind the tests.
    pub evidence: &'a Evidence,
}

impl Seen<'_> {
    /// The statistics of a trend, where one was tested.
    fn evidence(&self) -> Option<&Evidence> {
        Some(self.evidence).filter(|evidence| evidence.p < 1.0)
    }
}

/// Outcome of the tests for a trend, which need a dozen samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tests {
    /// They say this.
    Say(VerdictKind),
    /// They are all passed, but a cache on its way to a trim would pass them too.
    TooEarly,
}

/// One rule.
pub struct Rule {
    /// Its name in JSON and in `--explain`.
    pub name: &'static str,
    /// What its classes are, in words that follow the name of a row.
    pub classes: &'static [&'static str],
    /// Which way its measure speaks: what is fitted may not contradict it.
    pub order: Order,
    /// The numbers at which the next class begins.
    pub edges: &'static [f64],
    /// What it measures of a row; `None` if the rule has nothing to say.
    pub measure: fn(&Seen) -> Option<f64>,
}

impl Rule {
    /// The class of a measure.
    pub fn class(&self, measure: f64) -> usize {
        self.edges.iter().filter(|edge| measure >= **edge).count()
    }

    /// Whether a class of it is a reason to doubt that a row leaks. What is fitted of a rule without an order may speak against a row
    /// that grows as fast as at first: that weighs in, but says nothing to a reader.
    pub(super) fn is_doubt(&self, class: usize) -> bool {
        match self.order {
            Order::Rising => class + 1 < self.classes.len(),
            Order::Falling => class > 0,
            Order::Free { doubts } => class < doubts,
        }
    }
}

/// Which way the classes of a rule speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Each speaks for a leak at least as much as the one before.
    Rising,
    /// Each speaks for a leak at most as much as the one before.
    Falling,
    /// None is known beforehand.
    Free {
        /// How many of its first classes are reasons to doubt, to a person who knows no weights.
        doubts: usize,
    },
}

/// Changes from which on a row changed two to four times, a few times, often; more than that is nearly all the time.
pub const MOMENTS: [f64; 3] = [2.0, 5.0, 20.0];
/// More changes than there are points.
const ALWAYS: f64 = 1e6;

/// Rules that measure by time, and say nothing where the times of samples are unknown: the same time between any two of them is an
/// assumption, which logs that someone took now and then do not bear out.
pub const BY_TIME: [&str; 11] = [
    "beyond-work",
    "straight",
    "slows",
    "at-the-end",
    "load",
    "by-days",
    "pool-share",
    "began",
    "without-load",
    "curve",
    "all-along",
];

/// Every rule, in the order of the fitted table.
pub const RULES: [Rule; 30] = [
    Rule {
        name: "kept",
        classes: &[
            "keeps less than 0.3 % of what it allocates",
            "keeps less than 2 % of what it allocates",
            "keeps 2 to 10 % of what it allocates",
            "keeps 10 to 50 % of what it allocates",
            "keeps 50 to 90 % of what it allocates",
            "keeps 90 to 99 % of what it allocates",
            "keeps more than 99 % of what it allocates",
            "frees nothing",
        ],
        order: Order::Rising,
        // Above 1, so that nothing but "frees nothing" is.
        edges: &[0.003, 0.02, 0.1, 0.5, 0.9, 0.99, 1.5],
        measure: |seen| if seen.facts.frees_nothing { Some(2.0) } else { seen.facts.kept },
    },
    Rule {
        name: "keeps-on",
        classes: &[
            "keeps far less of what it allocates than at first",
            "keeps less of what it allocates than at first",
            "keeps somewhat less of what it allocates than at first",
            "keeps as much of what it allocates as at first",
            "keeps more of what it allocates than at first",
        ],
        order: Order::Rising,
        edges: &[0.5, 0.75, 0.92, 1.1],
        measure: |seen| seen.facts.keeps_on,
    },
    Rule {
        name: "kept-evenly",
        classes: &[
            "keeps the same part of its allocations all the time",
            "keeps about the same part of its allocations all the time",
            "keeps a part of its allocations that changes",
            "keeps a part of its allocations that changes a lot",
            "keeps much of its allocations at times, none at other times",
        ],
        order: Order::Falling,
        edges: &[0.05, 0.15, 0.4, 1.0],
        measure: |seen| seen.facts.kept_unevenly,
    },
    Rule {
        name: "beyond-chance",
        classes: &[
            "gains no more objects than chance explains",
            "gains barely more objects than chance explains",
            "gains more objects than chance explains",
            "gains far more objects than chance explains",
            "gains vastly more objects than chance explains",
        ],
        order: Order::Rising,
        edges: &[2.0, 4.0, 10.0, 40.0],
        measure: |seen| seen.facts.beyond_chance,
    },
    Rule {
        name: "beyond-work",
        classes: &[
            "grows by less than its own work increases",
            "grows about as its own work increases",
            "grows more than its own work increases",
            "grows far more than its own work increases",
        ],
        order: Order::Rising,
        edges: &[0.5, 1.5, 6.0],
        measure: |seen| seen.facts.beyond_work,
    },
    Rule {
        name: "straight",
        classes: &[
            "grows in a straight line",
            "grows nearly in a straight line",
            "grows roughly in a line",
            "grows unevenly",
            "wanders while it grows",
        ],
        order: Order::Falling,
        edges: &[0.015, 0.05, 0.1, 0.2],
        measure: |seen| Some(seen.facts.off_line),
    },
    Rule {
        name: "slows",
        classes: &[
            "has nearly ceased to grow",
            "grows at half its first speed",
            "grows somewhat more slowly than at first",
            "grows as fast as at first",
            "grows faster than at first",
            "began to grow late",
        ],
        order: Order::Free { doubts: 3 },
        edges: &[0.25, 0.6, 0.85, 1.2, 2.5],
        measure: |seen| Some(seen.facts.ratio),
    },
    Rule {
        name: "at-the-end",
        classes: &[
            "did not grow in the last quarter",
            "hardly grew in the last quarter",
            "grew less in the last quarter",
            "grew as much in the last quarter as before",
            "grew most in the last quarter",
        ],
        order: Order::Free { doubts: 3 },
        edges: &[0.05, 0.4, 0.8, 1.5],
        measure: |seen| Some(seen.facts.last),
    },
    Rule {
        name: "falls",
        classes: &[
            "never falls",
            "hardly ever falls",
            "falls a little at times",
            "falls by a part of its growth at times",
            "falls by much of its growth at times",
        ],
        order: Order::Falling,
        edges: &[f64::MIN_POSITIVE, 0.02, 0.1, 0.3],
        measure: |seen| Some(seen.facts.drawdown),
    },
    Rule {
        name: "rises",
        classes: &[
            "rises in few of the intervals in which it changes",
            "rises in about half of the intervals in which it changes",
            "rises in most of the intervals in which it changes",
            "rises in nearly all intervals in which it changes",
            "rises in each interval in which it changes",
        ],
        order: Order::Rising,
        edges: &[0.45, 0.6, 0.8, 0.999],
        measure: |seen| {
            let (up, moved) = seen.facts.rises;
            Some(up as f64 / moved.max(1) as f64)
        },
    },
    Rule {
        name: "moments",
        classes: &[
            "changed once",
            "changed two to four times",
            "changed a few times",
            "changes often",
            "changes nearly all the time",
        ],
        order: Order::Free { doubts: 2 },
        edges: &[MOMENTS[0], MOMENTS[1], MOMENTS[2], ALWAYS],
        measure: |seen| {
            let (_, moved) = seen.facts.rises;
            let part = moved as f64 / (seen.facts.points.max(2) - 1) as f64;
            Some(if part > 0.9 { ALWAYS } else { moved as f64 })
        },
    },
    Rule {
        name: "jump",
        classes: &[
            "grows without jumps",
            "grows in small jumps",
            "grows in jumps",
            "grew mostly in one jump",
            "grew in one jump",
        ],
        order: Order::Falling,
        edges: &[0.08, 0.2, 0.45, 0.8],
        measure: |seen| Some(seen.facts.jump),
    },
    Rule {
        name: "outgrown",
        classes: &[
            "grew by less than 2 % of what it held",
            "grew by 2 to 10 % of what it held",
            "grew by 10 to 40 % of what it held",
            "grew by 40 to 150 % of what it held",
            "holds several times what it held",
            "holds many times what it held",
        ],
        order: Order::Rising,
        edges: &[0.02, 0.1, 0.4, 1.5, 8.0],
        measure: |seen| Some(seen.facts.outgrown),
    },
    Rule {
        name: "objects",
        classes: &[
            "gains bytes but no objects: half-empty slabs",
            "gains more bytes than objects",
            "gains objects as it gains bytes",
            "gains objects of fewer bytes",
        ],
        order: Order::Free { doubts: 2 },
        edges: &[0.2, 0.75, 1.3],
        measure: |seen| seen.facts.objects,
    },
    Rule {
        name: "load",
        classes: &[
            "goes against the machine's load",
            "does not follow the machine's load",
            "follows the machine's load a little",
            "follows the machine's load",
        ],
        order: Order::Falling,
        edges: &[-0.3, 0.2, 0.6],
        measure: |seen| seen.facts.with_load,
    },
    Rule {
        name: "by-days",
        classes: &[
            "does not grow from day to day",
            "grows less from day to day than within days",
            "grows from day to day",
            "grows more from day to day than within days",
        ],
        order: Order::Rising,
        edges: &[0.1, 0.6, 1.3],
        measure: |seen| seen.facts.by_days,
    },
    Rule {
        name: "pool-share",
        classes: &[
            "takes less than 0.1 % of its pool a day",
            "takes 0.1 to 1 % of its pool a day",
            "takes 1 to 10 % of its pool a day",
            "takes more than 10 % of its pool a day",
        ],
        order: Order::Rising,
        edges: &[0.001, 0.01, 0.1],
        measure: |seen| seen.facts.of_pool,
    },
    Rule {
        name: "began",
        classes: &[
            "grew from the first sample on",
            "began to grow within the recording",
            "began to grow late in the recording",
        ],
        order: Order::Free { doubts: 0 },
        edges: &[0.05, 0.5],
        measure: |seen| Some(seen.facts.before),
    },
    Rule {
        name: "uptime",
        classes: &[
            "began to grow within an hour of the start of the system",
            "began to grow within a day of the start of the system",
            "grows more than a day after the start of the system",
        ],
        order: Order::Rising,
        edges: &[1.0, 24.0],
        measure: |seen| seen.facts.uptime,
    },
    Rule {
        name: "known",
        classes: &[
            "can be shrunk by the kernel",
            "belongs to a layer that is charged for others' requests",
            "is a slab cache",
            "is a tag of a driver or of the kernel",
        ],
        order: Order::Free { doubts: 2 },
        edges: &[0.5, 1.5, 2.5],
        measure: |seen| {
            Some(if seen.pool == Pool::Reclaimable || owner::is_part_of_inodes(seen.tag) {
                0.0
            } else if owner::layer(seen.tag).is_some() {
                1.0
            } else if seen.tag.as_pool().is_none() {
                2.0
            } else {
                3.0
            })
        },
    },
    Rule {
        name: "busy",
        classes: &[
            "allocated fewer than 20 times",
            "allocated fewer than 1,000 times",
            "allocated fewer than 50,000 times",
            "allocated very often",
        ],
        order: Order::Free { doubts: 1 },
        edges: &[20.0, 1e3, 5e4],
        measure: |seen| seen.facts.allocs,
    },
    Rule {
        name: "noise",
        classes: &[
            "grew by less than its noise",
            "grew by a few times its noise",
            "grew by many times its noise",
            "grew by very many times its noise",
        ],
        order: Order::Rising,
        edges: &[1.5, 6.0, 30.0],
        measure: |seen| seen.evidence().map(|evidence| evidence.signal),
    },
    Rule {
        name: "without-load",
        classes: &[
            "does not grow once load and time of day are removed",
            "hardly grows once load and time of day are removed",
            "grows once load and time of day are removed",
            "clearly grows once load and time of day are removed",
        ],
        order: Order::Rising,
        edges: &[1.5, 5.0, 20.0],
        measure: |seen| seen.evidence().and_then(|evidence| evidence.partial_t),
    },
    Rule {
        name: "curve",
        classes: &[
            "grows along a curve that levels off",
            "grows about as well along a curve as along a line",
            "grows along a line",
        ],
        order: Order::Rising,
        edges: &[0.9, 1.2],
        measure: |seen| seen.evidence().and_then(|evidence| evidence.filling),
    },
    Rule {
        name: "tests",
        classes: &[
            "shows no trend in the tests",
            "jumps once according to the tests",
            "follows the load according to the tests",
            "levels off according to the tests",
            "grows according to the tests",
            "passes the tests for a leak, as a cache may for a time",
            "passes all tests for a leak",
        ],
        order: Order::Rising,
        edges: &[0.5, 1.5, 2.5, 3.5, 4.5, 5.5],
        measure: |seen| match seen.tests {
            Tests::TooEarly => Some(5.0),
            Tests::Say(kind) => match kind {
                VerdictKind::Steady | VerdictKind::HalfEmptySlabs => Some(0.0),
                VerdictKind::Step => Some(1.0),
                VerdictKind::LoadDriven => Some(2.0),
                VerdictKind::WarmingUp | VerdictKind::Plateau => Some(3.0),
                VerdictKind::Growing | VerdictKind::RepeatedJumps => Some(4.0),
                VerdictKind::Leaking => Some(6.0),
                VerdictKind::Suspected | VerdictKind::TooLittleData | VerdictKind::Unknown => None,
            },
        },
    },
    Rule {
        name: "turnover",
        classes: &[
            "allocated fewer than a tenth of the objects that it holds",
            "allocated fewer objects than it holds",
            "allocated up to ten times the objects that it holds",
            "allocated up to a thousand times the objects that it holds",
            "allocated thousands of times the objects that it holds",
        ],
        order: Order::Free { doubts: 0 },
        edges: &[0.1, 1.0, 10.0, 1e3],
        measure: |seen| seen.facts.turnover,
    },
    Rule {
        name: "beyond-size",
        classes: &[
            "gained no more objects than a level of its size varies by",
            "gained barely more objects than a level of its size varies by",
            "gained more objects than a level of its size varies by",
            "gained far more objects than a level of its size varies by",
        ],
        order: Order::Rising,
        edges: &[2.0, 5.0, 25.0],
        measure: |seen| seen.facts.beyond_size,
    },
    Rule {
        name: "of-growth",
        classes: &[
            "is less than 1 % of what rose in its pool",
            "is 1 to 10 % of what rose in its pool",
            "is 10 to 50 % of what rose in its pool",
            "is most of what rose in its pool",
        ],
        order: Order::Rising,
        edges: &[0.01, 0.1, 0.5],
        measure: |seen| seen.facts.of_growth,
    },
    Rule {
        name: "beyond-rows",
        classes: &[
            "grew no more for its size than other rows",
            "grew somewhat more for its size than other rows",
            "grew far more for its size than other rows",
        ],
        order: Order::Rising,
        edges: &[1.0, 10.0],
        measure: |seen| seen.facts.beyond_rows,
    },
    Rule {
        name: "all-along",
        classes: &[
            "falls in some part of the time",
            "hardly grows in some part of the time",
            "grows in each part of the time",
            "grows nearly as much in each part of the time",
        ],
        order: Order::Rising,
        edges: &[0.0, 0.2, 0.7],
        measure: |seen| Some(seen.facts.least),
    },
];
