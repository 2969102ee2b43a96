//! The bytes of the dump: a memory map, or a buffer in tests and fuzzing. The only `unsafe` of this crate.

use std::fs::File;
use std::path::Path;

use memmap2::Mmap;

use crate::error::{DumpError, Result};

/// The file's bytes.
pub(crate) struct Backing {
    bytes: Bytes,
    /// The same file, for [`Backing::copy`]. Declared after the map: Windows deletes a temporary file with its last
    /// handle, and refuses where it is still mapped.
    #[cfg_attr(not(unix), expect(dead_code, reason = "keeps the file open"))]
    file: Option<File>,
}

enum Bytes {
    Mapped(Mmap),
    Owned(Vec<u8>),
}

impl Backing {
    /// Maps a file read-only. Costs the same at every size.
    pub(crate) fn map(path: &Path, file: File) -> Result<Self> {
        // SAFETY: the map is private to this value, read-only, and only ever seen as `&[u8]`. What Rust cannot
        // rule out is another process changing the file meanwhile. Changed bytes are harmless here: every figure is
        // copied out of the slice before it is checked and used, no check is relied on for a second read of the same
        // bytes, and no reference into the map is turned into anything but plain bytes. A file that is cut while it is
        // read ends the process with SIGBUS (an in-page error on Windows), as with every mapped file; it cannot
        // corrupt memory.
        #[expect(unsafe_code, reason = "the memory map of a dump; argued above")]
        let mapped = unsafe { Mmap::map(&file) };
        let map =
            mapped.map_err(|source| DumpError::Io { action: "map", path: path.to_path_buf(), source })?;
        Ok(Self { bytes: Bytes::Mapped(map), file: Some(file) })
    }

    /// Takes a buffer.
    pub(crate) fn owned(bytes: Vec<u8>) -> Self {
        Self { bytes: Bytes::Owned(bytes), file: None }
    }

    /// All bytes of the file.
    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Mapped(map) => map,
            Bytes::Owned(bytes) => bytes,
        }
    }

    /// Copies bytes out of the file. Pages that are far apart are better read than mapped: with each page that is
    /// touched, the system maps its neighbours too, and the process seems to hold many times what it uses.
    pub(crate) fn copy(&self, offset: usize, to: &mut [u8]) -> bool {
        #[cfg(unix)]
        if let Some(file) = &self.file {
            use std::os::unix::fs::FileExt as _;
            return file.read_exact_at(to, offset as u64).is_ok();
        }
        let from = offset.checked_add(to.len()).and_then(|end| self.bytes().get(offset..end));
        from.map(|from| to.copy_from_slice(from)).is_some()
    }
}
