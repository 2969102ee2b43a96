//! A hardened unit for systemd. What it says goes to the journal.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use poolmon_model::problem::Problem;

use crate::{ABOUT, Installation, NAME, Say, ServiceError, cannot, create_folder, program, unit};

/// Where an administrator's units are.
const UNITS: &str = "/etc/systemd/system";
/// What helps against a folder that cannot be written.
const AS_ROOT: &str = "run this as root: sudo poolmon service …";

fn unit_name() -> String {
    format!("{NAME}.service")
}

fn unit_path() -> PathBuf {
    // Tests, and builders of images, write into another root.
    let root = std::env::var_os("POOLMON_SYSTEMD_UNITS").map_or_else(|| UNITS.into(), PathBuf::from);
    root.join(unit_name())
}

/// Writes the unit, and starts it if asked.
///
/// # Errors
///
/// No right to write the unit, a path that a unit cannot hold, or systemd's own.
pub fn install(what: &Installation, say: Say<'_>) -> Result<(), ServiceError> {
    let path = unit_path();
    let text = unit::text(ABOUT, &program()?, &what.folder, &what.arguments).map_err(Problem::from)?;
    create_folder(&what.folder)?;
    fs::write(&path, text).map_err(|error| cannot("write", &path, &error, Some(AS_ROOT)))?;
    say(&format!("written: {}", path.display()))?;
    let unit = unit_name();
    if !is_running_systemd() {
        say("systemd is not running, so the service is not started")?;
        say(&format!("  on a machine with systemd: systemctl daemon-reload; systemctl enable --now {unit}"))?;
        return Ok(());
    }
    systemctl(&["daemon-reload"])?;
    systemctl(&["enable", &unit])?;
    if what.start {
        systemctl(&["restart", &unit])?;
        say(&format!("started: it records to {}; see `poolmon service status`", what.folder.display()))?;
    } else {
        say("installed; start it with `poolmon service start`")?;
    }
    Ok(())
}

/// Stops it and removes the unit.
///
/// # Errors
///
/// It is not installed, no right to remove it, or systemd's own.
pub fn uninstall(say: Say<'_>) -> Result<(), ServiceError> {
    let path = unit_path();
    installed(&path)?;
    if is_running_systemd() {
        systemctl(&["disable", "--now", &unit_name()])?;
    }
    fs::remove_file(&path).map_err(|error| cannot("remove", &path, &error, Some(AS_ROOT)))?;
    if is_running_systemd() {
        systemctl(&["daemon-reload"])?;
    }
    say(&format!("removed: {}; the recording is kept", path.display()))?;
    Ok(())
}

/// Starts it.
///
/// # Errors
///
/// It is not installed, or systemd's own.
pub fn start(say: Say<'_>) -> Result<(), ServiceError> {
    ask("start", say)
}

/// Stops it.
///
/// # Errors
///
/// It is not installed, or systemd's own.
pub fn stop(say: Say<'_>) -> Result<(), ServiceError> {
    ask("stop", say)
}

/// What systemd reports of it, and whether it runs.
///
/// # Errors
///
/// It is not installed, or `systemctl` cannot be run.
pub fn status(say: Say<'_>) -> Result<bool, ServiceError> {
    let path = unit_path();
    installed(&path)?;
    let text = fs::read_to_string(&path).map_err(|error| cannot("read", &path, &error, None))?;
    if let Some(line) = text.lines().find_map(|line| line.strip_prefix("ExecStart=")) {
        say(&format!("installed: {line}"))?;
    }
    if !is_running_systemd() {
        say("systemd is not running, so the service is not running")?;
        return Ok(false);
    }
    let status = Command::new("systemctl").args(["--no-pager", "status", &unit_name()]).status();
    Ok(status.map_err(|error| no_systemctl(&error))?.success())
}

fn ask(what: &str, say: Say<'_>) -> Result<(), ServiceError> {
    installed(&unit_path())?;
    if !is_running_systemd() {
        return Err(
            Problem::new("systemd is not running", "record without a service: poolmon record DIR").into()
        );
    }
    systemctl(&[what, &unit_name()])?;
    say(&format!("{what}: done"))?;
    Ok(())
}

fn installed(path: &Path) -> Result<(), ServiceError> {
    if path.exists() {
        return Ok(());
    }
    Err(Problem::new(
        format!("the service is not installed ({} is missing)", path.display()),
        "install it: poolmon service install DIR",
    )
    .into())
}

/// As `sd_booted(3)` finds out.
fn is_running_systemd() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

fn systemctl(args: &[&str]) -> Result<(), ServiceError> {
    let output = Command::new("systemctl").args(args).output().map_err(|error| no_systemctl(&error))?;
    if output.status.success() {
        return Ok(());
    }
    let reason = String::from_utf8_lossy(&output.stderr);
    Err(Problem::from(format!("systemctl {}: {}", args.join(" "), reason.trim())).into())
}

fn no_systemctl(error: &std::io::Error) -> ServiceError {
    Problem::from(format!("cannot run systemctl: {error}")).into()
}
