//! Words that single samples bear out.
//!
//! Rules look at points, which are means of a few samples where there are many. What they find is weighed as it is; what is said of it
//! must be true of each sample, too.

use super::Points;
use crate::suspicion::{MOMENTS, RULES, Suspicion};

/// What single samples say of a row from the begin of its growth on.
#[derive(Clone, Copy, Debug)]
pub struct Spoken {
    dropped: bool,
    moves: Option<u32>,
    /// Of few points: the largest rise from one to the next, as a part of the growth.
    few: Option<f64>,
    /// Samples within a point differ about as much as the row grew: no single one of them jumped.
    noisy: bool,
}

impl Spoken {
    /// Looks at all points of a row, whose growth began at this hour.
    pub fn of(all: &Points, start: f64) -> Self {
        // The change to the first point belongs to what was before.
        let from = all.hours.partition_point(|&hour| hour <= start);
        let begin = from.saturating_sub(1);
        Self {
            noisy: is_noisy(all, begin),
            dropped: all.dropped.get(from..).unwrap_or_default().contains(&true),
            moves: all.moves.get(from..).unwrap_or_default().iter().copied().sum(),
            few: (all.len() < FEW).then(|| largest(all.mean.get(begin..).unwrap_or_default())),
        }
    }

    /// Corrects the words of the row.
    pub fn correct(self, suspicion: &mut Suspicion) {
        for one in &mut suspicion.contributions {
            one.found = match (one.rule, one.found) {
                ("falls", "never falls") if self.dropped => "falls for moments only",
                ("rises", "rises in each interval in which it changes") if self.dropped => {
                    "rises in each interval, averaged over a few samples"
                }
                // Of few samples, each interval has a large part of a growth that is even.
                ("jump", "grew in one jump" | "grew mostly in one jump") if self.noisy => "grows in jumps",
                ("jump", found) => self.few.map_or(found, in_intervals),
                ("moments", found) => self.moves.map_or(found, |moves| often(found, moves)),
                (_, found) => found,
            };
        }
    }
}

/// Points below which a rise from one to the next is no jump.
const FEW: usize = 12;

/// Whether the growth from a point on is hardly more than what samples within one differ by, at half of the points.
fn is_noisy(all: &Points, begin: usize) -> bool {
    let within = |ends: (&f64, &f64)| ends.1 - ends.0;
    let mut widths: Vec<f64> = all.min.iter().zip(&all.max).skip(begin).map(within).collect();
    let middle = widths.len() / 2;
    if widths.is_empty() {
        return false;
    }
    let (_, &mut width, _) = widths.select_nth_unstable_by(middle, f64::total_cmp);
    let growth = all.mean.get(begin).map_or(0.0, |first| all.last - first);
    width > 0.0 && growth < 2.0 * width
}

/// The largest rise from one figure to the next as a part of the growth from first to last; without growth, all of it.
fn largest(figures: &[f64]) -> f64 {
    let growth = figures.last().zip(figures.first()).map_or(0.0, |(last, first)| last - first);
    let rise = figures.windows(2).filter_map(|pair| Some(pair.last()? - pair.first()?)).fold(0.0, f64::max);
    if growth > 0.0 { rise / growth } else { 1.0 }
}

/// Words for the largest rise, where nothing is known of what happened between two samples.
const fn in_intervals(part: f64) -> &'static str {
    match () {
        () if part >= 0.75 => "grew in one interval",
        () if part >= 0.5 => "grew mostly in one interval",
        () => "no interval has most of its growth",
    }
}

/// How often it changed, by samples instead of points: a jump within a point looks like two.
fn often(found: &'static str, moves: u32) -> &'static str {
    let classes =
        RULES.iter().find(|rule| rule.name == "moments").map_or(&[] as &[&str], |rule| rule.classes);
    let by_samples = MOMENTS.iter().filter(|limit| f64::from(moves) >= **limit).count();
    // The last class, nearly all the time, is one of points in any case.
    match classes.iter().position(|class| *class == found) {
        Some(by_points) if by_points <= MOMENTS.len() => classes.get(by_samples).copied().unwrap_or(found),
        _ => found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_for_few_samples_follow_the_largest_rise() {
        for (figures, words) in [
            (&[10.0, 20.0, 30.0, 40.0][..], "no interval has most of its growth"),
            (&[10.0, 40.0, 38.0, 60.0], "grew mostly in one interval"),
            (&[10.0, 10.0, 90.0, 92.0], "grew in one interval"),
            // It fell and came back: an interval rose by more than what is left of it.
            (&[50.0, 20.0, 50.0, 52.0], "grew in one interval"),
        ] {
            assert_eq!(in_intervals(largest(figures)), words, "{figures:?}");
        }
    }
}
