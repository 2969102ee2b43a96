//! Why a file cannot be read, and what the person can do about it.

use std::io;
use std::path::{Path, PathBuf};

use poolmon_dump::DumpError;
use poolmon_model::problem::Remedy;
use poolmon_store::StoreError;

use crate::moment::NotAMoment;
use crate::text::EndlessLine;

/// A file could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The system refuses.
    #[error("{what}: permission denied")]
    Rights {
        /// What was refused.
        what: String,
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
    /// Content that is not what it should be.
    #[error("{path}: {place}: {problem}")]
    Malformed {
        /// The file.
        path: String,
        /// `line 12` or `offset 0x40`.
        place: String,
        /// What is wrong there.
        problem: String,
        /// What helps.
        remedy: String,
    },
    /// The file can be read, but not for what was asked.
    #[error("{path}: {problem}")]
    Unsuitable {
        /// The file.
        path: String,
        /// Why it cannot serve.
        problem: String,
        /// What helps.
        remedy: String,
    },
    /// A text that is no moment.
    #[error(transparent)]
    Moment(#[from] NotAMoment),
    /// A recording could not be read.
    #[error(transparent)]
    Recording(#[from] StoreError),
    /// A dump could not be read.
    #[error("{}{source}", prefix(.path, .source))]
    Dump {
        /// The file.
        path: PathBuf,
        /// Why.
        source: DumpError,
    },
    /// There is no room to unpack a dump.
    #[error("a compressed dump needs space for the unpacked file")]
    NoRoom {
        /// The system's answer.
        source: DumpError,
    },
}

impl Remedy for ReadError {
    fn remedy(&self) -> Option<String> {
        match self {
            Self::Rights { remedy, .. }
            | Self::Malformed { remedy, .. }
            | Self::Unsuitable { remedy, .. } => Some(remedy.clone()),
            Self::Moment(source) => source.remedy(),
            Self::NoRoom { .. } => Some("use a folder with enough space: --temp DIR".into()),
            Self::Recording(source) => source.remedy(),
            Self::Dump { source, .. } => source.remedy(),
            Self::Io { source, .. } => {
                (source.kind() == io::ErrorKind::NotFound).then(|| "check the path".into())
            }
        }
    }
}

/// Result of everything that reads a file.
pub type Result<T> = std::result::Result<T, ReadError>;

impl From<ReadError> for String {
    fn from(error: ReadError) -> Self {
        error.in_full()
    }
}

impl ReadError {
    /// Wraps an error of the operating system.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| {
            if source.kind() == io::ErrorKind::PermissionDenied {
                return Self::Rights {
                    what: path.display().to_string(),
                    remedy: "ask its owner for permission to read it".into(),
                };
            }
            Self::Io { action, path, source }
        }
    }

    /// The operating system failed while something is read.
    pub(crate) fn read(name: &str, source: io::Error) -> Self {
        if let Some(EndlessLine(line)) = source.get_ref().and_then(|source| source.downcast_ref()) {
            let problem = "it is longer than 256 MiB, which no line of a table is".to_owned();
            return Self::line(name, *line, problem, "name a log or table; poolmon --help says of what");
        }
        Self::Io { action: "read", path: name.into(), source }
    }

    /// A line that is not what it should be.
    pub(crate) fn line(path: &str, line: u64, problem: String, remedy: &str) -> Self {
        Self::Malformed {
            path: path.to_owned(),
            place: format!("line {line}"),
            problem,
            remedy: remedy.into(),
        }
    }
}

impl ReadError {
    /// A file that cannot serve for what was asked.
    pub(crate) fn unsuitable(
        name: &(impl ToString + ?Sized),
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::Unsuitable { path: name.to_string(), problem: problem.into(), remedy: remedy.into() }
    }
}

/// The file's name, for errors of dumps that do not contain it.
fn prefix(path: &Path, source: &DumpError) -> String {
    match source {
        DumpError::Io { .. } | DumpError::NotADump { .. } | DumpError::OtherPacked { .. } => String::new(),
        _ => format!("{}: ", path.display()),
    }
}
