//! Other moments of what is served: of a file, or of the recording that is written beside a live source.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use poolmon_read::{ReadError, ReadOptions, SampleSeries};

/// Retention moves the beginning of a recording; to look costs a read of its indexes.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// The recording that is written beside a live source.
#[derive(Debug)]
pub struct Past {
    folder: PathBuf,
    /// When it was looked at, and where it began then.
    first: Mutex<Option<(Instant, Timestamp)>>,
}

impl Past {
    /// Of a folder that a recorder has just begun to write into.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, first: Mutex::new(None) }
    }

    /// Where it is.
    pub const fn folder(&self) -> &PathBuf {
        &self.folder
    }

    /// Its samples until now.
    pub fn series(&self) -> Result<SampleSeries, ReadError> {
        SampleSeries::open(std::slice::from_ref(&self.folder), ReadOptions::default())
    }

    /// Its first moment; `None` while there is none, or if it cannot be read.
    pub fn first(&self) -> Option<Timestamp> {
        let mut known = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_none_or(|(looked, _)| looked.elapsed() >= LOOK_EVERY) {
            let span = self.series().and_then(|mut series| series.span());
            *known = span.ok().flatten().map(|(first, _)| (Instant::now(), first));
        }
        known.map(|(_, first)| first)
    }
}
