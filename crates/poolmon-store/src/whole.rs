//! A file that is written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A file that takes its name when it is complete: until then, what had the name before stays as it is. A device or a pipe is
/// written directly. Without [`WholeFile::finish`], nothing is left.
#[derive(Debug)]
pub struct WholeFile {
    file: File,
    /// Where it is written, and its name then; `None` for a device.
    part: Option<(PathBuf, PathBuf)>,
}

impl WholeFile {
    /// Begins.
    ///
    /// # Errors
    ///
    /// Nothing can be written there.
    pub fn new(path: &Path) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(about) if about.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(about) if !about.is_file() => {
                return Ok(Self { file: File::options().write(true).open(path)?, part: None });
            }
            _ => {}
        }
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        Ok(Self { file: File::create(&part)?, part: Some((part, path.to_owned())) })
    }

    /// Where it is written.
    pub const fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// It is complete: it is on the disk, and takes its name.
    ///
    /// # Errors
    ///
    /// Those of the system; nothing is left then.
    pub fn finish(mut self) -> io::Result<()> {
        self.file.flush()?;
        if let Some((part, path)) = &self.part {
            self.file.sync_all()?;
            fs::rename(part, path)?;
            self.part = None;
        }
        Ok(())
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if let Some((part, _)) = &self.part {
            let _ = fs::remove_file(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn until_it_is_complete_the_old_file_stays_and_a_link_is_replaced_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("old"), "old").unwrap();
        fs::hard_link(path("old"), path("name")).unwrap();
        let mut file = WholeFile::new(&path("name")).unwrap();
        file.file().write_all(b"half").unwrap();
        drop(file);
        assert_eq!(fs::read_to_string(path("name")).unwrap(), "old");
        let mut file = WholeFile::new(&path("name")).unwrap();
        file.file().write_all(b"new").unwrap();
        file.finish().unwrap();
        let text = |name| fs::read_to_string(path(name)).unwrap();
        assert_eq!((text("name").as_str(), text("old").as_str()), ("new", "old"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left");
        assert!(WholeFile::new(folder.path()).is_err());
    }
}
