//! `poolmon service`: `poolmon record` that starts with the system and runs unattended.
//!
//! [`plan`] is what both systems share: the arguments with which the service calls this program again. `windows.rs`
//! talks to Windows' service manager, `systemd.rs` to systemd; elseif there is no service.

mod plan;
#[cfg(target_os = "linux")]
mod systemd;
#[cfg(windows)]
mod windows;

use crate::app::outcome::Outcome;
use crate::cli::service::{ServiceArgs, What};
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

/// Does it.
pub fn run(args: &ServiceArgs) -> anyhow::Result<Outcome> {
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
                What::Status => return system::status(),
                What::Run(install) => system::run(install),
            }
            .map(|()| Outcome::Done)
        }
        _ => {
            let _ = args;
            anyhow::bail!(poolmon_model::problem::Problem::new("this system has no known service manager (only \
                Windows and systemd are supported)", "run `poolmon record DIR` from your init system"))
        }
    }
}
