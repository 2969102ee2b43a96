//! Which rights this program has, for commands that it prints.

use poolmon_model::rights::Rights;

/// Whether root runs this program; on Windows no one is root.
pub fn is_root() -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        // The entry of this process belongs to its effective user.
        std::fs::metadata("/proc/self").is_ok_and(|about| about.uid() == 0)
    }
    #[cfg(not(unix))]
    false
}

/// Looks who runs this program, and whether this machine has `sudo`.
pub fn find() -> Rights {
    #[cfg(target_os = "linux")]
    {
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let has_sudo = || std::env::split_paths(&folders).any(|folder| folder.join("sudo").is_file());
        match () {
            () if is_root() => Rights::Root,
            () if has_sudo() => Rights::Sudo,
            () => Rights::Su,
        }
    }
    #[cfg(not(target_os = "linux"))]
    Rights::Sudo
}
