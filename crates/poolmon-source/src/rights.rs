//! Which rights this program has, for commands that it prints.

use std::path::Path;

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

/// How this program is called with other rights, too: by its name where root looks for programs, else by its whole path.
pub fn program() -> String {
    let path = std::env::current_exe().unwrap_or_else(|_| "poolmon".into());
    by_name_or_path(&path)
}

fn by_name_or_path(path: &Path) -> String {
    // `sudo` and `su` have a PATH of their own.
    let of_root = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    let is_found = path.parent().is_some_and(|folder| of_root.iter().any(|one| folder == Path::new(one)));
    let name = path.file_name().filter(|_| is_found || cfg!(windows));
    name.unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
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

#[cfg(all(test, not(windows)))]
mod tests {
    use super::*;

    #[test]
    fn root_finds_the_program() {
        assert_eq!(by_name_or_path(Path::new("/usr/local/bin/poolmon")), "poolmon");
        for elsewhere in ["/home/me/target/release/poolmon", "/home/me/.cargo/bin/poolmon"] {
            assert_eq!(by_name_or_path(Path::new(elsewhere)), elsewhere);
        }
    }
}
