//! `poolmon service`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::record::WhatArgs;

/// Options of `service`.
#[derive(Debug, Clone, Args)]
pub struct ServiceArgs {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// What to do with the service.
#[derive(Debug, Clone, Subcommand)]
pub enum What {
    /// Install it, to start with the system and now (administrator, root)
    Install(InstallArgs),
    /// Stop and remove it; the recording stays
    Uninstall,
    /// Start it
    Start,
    /// Stop it; the recording is closed
    Stop,
    /// Whether it runs, and what it records
    Status,
    /// What the service manager of Windows calls
    #[command(hide = true)]
    Run(InstallArgs),
}

/// Options of `service install`.
#[derive(Debug, Clone, Args)]
pub struct InstallArgs {
    /// The folder of the recording; created if missing; an existing recording is continued
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// What is recorded.
    #[command(flatten)]
    pub what: WhatArgs,
    /// Install it, but do not start it now
    #[arg(long)]
    pub no_start: bool,
}
