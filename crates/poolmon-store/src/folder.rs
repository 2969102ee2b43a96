//! A recording's folder: segments, notes that wait, the recorder's lock.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::WholeFile;
use crate::dir::{self, Dir};
use crate::error::{Result, StoreError};
use crate::segment::frame::{MAGIC, time_of, wall_of};
use crate::segment::marks::{RecordedMark, TimedMark};
use crate::segment::scan;
use crate::segment::window::Window;

/// Ending of a segment.
pub const ENDING: &str = "plog";
const LOCK: &str = "recorder.lock";
/// First line of a note: another file of that name is no note.
const NOTE: &str = "poolmon note\n";
/// Bytes of a note at most, its first line aside: what a segment can hold.
const NOTE_BYTES: usize = 0xfffe;
/// A segment's number is below this one; a file that claims another is not one of ours.
const NUMBERS: u64 = 1_000_000_000_000;

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
        fs::symlink_metadata(&self.path).map_or(0, |data| data.len())
    }

    /// Its Parquet file, if it was sealed.
    pub fn sealed(&self) -> PathBuf {
        self.path.with_extension("parquet")
    }

    /// Its name in the folder.
    pub(crate) fn name(&self) -> &OsStr {
        self.path.file_name().unwrap_or_default()
    }

    /// Whether its name is one that a recorder gives: a file that was renamed, or is another's, is left alone.
    pub(crate) fn is_named(&self) -> bool {
        let stem = self.path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
        let Some((number, start)) = stem.split_once('-') else { return false };
        let is_start = start.bytes().map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
        format!("{:08}", self.number) == number && is_start.eq(*b"00000000T000000Z")
    }
}

/// Name of a segment: its number and the UTC second in which it began, so that people find their day.
pub(crate) fn segment_name(number: u64, start: Timestamp) -> String {
    format!("{number:08}-{}.{ENDING}", start.strftime("%Y%m%dT%H%M%SZ"))
}

/// Segments of a folder, oldest first. Links, pipes and devices are none.
pub fn segments(folder: &Path) -> Result<Vec<SegmentFile>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(StoreError::io("list", folder))? {
        let entry = entry.map_err(StoreError::io("list", folder))?;
        let path = entry.path();
        if path.extension() != Some(OsStr::new(ENDING)) || !entry.file_type().is_ok_and(|kind| kind.is_file())
        {
            continue;
        }
        let stem = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
        let number = stem.split('-').next().and_then(|number| number.parse().ok());
        let number = number.filter(|&number| number < NUMBERS).unwrap_or(0);
        // A renamed file is still read; without a number it is before the others.
        let file = SegmentFile { path, number };
        if file.is_named() || has_content(&file.path) {
            found.push(file);
        }
    }
    found.sort_by(|a, b| (a.number, &a.path).cmp(&(b.number, &b.path)));
    Ok(found)
}

/// Whether a folder is, or can become, one of a recording alone: it is missing, has segments, or has nothing but what recorders and file
/// systems put there.
pub fn is_free(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return true };
    let is_ours =
        |name: &OsStr| name == LOCK || name == "lost+found" || name.as_encoded_bytes().starts_with(b"note-");
    segments(folder).is_ok_and(|segments| !segments.is_empty())
        || entries.flatten().all(|entry| is_ours(&entry.file_name()))
}

/// The number of a recorder's next segment. A number so high that none would be left for what follows is not continued.
pub(crate) fn next_number(files: &[SegmentFile]) -> u64 {
    let ours = files.iter().filter(|file| file.number < NUMBERS / 2);
    ours.map(|file| file.number + 1).max().unwrap_or(0)
}

/// Takes the recorder's lock; it is released when the file is dropped or the process dies.
pub(crate) fn lock(dir: &Dir, mode: u32) -> Result<File> {
    let path = dir.path().join(LOCK);
    let file = dir.lock(OsStr::new(LOCK), mode).map_err(StoreError::io("open", &path))?;
    let mut tries = 0;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // A reader that looks holds it for a moment.
            Err(TryLockError::WouldBlock) if tries < 10 => {
                tries += 1;
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => return Err(StoreError::Locked { folder: dir.path().into() }),
            Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", &path)(error)),
        }
    }
}

/// Leaves a note for a recording, whether a recorder runs or not: readers show it at once, and the next
/// recorder takes it into a segment.
///
/// # Errors
///
/// There is no such folder, the note is longer than a segment can hold, or it cannot be written.
pub fn note(folder: &Path, text: &str, time: Timestamp) -> Result<()> {
    if !folder.is_dir() {
        let remedy = "name the folder that `poolmon record` writes into".into();
        return Err(StoreError::NoRecording { folder: folder.into(), remedy });
    }
    if text.len() > NOTE_BYTES {
        return Err(StoreError::LongNote { bytes: text.len(), most: NOTE_BYTES });
    }
    let dir = Dir::open(folder).map_err(StoreError::io("open", folder))?;
    // Those who may read the recording may read its notes.
    let mode = lock_mode(&dir).unwrap_or(0o600);
    let taken = dir.names().map_err(StoreError::io("list", folder))?;
    let name =
        |n: u32| OsString::from(format!("note-{}-{}-{n}.txt", time.as_nanosecond(), std::process::id()));
    let name = (0..=u32::MAX).map(name).find(|name| !taken.contains(name)).unwrap_or_default();
    let path = folder.join(&name);
    let write = || {
        let mut file = WholeFile::within(Arc::new(dir), &name, mode)?;
        file.file().write_all(format!("{NOTE}{text}").as_bytes())?;
        file.finish()
    };
    write().map_err(StoreError::io("write", &path))
}

