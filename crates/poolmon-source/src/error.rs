//! What can go wrong with a source, and what the person can do about it.

use std::io;
use std::path::PathBuf;

use poolmon_model::problem::Remedy;

/// A source could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The system refuses. The remedy names the command or right that helps.
    #[error("{what}: permission denied")]
    Rights {
        /// What was refused (`/proc/slabinfo`).
        what: String,
        /// What helps.
        remedy: String,
    },
    /// The system has no such thing.
    #[error("{what} is not available here: {why}")]
    Unavailable {
        /// What is missing.
        what: String,
        /// Why.
        why: String,
        /// What helps.
        remedy: String,
    },
    /// The operating system answered with an error.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// `read`, `open`, `list`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The kernel answered with an unexpected status.
    #[error("{call} failed with status {status:#010x}{meaning}")]
    Status {
        /// The call and class.
        call: String,
        /// NTSTATUS.
        status: u32,
        /// Name of the status, with a leading blank, or nothing.
        meaning: String,
        /// What helps.
        remedy: String,
    },
    /// Bytes that are not what they should be.
    #[error("{path}: {place}: {problem}")]
    Malformed {
        /// File or buffer.
        path: String,
        /// `line 12` or `offset 0x40`.
        place: String,
        /// What is wrong there.
        problem: String,
        /// What helps.
        remedy: String,
    },
}

impl Remedy for SourceError {
    fn remedy(&self) -> Option<String> {
        match self {
            Self::Rights { remedy, .. }
            | Self::Unavailable { remedy, .. }
            | Self::Status { remedy, .. }
            | Self::Malformed { remedy, .. } => Some(remedy.clone()),
            Self::Io { .. } => None,
        }
    }
}
