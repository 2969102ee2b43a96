//! What is judged: a part of `leaks` and `report`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::groups::RangeArgs;
use super::values;

// What is judged.
#[derive(Debug, Clone, Args)]
pub struct SourceArgs {
    /// A recording, a log of several snapshots, a folder of logs, two or more snapshots, and Perfmon's CSV for the
    /// same time; without a source, this machine is watched
    pub sources: Vec<PathBuf>,
    /// Without a source: how long to watch this machine (10m, 2h); after Ctrl-C, the samples so far are analysed
    #[arg(long = "for", value_name = "TIME", value_parser = values::span, default_value = "10m", conflicts_with = "sources")]
    pub length: Duration,
    /// Without a source: time between two samples (100ms to 1h)
    #[arg(long, value_name = "TIME", value_parser = values::interval, default_value = "1s", conflicts_with = "sources")]
    pub interval: Duration,
    /// Analyse about one sample per step (1m, 1h): many times faster on long recordings
    #[arg(long, value_name = "TIME", value_parser = values::span, requires = "sources")]
    pub every: Option<Duration>,
    #[command(flatten)]
    pub range: RangeArgs,
    /// Print pseudonyms instead of the names of processes, units and places that hold objects
    #[arg(long)]
    pub anonymise: bool,
}

impl SourceArgs {
    /// Files or folders, within a range.
    pub fn of(sources: Vec<PathBuf>, range: RangeArgs) -> Self {
        let (length, interval) = (Duration::ZERO, Duration::from_secs(1));
        Self { sources, length, interval, every: None, range, anonymise: false }
    }
}
