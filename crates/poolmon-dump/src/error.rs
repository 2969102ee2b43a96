//! What can go wrong with a dump, and what the person can do about it.

use std::io;
use std::path::PathBuf;

use poolmon_model::problem::Remedy;

/// Result of everything that reads a dump.
pub type Result<T> = std::result::Result<T, DumpError>;

/// A dump could not be read, or it cannot answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DumpError {
    /// The operating system answered with an error.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// `open`, `read`, `map`, `unpack`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The file is none of the forms that are read here.
    #[error("{path} is not a Windows kernel dump: {why}")]
    NotADump {
        /// The file.
        path: PathBuf,
        /// What was found instead.
        why: String,
        /// What helps.
        remedy: String,
    },
    /// A packed file that holds something else than a dump.
    #[error("{path}: this is a compressed file, not a dump")]
    OtherPacked {
        /// The file.
        path: PathBuf,
        /// What helps.
        remedy: String,
    },
    /// Bytes that are not what they should be.
    #[error("{what} at file offset {offset:#x}: {problem}")]
    Malformed {
        /// Which structure.
        what: &'static str,
        /// Where in the file.
        offset: u64,
        /// What is wrong there.
        problem: String,
        /// What helps.
        remedy: &'static str,
    },
    /// Memory that is needed is not in the dump, or not where it should be.
    #[error("{what} at {address:#x}: {why}")]
    Absent {
        /// What was looked for.
        what: &'static str,
        /// Its virtual address.
        address: u64,
        /// Why it cannot be read.
        why: String,
        /// What helps.
        remedy: &'static str,
    },
    /// The dump is sound but does not hold the answer.
    #[error("{what}: {why}")]
    Unanswerable {
        /// What was asked.
        what: &'static str,
        /// Why the dump cannot answer.
        why: String,
        /// What helps.
        remedy: &'static str,
    },
}

impl DumpError {
    /// Adds what is known to be wrong with the file already.
    pub(crate) fn because(mut self, warnings: &[String]) -> Self {
        if let Self::NotADump { why, .. } = &mut self {
            for warning in warnings {
                why.push_str("; ");
                why.push_str(warning);
            }
        }
        self
    }
}

impl Remedy for DumpError {
    fn remedy(&self) -> Option<String> {
        match self {
            Self::OtherPacked { remedy, .. } | Self::NotADump { remedy, .. } => Some(remedy.clone()),
            Self::Malformed { remedy, .. }
            | Self::Absent { remedy, .. }
            | Self::Unanswerable { remedy, .. } => Some((*remedy).into()),
            Self::Io { source, .. } => {
                (source.kind() == io::ErrorKind::UnexpectedEof).then(|| COPY_AGAIN.into())
            }
        }
    }
}

/// The advice for a file that was cut or damaged.
pub(crate) const COPY_AGAIN: &str =
    "copy it again and compare its size with the original: it may be truncated or damaged";
/// The advice where a dump holds too little.
pub(crate) const WANT_KERNEL_DUMP: &str = "take a kernel or complete dump (System > Advanced > Startup and Recovery), \
or a live kernel dump from Task Manager";
/// The advice where the dump holds enough, but the search does not know this kernel.
pub(crate) const WANT_SYMBOLS: &str = "use the kernel's symbols: add --symbols DIR, a folder with its PDB";
