//! Where drivers are, on this system and on a disk of another one; and where the index is kept.

use std::path::{Path, PathBuf};

/// Folders with drivers inside a Windows folder, the running ones first.
const FOLDERS: [&[&str]; 2] = [&["System32", "drivers"], &["System32", "DriverStore", "FileRepository"]];

/// The folders with drivers of a mounted Windows disk: `root` is the disk's root or its Windows folder. `None` if it is
/// neither. Letters' case does not count, as on Windows.
pub fn windows_disk(root: &Path) -> Option<Vec<PathBuf>> {
    // A folder of drivers that is named itself is searched as it is.
    let inside = |root: &Path| {
        let found: Vec<PathBuf> = FOLDERS.iter().filter_map(|parts| below(root, parts)).collect();
        (!found.is_empty()).then_some(found)
    };
    inside(root).or_else(|| inside(&below(root, &["Windows"])?))
}

/// A folder below another one, whatever the case of its letters.
fn below(root: &Path, parts: &[&str]) -> Option<PathBuf> {
    parts.iter().try_fold(root.to_path_buf(), |folder, part| {
        let exact = folder.join(part);
        if exact.is_dir() {
            return Some(exact);
        }
        let same = |path: &PathBuf| {
            path.file_name()
                .and_then(|name| name.to_str())
                .is_some_and(|name| name.eq_ignore_ascii_case(part))
        };
        folder.read_dir().ok()?.flatten().map(|entry| entry.path()).find(|path| same(path) && path.is_dir())
    })
}

/// The files and folders that a person named, Windows disks replaced by their folders with drivers.
pub fn named(paths: &[PathBuf]) -> Vec<PathBuf> {
    paths.iter().flat_map(|path| windows_disk(path).unwrap_or_else(|| vec![path.clone()])).collect()
}

/// The folders with drivers of a running Windows, by its variable `SystemRoot`.
pub fn of_system(environment: impl Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    let root = environment("SystemRoot").filter(|root| !root.is_empty());
    root.and_then(|root| windows_disk(Path::new(&root))).unwrap_or_default()
}

/// The file of a loaded driver whose path is as the kernel reports it (`\SystemRoot\System32\drivers\a.sys`,
/// `\??\C:\a.sys`, `\Windows\System32\b.sys`), on a system whose Windows folder is `root`.
pub fn of_module(path: &str, root: &str) -> PathBuf {
    let led = |start: &str| {
        let head = path.get(..start.len())?;
        head.eq_ignore_ascii_case(start).then(|| path.get(start.len()..)).flatten()
    };
    if let Some(rest) = led(r"\SystemRoot\") {
        return PathBuf::from(format!(r"{}\{rest}", root.trim_end_matches('\\')));
    }
    if let Some(rest) = led(r"\??\") {
        return PathBuf::from(rest);
    }
    if let (Some(_), Some(drive)) = (led(r"\Windows\"), root.get(..2)) {
        return PathBuf::from(format!("{drive}{path}"));
    }
    if !path.contains(['\\', '/']) {
        return PathBuf::from(format!(r"{}\System32\drivers\{path}", root.trim_end_matches('\\')));
    }
    PathBuf::from(path)
}

/// Where the index of this person is kept: the system's folder for what can be deleted.
///
/// `%LOCALAPPDATA%\poolmon` on Windows; elsewhere `$XDG_CACHE_HOME/poolmon`, `/var/cache/poolmon` for root, or
/// `~/.cache/poolmon`. None if the environment names no folder.
pub fn index_file(environment: impl Fn(&str) -> Option<String>, root: bool) -> Option<PathBuf> {
    let folder = |name: &str| {
        let path = environment(name).filter(|value| !value.is_empty()).map(PathBuf::from)?;
        // A relative path would put it into whatever folder the person is in.
        path.is_absolute().then_some(path)
    };
    let cache = if cfg!(windows) {
        folder("LOCALAPPDATA")
    } else {
        let system = || root.then(|| PathBuf::from("/var/cache"));
        folder("XDG_CACHE_HOME").or_else(system).or_else(|| Some(folder("HOME")?.join(".cache")))
    };
    Some(cache?.join("poolmon").join("drivers.index"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mounted_disk_is_known_by_its_folders_in_any_case() {
        let disk = tempfile::tempdir().unwrap();
        assert_eq!(windows_disk(disk.path()), None);
        let drivers = disk.path().join("WINDOWS/system32/Drivers");
        std::fs::create_dir_all(&drivers).unwrap();
        let store = disk.path().join("WINDOWS/system32/DriverStore/FileRepository");
        std::fs::create_dir_all(&store).unwrap();
        let both = vec![drivers.clone(), store];
        assert_eq!(windows_disk(disk.path()), Some(both.clone()));
        assert_eq!(windows_disk(&disk.path().join("WINDOWS")), Some(both.clone()));
        assert_eq!(named(&[disk.path().to_owned(), drivers.clone()]), [both, vec![drivers]].concat());
    }

    #[test]
    fn paths_of_loaded_drivers() {
        let root = r"C:\Windows";
        for (reported, file) in [
            (r"\SystemRoot\System32\drivers\a.sys", r"C:\Windows\System32\drivers\a.sys"),
            (r"\systemroot\system32\ntoskrnl.exe", r"C:\Windows\system32\ntoskrnl.exe"),
            (r"\??\D:\tools\b.sys", r"D:\tools\b.sys"),
            (r"\Windows\System32\win32k.sys", r"C:\Windows\System32\win32k.sys"),
            ("c.sys", r"C:\Windows\System32\drivers\c.sys"),
            (r"E:\d.sys", r"E:\d.sys"),
            ("\u{e9}", "C:\\Windows\\System32\\drivers\\\u{e9}"),
        ] {
            assert_eq!(of_module(reported, root), PathBuf::from(file), "{reported}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_index_is_kept_where_it_can_be_deleted() {
        let at = |names: &'static [(&str, &str)], root| {
            let reported =
                |name: &str| names.iter().find(|(own, _)| *own == name).map(|(_, v)| (*v).to_owned());
            index_file(reported, root).map(|path| path.display().to_string())
        };
        let home = &[("HOME", "/home/me")];
        assert_eq!(at(home, false).unwrap(), "/home/me/.cache/poolmon/drivers.index");
        assert_eq!(at(home, true).unwrap(), "/var/cache/poolmon/drivers.index");
        let xdg = &[("HOME", "/home/me"), ("XDG_CACHE_HOME", "/c")];
        assert_eq!(at(xdg, true).unwrap(), "/c/poolmon/drivers.index");
        assert_eq!(
            at(&[("HOME", "/h"), ("XDG_CACHE_HOME", "rel")], false).unwrap(),
            "/h/.cache/poolmon/drivers.index"
        );
        assert_eq!(at(&[], false), None);
    }
}
