//! `poolmon top`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use poolmon_model::Search;
use poolmon_print::TableFormat;

use super::groups::{LimitArgs, RowArgs};
use super::values::span;

// Options of `top`.
#[derive(Debug, Clone, Args)]
pub struct TopArgs {
    /// A recording, PoolMon log, CSV or TSV table, WinDbg !poolused text or memory dump; - for standard input;
    /// without FILE, this machine
    pub file: Option<PathBuf>,
    /// Rows and order.
    #[command(flatten)]
    pub rows: RowArgs,
    /// Show each copy kmalloc-rnd-NN-SIZE of a Linux slab cache as a row of its own
    #[arg(long)]
    pub no_fold: bool,
    /// Show at most N rows, or groups
    #[arg(long, short = 'n', value_name = "N")]
    pub limit: Option<usize>,
    /// Sum up rows with a common owner: the driver, module or part of the kernel. A line each, with the number of rows
    #[arg(long, value_name = "BY")]
    pub group: Option<GroupArg>,
    /// Text table: bytes with units, rounded: 1.23 MiB
    #[arg(long, short = 'H')]
    pub human: bool,
    /// Text table: no line of titles
    #[arg(long)]
    pub no_header: bool,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: FormatArg,
    /// Show the change over this time: for this machine by waiting, for a recording by comparing with the earlier
    /// sample
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub over: Option<Duration>,
    /// For a recording or a log with times: show this time (2026-11-22 14:00, 14:05, -2h before the end) [default:
    /// the last]
    #[arg(long, value_name = "TIME", requires = "file", allow_hyphen_values = true)]
    pub at: Option<String>,
    #[command(flatten)]
    pub fail_on: LimitArgs,
}

impl TopArgs {
    /// What cannot be meant together.
    pub fn check(&self) -> Option<&'static str> {
        if self.group.is_some() && self.format == FormatArg::Poolmon {
            return Some("--format poolmon is PoolMon's own layout, which has no groups: leave --group out");
        }
        if self.rows.search.as_deref().is_some_and(|text| Search::new(text).asks_for_verdicts()) {
            return Some(
                "one table has no verdicts: leave `verdict:` out, or use `poolmon leaks` or the screen",
            );
        }
        let text = self.human || self.no_header;
        (text && self.format != FormatArg::Table)
            .then_some("--human and --no-header are of the text table: leave --format out")
    }
}

/// `--group`. Verdicts and lockstep need a series of samples: the screen and `leaks` have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GroupArg {
    /// Driver, module or part of the kernel
    Owner,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// Aligned text
    Table,
    /// Tab-separated values
    Tsv,
    /// Comma-separated values
    Csv,
    /// JSON
    Json,
    /// PoolMon's own snapshot layout
    Poolmon,
}

impl From<FormatArg> for TableFormat {
    fn from(arg: FormatArg) -> Self {
        match arg {
            FormatArg::Table => Self::Table,
            FormatArg::Tsv => Self::Tsv,
            FormatArg::Csv => Self::Csv,
            FormatArg::Json => Self::Json,
            FormatArg::Poolmon => Self::Poolmon,
        }
    }
}
