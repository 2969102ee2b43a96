//! What comes out of a measurement: plain data, and the sentence that says it.

use poolmon_model::units::{grouped, human_amount, human_range};
use poolmon_model::{Pool, Tag};
use serde::Serialize;

use crate::verdict::{as_text, pool_id};

/// What a tag does at each run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossKind {
    /// Each run leaves something behind.
    Lost,
    /// Each run leaves something behind in a cache that the kernel can shrink, and did not: it may be of use later.
    Shrinkable,
    /// The first runs left more and more, the later ones no longer: a cache that filled.
    FillsUp,
    /// What runs take comes back later.
    GivenBack,
    /// Nothing that stands out of the noise.
    Noise,
}

impl LossKind {
    /// Name in JSON and CSV.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Shrinkable => "shrinkable",
            Self::FillsUp => "fills-up",
            Self::GivenBack => "given-back",
            Self::Noise => "noise",
        }
    }
}

/// A figure of one run, above what an idle interval of the same length does, with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PerRun {
    /// The estimate: the median of all pairwise means (Hodges and Lehmann).
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// What idle intervals did to the figure that was tested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Idle {
    /// The minimum.
    pub least: f64,
    /// The median.
    pub median: f64,
    /// The most.
    pub most: f64,
}

/// One (tag, pool) that changed at all.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Loss {
    /// Who.
    #[serde(serialize_with = "as_text")]
    pub tag: Tag,
    /// Of which pool.
    #[serde(serialize_with = "pool_id")]
    pub pool: Pool,
    /// What.
    pub kind: LossKind,
    /// Outstanding allocations of a run, if the source reports them exactly.
    pub objects: Option<PerRun>,
    /// Bytes of a run: of live objects if the source reports them, else those held.
    pub bytes: PerRun,
    /// Bytes held of a run (whole pages), where they are reported next to those of live objects; an estimate.
    pub held_bytes: Option<f64>,
    /// Mean of the same figure that `kept` tells, run less idle interval: not robust, but right where a kernel counts in
    /// whole slabs (runs that take 25 objects each then show 21, 21, 42, ...).
    pub mean: f64,
    /// What is still there when the idle interval of the pair is over, ambient growth taken off: objects where they
    /// are told, else bytes.
    pub kept: f64,
    /// The same figure in idle intervals.
    pub idle: Idle,
    /// Pairs in which the run took more than the idle interval, less, and all of them.
    pub pairs: (usize, usize, usize),
    /// That runs do not differ from idle intervals: signed-rank test, one-sided.
    pub p: f64,
    /// Among all tags (Gilbert; Benjamini and Hochberg).
    pub q: f64,
    /// Who uses the tag, if the source or the caller reported it.
    pub owner: Option<String>,
    /// What else to know about it; each a short clause.
    pub reasons: Vec<String>,
}

/// Everything found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Losses {
    /// Lost first, the most bytes first among each kind.
    pub tags: Vec<Loss>,
    /// Tags that did not change in any run or idle interval of a pair.
    pub still: usize,
    /// Pairs of a run and an idle interval.
    pub pairs: usize,
    /// Intervals of ambient noise before.
    pub ambient: usize,
    /// Seconds of them.
    pub ambient_seconds: f64,
    /// Runs that did not count.
    pub warm_up: usize,
    /// Median seconds of a run, with the time to settle.
    pub run_seconds: f64,
    /// How sure the intervals are (0.95; less of fewer than six pairs).
    pub level: f64,
    /// Rate of false discoveries that was allowed.
    pub alpha: f64,
    /// Runs without which a single tag cannot stand out, given how many tags moved.
    pub least_runs: usize,
}

impl Losses {
    /// The tags of one kind.
    pub fn of(&self, kind: LossKind) -> impl Iterator<Item = &Loss> {
        self.tags.iter().filter(move |loss| loss.kind == kind)
    }
}

impl Loss {
    /// One sentence for a person.
    pub fn sentence(&self) -> String {
        let who = format!("{} ({})", self.tag.to_string().trim_end(), self.pool.id());
        let verb = match self.kind {
            LossKind::Lost => "loses",
            LossKind::Shrinkable | LossKind::FillsUp | LossKind::GivenBack => "takes",
            LossKind::Noise => return format!("{who}: {}, within the noise", self.amount()),
        };
        let mut text = format!("{who} {verb} {}", self.amount());
        match self.kind {
            LossKind::GivenBack => text += ", and frees it later",
            LossKind::Shrinkable => text += ", which the kernel can free when it needs the memory",
            LossKind::FillsUp => text += " in the first runs only: a cache that filled",
            _ => {}
        }
        if let Some(owner) = &self.owner {
            text = format!("{text}; used by {owner}");
        }
        text
    }

    /// `50 objects a run (49.5–50), 36.0 KiB (35.6–36.0 KiB)`.
    fn amount(&self) -> String {
        let bytes =
            |run: &PerRun| format!("{} ({})", human_amount(run.estimate), human_range(run.low, run.high));
        match &self.objects {
            Some(run) => {
                let s = if figure(run.estimate) == "1" { "" } else { "s" };
                format!(
                    "{} object{s} per run ({}), {}",
                    figure(run.estimate),
                    figure_range(run.low, run.high),
                    bytes(&self.bytes)
                )
            }
            None => format!(
                "{} per run, {}",
                human_amount(self.bytes.estimate),
                human_range(self.bytes.low, self.bytes.high)
            ),
        }
    }
}

/// A count that may have a fraction: `1,234`, `50.5`, `0.25`.
pub fn figure(value: f64) -> String {
    let places = match value.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        _ => 2,
    };
    let text = format!("{:.places$}", value.abs());
    let text = if places > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    let text = text.parse().map_or_else(|_| text.to_owned(), grouped);
    if value < 0.0 && text != "0" { format!("-{text}") } else { text }
}

/// From a low to a high count: `49.5–50`, with a negative end `-1 to 50`.
fn figure_range(low: f64, high: f64) -> String {
    let (low, high) = (figure(low), figure(high));
    let dash = if low.starts_with('-') || high.starts_with('-') { " to " } else { "–" };
    format!("{low}{dash}{high}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures() {
        for (value, text) in [
            (0.0, "0"),
            (-0.001, "0"),
            (0.25, "0.25"),
            (0.5, "0.5"),
            (-1.0, "-1"),
            (50.0, "50"),
            (49.96, "50"),
            (50.04, "50"),
            (12.34, "12.3"),
            (1234.5, "1,234"),
            (-98_765.4, "-98,765"),
        ] {
            assert_eq!(figure(value), text, "{value}");
        }
    }
}
