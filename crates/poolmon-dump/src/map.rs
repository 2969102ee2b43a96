//! The bytes of the dump: a memory map, or a buffer in tests and fuzzing. The only `unsafe` of this crate.

use std::fs::File;
use std::ops::Range;
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

    /// Stretches of the file that hold data, in order: what is between them was never written, and reads as zeros without being
    /// anywhere. A file that is nothing but a length would take minutes to search.
    pub(crate) fn data(&self) -> Vec<Range<u64>> {
        let size = self.bytes().len() as u64;
        self.file.as_ref().and_then(|file| stretches(file, size)).unwrap_or_else(|| whole(size))
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

/// All of a file.
fn whole(size: u64) -> Vec<Range<u64>> {
    std::iter::once(0..size).collect()
}

/// Most stretches that are looked for; the rest of a file that has more counts as data.
#[cfg(target_os = "linux")]
const MOST_STRETCHES: usize = 1 << 16;

/// `None` if the file system does not say.
#[cfg(target_os = "linux")]
fn stretches(file: &File, size: u64) -> Option<Vec<Range<u64>>> {
    use rustix::fs::{SeekFrom, seek};
    use rustix::io::Errno;
    let (mut found, mut at) = (Vec::new(), 0);
    while at < size {
        let from = match seek(file, SeekFrom::Data(at)) {
            Ok(from) => from,
            // Nothing but a hole up to the end.
            Err(Errno::NXIO) => break,
            Err(_) => return None,
        };
        let to = if found.len() < MOST_STRETCHES { seek(file, SeekFrom::Hole(from)).ok()? } else { size };
        found.push(from..to.min(size));
        at = to;
    }
    Some(found)
}

#[cfg(not(target_os = "linux"))]
fn stretches(_file: &File, _size: u64) -> Option<Vec<Range<u64>>> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::fs::FileExt as _;

    use super::*;

    #[test]
    fn what_was_never_written_is_no_data() {
        let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        let file = File::options().read(true).write(true).open(&path).unwrap();
        file.set_len(1 << 30).unwrap();
        let data = |file: &File| Backing::map(&path, file.try_clone().unwrap()).unwrap().data();
        let all = data(&file);
        file.write_all_at(b"here", 512 << 20).unwrap();
        let some = data(&file);
        if all == whole(1 << 30) {
            return; // This file system keeps no holes.
        }
        assert!(all.is_empty() && some.len() == 1, "{all:?} {some:?}");
        assert!(some[0].contains(&(512 << 20)) && some[0].end - some[0].start <= 2 << 20, "{some:?}");
        assert_eq!(Backing::owned(vec![0; 9]).data(), whole(9));
    }
}
