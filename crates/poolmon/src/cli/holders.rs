//! `poolmon holders`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use poolmon_render::holders::{HELP, Order};

use super::{groups::AnswerFormat, values};

// Options of `holders`.
#[derive(Debug, Clone, Args)]
#[command(after_help = HELP)]
pub struct HoldersArgs {
    /// A recording: its holders instead of those of this machine, with what changed since it began
    #[arg(value_name = "RECORDING")]
    pub recording: Option<PathBuf>,
    /// Holders at this time of the recording: 2026-11-22 14:00, 14:05, -2h, +10m, start, end
    #[arg(long, value_name = "TIME", requires = "recording", allow_hyphen_values = true)]
    pub at: Option<String>,
    /// Also show what changes in this time (40s, 10m), of a recording before --at; Ctrl-C ends it early
    #[arg(long = "for", value_name = "TIME", value_parser = values::span)]
    pub length: Option<Duration>,
    /// Sort by objects, change, or one kind of object
    #[arg(long, value_name = "ORDER", default_value_t)]
    pub sort: Order,
    /// List at most N holders
    #[arg(long, value_name = "N", value_parser = values::number, default_value = "20")]
    pub top: std::num::NonZeroUsize,
    /// Replace names of processes, units, control groups and places by pseudonyms
    #[arg(long)]
    pub anonymise: bool,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: AnswerFormat,
}
