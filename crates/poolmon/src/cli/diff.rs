//! `poolmon diff`.

use super::groups::RowArgs;
use super::top::FormatArg;

// Options of `diff`.
#[derive(Debug, Clone, clap::Args)]
pub struct DiffArgs {
    /// The earlier sample: a snapshot, a log, a dump, or one time of a recording or log: `DIR@2026-11-22 14:00`,
    /// `DIR@-2h`
    #[arg(value_name = "A")]
    pub before: String,
    /// The later sample; without it, A's first sample is compared with its last
    #[arg(value_name = "B")]
    pub after: Option<String>,
    /// Rows and order.
    #[command(flatten)]
    pub rows: RowArgs,
    /// Show at most N rows
    #[arg(long, short = 'n', value_name = "N")]
    pub limit: Option<usize>,
    /// List unchanged rows, too
    #[arg(long)]
    pub all: bool,
    /// Compare even if the machine was rebooted in between
    #[arg(long)]
    pub force: bool,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: FormatArg,
}
