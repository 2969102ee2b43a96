//! What this machine can report, what is missing, and what helps: the checks of `poolmon doctor`.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(any(target_os = "linux", windows)))]
mod other;
mod self_test;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(any(target_os = "linux", windows)))]
use other as system;
#[cfg(windows)]
use windows as system;

pub use self_test::{SelfTest, self_test};

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckResult {
    /// It is there.
    Good,
    /// It is missing, and nothing much is lost.
    Note,
    /// It is missing, and poolmon cannot do its main job.
    Bad,
}

/// One line of the report, and what helps.
#[derive(Clone, Debug)]
pub struct Check {
    /// How it ended.
    pub state: CheckResult,
    /// What was checked.
    pub what: String,
    /// What was found.
    pub found: String,
    /// What helps: commands and sentences, a line each.
    pub remedy: Option<String>,
}

impl Check {
    /// Without a remedy.
    pub fn new(state: CheckResult, what: &str, found: impl Into<String>) -> Self {
        Self { state, what: what.into(), found: found.into(), remedy: None }
    }

    /// With one.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

/// The checks of this system, the most important first.
pub fn checks() -> Vec<Check> {
    system::checks()
}
