//! Why recording ended.

use poolmon_model::problem::Remedy;
use poolmon_source::SourceError;
use poolmon_store::StoreError;

/// Recording could not begin, or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The first sample failed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The recording cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Remedy for RecordError {
    fn remedy(&self) -> Option<String> {
        match self {
            Self::Source(error) => error.remedy(),
            Self::Store(error) => error.remedy(),
        }
    }
}
