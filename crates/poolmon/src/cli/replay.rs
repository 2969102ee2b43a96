//! `poolmon replay`.

use std::path::PathBuf;

use clap::Args;
use poolmon_tui::{Palette, Speed};

use super::groups::{RangeArgs, RowArgs};

// Options of `replay`.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// A recording, one of its .plog files, PoolMon logs, or a folder of logs
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Start at this time: 2026-11-22 14:00, 14:05, -2h or -3d (before the end), +10m (after the start), end
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub at: Option<String>,
    /// Play from the start, at this multiple of real time: 1, 10, 600, max
    #[arg(long, value_name = "SPEED")]
    pub speed: Option<Speed>,
    #[command(flatten)]
    pub range: RangeArgs,
    /// Rows and order.
    #[command(flatten)]
    pub rows: RowArgs,
    /// Do not highlight changed rows
    #[arg(long)]
    pub no_highlight: bool,
    /// Colours of the screen: auto, dark, light, contrast or colour-blind [default: auto]
    #[arg(long, value_name = "NAME")]
    pub theme: Option<Palette>,
    /// Do not read the configuration of the screen; `poolmon config` prints its path and defaults
    #[arg(long)]
    pub no_config: bool,
}
