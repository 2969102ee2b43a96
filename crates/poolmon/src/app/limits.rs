//! `--fail-on TAG>SIZE`: what exceeds a limit is reported, and decides the exit code.

use poolmon_model::{Limit, Sample};

use super::outcome::Outcome;
use super::say::warning;

/// Reports what exceeds a limit, and what may: [`Outcome::Found`], [`Outcome::Failed`] if it is unknown, `None` if nothing does.
pub fn checked(limits: &[Limit], sample: &Sample) -> Option<Outcome> {
    let excesses: Vec<_> = limits.iter().flat_map(|limit| limit.excesses(sample)).collect();
    for excess in &excesses {
        warning!("{excess}");
    }
    let doubts: Vec<_> = limits.iter().filter_map(|limit| limit.doubt(sample)).collect();
    for doubt in &doubts {
        warning!("{doubt}");
    }
    match (excesses.is_empty(), doubts.is_empty()) {
        (false, _) => Some(Outcome::Found),
        (true, false) => Some(Outcome::Failed),
        (true, true) => None,
    }
}
