//! The service as systemd runs it, under equivalent restrictions: no capabilities, a file system that cannot be written, homes and
//! temporary files that are not there, no network. What no tool but systemd does is left out: its filters of system calls.

use std::process::{Command, Output};

use poolmon_testkit::{Need, skip};

use crate::kernel::kernel_memory_is_readable;
use crate::{POOLMON, text};

/// Installs it for a folder and runs its command line; `before` prepares the folder, in namespaces of its own.
fn run(folder: &str, before: &str) -> Option<Output> {
    if !kernel_memory_is_readable() {
        return None;
    }
    let script = include_str!("service.sh").replace("\n\"$POOLMON\"", &format!("\n{before}\n\"$POOLMON\""));
    let output = Command::new("unshare")
        .args(["--mount", "--net", "sh", "-c", &script])
        .env("POOLMON", POOLMON)
        .env("FOLDER", folder)
        .env("POOLMON_SYSTEMD_UNITS", "/var/lib/units")
        .output();
    match output {
        Ok(output) if !text(&output.stderr).starts_with("unshare:") => Some(output),
        _ => {
            skip(Need::Root, "namespaces cannot be made here");
            None
        }
    }
}

#[test]
fn it_records_in_a_folder_of_the_system_in_a_home_and_among_temporary_files() {
    for folder in ["/var/lib/poolmon", "/home/me/rec", "/var/tmp/rec"] {
        let Some(output) = run(folder, "") else { return };
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{folder}: {out}{err}");
        let info: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert!(info["samples"].as_u64() > Some(1), "{folder}: {info:#}");
        assert_eq!((&info["unclosed"], &info["lost"]), (&0.into(), &0.into()), "{folder}: {info:#}");
    }
}

#[test]
fn what_it_could_not_use_is_refused_when_it_is_installed() {
    let theirs = "mkdir -m 750 /home/other; chown 65534:65534 /home/other";
    let owned = "mkdir /var/lib/rec; chown 65534:65534 /var/lib/rec";
    for (folder, before, reason) in [
        ("/home/other/rec", theirs, "/home/other belongs to user 65534"),
        ("/var/lib/rec", owned, "other users cannot write into /var/lib/rec"),
    ] {
        let Some(output) = run(folder, before) else { return };
        let err = text(&output.stderr);
        assert!(!output.status.success() && err.contains(reason), "{err}");
        assert!(err.contains("poolmon service install /var/lib/poolmon"), "{err}");
    }
}

#[test]
fn a_program_of_another_user_is_refused_and_a_copy_of_it_is_not() {
    let theirs = "cp \"$POOLMON\" /home/me/poolmon; chown 65534 /home/me/poolmon; POOLMON=/home/me/poolmon";
    let Some(output) = run("/var/lib/poolmon", theirs) else { return };
    let err = text(&output.stderr);
    assert!(!output.status.success() && err.contains("/home/me/poolmon belongs to user 65534"), "{err}");
    assert!(err.contains("poolmon service install /var/lib/poolmon --interval 100ms --copy"), "{err}");
    let copied = format!(
        "{theirs}; mount -t tmpfs -o mode=755 poolmon-test /usr/local/bin\n\
         poolmon() {{ /home/me/poolmon \"$@\" --copy; }}; POOLMON=poolmon"
    );
    let output = run("/var/lib/poolmon", &copied).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && out.contains("\"samples\""), "{out}{err}");
}
