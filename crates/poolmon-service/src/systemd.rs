//! A hardened unit for systemd. What it says goes to the journal.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use poolmon_model::problem::Problem;
use poolmon_model::rights::as_root;
use poolmon_model::shell;
use poolmon_source::replaceable::replaceable;
use poolmon_source::rights::is_root;

use crate::{ABOUT, Installation, NAME, Say, ServiceError, cannot, create_folder, program, unit};

/// Where an administrator's units are.
const UNITS: &str = "/etc/systemd/system";
/// Where an administrator's programs are.
const PROGRAMS: &str = "/usr/local/bin";

/// What helps against a file that cannot be written.
fn may_write(path: &Path) -> String {
    if is_root() {
        let folder = path.parent().unwrap_or(path);
        return format!("see whether {} is mounted read-only or full: findmnt -T {0}", shell::path(folder));
    }
    format!("run this as root: {}", as_root(&shell::this_command()))
}

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
    // Before anything is written.
    let place = if what.copy { Path::new(PROGRAMS).join(NAME) } else { program.clone() };
    if is_root()
        && let Some(other) = replaceable(if what.copy { Path::new(PROGRAMS) } else { &place })
    {
        let message =
            format!("{}: root cannot safely run a service from it: {}", place.display(), other.who());
        let remedy = if what.copy {
            other.remedy()
        } else {
            format!("install a copy of it: {} --copy", shell::this_command())
        };
        return Err(Problem::new(message, remedy).into());
    }
    let text = unit::text(ABOUT, &place, &what.folder, &what.arguments).map_err(Problem::from)?;
    for (path, is_written) in [(&place, false), (&what.folder, true)] {
        if let Some(reason) = unreachable(path, is_written) {
            return Err(Problem::new(
                format!("{}: the service could not use it: {reason}", path.display()),
                "use a folder of root's and a copy of the program: poolmon service install /var/lib/poolmon --copy",
            )
            .into());
        }
    }
    if is_root()
        && let Some(other) = replaceable(&what.folder)
    {
        return Err(Problem::new(
            format!("{}: root cannot safely write there: {}", what.folder.display(), other.who()),
            "use a folder of root's: poolmon service install /var/lib/poolmon",
        )
        .into());
    }
    if what.copy {
        copied(&program, Path::new(PROGRAMS), say)?;
    }
    create_folder(&what.folder)?;
    let before = fs::read_to_string(&path).ok();
    placed(&path, |new| fs::write(new, &text))
        .map_err(|error| cannot("write", &path, &error, Some(&may_write(&path))))?;
    say(&format!("written: {}", path.display()))?;
    if let Some(folder) = before.as_deref().and_then(folder_of)
        && Some(folder) != folder_of(&text)
    {
        say(&format!("it recorded to {folder} until now; that recording is kept"))?;
    }
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
    let text = fs::read_to_string(&path).unwrap_or_default();
    if is_running_systemd() {
        systemctl(&["disable", "--now", &unit_name()])?;
    }
    fs::remove_file(&path).map_err(|error| cannot("remove", &path, &error, Some(&may_write(&path))))?;
    if is_running_systemd() {
        systemctl(&["daemon-reload"])?;
    }
    say(&format!("removed: {}; the recording is kept", path.display()))?;
    let copy = Path::new(PROGRAMS).join(NAME);
    if command_of(&text).is_some_and(|line| line.starts_with(&format!("{} ", copy.display())))
        && copy.exists()
    {
        say(&format!("the program is kept, too: rm {}", copy.display()))?;
    }
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
    if let Some(line) = command_of(&text) {
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

/// The command that a unit runs.
fn command_of(unit: &str) -> Option<&str> {
    unit.lines().find_map(|line| line.strip_prefix("ExecStart="))
}

/// The folder that a unit records to.
fn folder_of(unit: &str) -> Option<&str> {
    unit.lines().find_map(|line| line.strip_prefix("ReadWritePaths="))
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

/// A copy of this program where only root writes.
fn copied(program: &Path, folder: &Path, say: Say<'_>) -> Result<PathBuf, ServiceError> {
    let copy = folder.join(NAME);
    if copy != program {
        let is_there = copy.symlink_metadata().is_ok();
        let made = placed(&copy, |new| {
            fs::copy(program, new)?;
            fs::set_permissions(new, fs::Permissions::from_mode(0o755))
        });
        made.map_err(|error| cannot("copy this program to", &copy, &error, Some(&may_write(&copy))))?;
        let replaced = if is_there { ", in place of the file that was there" } else { "" };
        say(&format!("copied: {}{replaced}", copy.display()))?;
    }
    Ok(copy)
}

/// Makes a file whole or not at all, as a new one: the old one may be a program that runs, or have another name elsewhere.
fn placed(path: &Path, make: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().display();
    let new = path.with_file_name(format!(".{name}-{}", std::process::id()));
    let result = make(&new).and_then(|()| fs::rename(&new, path));
    if result.is_err() {
        let _ = fs::remove_file(&new);
    }
    result
}

/// Why root without its capabilities, which the service is, cannot read a file, or write into a folder; `None` if it can.
fn unreachable(path: &Path, is_written: bool) -> Option<String> {
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
    use std::os::unix::fs::chown;

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
        // Theirs, but of root's group, which it is in.
        chown(home.path(), Some(65534), Some(0)).unwrap();
        assert_eq!(unreachable(&home.path().join("new"), true), None);
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o705)).unwrap();
        let reason = unreachable(&home.path().join("new"), true).unwrap();
        assert!(reason.contains("root's group cannot enter"), "{reason}");
        // A program is run, and not written.
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let program = home.path().join("poolmon");
        fs::write(&program, "").unwrap();
        for (mode, runs) in [(0o755, true), (0o500, true), (0o600, false)] {
            fs::set_permissions(&program, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(unreachable(&program, false).is_none(), runs, "{mode:o}");
        }
    }

    #[test]
    fn what_helps_can_be_done() {
        let helps = may_write(Path::new("/etc/systemd/system/poolmon.service"));
        assert_eq!(is_root(), !helps.contains("sudo") && helps.contains("findmnt"), "{helps}");
    }

    #[test]
    fn a_unit_names_its_command_and_its_folder() {
        let folder = Path::new("/var/lib/rec");
        let unit =
            unit::text(ABOUT, Path::new("/usr/local/bin/poolmon"), folder, &["/var/lib/rec".into()]).unwrap();
        assert_eq!(command_of(&unit), Some("/usr/local/bin/poolmon record /var/lib/rec"));
        assert_eq!(folder_of(&unit), Some("/var/lib/rec"));
    }

    #[test]
    fn what_cannot_be_written_whole_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        let unit = home.path().join("a.service");
        fs::write(&unit, "old").unwrap();
        let full = placed(&unit, |new| {
            fs::write(new, "ne")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert_eq!(full.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read_to_string(&unit).unwrap(), "old");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
        let refused = cannot("write", &unit, &io::ErrorKind::StorageFull.into(), Some("sudo"));
        let ServiceError::Failed(problem) = refused else { panic!("{refused:?}") };
        assert!(problem.remedy.unwrap().starts_with("free some space"));
    }

    #[test]
    fn a_copy_replaces_the_file_and_not_what_it_leads_to() {
        let home = tempfile::tempdir().unwrap();
        let (program, folder) = (home.path().join("poolmon"), home.path().join("programs"));
        fs::create_dir(&folder).unwrap();
        fs::write(&program, "new").unwrap();
        fs::write(home.path().join("victim"), "victim").unwrap();
        std::os::unix::fs::symlink("../victim", folder.join(NAME)).unwrap();
        let mut said = Vec::new();
        let copy = copied(&program, &folder, &mut |line| {
            said.push(line.to_owned());
            Ok(())
        });
        let copy = copy.map_err(|error| format!("{error:?}")).unwrap();
        assert_eq!(said, [format!("copied: {}, in place of the file that was there", copy.display())]);
        assert_eq!(fs::read_to_string(&copy).unwrap(), "new");
        assert!(!copy.is_symlink() && fs::metadata(&copy).unwrap().mode() & 0o777 == 0o755);
        assert_eq!(fs::read_to_string(home.path().join("victim")).unwrap(), "victim");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        // It is there already.
        assert_eq!(copied(&copy, &folder, &mut |_| panic!()).map_err(|_| ()).unwrap(), copy);
    }
}
