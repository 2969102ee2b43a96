//! `poolmon diff`.

use super::groups::RowArgs;
use super::top::FormatArg;

/// Options of `diff`.
#[derive(Debug, Clone, clap::Args)]
pub struct DiffArgs {
    /// The earlier moment: a snapshot, a log, a dump, or a moment of a recording or log: `DIR@2026-11-22 14:00`,
    /// `DIR@-2h`
    #[arg(value_name = "A")]
    pub before: String,
    /// The later moment; without it, A's first sample is compared with its last
    #[arg(value_name = "B")]
    pub after: Option<String>,
    /// Rows and order.
    #[command(flatten)]
    pub rows: RowArgs,
    /// At most this many rows
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Rows that did not change, too
    #[arg(long)]
    pub all: bool,
    /// Compare although the machine was started again in between
    #[arg(long)]
    pub force: bool,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: FormatArg,
}
