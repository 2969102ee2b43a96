//! `poolmon service`: `poolmon record` that starts with the system and runs unattended.
//!
//! `plan.rs`: what is installed; `poolmon-service` asks the system's service manager for it; elsewhere there is no service.

#[cfg(any(target_os = "linux", windows))]
mod plan;

use crate::app::outcome::Outcome;
use crate::cli::service::{ServiceArgs, What};

/// Does it.
pub fn run(args: &ServiceArgs) -> anyhow::Result<Outcome> {
    cfg_select! {
        any(target_os = "linux", windows) => {
            use poolmon_service::{self as service, ServiceError};

            let say = &mut |line: &str| crate::app::say::answered(format_args!("{line}"));
            match &args.what {
                What::Install(install) => service::install(&plan::of(install)?, say).map(|()| true),
                What::Uninstall => service::uninstall(say).map(|()| true),
                What::Start => service::start(say).map(|()| true),
                What::Stop => service::stop(say).map(|()| true),
                What::Status => service::status(say),
                What::Run(install) => plan::run(install).map(|()| true),
            }
            .map(Outcome::done_if)
            .map_err(|error| match error {
                ServiceError::Failed(problem) => problem.into(),
                ServiceError::Output(error) => error.into(),
            })
        }
        _ => {
            let _ = args;
            anyhow::bail!(poolmon_model::problem::Problem::new("this system has no known service manager (only \
                Windows and systemd are supported)", "run `poolmon record DIR` from your init system"))
        }
    }
}
