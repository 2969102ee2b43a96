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

/// Where an administrator's units stand.
const UNITS: &str = "/etc/systemd/system";

fn unit() -> String {
    format!("{NAME}.service")
}

fn unit_path() -> PathBuf {
    // Tests, and builders of images, write into another root.
    let root = std::env::var_os("POOLMON_SYSTEMD_UNITS").map_or_else(|| UNITS.into(), PathBuf::from);
    root.join(unit())
}

/// Writes the unit, and starts it unless told not to.
pub fn install(args: &InstallArgs) -> anyhow::Result<()> {
    let folder = plan::folder(args)?;
    let program = plan::program()?;
    let path = unit_path();
    let text = unit_text(&program, &folder, &plan::arguments(args, &folder))?;
    fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    fs::write(&path, text).with_context(|| {
        format!("cannot write {}: installing a service takes root (sudo)", path.display())
    })?;
    answer!("written: {}", path.display())?;
    if !is_running_systemd() {
        answer!("systemd does not run here, so the service is not started")?;
        answer!("  where it does: systemctl daemon-reload; systemctl enable --now {}", unit())?;
        return Ok(());
    }
    systemctl(&["daemon-reload"])?;
    systemctl(&["enable", &unit()])?;
    if args.no_start {
        answer!("installed; start it with `poolmon service start`")?;
    } else {
        systemctl(&["restart", &unit()])?;
        answer!("started: it records into {}; `poolmon service status` tells more", folder.display())?;
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
        .with_context(|| format!("cannot remove {}: it takes root (sudo)", path.display()))?;
    if is_running_systemd() {
        systemctl(&["daemon-reload"])?;
    }
    answer!("removed: {}; the recording stays", path.display())?;
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

/// What systemd tells of it; exit code 1 where it does not run.
pub fn status() -> anyhow::Result<Outcome> {
    let path = unit_path();
    installed(&path)?;
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    if let Some(line) = text.lines().find_map(|line| line.strip_prefix("ExecStart=")) {
        answer!("installed: {line}")?;
    }
    if !is_running_systemd() {
        answer!("systemd does not run here, so the service does not either")?;
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
        bail!(Problem::new("systemd does not run here", "record without a service: poolmon record DIR"));
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

/// The unit's text. It runs as root, as only root may read the kernel's tables, but with none of root's capabilities,
/// no network and no way to write but into the recording.
fn unit_text(program: &Path, folder: &Path, arguments: &[String]) -> anyhow::Result<String> {
    let mut line = quoted(&program.display().to_string())?;
    line.push_str(" record");
    for argument in arguments {
        line.push(' ');
        line.push_str(&quoted(argument)?);
    }
    let path = quoted(&folder.display().to_string())?;
    // ProtectHome would hide a recording, or the program, that stands there.
    let homes = ["/home", "/root", "/run/user"];
    let home = [program, folder].iter().any(|path| homes.iter().any(|home| path.starts_with(home)));
    let home = if home { "read-only" } else { "yes" };
    Ok(format!(
        "[Unit]
Description={ABOUT}
Documentation=man:poolmon(1)
RequiresMountsFor={path}

[Service]
Type=exec
ExecStart={line}
Restart=on-failure
RestartSec=10
Nice=5
IOSchedulingClass=idle
MemoryMax=256M
UMask=0027

# Root reads the kernel's tables because they are its own; it needs none of its powers for that.
CapabilityBoundingSet=
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths={path}
ProtectHome={home}
PrivateTmp=yes
PrivateDevices=yes
PrivateNetwork=yes
IPAddressDeny=any
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"
    ))
}

/// As systemd reads a word: in quotes, with its own signs doubled.
fn quoted(text: &str) -> anyhow::Result<String> {
    if text.chars().any(char::is_control) {
        bail!("`{}` cannot stand in a unit: it holds a control character", text.escape_debug());
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-=*?:,+@".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return Ok(text.to_owned());
    }
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    Ok(format!("\"{text}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit() {
        let arguments = ["/var/lib/poolmon", "--interval=5000ms", "--include=Ntf*", "--exclude=50% $x"];
        let text = unit_text(
            Path::new("/usr/local/bin/poolmon"),
            Path::new("/var/lib/poolmon"),
            &arguments.map(str::to_owned),
        );
        insta::assert_snapshot!(text.unwrap());
    }

    #[test]
    fn words_of_a_unit() {
        assert_eq!(quoted("/a/b-c").unwrap(), "/a/b-c");
        assert_eq!(quoted("a b").unwrap(), "\"a b\"");
        assert_eq!(quoted("50%$x\"\\").unwrap(), "\"50%%$$x\\\"\\\\\"");
        assert_eq!(quoted("").unwrap(), "\"\"");
        assert!(quoted("a\nExecStartPre=/bin/sh").is_err());
    }

    #[test]
    fn a_recording_at_home_is_not_hidden() {
        let text = unit_text(Path::new("/usr/bin/poolmon"), Path::new("/home/me/rec"), &[]).unwrap();
        assert!(text.contains("ProtectHome=read-only\n") && text.contains("ReadWritePaths=/home/me/rec\n"));
    }
}
