//! `poolmon replay`.

use std::path::PathBuf;

use clap::Args;
use poolmon_tui::Speed;

use super::groups::{RangeArgs, RowArgs};
use super::live::Color;

/// Options of `replay`.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// The folder of a recording, one .plog file of it, a PoolMon log of several snapshots, or a folder of logs
    pub path: PathBuf,
    /// Begin at this moment: 2026-11-22 14:00, 14:05, -2h or -3d (before the end), +10m (after the start), end
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
    /// Changed rows are not highlighted
    #[arg(long)]
    pub no_highlight: bool,
    /// When colours are used
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
}
