//! Why a file is not searched.

use std::io;

use poolmon_image::pe::PeError;

/// Why a file is not searched. The text goes after the file's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScanError {
    /// It is no Windows image, or a damaged one.
    #[error(transparent)]
    Pe(#[from] PeError),
    /// More than the search takes into memory.
    #[error("too large: its headers give {bytes} bytes, the limit is {limit}; it was skipped")]
    TooLarge {
        /// What the file would need.
        bytes: u64,
        /// What is allowed.
        limit: u64,
    },
    /// The search was ended while the file was read: half a file is no answer.
    #[error("cannot read: cancelled")]
    Cancelled,
    /// The system did not let us read it.
    #[error("cannot read: {0}")]
    Io(String),
}

impl From<io::Error> for ScanError {
    fn from(error: io::Error) -> Self {
        Self::Io(error.to_string())
    }
}
