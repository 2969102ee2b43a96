//! Words that single samples bear out.
//!
//! Rules look at points, which are means of a few samples where there are many. What they find is weighed as it is; what is said of it
//! must be true of each sample, too.

use super::Points;
use crate::suspicion::{MOMENTS, RULES, Suspicion};

/// Corrects the words of a row. `all` are its points, and the hour is that at which its growth began.
pub fn correct(suspicion: &mut Suspicion, all: &Points, start: f64) {
    // The change to the first point belongs to what was before.
    let from = all.hours.partition_point(|&hour| hour <= start);
    let dropped = all.dropped.get(from..).unwrap_or_default().contains(&true);
    let moves: Option<u32> = all.moves.get(from..).unwrap_or_default().iter().copied().sum();
    for one in &mut suspicion.contributions {
        one.found = match (one.rule, one.found) {
            ("falls", "never falls") if dropped => "falls for moments only",
            ("rises", "rises in each interval in which it changes") if dropped => {
                "rises in each interval, averaged over a few samples"
            }
            ("moments", found) => moves.map_or(found, |moves| often(found, moves)),
            (_, found) => found,
        };
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
