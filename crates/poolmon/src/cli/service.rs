//! `poolmon service`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::record::WhatArgs;

// Options of `service`.
#[derive(Debug, Clone, Args)]
pub struct ServiceArgs {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

// What to do with the service.
#[derive(Debug, Clone, Subcommand)]
pub enum What {
    /// Install the service and start it (needs administrator or root)
    Install(InstallArgs),
    /// Stop and remove the service; the recording is kept
    Uninstall,
    /// Start the service
    Start,
    /// Stop the service and close the recording
    Stop,
    /// Show whether the service runs, and what it records
    Status,
    /// Called by the service manager of Windows
    #[command(hide = true)]
    Run(InstallArgs),
}

// Options of `service install`.
#[derive(Debug, Clone, Args)]
pub struct InstallArgs {
    /// The folder of the recording; created if missing; an existing recording is continued
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// What is recorded.
    #[command(flatten)]
    pub what: WhatArgs,
    /// Install the service, but do not start it now
    #[arg(long)]
    pub no_start: bool,
    /// Install a copy of this program, in the system's own folder for programs
    #[arg(long)]
    pub copy: bool,
}
