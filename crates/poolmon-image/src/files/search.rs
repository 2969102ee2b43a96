//! Reads listed files with several threads.

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use super::{FileList, ListedFile};
use crate::index::FileStamp;

/// Files that a thread reads before it reports them, or this much time. To wake the other thread for each file costs as
/// much as to search it.
const BATCH: usize = 64;
const PAUSE: Duration = Duration::from_millis(50);

/// Lets large files be read one at a time, whichever thread meets them.
#[derive(Debug, Default)]
pub struct LargeFiles(Mutex<()>);

impl LargeFiles {
    /// Waits until no other large file is read; the guard keeps the others waiting.
    pub fn enter(&self) -> MutexGuard<'_, ()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One file, opened.
pub struct FileToRead<'a> {
    /// Where it is.
    pub path: &'a Path,
    /// It was named itself, so it is read whatever its name is.
    pub named: bool,
    /// Its size and time of change when it was opened. A file that grows meanwhile is read no further.
    pub stamp: FileStamp,
    /// The file, at its start.
    pub file: File,
    /// To be entered before much memory is taken.
    pub large: &'a LargeFiles,
    /// Set when the person wants it to end.
    pub cancel: &'a AtomicBool,
}

/// Reads one file after the other, in each of several threads.
pub trait FileReader: Sync {
    /// What a file shows.
    type Shown: Send;
    /// Why a file is not read.
    type Error: Send + From<io::Error>;
    /// Buffers of one thread.
    type Buffers: Default;

    /// Whether an index may know files at all: if not, plain files are opened with one look at their path less.
    fn has_index(&self) -> bool;

    /// What the index knows of a file, if the file is still the same.
    fn known(&self, path: &Path, stamp: FileStamp) -> Option<Self::Shown>;

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Why this file was not read; the search goes on.
    fn read(&self, file: FileToRead<'_>, buffers: &mut Self::Buffers) -> Result<Self::Shown, Self::Error>;
}

/// One file, done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDone<S, E> {
    /// Where it is.
    pub path: PathBuf,
    /// Size and time of change; zeros if it could not be looked at.
    pub stamp: FileStamp,
    /// It was answered from the index, without being read.
    pub from_index: bool,
    /// What it shows, or why it was not read.
    pub result: Result<S, E>,
}

/// What a search reports while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchEvent<F> {
    /// The files to read are known; nothing is read yet.
    Listed {
        /// How many.
        files: usize,
    },
    /// One is done. Their order is not fixed.
    File(F),
}

/// Result of a search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SearchSummary {
    /// Files read, or answered from the index, or failed.
    pub files: usize,
    /// Bytes of these files, as they lie on disk.
    pub bytes: u64,
    /// Files that show what was asked for, if something was.
    pub found: usize,
    /// Files that could not be read.
    pub failed: usize,
    /// Files answered from the index.
    pub from_index: usize,
    /// It was ended early by the cancel flag.
    pub cancelled: bool,
}

impl SearchSummary {
    /// Whether there were files, and not one of them could be read.
    pub const fn is_unread(&self) -> bool {
        self.files > 0 && self.failed == self.files
    }
}

/// Reads listed files with `threads` threads. `report` runs on the calling thread, once for each file and each failure
/// of the list; it counts [`SearchSummary::found`] by returning true.
pub fn search<R: FileReader>(
    list: &FileList,
    reader: &R,
    threads: usize,
    cancel: &AtomicBool,
    mut report: impl FnMut(FileDone<R::Shown, R::Error>) -> bool,
) -> SearchSummary {
    let mut summary = SearchSummary::default();
    let mut done = |done: FileDone<R::Shown, R::Error>| {
        summary.files += 1;
        summary.bytes += done.stamp.bytes;
        summary.failed += usize::from(done.result.is_err());
        summary.from_index += usize::from(done.from_index);
        summary.found += usize::from(report(done));
    };
    for (path, error) in &list.failures {
        let error = io::Error::new(error.kind(), error.to_string());
        let (path, stamp) = (path.clone(), FileStamp::default());
        done(FileDone { path, stamp, from_index: false, result: Err(error.into()) });
    }
    let (next, large) = (AtomicUsize::new(0), LargeFiles::default());
    let files = &list.files;
    std::thread::scope(|scope| {
        let (send, receive) = mpsc::sync_channel(64);
        for _ in 0..threads.clamp(1, 64) {
            let send = send.clone();
            let (next, large) = (&next, &large);
            scope.spawn(move || {
                let mut buffers = R::Buffers::default();
                let (mut batch, mut since) = (Vec::new(), Instant::now());
                while !cancel.load(Ordering::Relaxed) {
                    let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                    batch.push(one(reader, file, large, cancel, &mut buffers));
                    if batch.len() >= BATCH || since.elapsed() >= PAUSE {
                        since = Instant::now();
                        if send.send(std::mem::take(&mut batch)).is_err() {
                            return;
                        }
                    }
                }
                let _ = send.send(batch);
            });
        }
        drop(send);
        receive.into_iter().flatten().for_each(&mut done);
    });
    summary.cancelled = cancel.load(Ordering::Relaxed);
    summary
}

