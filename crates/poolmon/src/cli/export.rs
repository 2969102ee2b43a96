//! `poolmon export`.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use super::groups::WhichArgs;
use super::import::ToldArgs;
use super::values::span;

/// Options of `export`.
#[derive(Debug, Clone, clap::Args)]
pub struct ExportArgs {
    /// A recording; or logs and tables that `import` reads
    #[arg(value_name = "SOURCE", required = true)]
    pub sources: Vec<PathBuf>,
    /// The file to write; - for standard output
    #[arg(long, short = 'o', value_name = "FILE", required_unless_present = "format")]
    pub output: Option<PathBuf>,
    /// How it is written; else the file's ending says it
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<ExportFormat>,
    /// Not before: `2026-11-22 14:00`, `14:05`, `-2h` (before the end), `+10min` (after the start)
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub from: Option<String>,
    /// Not after
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub to: Option<String>,
    /// One sample in each step, the first (1m, 1h); nothing is averaged
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub every: Option<Duration>,
    /// CSV and TSV: take the step with which Excel opens all rows (1,048,575 at most)
    #[arg(long)]
    pub excel: bool,
    #[command(flatten)]
    pub which: WhichArgs,
    /// Overwrite the file where it exists
    #[arg(long)]
    pub force: bool,
    /// What the files do not say themselves.
    #[command(flatten)]
    pub told: ToldArgs,
}

/// `--format` of `export`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// Parquet, for databases and data frames (.parquet)
    Parquet,
    /// Comma-separated values, a line for each row of each sample (.csv)
    Csv,
    /// Tab-separated values (.tsv)
    Tsv,
    /// One JSON object a line (.jsonl, .ndjson)
    Jsonl,
    /// PoolMon's snapshots, one after the other (.log, .txt)
    Poolmon,
    /// What Prometheus reads for back-filling, with times (.om, .prom)
    Openmetrics,
    /// Machine-wide figures as CSV, a line for each sample
    HeaderCsv,
    /// Gaps, notes and modules as CSV
    MarksCsv,
}
