//! `--fail-on TAG>SIZE`: what exceeds a limit is reported, and decides the exit code.

use poolmon_model::{Limit, Sample};

use super::say::warning;

/// Reports what exceeds a limit; whether anything does.
pub fn exceeded(limits: &[Limit], sample: &Sample) -> bool {
    let excesses: Vec<_> = limits.iter().flat_map(|limit| limit.excesses(sample)).collect();
    for excess in &excesses {
        warning!("{excess}");
    }
    !excesses.is_empty()
}
