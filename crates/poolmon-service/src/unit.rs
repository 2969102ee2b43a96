//! A hardened unit for systemd.

use std::path::Path;

/// The unit's text. It runs as root, as only root may read the kernel's tables, but with none of root's capabilities,
/// no network and no way to write but into the recording.
///
/// # Errors
///
/// A path or an argument that a unit cannot hold.
pub fn text(about: &str, program: &Path, folder: &Path, arguments: &[String]) -> Result<String, String> {
    let program_text =
        program.to_str().ok_or("the program's path is not valid UTF-8, which a unit cannot hold")?;
    let mut line = quoted(program_text)?;
    line.push_str(" record");
    for argument in arguments {
        line.push(' ');
        line.push_str(&quoted(argument)?);
    }
    let folder_text =
        folder.to_str().ok_or("the folder's name is not valid UTF-8, which a unit cannot hold")?;
    // Only command lines know variables: elsewhere a dollar is itself.
    let path = quoted(folder_text)?.replace("$$", "$");
    // Its own /tmp would hide a recording, or the program, that is there.
    let is_temporary = |path: &Path| path.starts_with("/tmp") || path.starts_with("/var/tmp");
    let private = if [program, folder].into_iter().any(is_temporary) { "no" } else { "yes" };
    // ProtectHome would hide a recording, or the program, that is there.
    let homes = ["/home", "/root", "/run/user"];
    let home = [program, folder].iter().any(|path| homes.iter().any(|home| path.starts_with(home)));
    let home = if home { "read-only" } else { "yes" };
    Ok(format!(
        "[Unit]
Description={about}
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
PrivateTmp={private}
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
fn quoted(text: &str) -> Result<String, String> {
    if text.chars().any(char::is_control) {
        return Err(format!(
            "`{}` cannot be used in a unit: it contains a control character",
            text.escape_debug()
        ));
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
        let text = text(
            "Records which drivers hold the kernel's memory.",
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
        let text = text(
            "Records which drivers hold the kernel's memory.",
            Path::new("/usr/bin/poolmon"),
            Path::new("/home/me/rec"),
            &[],
        )
        .unwrap();
        assert!(text.contains("ProtectHome=read-only\n") && text.contains("ReadWritePaths=/home/me/rec\n"));
    }

    #[test]
    fn paths_that_systemd_reads_otherwise() {
        let unit = |folder: &str| text("x", Path::new("/usr/bin/poolmon"), Path::new(folder), &[]).unwrap();
        let dollar = unit("/srv/a $HOME 50%");
        assert!(dollar.contains("ReadWritePaths=\"/srv/a $HOME 50%%\"\n"), "{dollar}");
        assert!(
            unit("/var/tmp/rec").contains("PrivateTmp=no\n") && unit("/srv/tmp").contains("PrivateTmp=yes\n")
        );
    }
}
