//! Many files at once: listed, read by several threads, reported one by one.
//!
//! [`list`] finds the files below folders; [`search`] reads them. What is read of a file, and what an index already knows,
//! is a [`FileReader`]'s business. Memory stays bounded: a thread keeps one small file, and large files are read one at a
//! time ([`LargeFiles`]), up to [`SearchLimits::bytes`].

mod list;
mod search;

pub use list::{FileList, ListedFile, has_extension, list};
pub use search::{FileDone, FileReader, FileToRead, LargeFiles, SearchEvent, SearchSummary, search};

/// Bounds of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchLimits {
    /// Max bytes of one file that are taken into memory, unpacked.
    pub bytes: u64,
}

impl Default for SearchLimits {
    fn default() -> Self {
        Self { bytes: 512 << 20 }
    }
}

/// Threads for a search on this machine.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}
