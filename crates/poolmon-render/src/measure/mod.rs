//! `measure`: what a command loses at each run. `text.rs`: for a person; `json.rs`: for programs.

mod json;
mod text;

pub use json::json;
use poolmon_leak::Losses;
pub use text::write as text;

/// What was measured.
pub struct Measured {
    /// The command, as it would be typed.
    pub command: String,
    /// The figures.
    pub losses: Losses,
    /// Runs that ended with another exit code than 0, of all runs.
    pub failed: u32,
    /// It was stopped before all runs were done.
    pub stopped: bool,
    /// Seed of the coins.
    pub seed: u64,
    /// How objects were counted.
    pub counted: Counted,
}

/// How objects were counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// By the system itself.
    Each,
    /// After `--exact` had the kernel gather its half-filled slabs.
    Gathered,
    /// In whole slabs.
    InSlabs,
}
