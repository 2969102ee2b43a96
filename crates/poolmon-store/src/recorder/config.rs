//! What a person can choose about a recording.

use std::time::Duration;

use poolmon_model::{Pattern, PoolView};

/// How a recording is written.
#[derive(Clone, Debug)]
pub struct RecorderConfig {
    /// Time between samples: written into segments, and what *late* is measured by.
    pub interval: Duration,
    /// Maximum length of a segment in time …
    pub segment_length: Duration,
    /// … and in bytes.
    pub segment_size: u64,
    /// Interval between syncs to disk: a power cut loses at most what was written since the last.
    pub sync: Duration,
    /// Closed segments go when their last sample is older.
    pub keep: Option<Duration>,
    /// The oldest closed segments go when all of them (and their Parquet files) take more bytes.
    pub max_size: Option<u64>,
    /// Only rows of these pools.
    pub view: PoolView,
    /// Only tags that match one of these; empty = all.
    pub include: Vec<Pattern>,
    /// No tags that match one of these.
    pub exclude: Vec<Pattern>,
    /// Who holds objects is counted next to samples, if the system can.
    pub holders: bool,
    /// Names of holders are replaced by pseudonyms before they are written.
    pub anonymise: bool,
    /// Closed segments also become Parquet files, in the background.
    pub seal: bool,
    /// Who may read and write new files (`0o640`: the group may read); a new folder admits the same users. Windows ignores it.
    pub mode: u32,
}

impl Default for RecorderConfig {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(5),
            segment_length: Duration::from_hours(1),
            segment_size: 64 << 20,
            sync: Duration::from_secs(10),
            keep: None,
            max_size: None,
            view: PoolView::All,
            include: Vec::new(),
            exclude: Vec::new(),
            holders: true,
            anonymise: false,
            seal: false,
            mode: 0o600,
        }
    }
}

impl RecorderConfig {
    /// Bytes after which a segment ends: at most an eighth of all, so that there is something to delete.
    pub(crate) fn segment_limit(&self) -> u64 {
        let share = self.max_size.map_or(u64::MAX, |all| (all / 8).max(64 << 10));
        self.segment_size.min(share)
    }
}