/// Who may read a recording's lock may read the recording.
fn lock_mode(dir: &Dir) -> Option<u32> {
    let file = dir.read(OsStr::new(LOCK)).ok()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        Some(file.metadata().ok()?.mode() & 0o666)
    }
    #[cfg(not(unix))]
    {
        drop(file);
        None
    }
}

/// Notes that no recorder has taken yet, oldest first, and their files.
pub(crate) fn waiting_notes(dir: &Dir) -> Vec<(OsString, TimedMark)> {
    let Ok(names) = dir.names() else { return Vec::new() };
    let mut notes: Vec<_> = names
        .into_iter()
        .filter_map(|name| {
            let time = note_time(name.to_str()?)?;
            let file = dir.read(&name).ok()?;
            // What has a second name may be a file that the user who made the link could not read.
            if dir::has_other_names(&file.metadata().ok()?) {
                return None;
            }
            let mut bytes = Vec::new();
            let most = NOTE.len() + NOTE_BYTES;
            file.take(most as u64 + 1).read_to_end(&mut bytes).ok()?;
            let text = bytes.strip_prefix(NOTE.as_bytes()).filter(|text| text.len() <= NOTE_BYTES)?;
            let text = String::from_utf8_lossy(text).into_owned();
            Some((name, TimedMark { time: time_of(wall_of(Some(time))), mark: RecordedMark::Note(text) }))
        })
        .collect();
    notes.sort_by_key(|(name, note)| (note.time, name.clone()));
    notes
}

/// When a note was written, by its name; `None` if it is not the name of one.
fn note_time(name: &str) -> Option<Timestamp> {
    let name = name.strip_prefix("note-")?.strip_suffix(".txt")?;
    let mut parts = name.split('-').map(str::parse::<i128>);
    let nanos = parts.next()?.ok()?;
    let rest = parts.next()?.is_ok() && parts.next()?.is_ok() && parts.next().is_none();
    Timestamp::from_nanosecond(nanos).ok().filter(|_| rest)
}

/// Whether a recorder holds the lock.
pub(crate) fn lock_is_held(folder: &Path) -> bool {
    let Ok(file) = dir::read(&folder.join(LOCK)) else { return false };
    // Shared: those who look do not take each other for a recorder.
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

/// Whether a file is a segment, by its content, its head or its end: anything may have the name of one.
pub(crate) fn is_segment(dir: &Dir, name: &OsStr) -> io::Result<bool> {
    is_content(dir.read(name)?)
}

/// The same of a file that has another name than a recorder gives: those of other programs are not read.
fn has_content(path: &Path) -> bool {
    dir::read(path).and_then(is_content).unwrap_or(false)
}

fn is_content(mut file: File) -> io::Result<bool> {
    Ok(has_head(&mut file)? || scan::stored_index(&mut Window::new(file)?)?.is_some())
}

fn has_head(file: &mut File) -> io::Result<bool> {
    let mut start = [0; MAGIC.len()];
    match file.read_exact(&mut start) {
        Ok(()) => Ok(start == MAGIC),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether a file that someone names is a segment: by its head; if it is called one, by any frame as well, as its head may be damaged,
/// or if nothing was written into it yet.
pub(crate) fn is_named_segment(mut file: File, is_called_one: bool) -> io::Result<bool> {
    if has_head(&mut file)? {
        return Ok(true);
    }
    let mut window = Window::new(file)?;
    let is_one = |window: &mut Window<File>| -> io::Result<bool> {
        Ok(scan::stored_index(window)?.is_some() || scan::has_frame(window)?)
    };
    Ok(is_called_one && (window.length() == 0 || is_one(&mut window)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_recorder_gives() {
        let named = |name: &str, number| SegmentFile { path: name.into(), number }.is_named();
        let start = Timestamp::from_second(1_800_000_000).unwrap();
        assert!(named(&segment_name(7, start), 7) && named(&segment_name(123_456_789, start), 123_456_789));
        for name in [
            "thesis.plog",
            "1-20260101T000000Z.plog",
            "00000007-2026.plog",
            "00000007-20260101T000000Z-copy.plog",
        ] {
            assert!(!named(name, 7), "{name}");
        }
        assert!(note_time("note-1795883065000000000-1-0.txt").is_some());
        for name in ["note-1.txt", "note-for-me.txt", "note-1795883065000000000-1-0-2.txt", "notes-1-1-1.txt"]
        {
            assert!(note_time(name).is_none(), "{name}");
        }
    }
}
