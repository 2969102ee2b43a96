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
    few: bool,
}

impl Spoken {
    /// Looks at all points of a row, whose growth began at this hour.
    pub fn of(all: &Points, start: f64) -> Self {
        // The change to the first point belongs to what was before.
        let from = all.hours.partition_point(|&hour| hour <= start);
        Self {
            dropped: all.dropped.get(from..).unwrap_or_default().contains(&true),
            moves: all.moves.get(from..).unwrap_or_default().iter().copied().sum(),
            few: all.len() < FEW,
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
                ("jump", found) if self.few => in_intervals(found),
                ("moments", found) => self.moves.map_or(found, |moves| often(found, moves)),
                (_, found) => found,
            };
        }
    }
}

/// Points below which a rise from one to the next is no jump.
const FEW: usize = 12;

/// Words for jumps, where nothing is known of what happened between two samples.
fn in_intervals(found: &'static str) -> &'static str {
    match found {
        "grew in one jump" => "grew in one interval",
        "grew mostly in one jump" => "grew mostly in one interval",
        _ => "no interval has most of its growth",
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
