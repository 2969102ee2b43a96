//! How files are made, so that tests can pull the plug.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::dir::Dir;
use crate::segment::writer::Append;

/// Makes and removes files.
pub trait Disk: Send {
    /// A new file. Its name lasts through a power cut.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Append>>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Whether a file can still be found where it was made.
    fn is_there(&self, path: &Path) -> bool {
        let _ = path;
        true
    }
}

/// The disk: a folder on it.
#[derive(Clone, Debug)]
pub struct RealDisk {
    pub(super) dir: Arc<Dir>,
    pub(super) mode: u32,
}

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        // Not in append mode: Windows does not let such a file be cut.
        let file = self.dir.create(path.file_name().unwrap_or_default(), self.mode)?;
        self.dir.sync()?;
        Ok(Box::new(file))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.dir.remove(path.file_name().unwrap_or_default())
    }

    fn is_there(&self, path: &Path) -> bool {
        self.dir.is_there(path.file_name().unwrap_or_default())
    }
}