fn one<R: FileReader>(
    reader: &R,
    listed: &ListedFile,
    large: &LargeFiles,
    cancel: &AtomicBool,
    buffers: &mut R::Buffers,
) -> FileDone<R::Shown, R::Error> {
    let mut done = FileDone {
        path: listed.path.clone(),
        stamp: FileStamp::default(),
        from_index: false,
        result: Err(io::Error::other("not a regular file").into()),
    };
    let (meta, open) = match look(reader, listed) {
        Ok(found) => found,
        Err(error) => return FileDone { result: Err(error.into()), ..done },
    };
    let stamp = FileStamp::of(&meta);
    if let Some(shown) = reader.known(&listed.path, stamp) {
        return FileDone { stamp, from_index: true, result: Ok(shown), ..done };
    }
    if !meta.is_file() {
        return done;
    }
    done.stamp = stamp;
    let file = match open.map_or_else(|| File::open(&listed.path), Ok) {
        Ok(file) => file,
        Err(error) => return FileDone { result: Err(error.into()), ..done },
    };
    let file = FileToRead { path: &listed.path, named: listed.named, stamp, file, large, cancel };
    done.result = reader.read(file, buffers);
    done
}

/// What a file is; opened already if the index cannot know it.
fn look<R: FileReader>(reader: &R, listed: &ListedFile) -> io::Result<(Metadata, Option<File>)> {
    if listed.plain && !reader.has_index() {
        let file = File::open(&listed.path)?;
        return Ok((file.metadata()?, Some(file)));
    }
    Ok((listed.path.metadata()?, None))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::files::list;

    struct Lengths;

    impl FileReader for Lengths {
        type Shown = u64;
        type Error = io::Error;
        type Buffers = Vec<u8>;

        fn has_index(&self) -> bool {
            true
        }

        fn known(&self, path: &Path, stamp: FileStamp) -> Option<u64> {
            path.ends_with("known").then_some(stamp.bytes)
        }

        fn read(&self, mut file: FileToRead<'_>, buffers: &mut Vec<u8>) -> io::Result<u64> {
            let _one = (file.stamp.bytes > 2).then(|| file.large.enter());
            buffers.clear();
            file.file.read_to_end(buffers)?;
            if buffers.is_empty() { Err(io::Error::other("empty")) } else { Ok(buffers.len() as u64) }
        }
    }

    #[test]
    fn every_file_is_reported_once_whatever_becomes_of_it() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in
            [("a", "1"), ("b", "22"), ("c", "333"), ("d", "4444"), ("empty", ""), ("known", "12345")]
        {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        for threads in [1, 3] {
            let cancel = AtomicBool::new(false);
            let files = list(&[folder.path().to_owned(), folder.path().join("gone")], &cancel, |_| true);
            let mut seen = Vec::new();
            let summary = search(&files, &Lengths, threads, &cancel, |done| {
                let even = done.result.as_ref().is_ok_and(|bytes| bytes % 2 == 0);
                seen.push((done.path.file_name().unwrap().to_owned(), done.result.ok()));
                even
            });
            seen.sort();
            let expected = [("a", Some(1)), ("b", Some(2)), ("c", Some(3)), ("d", Some(4)), ("empty", None)];
            let expected: Vec<_> = expected
                .into_iter()
                .chain([("gone", None), ("known", Some(5))])
                .map(|(a, b)| (a.into(), b))
                .collect();
            assert_eq!(seen, expected);
            let counts = (summary.files, summary.bytes, summary.found, summary.failed, summary.from_index);
            assert_eq!((counts, summary.cancelled), ((7, 15, 2, 2, 1), false));
        }
        let cancel = AtomicBool::new(true);
        let files = list(&[folder.path().join("a")], &cancel, |_| true);
        let summary = search(&files, &Lengths, 2, &cancel, |_| true);
        assert_eq!((summary.files, summary.cancelled), (0, true));
    }
}
