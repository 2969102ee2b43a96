//! `poolmon report`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::groups::{DriversArgs, OutputArgs, PooltagArgs, WhichArgs};
use super::source::SourceArgs;
use crate::app::outcome;

// Options of `report`.
#[derive(Debug, Clone, Args)]
#[command(after_help = after())]
pub struct ReportArgs {
    #[command(flatten)]
    pub source: SourceArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    /// Output format [default: by the file's ending, else HTML]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<ReportFormat>,
    /// Headline [default: the host's name, else the source's]
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    #[command(flatten)]
    pub drivers: DriversArgs,
    #[command(flatten)]
    pub which: WhichArgs,
    /// Give at most N causes a section of their own
    #[arg(long, value_name = "N", default_value = "6")]
    pub limit: usize,
    /// Add what this trace found, a file of `poolmon trace --save` or an ETL file; repeatable. Without a source, this machine is watched first, for 10 minutes (--for)
    #[arg(long = "trace", value_name = "FILE")]
    pub traces: Vec<PathBuf>,
    #[command(flatten)]
    pub pooltag: PooltagArgs,
}

const AFTER: &str = "\
The report is one file that needs no network: it can be mailed, opened anywhere and printed. It names the host, the \
tags and the notes; check it before you send it to others.

  poolmon report C:\\poolrec -o report.html
  poolmon report C:\\poolrec --from -8h --drivers C:\\Windows\\System32\\drivers -o report.html
  poolmon report logs/ -o report.md
  poolmon report C:\\poolrec --trace pool.etl -o report.html";

fn after() -> String {
    format!("{AFTER}\n\n{}", outcome::help(&[]))
}

/// `--format` of `report`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// A page with plots (.html, .htm)
    Html,
    /// Text for tickets, mails and wikis (.md, .markdown)
    #[value(alias = "markdown")]
    Md,
}
