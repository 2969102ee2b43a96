//! Reads a recording, while it is written or later. Only one frame and one sample are in memory at a time.
//!
//! * [`Recording`]: the folder; [`cursor`]: any moment and its neighbours;
//! * `steady`: the time that passed, whatever was done to the wall clock;
//! * [`stretch`]: weeks in a moment, by their summaries;
//! * [`series`]: one tag through time, totals for a timeline;
//! * [`mod@holders`]: who held objects;
//! * [`info`]: what is in it; [`verify`]: whether it is whole.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

pub mod cursor;
pub mod holders;
pub mod info;
pub mod series;
mod steady;
pub mod stretch;
pub mod verify;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use poolmon_model::{CacheMaker, shell};

pub use cursor::{Changed, Cursor};
pub use info::{HoldersInfo, RecordingInfo};
pub use series::{SeriesPoint, TimelinePoint};
pub(crate) use steady::Steady;
pub use stretch::Stretch;
pub use verify::{SegmentCheck, Verification};

use crate::dir::{self, Dir};
use crate::error::{Result, StoreError};
use crate::folder::{self, SegmentFile};
use crate::segment::cursor::SegmentCursor;
use crate::segment::frame::{FrameKind, HeadError, VERSION, time_of, wall_of};
use crate::segment::index::Index;
use crate::segment::marks::TimedMark;
use crate::segment::merged;
use crate::segment::scan::frame_at;
use crate::segment::window::Window;

/// A recording: a folder of segments, or one segment.
#[derive(Clone, Debug)]
pub struct Recording {
    folder: PathBuf,
    /// One file instead of a folder.
    single: bool,
    files: Vec<SegmentFile>,
    clock: Arc<Steady>,
}

impl Recording {
    /// Opens a folder that a recorder wrote into, or one `.plog` file of it.
    pub fn open(path: &Path) -> Result<Self> {
        let none = |remedy: &str| StoreError::NoRecording { folder: path.into(), remedy: remedy.into() };
        if path.is_file() {
            if !is_segment(path)? {
                return Err(none("name the folder that `poolmon record` writes into"));
            }
            // A link that someone names may be followed; one in a folder is not.
            let path = path.canonicalize().map_err(StoreError::io("open", path))?;
            let file = SegmentFile { path: path.clone(), number: 0 };
            let folder = path.parent().unwrap_or(Path::new(".")).into();
            let files = vec![file];
            return Ok(Self { folder, single: true, clock: Arc::new(Steady::new(&files)), files });
        }
        if !path.is_dir() {
            return Err(none(&format!("create it: poolmon record {}", shell::path(path))));
        }
        let files = folder::segments(path)?;
        if files.is_empty() {
            let is_free = folder::is_free(path);
            return Err(none(&if is_free {
                format!("record into it: poolmon record {}", shell::path(path))
            } else {
                let path = shell::path(path);
                format!(
                    "none of its files is a segment of a recording; if they are logs, import them: poolmon import {path} -o DIR"
                )
            }));
        }
        Ok(Self { folder: path.into(), single: false, clock: Arc::new(Steady::new(&files)), files })
    }

    /// Looks for segments that came or went.
    pub fn refresh(&mut self) -> Result<()> {
        if !self.single {
            self.files = folder::segments(&self.folder)?;
            self.clock.set(&self.files);
        }
        Ok(())
    }

    /// Its segments, oldest first.
    pub fn segments(&self) -> &[SegmentFile] {
        &self.files
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it was opened by: the folder, or its one file.
    pub fn path(&self) -> &Path {
        self.files.first().filter(|_| self.single).map_or(&self.folder, |file| &file.path)
    }

    /// A cursor before the first sample.
    pub fn cursor(&self) -> Cursor {
        Cursor::new(self.files.clone(), Arc::clone(&self.clock))
    }

    /// Notes, gaps and module changes in `from..=to` (`None` = without end), oldest first; also notes that wait
    /// for the next recorder.
    pub fn marks(&self, from: Option<Timestamp>, to: Option<Timestamp>) -> Result<Vec<TimedMark>> {
        let mut marks = Vec::new();
        for file in &self.files {
            let (mut segment, index) = self.indexed(file)?;
            for entry in index.marks.iter().filter(|entry| within(entry.wall, from, to)) {
                marks.extend(segment.mark_at(entry.offset).map_err(StoreError::io("read", &file.path))?);
            }
        }
        if !self.single {
            let dir = Dir::open(&self.folder).map_err(StoreError::io("open", &self.folder))?;
            let waiting = folder::waiting_notes(&dir).into_iter().map(|(_, note)| note);
            let new = waiting.filter(|note| within(wall_of(note.time), from, to) && !marks.contains(note));
            let new: Vec<_> = new.collect();
            marks.extend(new);
        }
        marks.sort_by_key(|mark| mark.time);
        Ok(marks)
    }
}

impl Recording {
    /// Whether a recorder writes to its folder.
    pub fn is_being_written(&self) -> bool {
        let folders = [Some(self.folder()), self.folder().parent()];
        folders.into_iter().flatten().any(folder::lock_is_held)
    }

