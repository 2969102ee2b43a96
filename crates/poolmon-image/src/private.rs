//! Small files that a program keeps for its user: no one else can read them, and what others could have written is not believed.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Writes a file next to its place, then moves it there, so that a reader never sees half of it. The folder is made if it is missing.
/// False if others could write into the folder: nothing is written then, as [`open`] would not read it.
///
/// # Errors
///
/// Those of the file system and of `write`; a file that was there is untouched then.
pub fn replace(path: &Path, write: impl FnOnce(&File) -> io::Result<()>) -> io::Result<bool> {
    let folder = path.parent().unwrap_or(Path::new("."));
    private(fs::DirBuilder::new().recursive(true)).create(folder)?;
    if !is_private(folder) {
        return Ok(false);
    }
    let number = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), path);
    let new = path.with_extension(format!("new{number:016x}"));
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&new)?;
    write(&file)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&new, path))
        .inspect_err(|_| drop(fs::remove_file(&new)))?;
    Ok(true)
}

/// Folders that are made are for this user alone.
fn private(builder: &mut fs::DirBuilder) -> &fs::DirBuilder {
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(builder, 0o700);
    builder
}

/// Whether no other user but root can change a file, or what is in a folder.
fn is_private(path: &Path) -> bool {
    let Ok(about) = fs::symlink_metadata(path) else { return false };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        // A process's own folder belongs to the user as whom it runs.
        let own = fs::metadata("/proc/self").map_or(0, |own| own.uid());
        if about.mode() & 0o022 != 0 || about.uid() != own && about.uid() != 0 {
            return false;
        }
    }
    !about.is_symlink()
}

/// Opens a file if no other user could have written it.
pub fn open(path: &Path) -> Option<File> {
    let is_file = fs::symlink_metadata(path).ok()?.is_file();
    let is_ours = is_file && is_private(path) && is_private(path.parent()?);
    if is_ours { File::open(path).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn an_index_that_others_could_write_is_not_read() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let home = tempfile::tempdir().unwrap();
        let mode = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        let folder = home.path().join("poolmon");
        let path = folder.join("drivers.index");
        private(fs::DirBuilder::new().recursive(true)).create(&folder).unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        fs::write(&path, "index").unwrap();
        mode(&path, 0o600);
        assert!(open(&path).is_some());
        mode(&path, 0o620);
        assert!(open(&path).is_none(), "the group can write it");
        mode(&path, 0o600);
        mode(&folder, 0o777);
        assert!(open(&path).is_none(), "anyone can replace it");
        mode(&folder, 0o700);
        symlink(&path, folder.join("link")).unwrap();
        assert!(open(&folder.join("link")).is_none());
        assert!(open(&folder).is_none() && open(&folder.join("missing")).is_none());
    }
}
