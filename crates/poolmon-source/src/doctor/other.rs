//! A system without a live source.

use super::{Check, CheckResult};

/// Says so.
pub fn checks() -> Vec<Check> {
    vec![
        Check::new(
            CheckResult::Bad,
            "live source",
            "not available on this system; only on Windows and Linux",
        )
        .remedy("read a saved log with `poolmon top FILE`, or look at `poolmon demo`"),
    ]
}
