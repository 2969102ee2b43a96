//! `poolmon live` and `poolmon demo`.
#![expect(
    clippy::option_option,
    reason = "clap's own form of an option that is absent, bare, or has a value"
)]

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use poolmon_tui::Palette;

use super::groups::RowArgs;
use super::values::interval;

// Options of `live` and `demo`.
#[expect(clippy::struct_excessive_bools, reason = "independent switches, each an option")]
#[derive(Debug, Clone, Default, Args)]
pub struct LiveArgs {
    /// Rows and order.
    #[command(flatten)]
    pub rows: RowArgs,
    /// Show one sample from a file instead: a dump, or the last sample of a log or recording
    #[arg(long, value_name = "FILE", conflicts_with = "interval")]
    pub from: Option<PathBuf>,
    /// Time between two refreshes (100ms to 1h) [default: 5s, demo 1s]
    #[arg(long, value_name = "TIME", value_parser = interval)]
    pub interval: Option<Duration>,
    /// Do not highlight changed rows
    #[arg(long)]
    pub no_highlight: bool,
    /// Colours of the screen: auto, dark, light, contrast or colour-blind [default: auto]
    #[arg(long, value_name = "NAME")]
    pub theme: Option<Palette>,
    /// Do not read the configuration of the screen; `poolmon config` prints its path and defaults
    #[arg(long, conflicts_with = "snapshot")]
    pub no_config: bool,
    /// Also record into this folder, as `poolmon record` does
    #[arg(long, value_name = "DIR", conflicts_with_all = ["from", "snapshot"])]
    pub record: Option<PathBuf>,
    /// Begin with what this recording has of this machine since it booted: verdicts and curves are there at once
    #[arg(long, value_name = "DIR", conflicts_with_all = ["from", "snapshot"])]
    pub history: Option<PathBuf>,
    /// Append one snapshot to FILE instead of showing the screen, in PoolMon's layout [FILE: poolsnap.log]
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, conflicts_with_all = ["interval", "theme"])]
    pub snapshot: Option<Option<PathBuf>>,
    /// With --snapshot: add the two lines of memory figures
    #[arg(long, requires = "snapshot")]
    pub memory: bool,
    /// With --snapshot: add a first line with time, host and boot
    #[arg(long, requires = "snapshot")]
    pub stamp: bool,
}

/// `--color`. Its values have no documentation of their own: clap would write the help of every command in its long form for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    // On a terminal that supports them, if `NO_COLOR` is not set.
    #[default]
    Auto,
    Always,
    Never,
}
