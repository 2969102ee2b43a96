//! A hardened unit for systemd. What it says goes to the journal.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use poolmon_model::problem::Problem;

use super::{ABOUT, NAME, plan};
use crate::app::outcome::Outcome;
use crate::app::say::answer;
use crate::cli::service::InstallArgs;

/// Where an administrator's units are.
const UNITS: &str = "/etc/systemd/system";

fn unit() -> String {
    format!("{NAME}.service")
}

fn unit_path() -> PathBuf {
    // Tests, and builders of images, write into another root.
    let root = std::env::var_os("POOLMON_SYSTEMD_UNITS").map_or_else(|| UNITS.into(), PathBuf::from);
    root.join(unit())
}

/// Writes the unit, and starts it unless asked not to.
pub fn install(args: &InstallArgs) -> anyhow::Result<()> {
    let folder = plan::folder(args)?;
    let program = plan::program()?;
    let path = unit_path();
    let text = poolmon_render::unit::text(ABOUT, &program, &folder, &plan::arguments(args, &folder))
        .map_err(anyhow::Error::msg)?;
    fs::create_dir_all(&folder).with_context(|| format!("cannot create the folder {}", folder.display()))?;
    fs::write(&path, text).with_context(|| {
        format!("cannot write {}: installing a service needs root (sudo)", path.display())
    })?;
    answer!("written: {}", path.display())?;
    if !is_running_systemd() {
        answer!("systemd is not running, so the service is not started")?;
        answer!("  on a machine with systemd: systemctl daemon-reload; systemctl enable --now {}", unit())?;
        return Ok(());
    }
    systemctl(&["daemon-reload"])?;
    systemctl(&["enable", &unit()])?;
    if args.no_start {
        answer!("installed; start it with `poolmon service start`")?;
    } else {
        systemctl(&["restart", &unit()])?;
        answer!("started: it records to {}; see `poolmon service status`", folder.display())?;
    }
    Ok(())
}

/// Stops it and removes the unit.
pub fn uninstall() -> anyhow::Result<()> {
    let path = unit_path();
    installed(&path)?;
    if is_running_systemd() {
        systemctl(&["disable", "--now", &unit()])?;
    }
    fs::remove_file(&path)
        .with_context(|| format!("cannot remove {}: this needs root (sudo)", path.display()))?;
    if is_running_systemd() {
        systemctl(&["daemon-reload"])?;
    }
    answer!("removed: {}; the recording is kept", path.display())?;
    Ok(())
}

/// Starts it.
pub fn start() -> anyhow::Result<()> {
    ask("start")
}

/// Stops it.
pub fn stop() -> anyhow::Result<()> {
    ask("stop")
}

/// What systemd reports of it; exit code 1 if it does not run.
pub fn status() -> anyhow::Result<Outcome> {
    let path = unit_path();
    installed(&path)?;
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    if let Some(line) = text.lines().find_map(|line| line.strip_prefix("ExecStart=")) {
        answer!("installed: {line}")?;
    }
    if !is_running_systemd() {
        answer!("systemd is not running, so the service is not running")?;
        return Ok(Outcome::Failed);
    }
    let status = Command::new("systemctl").args(["--no-pager", "status", &unit()]).status();
    Ok(Outcome::done_if(status.context("cannot run systemctl")?.success()))
}

/// On Linux the unit calls `poolmon record` itself.
pub fn run(_args: &InstallArgs) -> anyhow::Result<()> {
    bail!("the service manager of Windows calls this; on Linux it is `poolmon record DIR`")
}

fn ask(what: &str) -> anyhow::Result<()> {
    installed(&unit_path())?;
    if !is_running_systemd() {
        bail!(Problem::new("systemd is not running", "record without a service: poolmon record DIR"));
    }
    systemctl(&[what, &unit()])?;
    answer!("{what}: done")?;
    Ok(())
}

fn installed(path: &Path) -> anyhow::Result<()> {
    if path.exists() {
        return Ok(());
    }
    bail!(Problem::new(
        format!("the service is not installed ({} is missing)", path.display()),
        "install it: poolmon service install DIR"
    ));
}

/// As `sd_booted(3)` finds out.
fn is_running_systemd() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

fn systemctl(args: &[&str]) -> anyhow::Result<()> {
    let output = Command::new("systemctl").args(args).output().context("cannot run systemctl")?;
    if output.status.success() {
        return Ok(());
    }
    bail!("systemctl {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim())
}
