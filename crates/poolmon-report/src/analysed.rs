//! A series that was judged: what `leaks` and `report` show.

use std::time::Duration;

use jiff::Timestamp;
use poolmon_leak::{Analysis, Report};

/// What was judged.
pub struct AnalysedSeries {
    /// Name for headlines.
    pub source: String,
    /// Host and system, if known.
    pub host: Option<String>,
    /// System and build, if known.
    pub system: Option<String>,
    /// First and last sample.
    pub span: Option<(Timestamp, Timestamp)>,
    /// The verdicts.
    pub report: Report,
    /// How much longer samples are needed before anything can be said.
    pub needs: Option<Duration>,
    /// What Perfmon's figures say of the pools, if there were any.
    pub perfmon: Option<Report>,
    /// What the verdicts rest on.
    pub analysis: Analysis,
}

impl AnalysedSeries {
    /// The source's name if the samples were taken just now, of the machine that poolmon runs on.
    pub const THIS_MACHINE: &str = "this machine";

    /// Whether they were.
    pub fn is_live(&self) -> bool {
        self.source == Self::THIS_MACHINE
    }
}
