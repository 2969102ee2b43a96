//! `poolmon service`: `poolmon record` that starts with the system and runs unattended.
//!
//! [`plan`] is what both systems share: the arguments with which the service calls this program again. `windows.rs`
//! talks to Windows' service manager, `systemd.rs` to systemd; elsewhere there is no service.

mod plan;
#[cfg(target_os = "linux")]
mod systemd;
#[cfg(windows)]
mod windows;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::record::WhatArgs;
#[cfg(target_os = "linux")]
use systemd as system;
#[cfg(windows)]
use windows as system;

/// Name that the system knows it by.
pub const NAME: &str = "poolmon";
/// What the service managers show of it.
#[cfg(windows)]
pub const TITLE: &str = "poolmon recorder";
/// What it is for.
pub const ABOUT: &str = "Records which drivers hold the kernel's memory.";

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
    /// The folder of the recording; it is made where it is missing, and continued where it holds a recording
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// What is recorded.
    #[command(flatten)]
    pub what: WhatArgs,
    /// Install it, but do not start it now
    #[arg(long)]
    pub no_start: bool,
}

/// Does it.
pub fn run(args: &ServiceArgs) -> anyhow::Result<()> {
    cfg_select! {
        any(target_os = "linux", windows) => {
            match &args.what {
                What::Install(install) => {
                    plan::check(install)?;
                    system::install(install)
                }
                What::Uninstall => system::uninstall(),
                What::Start => system::start(),
                What::Stop => system::stop(),
                What::Status => system::status(),
                What::Run(install) => system::run(install),
            }
        }
        _ => {
            let _ = args;
            anyhow::bail!("this system has no service manager that poolmon knows (Windows and systemd are)\n  start `poolmon record DIR` from what starts programs here")
        }
    }
}
