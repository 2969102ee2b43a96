//! What can go wrong with a trace, and what the person can do about it.

use std::io;

use poolmon_model::problem::Remedy;

/// Result of everything that reads a trace.
pub type Result<T> = std::result::Result<T, EtlError>;

/// A trace could not be read.
///
/// Damage inside a trace is no error: it is counted in [`Counts`](crate::Counts), and what is whole is read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EtlError {
    /// The operating system answered with an error.
    #[error("cannot read the trace at file offset {offset:#x}: {source}")]
    Io {
        /// Where in the file.
        offset: u64,
        /// The system's answer.
        source: io::Error,
    },
    /// The file does not begin as a trace.
    #[error("this is not an ETW trace: {problem} at file offset {offset:#x}")]
    NotATrace {
        /// Where in the file.
        offset: u64,
        /// What was found.
        problem: String,
    },
    /// The first buffer begins as a trace, but the description of the trace cannot be read.
    #[error("the trace's header at file offset {offset:#x}: {problem}")]
    Header {
        /// Where in the file.
        offset: u64,
        /// What is wrong there.
        problem: String,
    },
    /// A sound trace without what was asked for.
    #[error("the trace has no pool events; it has {holds}")]
    NoPoolEvents {
        /// What it has.
        holds: String,
    },
    /// A tag without events.
    #[error("the trace has no events of tag {tag}")]
    NoSuchTag {
        /// The tag, or a pattern of tags.
        tag: String,
        /// The tags that it has, those that keep most first.
        present: String,
    },
}

/// How a trace of the pool is recorded. WPR is part of Windows 10 and later, xperf of the Windows Performance Toolkit. Both as documented.
pub(crate) const RECORD: &str = "record one on Windows 10 or later, as administrator: wpr -start Pool -filemode
and after a minute: wpr -stop pool.etl
or on any Windows since 7, with the Windows Performance Toolkit: xperf -on PROC_THREAD+LOADER+POOL -stackwalk PoolAlloc+PoolFree \
-BufferSize 1024 -MinBuffers 256
and after a minute: xperf -d pool.etl";

impl EtlError {
    pub(crate) const fn io(offset: u64) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { offset, source }
    }
}

impl Remedy for EtlError {
    fn remedy(&self) -> Option<String> {
        match self {
            Self::Io { .. } => None,
            Self::NotATrace { .. } => Some(
                "name a file that WPR, xperf or logman wrote (.etl), unpacked if it is in an archive".into(),
            ),
            Self::Header { .. } => Some(
                "copy the trace again and compare its size with the original: it may be truncated or damaged"
                    .into(),
            ),
            Self::NoPoolEvents { .. } => Some(RECORD.into()),
            Self::NoSuchTag { present, .. } => Some(format!("choose one that it has: {present}")),
        }
    }
}
