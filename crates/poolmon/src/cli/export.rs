//! `poolmon export`.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use super::groups::{OutputArgs, RangeArgs, WhichArgs};
use super::import::ToldArgs;
use super::values::span;

// Options of `export`.
#[derive(Debug, Clone, clap::Args)]
pub struct ExportArgs {
    /// A recording; or logs and tables that `import` reads
    #[arg(value_name = "SOURCE", required = true)]
    pub sources: Vec<PathBuf>,
    #[command(flatten)]
    pub output: OutputArgs,
    /// Output format [default: by the file's ending]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<ExportFormat>,
    #[command(flatten)]
    pub range: RangeArgs,
    /// Export the first sample of each step (1m, 1h); nothing is averaged
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub every: Option<Duration>,
    /// CSV and TSV: choose the step so that Excel opens all rows (max 1,048,575)
    #[arg(long)]
    pub excel: bool,
    /// Parquet: write -o DIR/host=NAME/date=YYYY-MM-DD/part-0.parquet, days in UTC; exports of many hosts become one data set
    #[arg(long, requires = "output")]
    pub partitioned: bool,
    #[command(flatten)]
    pub which: WhichArgs,
    /// Holders: export pseudonyms instead of names of processes, units and places
    #[arg(long)]
    pub anonymise: bool,
    /// What the files do not contain.
    #[command(flatten)]
    pub reported: ToldArgs,
}

/// `--format` of `export`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// Parquet, for databases and data frames (.parquet)
    Parquet,
    /// Comma-separated values, one line per row and sample (.csv)
    Csv,
    /// Tab-separated values (.tsv)
    Tsv,
    /// One JSON object per line (.jsonl, .ndjson)
    Jsonl,
    /// PoolMon's snapshots, one after the other (.log, .txt)
    Poolmon,
    /// OpenMetrics text with times, for backfilling Prometheus (.om)
    Openmetrics,
    /// The last sample in Prometheus' text format, for its exporters (.prom)
    Prometheus,
    /// Machine-wide figures as CSV, one line per sample
    HeaderCsv,
    /// Gaps, notes and modules as CSV
    MarksCsv,
    /// Who held kernel objects as CSV, one line per holder, kind and count
    HoldersCsv,
    /// The same as Parquet
    HoldersParquet,
}
