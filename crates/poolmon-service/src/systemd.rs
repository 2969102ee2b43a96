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
    let program = program()?;
    let text = unit::text(ABOUT, &program, &what.folder, &what.arguments).map_err(Problem::from)?;
    for (path, is_written) in [(&program, false), (&what.folder, true)] {
        if let Some(reason) = unreachable(path, is_written) {
            return Err(Problem::new(
                format!("{}: the service could not use it: {reason}", path.display()),
                "use a folder and a program of root's: poolmon service install /var/lib/poolmon",
            )
            .into());
        }
    }
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

/// Why root without its capabilities, which the service is, cannot read a file, or write into a folder; `None` if it can.
fn unreachable(path: &Path, is_written: bool) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let mut parts: Vec<&Path> = path.ancestors().collect();
    parts.reverse();
    for part in parts {
        // What is missing is made by root.
        let Ok(about) = fs::metadata(part) else { return None };
        let (shift, whose) = match (about.uid(), about.gid()) {
            (0, _) => (6, "root"),
            (_, 0) => (3, "root's group"),
            _ => (0, "other users"),
        };
        let (needed, verb) = match (about.is_dir(), is_written && part == path) {
            (true, true) => (0o3, "write into"),
            (true, false) => (0o1, "enter"),
            (false, _) => (0o5, "run"),
        };
        if about.mode() >> shift & needed != needed {
            let owner = if about.uid() == 0 {
                String::new()
            } else {
                format!("{} belongs to user {}; ", part.display(), about.uid())
            };
            return Some(format!(
                "{owner}it runs as root without root's capabilities, and {whose} cannot {verb} {}",
                part.display()
            ));
        }
    }
    None
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, chown};

    #[test]
    fn what_root_without_capabilities_cannot_use() {
        let home = tempfile::tempdir().unwrap();
        let rec = home.path().join("rec");
        fs::create_dir(&rec).unwrap();
        if chown(&rec, Some(65534), Some(65534)).is_err() {
            return;
        }
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let reason = unreachable(&rec, true).unwrap();
        assert!(
            reason.contains("belongs to user 65534") && reason.contains("other users cannot write into"),
            "{reason}"
        );
        assert_eq!(unreachable(&home.path().join("new/rec"), true), None);
        chown(home.path(), Some(65534), Some(65534)).unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o750)).unwrap();
        let reason = unreachable(&home.path().join("new"), true).unwrap();
        assert!(reason.contains("other users cannot enter"), "{reason}");
    }
}
