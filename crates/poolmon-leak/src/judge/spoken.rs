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
    /// The largest rise within a few points, as a part of the growth to the last sample.
    jump: f64,
}

impl Spoken {
    /// Looks at all points of a row, whose growth began at this hour.
    pub fn of(all: &Points, start: f64) -> Self {
        // The change to the first point belongs to what was before.
        let from = all.hours.partition_point(|&hour| hour <= start);
        let begin = from.saturating_sub(1);
        Self {
            jump: largest_jump(all, begin),
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
                ("jump", found) => self.few.map_or_else(|| in_jumps(found, self.jump), in_intervals),
                ("moments", found) => self.moves.map_or(found, |moves| often(found, moves)),
                (_, found) => found,
            };
        }
    }
}

/// Points below which a rise from one to the next is no jump.
const FEW: usize = 12;

/// The largest rise within [`WIDE`] points from a point on, as a part of the growth to the last sample.
///
/// The rule measures the growth of levels, which are means: a last sample far above them makes the jump a smaller part.
fn largest_jump(all: &Points, begin: usize) -> f64 {
    let figures = all.mean.get(begin..).unwrap_or_default();
    let rises = figures.windows(WIDE).filter_map(|few| Some(few.last()? - few.first()?));
    let growth = figures.first().map_or(0.0, |first| all.last - first);
    if growth > 0.0 { rises.fold(0.0, f64::max) / growth } else { 1.0 }
}

/// Points that a jump may take.
const WIDE: usize = 6;

/// Words for jumps, where the largest one is this part of the growth.
const fn in_jumps(found: &'static str, part: f64) -> &'static str {
    match found.as_bytes() {
        b"grew in one jump" | b"grew mostly in one jump" if part < 0.4 => "grows in jumps",
        b"grew in one jump" if part < 0.7 => "grew mostly in one jump",
        _ => found,
    }
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
    fn one_jump_is_said_only_of_a_large_part_of_the_growth() {
        assert_eq!(in_jumps("grew in one jump", 0.9), "grew in one jump");
        assert_eq!(in_jumps("grew in one jump", 0.5), "grew mostly in one jump");
        assert_eq!(in_jumps("grew mostly in one jump", 0.3), "grows in jumps");
        assert_eq!(in_jumps("grows without jumps", 0.0), "grows without jumps");
    }

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
