//! `/sys/kernel/slab/CACHE/shrink`: the kernel gathers what each CPU keeps of a cache.
//!
//! A slab that a CPU allocates from counts as full, and so do the few that it keeps at hand: until those are used up,
//! ten objects more show as none, and then one as a whole slab (Linux 6.18: up to 120 inodes of tmpfs for each CPU).
//! After a shrink each object counts. It frees empty slabs too, which is what the kernel does itself when it needs memory.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use crate::{Result, SourceError};

/// Has the kernel drop the names and inodes that nothing uses (`2`, as its documentation of `vm.drop_caches` says): a name that a
/// program looked for in vain stays in a cache otherwise, and seems lost. `file` is `/proc/sys/vm/drop_caches` in life.
pub fn drop_caches(file: &Path) -> Result<()> {
    let written = OpenOptions::new().write(true).open(file).and_then(|mut file| file.write_all(b"2\n"));
    written.map_err(|error| failed("write", file, error))
}

fn failed(action: &'static str, path: &Path, source: std::io::Error) -> SourceError {
    match source.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => SourceError::Rights {
            what: path.display().to_string(),
            remedy: "counting each object needs root and a writable /proc and /sys: run as root, on the host rather than in \
                     a container; or count without it"
                .into(),
        },
        ErrorKind::NotFound => SourceError::Unavailable {
            what: path.display().to_string(),
            why: "the kernel was built without CONFIG_SLUB_DEBUG or CONFIG_SYSCTL, or a container hides it".into(),
            remedy: "count without it".into(),
        },
        _ => SourceError::Io { action, path: path.to_owned(), source },
    }
}

/// Shrinks every cache, and returns how many there are. `directory` is `/sys/kernel/slab` in life.
pub fn all(directory: &Path) -> Result<usize> {
    let mut shrunk = 0;
    let entries = fs::read_dir(directory).map_err(|error| failed("list", directory, error))?;
    for entry in entries.filter_map(std::result::Result::ok) {
        // A link is another name of a merged cache, which has a directory of its own.
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let path = entry.path().join("shrink");
        match OpenOptions::new().write(true).open(&path).and_then(|mut file| file.write_all(b"1\n")) {
            Ok(()) => shrunk += 1,
            // A module that was unloaded took its cache along.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failed("write", &path, error)),
        }
    }
    Ok(shrunk)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn each_cache_once_whatever_its_names() {
        let folder = tempfile::tempdir().unwrap();
        for cache in ["dentry", ":a-0000104", "gone"] {
            fs::create_dir(folder.path().join(cache)).unwrap();
        }
        for cache in ["dentry", ":a-0000104"] {
            fs::write(folder.path().join(cache).join("shrink"), "").unwrap();
        }
        symlink(":a-0000104", folder.path().join("buffer_head")).unwrap();
        assert_eq!(all(folder.path()).unwrap(), 2);
        assert_eq!(fs::read_to_string(folder.path().join("dentry/shrink")).unwrap(), "1\n");
        assert_eq!(fs::read_to_string(folder.path().join(":a-0000104/shrink")).unwrap(), "1\n");
    }

    #[test]
    fn names_and_inodes_are_dropped_and_no_pages() {
        let file = tempfile::NamedTempFile::new().unwrap();
        drop_caches(file.path()).unwrap();
        assert_eq!(fs::read_to_string(file.path()).unwrap(), "2\n");
        let missing = drop_caches(Path::new("/nonexistent/drop_caches")).unwrap_err().to_string();
        assert!(missing.contains("/nonexistent/drop_caches"), "{missing}");
    }

    #[test]
    fn errors_name_the_path_and_what_helps() {
        let missing = all(Path::new("/nonexistent/slab")).unwrap_err().to_string();
        assert!(missing.contains("/nonexistent/slab") && missing.contains("CONFIG_SLUB_DEBUG"), "{missing}");
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("dentry/shrink")).unwrap();
        let odd = all(folder.path()).unwrap_err().to_string();
        assert!(odd.contains("cannot write") && odd.contains("dentry/shrink"), "{odd}");
    }
}
