//! How files are made, so that tests can pull the plug.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::folder::sync_folder;
use crate::segment::writer::Append;

/// Makes and removes files.
pub trait Disk: Send {
    /// A new file. Its name lasts through a power cut.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Append>>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// The disk.
#[derive(Clone, Copy, Debug)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        // Not in append mode: Windows does not let such a file be cut.
        let file = File::options().write(true).create_new(true).open(path)?;
        if let Some(folder) = path.parent() {
            sync_folder(folder)?;
        }
        Ok(Box::new(file))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}
