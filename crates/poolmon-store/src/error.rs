//! What can go wrong with a recording, and what the person can do about it.

use std::io;
use std::path::PathBuf;

use poolmon_model::problem::Remedy;
use poolmon_model::shell;

use crate::codec::CodecError;

/// A recording could not be written, read, exported or imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The operating system answered with an error.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// `read`, `write`, `open`, `list`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A recording is a folder, and this is something else.
    #[error("{path}: this is not a folder, and a recording is one")]
    NoFolder {
        /// What it is not.
        path: PathBuf,
    },
    /// Another recorder writes into the folder.
    #[error("{folder}: another recorder is writing here")]
    Locked {
        /// The folder.
        folder: PathBuf,
    },
    /// The file that is being written was deleted, or its folder moved.
    #[error("{path}: the recording was deleted or moved while it was written")]
    Gone {
        /// The file.
        path: PathBuf,
    },
    /// A note that no segment can hold.
    #[error("the note is too long: {bytes} bytes, at most {most} can be recorded")]
    LongNote {
        /// Its bytes.
        bytes: usize,
        /// The limit.
        most: usize,
    },
    /// There is no recording.
    #[error("{folder}: no recording here")]
    NoRecording {
        /// The folder.
        folder: PathBuf,
        /// What helps.
        remedy: String,
    },
    /// A recording without a sample that can be read.
    #[error("{}: {}", folder.display(), if *.is_damaged { "no sample in it can be read" } else { "there is no sample in it yet" })]
    NoSample {
        /// The folder, or the one file of it.
        folder: PathBuf,
        /// Damage is why.
        is_damaged: bool,
    },
    /// Bytes that are not what they should be.
    #[error("{path}: offset {offset:#x}: {problem}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Byte in the file.
        offset: u64,
        /// What is wrong there.
        problem: String,
        /// What helps.
        remedy: &'static str,
    },
    /// A sample that the format cannot hold.
    #[error("this sample cannot be recorded: {0}")]
    Sample(#[from] CodecError),
    /// More rows than a spreadsheet can open.
    #[error("{rows} rows: Excel opens max 1,048,576 rows of a file and drops the others")]
    TooManyRows {
        /// Rows without the heading.
        rows: u64,
        /// An interval at which they would fit, in seconds.
        every: u64,
    },
    /// This build writes no Parquet.
    #[error("this build of poolmon writes no Parquet")]
    NoParquet,
    /// A file of a data set is there already.
    #[error("{path}: the file exists")]
    IsThere {
        /// The file.
        path: PathBuf,
    },
    /// A part of a day would replace the day.
    #[error("{path}: a part of {date} would replace all of it")]
    PartOfDay {
        /// The file.
        path: PathBuf,
        /// The day, in UTC.
        date: jiff::civil::Date,
    },
    /// Parquet could not be written.
    #[error("cannot write {path}: {problem}")]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the writer says.
        problem: String,
    },
}

impl StoreError {
    /// Wraps an error of the operating system.
    pub fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }

    /// True if the disk is full: room may come back.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Io { source, .. } if is_full(source))
    }
}

impl Remedy for StoreError {
    fn remedy(&self) -> Option<String> {
        match self {
            Self::Locked { .. } => Some(
                "stop it first, or record into another folder; reading, exporting and notes work while it runs".into(),
            ),
            Self::NoRecording { remedy, .. } => Some(remedy.clone()),
            Self::NoSample { folder, is_damaged: true } => Some(format!("see why: poolmon verify {}", shell::path(folder))),
            Self::NoSample { .. } => Some("wait until its recorder has taken one".into()),
            Self::Malformed { remedy, .. } => Some((*remedy).into()),
            Self::TooManyRows { every, .. } => Some(format!(
                "export fewer samples (--every {every}s), choose tags, or write Parquet"
            )),
            Self::NoFolder { .. } => Some("name a new folder, or one that a recorder wrote into".into()),
            Self::NoParquet => Some("export CSV, TSV or JSON lines instead, or build it with its feature `parquet`".into()),
            Self::Gone { .. } => Some("move the folder back, or start the recorder again: what it wrote since is lost".into()),
            Self::IsThere { .. } => Some("replace the days that are exported again with --force, or choose others with --from and --to".into()),
            Self::PartOfDay { date, .. } => Some(format!("export whole days, in UTC: leave out --from and --to, or let them not cut {date}")),
            Self::LongNote { .. } => Some("shorten it, or note where the text is".into()),
            Self::Io { .. } | Self::Sample(_) | Self::Parquet { .. } => None,
        }
    }
}

/// True for the answers of a full disk, an exceeded quota or a file at its limit.
pub fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull, WriteZero};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge | WriteZero)
}

/// Result of everything here.
pub type Result<T> = std::result::Result<T, StoreError>;
