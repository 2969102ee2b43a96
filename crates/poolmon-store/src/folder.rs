//! A recording's folder: segments, notes that wait, the recorder's lock.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::WholeFile;
use crate::error::{Result, StoreError};
use crate::segment::frame::{time_of, wall_of};
use crate::segment::marks::{RecordedMark, TimedMark};

/// Ending of a segment.
pub const ENDING: &str = "plog";
const LOCK: &str = "recorder.lock";

/// A segment in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentFile {
    /// The file.
    pub path: PathBuf,
    /// Number of the segment.
    pub number: u64,
}

impl SegmentFile {
    /// Bytes it takes now; 0 if it was deleted meanwhile. Listing a folder does not ask: a month has hundreds of
    /// segments, and a look at each that is not in the cache costs a seek its time.
    pub fn size(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |data| data.len())
    }

    /// Its Parquet file, if it was sealed.
    pub fn sealed(&self) -> PathBuf {
        self.path.with_extension("parquet")
    }
}

/// Name of a segment: its number and the UTC second in which it began, so that people find their day.
pub(crate) fn segment_name(number: u64, start: Timestamp) -> String {
    format!("{number:08}-{}.{ENDING}", start.strftime("%Y%m%dT%H%M%SZ"))
}

/// Segments of a folder, oldest first.
pub fn segments(folder: &Path) -> Result<Vec<SegmentFile>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(StoreError::io("list", folder))? {
        let entry = entry.map_err(StoreError::io("list", folder))?;
        let path = entry.path();
        if path.extension() != Some(OsStr::new(ENDING)) {
            continue;
        }
        let stem = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
        let number = stem.split('-').next().and_then(|number| number.parse().ok());
        // A renamed file is still read; it is before the others.
        let number = number.unwrap_or(0);
        found.push(SegmentFile { path, number });
    }
    found.sort_by(|a, b| (a.number, &a.path).cmp(&(b.number, &b.path)));
    Ok(found)
}

/// Takes the recorder's lock; it is released when the file is dropped or the process dies.
pub(crate) fn lock(folder: &Path) -> Result<File> {
    let path = folder.join(LOCK);
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(StoreError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { folder: folder.into() }),
        Err(TryLockError::Error(error)) => Err(StoreError::io("lock", &path)(error)),
    }
}

/// Makes names in a folder last through a power cut, if the system has that notion.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Writes a file whole or not at all: under another name, then renamed.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = WholeFile::new(path)?;
    file.file().write_all(bytes)?;
    file.finish()
}

/// Leaves a note for a recording, whether a recorder runs or not: readers show it at once, and the next
/// recorder takes it into a segment.
pub fn note(folder: &Path, text: &str, time: Timestamp) -> Result<()> {
    if !folder.is_dir() {
        let remedy = "name the folder that `poolmon record` writes into".into();
        return Err(StoreError::NoRecording { folder: folder.into(), remedy });
    }
    for n in 0_u32.. {
        let name = format!("note-{}-{}-{n}.txt", time.as_nanosecond(), std::process::id());
        let path = folder.join(name);
        if !path.exists() {
            write_whole(&path, text.as_bytes()).map_err(StoreError::io("write", &path))?;
            break;
        }
    }
    Ok(())
}

/// Notes that no recorder has taken yet, oldest first, and their files.
pub(crate) fn waiting_notes(folder: &Path) -> Vec<(PathBuf, TimedMark)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut notes: Vec<_> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_name()?.to_str()?.strip_prefix("note-")?.strip_suffix(".txt")?;
            let nanos: i128 = name.split('-').next()?.parse().ok()?;
            let time = Timestamp::from_nanosecond(nanos).ok()?;
            let text = String::from_utf8_lossy(&fs::read(&path).ok()?).into_owned();
            Some((path, TimedMark { time: time_of(wall_of(Some(time))), mark: RecordedMark::Note(text) }))
        })
        .collect();
    notes.sort_by_key(|(path, note)| (note.time, path.clone()));
    notes
}

/// Whether a recorder holds the lock.
pub(crate) fn lock_is_held(folder: &Path) -> bool {
    let Ok(file) = File::options().write(true).open(folder.join(LOCK)) else { return false };
    matches!(file.try_lock(), Err(TryLockError::WouldBlock))
}