    /// Which slab caches shared one under several names, as the newest segment that says so has it; empty if none does.
    ///
    /// # Errors
    /// A segment cannot be read.
    pub fn merged(&self) -> Result<Vec<Vec<String>>> {
        Ok(self.caches()?.0)
    }

    /// Which modules made which slab caches, as that segment has it.
    ///
    /// # Errors
    /// A segment cannot be read.
    pub fn makers(&self) -> Result<Vec<CacheMaker>> {
        Ok(self.caches()?.1)
    }

    fn caches(&self) -> Result<(Vec<Vec<String>>, Vec<CacheMaker>)> {
        for file in self.files.iter().rev() {
            let (_, index) = self.indexed(file)?;
            let reading = || StoreError::io("read", &file.path);
            let mut window = Window::new(open(&file.path)?).map_err(reading())?;
            // It is behind the first sample, after gaps at most.
            for entry in index.marks.iter().take(64) {
                let frame = frame_at(&mut window, entry.offset).map_err(reading())?;
                let frame = frame.filter(|frame| frame.head.kind == FrameKind::Merged);
                if let Some(caches) = frame.and_then(|frame| merged::parse(&frame.payload)) {
                    return Ok(caches);
                }
            }
        }
        Ok((Vec::new(), Vec::new()))
    }
}

fn within(wall: i64, from: Option<Timestamp>, to: Option<Timestamp>) -> bool {
    let Some(time) = time_of(wall) else { return from.is_none() && to.is_none() };
    from.is_none_or(|from| time >= from) && to.is_none_or(|to| time <= to)
}

/// Whether a file is a segment, which may be renamed.
fn is_segment(path: &Path) -> Result<bool> {
    let is_called_one = path.extension().is_some_and(|ending| ending == folder::ENDING);
    folder::is_named_segment(open(path)?, is_called_one).map_err(StoreError::io("read", path))
}

fn open(path: &Path) -> Result<File> {
    dir::read(path).map_err(StoreError::io("open", path))
}

/// Opens a segment and says where it is from a later program or no segment at all.
pub(crate) fn open_segment(path: &Path) -> Result<SegmentCursor<File>> {
    let cursor = SegmentCursor::open(open(path)?).map_err(StoreError::io("read", path))?;
    match cursor.head() {
        Err(HeadError::Version(version)) => Err(StoreError::Malformed {
            path: path.into(),
            offset: 8,
            problem: format!("format version {version}; this program reads up to {VERSION}"),
            remedy: "read it with the poolmon that wrote it, or a later one",
        }),
        _ => Ok(cursor),
    }
}

/// Opens a segment of a recording; its times are those of the recording's clock.
fn open_steady(clock: &Steady, path: &Path) -> Result<SegmentCursor<File>> {
    let mut cursor = open_segment(path)?;
    cursor.set_shifts(clock.shifts(path)?);
    Ok(cursor)
}

/// The same with its index.
fn indexed(clock: &Steady, path: &Path) -> Result<(SegmentCursor<File>, Index)> {
    let mut cursor = open_steady(clock, path)?;
    let index = cursor.index().map_err(StoreError::io("read", path))?;
    Ok((cursor, index))
}

impl Recording {
    pub(crate) fn indexed(&self, file: &SegmentFile) -> Result<(SegmentCursor<File>, Index)> {
        indexed(&self.clock, &file.path)
    }

    /// Times of the first and the last sample of each segment that has any, by the recording's clock, and its number.
    pub(crate) fn spans(&self) -> Vec<(u64, Timestamp, Timestamp)> {
        let span = |file: &SegmentFile| {
            let (_, index) = self.indexed(file).ok()?;
            let (first, last) = index.times()?;
            Some((file.number, first, last))
        };
        self.files.iter().filter_map(span).collect()
    }
}

/// When a segment begins: from its name, else from its head.
fn start_of(clock: &Steady, file: &SegmentFile) -> Option<Timestamp> {
    let by = SignedDuration::from_nanos(clock.began(&file.path).ok()?);
    let stem = file.path.file_stem()?.to_str()?;
    let named = stem.split_once('-').and_then(|(_, start)| {
        let start = DateTime::strptime("%Y%m%dT%H%M%SZ", start).ok()?;
        Offset::UTC.to_timestamp(start).ok()
    });
    let start = named.or_else(|| {
        let cursor = open_segment(&file.path).ok()?;
        cursor.head().ok().and_then(|head| time_of(head.wall))
    });
    start?.checked_add(by).ok()
}
