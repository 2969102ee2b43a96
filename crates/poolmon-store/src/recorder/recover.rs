//! What the recorder before left behind: a torn tail is cut, a segment without an end gets one.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::error::{Result, StoreError};
use crate::folder;
use crate::segment::cursor::SegmentCursor;
use crate::segment::frame::{FrameKind, HeadError};
use crate::segment::parity::Group;
use crate::segment::scan::stored_index;
use crate::segment::window::Window;
use crate::segment::writer::{Append, SegmentWriter};

/// A segment that was not closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The file.
    pub path: PathBuf,
    /// Samples in it.
    pub samples: u32,
    /// Bytes of a frame that was not written whole; they were cut.
    pub cut: u64,
    /// Damaged parts before the end: first byte and byte after the last. They stay as they are.
    pub damage: Vec<(u64, u64)>,
    /// Nothing was in it, and it was removed.
    pub removed: bool,
}

/// What a recorder found when it opened a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenReport {
    /// Segments that were not closed.
    pub recovered: Vec<Recovered>,
    /// Time and boot of the last sample.
    pub last_sample: Option<(Timestamp, Option<String>)>,
}

/// Closes what is open. Call it only with the recorder's lock.
pub(super) fn recover(folder: &Path) -> Result<OpenReport> {
    let mut report = OpenReport::default();
    for segment in folder::segments(folder)? {
        let path = &segment.path;
        let file = File::open(path).map_err(StoreError::io("open", path))?;
        let mut window = Window::new(file).map_err(StoreError::io("read", path))?;
        if let Some(index) = stored_index(&mut window).map_err(StoreError::io("read", path))? {
            if let Some((_, last)) = index.times() {
                report.last_sample = Some((last, boot(path)));
            }
            continue;
        }
        if let Some(found) = close(path, &mut report)? {
            report.recovered.push(found);
        }
    }
    Ok(report)
}

fn boot(path: &Path) -> Option<String> {
    let cursor = SegmentCursor::open(File::open(path).ok()?).ok()?;
    cursor.head().ok()?.origin.boot.clone()
}

fn close(path: &Path, report: &mut OpenReport) -> Result<Option<Recovered>> {
    let reading = || StoreError::io("read", path);
    let file = File::open(path).map_err(StoreError::io("open", path))?;
    let mut cursor = SegmentCursor::open(file).map_err(reading())?;
    if matches!(cursor.head(), Err(HeadError::Version(_))) {
        // A later program wrote it: it is not ours to change.
        return Ok(None);
    }
    // What a recorder writes behind each group, it could not write for the last.
    let (mut unprotected, mut group) = (None, Group::default());
    let scan = cursor.scan(|frame| match frame.head.kind {
        FrameKind::Key if !group.is_empty() => unprotected = Some(std::mem::take(&mut group)),
        FrameKind::Parity => unprotected = None,
        kind if kind.is_covered() => group.add(frame.offset, &frame.head.frame(&frame.payload)),
        _ => {}
    });
    let scan = scan.map_err(reading())?;
    let index = cursor.index().map_err(reading())?;
    if let Some((_, last)) = index.times() {
        report.last_sample = Some((last, cursor.head().ok().and_then(|head| head.origin.boot.clone())));
    }
    drop(cursor);
    let mut found = Recovered {
        path: path.into(),
        samples: scan.index.samples,
        cut: scan.torn,
        damage: scan.damage.clone(),
        removed: false,
    };
    if scan.frames == 0 {
        fs::remove_file(path).map_err(StoreError::io("remove", path))?;
        found.removed = true;
        return Ok(Some(found));
    }
    let writing = || StoreError::io("write", path);
    let mut file = File::options().write(true).open(path).map_err(writing())?;
    Append::cut(&mut file, scan.end).map_err(writing())?;
    if scan.last.map(|head| head.kind) != Some(FrameKind::End) {
        let next = scan.last.map_or(0, |head| head.number.saturating_add(1));
        // A full disk is no reason to refuse: the segment is read without its index, too.
        let groups = unprotected.into_iter().chain([group]);
        let closed = SegmentWriter::close(Box::new(file), scan.end, next, index, groups);
        if let Err(error) = closed
            && !crate::error::is_full(&error)
        {
            return Err(writing()(error));
        }
    }
    Ok(Some(found))
}
