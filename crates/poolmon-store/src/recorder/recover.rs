//! What the recorder before left behind: a torn tail is cut, a segment without an end gets one.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use poolmon_model::Sample;

use crate::dir::Dir;
use crate::error::{Result, StoreError};
use crate::folder::{self, SegmentFile};
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
    /// Time since the start of its boot, if known.
    pub last_uptime: Option<Duration>,
}

/// Closes what is open. Call it only with the recorder's lock.
pub(super) fn recover(dir: &Dir) -> Result<OpenReport> {
    let mut report = OpenReport::default();
    let mut last = None;
    for segment in folder::segments(dir.path())? {
        // A file that a recorder did not name so, or that cannot be opened as one, is not ours to change.
        let Some(file) = open(dir, &segment) else { continue };
        let path = &segment.path;
        let mut window = Window::new(file).map_err(StoreError::io("read", path))?;
        if let Some(index) = stored_index(&mut window).map_err(StoreError::io("read", path))? {
            if let Some((_, time)) = index.times() {
                report.last_sample = Some((time, boot(dir, &segment)));
                last = Some(segment);
            }
            continue;
        }
        let before = report.last_sample.take();
        let found = close(dir, &segment, &mut report)?;
        if report.last_sample.is_some() {
            last = Some(segment);
        } else {
            report.last_sample = before;
        }
        report.recovered.extend(found);
    }
    let known = last.and_then(|segment| last_uptime(open(dir, &segment)?).ok()?);
    if let Some(((time, uptime), last)) = known.zip(report.last_sample.as_mut()) {
        // The last one that can be read: both are of one moment.
        last.0 = time;
        report.last_uptime = Some(uptime);
    }
    Ok(report)
}

fn open(dir: &Dir, segment: &SegmentFile) -> Option<File> {
    if segment.is_named() { dir.read(segment.name()).ok() } else { None }
}

fn boot(dir: &Dir, segment: &SegmentFile) -> Option<String> {
    let cursor = SegmentCursor::open(open(dir, segment)?).ok()?;
    cursor.head().ok()?.origin.boot.clone()
}

/// Time and uptime of the last sample of a segment that can be read.
fn last_uptime(file: File) -> io::Result<Option<(Timestamp, Duration)>> {
    let mut cursor = SegmentCursor::open(file)?;
    let index = cursor.index()?;
    let mut sample = Sample::empty();
    let held = cursor.seek_number(&index, index.samples.saturating_sub(1))?;
    let held = held && cursor.sample_into(&mut sample);
    Ok(sample.time.zip(sample.uptime).filter(|_| held))
}

fn close(dir: &Dir, segment: &SegmentFile, report: &mut OpenReport) -> Result<Option<Recovered>> {
    let path = segment.path.as_path();
    let reading = || StoreError::io("read", path);
    let Some(file) = open(dir, segment) else { return Ok(None) };
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
    // A file without a byte shows no maker: it stays.
    let is_ours = cursor.head().is_ok();
    drop(cursor);
    let mut found = Recovered {
        path: path.into(),
        samples: scan.index.samples,
        cut: scan.torn,
        damage: scan.damage.clone(),
        removed: false,
    };
    if scan.frames == 0 {
        // More than a head: frames that were there are damaged, or it never was a segment.
        if !is_ours || scan.torn > 0 {
            return Ok(None);
        }
        dir.remove(segment.name()).map_err(StoreError::io("remove", path))?;
        found.removed = true;
        return Ok(Some(found));
    }
    let writing = || StoreError::io("write", path);
    let Ok(mut file) = dir.write(segment.name()) else { return Ok(None) };
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
