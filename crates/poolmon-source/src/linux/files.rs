//! Files of the kernel: opened once, read repeatedly into one buffer.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use poolmon_model::rights::as_root;
use poolmon_model::shell;

use crate::SourceError;

/// How files are opened: tests put a refusal here, as they may run as root.
pub type Opener = fn(&Path) -> io::Result<File>;

/// Opens files below a root.
#[derive(Debug)]
pub struct Files {
    root: PathBuf,
    open: Opener,
}

impl Files {
    /// Files below `root`: `/` in life.
    pub fn new(root: &Path, open: Opener) -> Self {
        Self { root: root.to_owned(), open }
    }

    /// The full path of `name` (`proc/slabinfo`).
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Opens a file to be read often.
    pub fn open(&self, name: &str) -> io::Result<KernelFile> {
        let path = self.path(name);
        (self.open)(&path).map(|file| KernelFile { path, file })
    }

    /// A small file read once, without the blanks around it; `None` if it cannot be read or is empty.
    pub fn line(&self, name: &str) -> Option<String> {
        let mut buffer = Vec::new();
        let text = self.open(name).ok()?.read(&mut buffer).ok()?.trim_ascii().to_vec();
        String::from_utf8(text).ok().filter(|text| !text.is_empty())
    }
}

/// An open file of `/proc`.
#[derive(Debug)]
pub struct KernelFile {
    /// Where it is.
    pub path: PathBuf,
    file: File,
}

impl KernelFile {
    /// The whole text of now. The buffer only grows; what it held before is overwritten.
    pub fn read<'a>(&self, buffer: &'a mut Vec<u8>) -> io::Result<&'a [u8]> {
        if buffer.is_empty() {
            // Zeroes straight from the allocator: pages that no text reaches are never touched.
            *buffer = vec![0; 64 * 1024];
        }
        let mut filled = 0;
        loop {
            if filled == buffer.len() {
                buffer.resize(buffer.len() * 2, 0);
            }
            let room = buffer.get_mut(filled..).unwrap_or_default();
            match self.file.read_at(room, filled as u64) {
                Ok(0) => return Ok(buffer.get(..filled).unwrap_or_default()),
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The same, with an error for the person.
    pub fn text<'a>(&self, buffer: &'a mut Vec<u8>) -> Result<&'a [u8], SourceError> {
        self.read(buffer).map_err(|source| failed("read", &self.path, source, ABSENT))
    }
}

/// Why a file of `/proc` may be absent, and what helps.
pub type Absent = (&'static str, &'static str);

const ABSENT: Absent = ("the kernel does not offer it", "see `poolmon demo` for what poolmon shows");

/// What helps where root's rights are missing.
fn rights() -> String {
    format!(
        "run as root: {}\n  \
         or let root record for a group that reads the recording: {}\n  \
         without rights, `poolmon demo` shows a simulated machine",
        as_root(&shell::this_command()),
        as_root("poolmon service install /var/lib/poolmon --mode 640")
    )
}

/// The error for a file that cannot be opened or read.
pub fn failed(action: &'static str, path: &Path, source: io::Error, (why, remedy): Absent) -> SourceError {
    let what = path.display().to_string();
    match source.kind() {
        io::ErrorKind::PermissionDenied => SourceError::Rights { what, remedy: rights() },
        io::ErrorKind::NotFound => SourceError::Unavailable { what, why: why.into(), remedy: remedy.into() },
        _ => SourceError::Io { action, path: path.to_owned(), source },
    }
}
