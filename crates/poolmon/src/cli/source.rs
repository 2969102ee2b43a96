//! What is judged: a part of `leaks` and `report`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::groups::RangeArgs;
use super::values;

/// What is judged.
#[derive(Debug, Clone, Args)]
pub struct SourceArgs {
    /// A recording, a log of several snapshots, a folder of logs, two or more snapshots, Perfmon's CSV beside them; this
    /// machine, watched for a while, if absent
    pub sources: Vec<PathBuf>,
    /// Without a source: watch this machine for so long (10m, 2h); Ctrl-C judges what there is by then
    #[arg(long = "for", value_name = "TIME", value_parser = values::span, default_value = "10m", conflicts_with = "sources")]
    pub length: Duration,
    /// Without a source: time between two samples (100ms to 1h)
    #[arg(long, value_name = "TIME", value_parser = values::interval, default_value = "1s", conflicts_with = "sources")]
    pub interval: Duration,
    /// Judge about one sample in each step (1m, 1h): long recordings are judged many times faster
    #[arg(long, value_name = "TIME", value_parser = values::span, requires = "sources")]
    pub every: Option<Duration>,
    #[command(flatten)]
    pub range: RangeArgs,
}
