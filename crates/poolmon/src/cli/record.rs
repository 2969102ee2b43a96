//! `poolmon record`.

use std::path::PathBuf;
use std::time::Duration;

use super::groups::{LimitArgs, WhichArgs};
use super::values;

// Options of `record`.
#[derive(Debug, Clone, clap::Args)]
pub struct RecordArgs {
    /// The folder of the recording; created if missing; an existing recording is continued
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// What is recorded.
    #[command(flatten)]
    pub what: WhatArgs,
    /// Stop after this time (30s, 10m, 28d) [default: at Ctrl-C or a signal]
    #[arg(long = "for", value_name = "TIME", value_parser = values::span)]
    pub length: Option<Duration>,
    #[command(flatten)]
    pub fail_on: LimitArgs,
}

// What is recorded and what is kept: for `record` and for the service.
#[expect(clippy::struct_excessive_bools, reason = "one for each switch")]
#[derive(Debug, Clone, clap::Args)]
pub struct WhatArgs {
    /// Time between two samples (100ms to 1h)
    #[arg(long, value_name = "TIME", value_parser = values::interval, default_value = "5s")]
    pub interval: Duration,
    /// Limit the size of the folder (500MB, 2GB); the oldest closed segments are deleted first
    #[arg(long, value_name = "SIZE", value_parser = values::disk)]
    pub max_size: Option<u64>,
    /// Delete closed segments that are older than this (12h, 28d)
    #[arg(long, value_name = "TIME", value_parser = values::span)]
    pub keep: Option<Duration>,
    #[command(flatten)]
    pub which: WhichArgs,
    /// Do not record which processes and control groups hold kernel objects
    #[arg(long)]
    pub no_holders: bool,
    /// Record pseudonyms instead of the names of processes, units and places that hold objects
    #[arg(long, conflicts_with = "no_holders")]
    pub anonymise: bool,
    /// Also write each closed segment as a Parquet file, slowly, in the background
    #[arg(long)]
    pub parquet: bool,
    /// Who may read new files, as chmod takes it: 600 the user alone, 640 the group, 644 all. Not on Windows
    #[arg(long, value_name = "MODE", value_parser = values::mode, default_value = "600")]
    pub mode: u32,
    /// Analyse the samples while recording; report what begins to leak and note it in the recording
    #[arg(long)]
    pub verdicts: bool,
}
