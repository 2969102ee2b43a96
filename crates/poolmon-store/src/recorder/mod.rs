//! Records samples into a folder.
//!
//! * [`config`]: what a person can choose;
//! * [`disk`]: how files are made, so that tests can pull the plug;
//! * [`recover`]: what the recorder before left behind;
//! * [`gaps`]: what happened between two samples;
//! * [`retention`]: which segments go;
//! * [`seal`]: Parquet in the background.

pub mod config;
pub mod disk;
pub mod gaps;
pub mod recover;
pub mod retention;
#[cfg(feature = "parquet")]
pub mod seal;

use std::ffi::OsString;
use std::fmt::Display;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use poolmon_holder::{Anonymous, Census, Digest, Keeper};
use poolmon_model::{CacheMaker, Filter, PoolView, Sample};

pub use config::RecorderConfig;
pub use disk::{Disk, RealDisk};
pub use gaps::ClockMoment;
pub use recover::{OpenReport, Recovered};
pub use retention::Deleted;

use crate::dir::Dir;
use crate::error::{Result, StoreError, is_full};
use crate::folder::{self, SegmentFile};
use crate::segment::frame::{SegmentHead, VERSION, wall_of};
use crate::segment::marks::{Gap, GapKind, ModuleChange, RecordedMark};
use crate::segment::summary::Stretch;
use crate::segment::writer::{Append, SegmentWriter, WriteError};

/// What became of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordOutcome {
    /// It is in the recording.
    Recorded,
    /// The disk is full; this many samples in a row were not recorded. The next call tries again.
    DiskFull {
        /// Samples lost since the disk is full.
        missed: u64,
    },
}

/// Status of a recorder, as a status line shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecorderStatus {
    /// Samples recorded.
    pub samples: u64,
    /// Gaps recorded.
    pub gaps: u64,
    /// Samples that the source failed to give.
    pub failed: u64,
    /// Bytes of the segment that is written now.
    pub segment_bytes: u64,
    /// Bytes of all segments in the folder.
    pub total_bytes: u64,
    /// Segments deleted because of `keep` or `max_size`.
    pub deleted: u64,
    /// Samples not recorded since the disk is full; 0 = it is not.
    pub missed: u64,
    /// Samples lost to a full disk, these included.
    pub lost: u64,
}

impl RecorderStatus {
    /// Whether its end, or all of it, is lost: what was asked for is not there.
    pub const fn lacks_its_end(&self) -> bool {
        self.samples == 0 || self.missed > 0
    }
}

/// Writes a recording. There is one in a folder at a time.
pub struct Recorder {
    folder: PathBuf,
    dir: Arc<Dir>,
    config: RecorderConfig,
    filter: Filter,
    disk: Box<dyn Disk>,
    started: Instant,
    writer: Option<Open>,
    /// What is gathered goes on in the next segment.
    stretch: Stretch,
    next_number: u64,
    last: Option<gaps::Seen>,
    failing: Option<gaps::Failing>,
    full_since: Option<Duration>,
    synced: Duration,
    ages: retention::Ages,
    deleted: Vec<Deleted>,
    taken_notes: Vec<OsString>,
    /// Where the clock of imported samples is 0.
    past: Option<Timestamp>,
    /// Which slab caches share one: said once in each segment.
    merged: Vec<Vec<String>>,
    makers: Vec<CacheMaker>,
    holders: Counted,
    scratch: Sample,
    status: RecorderStatus,
    closed_bytes: u64,
    #[cfg(feature = "parquet")]
    sealer: Option<seal::Sealer>,
    /// Given back when the recorder is dropped.
    _lock: File,
}

/// Who held objects when that was last counted.
#[derive(Default)]
struct Counted {
    keeper: Keeper,
    names: Anonymous,
    digest: Digest,
    /// Somebody was counted already.
    is_known: bool,
    /// It is not in the recording yet.
    is_new: bool,
    /// When; `None` = with the sample.
    at: Option<Timestamp>,
}

/// The segment that is written.
struct Open {
    writer: SegmentWriter,
    file: SegmentFile,
    began: Duration,
}

impl Recorder {
    /// Opens a folder for recording; makes it if it is missing. Says what the recorder before left behind.
    pub fn open(folder: &Path, config: RecorderConfig) -> Result<(Self, OpenReport)> {
        Self::open_with(folder, config, None)
    }

    /// As [`Recorder::open`], on a disk of the caller's.
    pub fn open_on(folder: &Path, config: RecorderConfig, disk: Box<dyn Disk>) -> Result<(Self, OpenReport)> {
        Self::open_with(folder, config, Some(disk))
    }

    fn open_with(
        folder: &Path,
        config: RecorderConfig,
        disk: Option<Box<dyn Disk>>,
    ) -> Result<(Self, OpenReport)> {
        if config.seal && !cfg!(feature = "parquet") {
            return Err(StoreError::NoParquet);
        }
        let dir = Arc::new(Dir::make(folder, config.mode).map_err(|error| match error.kind() {
            io::ErrorKind::NotADirectory => StoreError::NoFolder { path: folder.into() },
            _ => StoreError::io("open", folder)(error),
        })?);
        let disk = disk.unwrap_or_else(|| Box::new(RealDisk { dir: Arc::clone(&dir), mode: config.mode }));
        let lock = folder::lock(&dir, config.mode)?;
        let report = recover::recover(&dir)?;
        let files = folder::segments(folder)?;
        let filter = Filter {
            view: config.view,
            include: config.include.clone(),
            exclude: config.exclude.clone(),
            show_zero: true,
            ..Filter::default()
        };
        #[cfg(feature = "parquet")]
        let sealer = config.seal.then(|| seal::Sealer::start(Arc::clone(&dir), config.mode));
        let ages = if config.keep.is_some() { ages(folder) } else { retention::Ages::default() };
        let mut recorder = Self {
            folder: folder.into(),
            dir,
            filter,
            disk,
            started: Instant::now(),
            writer: None,
            stretch: Stretch::default(),
            next_number: folder::next_number(&files),
            last: gaps::Seen::from_report(&report),
            failing: None,
            full_since: None,
            synced: Duration::ZERO,
            ages,
            deleted: Vec::new(),
            taken_notes: Vec::new(),
            past: None,
            merged: Vec::new(),
            makers: Vec::new(),
            holders: Counted::default(),
            scratch: Sample::empty(),
            status: RecorderStatus::default(),
            closed_bytes: files.iter().map(SegmentFile::size).sum(),
            #[cfg(feature = "parquet")]
            sealer,
            config,
            _lock: lock,
        };
        #[cfg(feature = "parquet")]
        for file in files.into_iter().filter(|file| !file.sealed().exists()) {
            recorder.seal(file);
        }
        recorder.retain();
        Ok((recorder, report))
    }

    /// Now, on both clocks.
    pub fn now(&self) -> ClockMoment {
        ClockMoment { wall: Timestamp::now(), clock: self.started.elapsed() }
    }

    /// Its status.
    pub fn status(&self) -> RecorderStatus {
        let segment_bytes = self.writer.as_ref().map_or(0, |open| open.writer.length());
        RecorderStatus { segment_bytes, total_bytes: self.closed_bytes + segment_bytes, ..self.status }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Records a sample that was taken just now.
    pub fn record(&mut self, sample: &Sample) -> Result<RecordOutcome> {
        self.record_at(sample, self.now())
    }

    /// Records a sample of a given moment. The sample's own time is in the file, if it has one.
    pub fn record_at(&mut self, sample: &Sample, moment: ClockMoment) -> Result<RecordOutcome> {
        let mut scratch = std::mem::replace(&mut self.scratch, Sample::empty());
        let sample = filtered(&self.filter, sample, &mut scratch);
        let result = self.write(sample, moment);
        self.scratch = scratch;
        self.outcome(result, moment)
    }

    /// Records a sample of the past, as imports do: its own time stands for both clocks.
    pub fn record_past(&mut self, sample: &Sample) -> Result<RecordOutcome> {
        let wall = sample.time.unwrap_or_else(Timestamp::now);
        let zero = *self.past.get_or_insert(wall);
        let since = Duration::try_from(wall.duration_since(zero)).unwrap_or_default();
        // A clock that goes back in a log stands still here; the gap says so.
        let clock = since.max(self.last.as_ref().and_then(|seen| seen.clock).unwrap_or_default());
        self.record_at(sample, ClockMoment { wall, clock })
    }

    fn outcome(&mut self, result: Result<()>, moment: ClockMoment) -> Result<RecordOutcome> {
        match result {
            Ok(()) => Ok(RecordOutcome::Recorded),
            Err(error) if error.is_full() => {
                self.full_since.get_or_insert(moment.clock);
                self.status.missed += 1;
                self.status.lost += 1;
                Ok(RecordOutcome::DiskFull { missed: self.status.missed })
            }
            Err(error) => Err(error),
        }
    }

    fn write(&mut self, sample: &Sample, moment: ClockMoment) -> Result<()> {
        let time = sample.time.unwrap_or(moment.wall);
        self.roll(sample, moment)?;
        let seen = gaps::Seen::of(sample, moment);
        let between = gaps::between(self.last.as_ref(), &seen, &self.config, self.failing.as_ref());
        for gap in between.gaps {
            self.mark(Some(time), &RecordedMark::Gap(gap))?;
            self.status.gaps += 1;
        }
        self.ages.passed(between.passed, between.is_claim);
        if between.set != 0 {
            // Times of the wall clock on both sides of it say nothing about the time between.
            if let Some(open) = &mut self.writer {
                open.writer.break_stretch();
            }
            self.holders.at = None;
        }
        // Gaps are said once, also where the sample itself then fails.
        self.failing = None;
        self.last = Some(seen);
        if let Some(since) = self.full_since {
            let length = gaps::nanos(moment.clock.saturating_sub(since));
            let reason = Some(format!("{} samples were not recorded", self.status.missed));
            self.mark(
                Some(time),
                &RecordedMark::Gap(Gap { kind: GapKind::DiskFull, length_ns: length, reason }),
            )?;
            self.status.gaps += 1;
            (self.full_since, self.status.missed) = (None, 0);
        }
        let clock = u64::try_from(moment.clock.as_micros()).unwrap_or(u64::MAX);
        let Some(open) = &mut self.writer else { return Ok(()) };
        // Each segment begins with them.
        if self.holders.is_new || self.holders.is_known && open.writer.samples() == 0 {
            // Never behind the sample, whose clock may have been set meanwhile.
            let counted = self.holders.at.take().map_or(time, |at| at.min(time));
            let written = open.writer.holders(Some(counted), &self.holders.digest);
            written.map_err(StoreError::io("write", &open.file.path))?;
            self.holders.is_new = false;
        }
        open.writer.sample(sample, clock).map_err(write_error(&open.file.path))?;
        if open.writer.samples() == 1 && !(self.merged.is_empty() && self.makers.is_empty()) {
            open.writer.merged(Some(time), &self.merged, &self.makers);
        }
        self.status.samples += 1;
        // With each sample: a recorder that waits for the next sync has lost what is written until then.
        self.is_there()?;
        if moment.clock.saturating_sub(self.synced) >= self.config.sync {
            self.take_notes()?;
            self.sync()?;
            self.synced = moment.clock;
            self.retain();
        }
        Ok(())
    }

    /// Begins a segment if there is none, where the old one is long enough, or where the source is another.
    fn roll(&mut self, sample: &Sample, moment: ClockMoment) -> Result<()> {
        let over = self.writer.as_ref().is_some_and(|open| {
            !open.writer.fits(sample)
                || open.writer.length() >= self.config.segment_limit()
                || moment.clock.saturating_sub(open.began) >= self.config.segment_length
        });
        if over {
            self.finish_segment()?;
        }
        if self.writer.is_some() {
            return Ok(());
        }
        let wall = sample.time.unwrap_or(moment.wall);
        let (file, path) = self.make_segment(wall)?;
        let head = SegmentHead {
            version: VERSION,
            number: self.next_number,
            wall: wall_of(Some(wall)),
            clock: u64::try_from(moment.clock.as_micros()).unwrap_or(u64::MAX),
            interval: self.config.interval,
            origin: Arc::clone(&sample.origin),
            width: sample.width,
        };
        match SegmentWriter::create(file, &head) {
            Ok(mut writer) => {
                writer.go_on(std::mem::take(&mut self.stretch));
                let file = SegmentFile { path, number: self.next_number };
                self.writer = Some(Open { writer, file, began: moment.clock });
                self.next_number += 1;
                Ok(())
            }
            Err(error) => {
                // A head without room for anything is worth nothing.
                let _ = self.disk.remove(&path);
                Err(StoreError::io("write", &path)(error))
            }
        }
    }

    /// A new file, whose number is the next one of which no name is taken: whatever has it already stays as it is.
    fn make_segment(&mut self, wall: Timestamp) -> Result<(Box<dyn Append>, PathBuf)> {
        let mut tries = 0;
        loop {
            let path = self.folder.join(folder::segment_name(self.next_number, wall));
            match self.disk.create(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tries < 10_000 => {
                    self.next_number += 1;
                    tries += 1;
                }
                result => {
                    return result.map(|file| (file, path.clone())).map_err(StoreError::io("make", path));
                }
            }
        }
    }

    /// Fails if what is written can no longer be found.
    fn is_there(&self) -> Result<()> {
        match &self.writer {
            Some(open) if !open.writer.has_name() || !self.disk.is_there(&open.file.path) => {
                Err(StoreError::Gone { path: open.file.path.clone() })
            }
            _ => Ok(()),
        }
    }

    fn finish_segment(&mut self) -> Result<()> {
        self.is_there()?;
        let Some(open) = self.writer.take() else { return Ok(()) };
        let length = open.writer.length();
        self.closed_bytes += match open.writer.finish() {
            Ok((length, stretch)) => {
                self.stretch = stretch;
                length
            }
            // Without its index it is read a little slower, that is all.
            Err(error) if is_full(&error) => length,
            Err(error) => return Err(StoreError::io("write", &open.file.path)(error)),
        };
        self.ages.ended(open.file.number);
        self.drop_taken_notes();
        #[cfg(feature = "parquet")]
        self.seal(open.file);
        Ok(())
    }

    #[cfg(feature = "parquet")]
    fn seal(&self, file: SegmentFile) {
        if let Some(sealer) = &self.sealer {
            sealer.seal(file.path);
        }
    }

    /// Why the last segment could not be sealed, once.
    pub fn seal_error(&self) -> Option<StoreError> {
        #[cfg(feature = "parquet")]
        let error = self.sealer.as_ref().and_then(seal::Sealer::error);
        #[cfg(not(feature = "parquet"))]
        let error = None;
        error
    }

    fn mark(&mut self, time: Option<Timestamp>, mark: &RecordedMark) -> Result<()> {
        let Some(open) = &mut self.writer else { return Ok(()) };
        open.writer.mark(time, mark).map_err(StoreError::io("write", &open.file.path))
    }

    /// Says that the source failed now, and why. The first failure of a row is in the recording at once,
    /// how long it lasted when it is over.
    pub fn failed(&mut self, reason: &dyn Display) -> Result<RecordOutcome> {
        self.failed_at(reason, self.now())
    }

    /// As [`Recorder::failed`], at a given moment.
    pub fn failed_at(&mut self, reason: &dyn Display, moment: ClockMoment) -> Result<RecordOutcome> {
        let reason = reason.to_string();
        self.status.failed += 1;
        let news = self.failing.as_ref().is_none_or(|failing| failing.reason != reason);
        let failing = self.failing.get_or_insert_with(|| gaps::Failing::new(moment));
        failing.count += 1;
        failing.reason.clone_from(&reason);
        if !news {
            return Ok(RecordOutcome::Recorded);
        }
        let gap = Gap { kind: GapKind::Failed, length_ns: 0, reason: Some(reason) };
        let result = self.mark(Some(moment.wall), &RecordedMark::Gap(gap));
        self.outcome(result, moment)
    }

    /// Writes a note.
    pub fn note(&mut self, text: &str) -> Result<()> {
        let time = Timestamp::now();
        if self.writer.is_none() {
            return folder::note(&self.folder, text, time);
        }
        self.mark(Some(time), &RecordedMark::Note(text.into()))
    }

    /// Writes which modules came and went. Call it after the sample in which they were first seen.
    pub fn modules(&mut self, changes: &[ModuleChange]) -> Result<()> {
        let time = self.last.as_ref().and_then(|seen| seen.time).or_else(|| Some(Timestamp::now()));
        self.mark(time, &RecordedMark::Modules(changes.to_vec()))
    }

    /// Says which slab caches share one under several names; it is written into each segment that begins from now on.
    pub fn merged(&mut self, groups: Vec<Vec<String>>) {
        self.merged = groups;
    }

    /// Says which modules made which slab caches; written with the names that share one.
    pub fn makers(&mut self, makers: Vec<CacheMaker>) {
        self.makers = makers;
    }

    /// Records who holds objects at the moment of the sample that follows.
    pub fn holders(&mut self, census: &Census) {
        self.holders_at(census, None);
    }

    /// Records who held objects at a moment (`None` = that of the sample that follows), with the sample that follows.
    pub fn holders_at(&mut self, census: &Census, time: Option<Timestamp>) {
        let Counted { keeper, names, digest, is_known, is_new, at } = &mut self.holders;
        keeper.digest_into(census, digest);
        if self.config.anonymise {
            names.digest(digest);
        }
        (*is_known, *is_new, *at) = (true, true, time);
    }

    /// Records holders of the past, as another recording has them, with the sample that follows.
    pub fn holders_past(&mut self, digest: &Digest) {
        self.holders.digest.clone_from(digest);
        if self.config.anonymise {
            self.holders.names.digest(&mut self.holders.digest);
        }
        (self.holders.is_known, self.holders.is_new) = (true, true);
    }

    /// Takes notes that others left in the folder.
    fn take_notes(&mut self) -> Result<()> {
        for (name, note) in folder::waiting_notes(&self.dir) {
            if !self.taken_notes.contains(&name) {
                self.mark(note.time, &note.mark)?;
                self.taken_notes.push(name);
            }
        }
        Ok(())
    }

    /// Their files go once the disk has them.
    fn drop_taken_notes(&mut self) {
        for name in self.taken_notes.drain(..) {
            let _ = self.dir.remove(&name);
        }
    }

    /// Waits until the disk has everything recorded.
    pub fn sync(&mut self) -> Result<()> {
        if let Some(open) = &mut self.writer {
            open.writer.sync().map_err(StoreError::io("write", &open.file.path))?;
            self.is_there()?;
            self.drop_taken_notes();
        }
        Ok(())
    }

    /// Segments that were deleted since the last call, oldest first.
    pub fn take_deleted(&mut self) -> Vec<Deleted> {
        std::mem::take(&mut self.deleted)
    }

    fn retain(&mut self) {
        let current = self.writer.as_ref().map(|open| open.file.path.as_path());
        let written = self.writer.as_ref().map_or(0, |open| open.writer.length());
        let done = retention::retain(&self.dir, &self.config, current, written, &self.ages, &*self.disk);
        self.status.deleted += done.deleted.len() as u64;
        self.deleted.extend(done.deleted);
        if let Some(closed) = done.closed_bytes {
            self.closed_bytes = closed;
        }
    }

    /// Closes the recording: index written, disk waited for, segments sealed.
    pub fn close(mut self) -> Result<RecorderStatus> {
        self.finish()
    }

    /// As [`Recorder::close`]; what was deleted can still be asked for. Nothing can be recorded afterwards.
    pub fn finish(&mut self) -> Result<RecorderStatus> {
        if self.writer.is_some() {
            self.take_notes()?;
        }
        self.finish_segment()?;
        self.retain();
        #[cfg(feature = "parquet")]
        if let Some(sealer) = self.sealer.take() {
            sealer.finish()?;
        }
        Ok(self.status())
    }
}

/// How old each segment is, by a clock that no one sets.
fn ages(folder: &Path) -> retention::Ages {
    let Ok(recording) = crate::Recording::open(folder) else { return retention::Ages::default() };
    retention::Ages::new(recording.spans())
}

fn write_error(path: &Path) -> impl FnOnce(WriteError) -> StoreError {
    let path = path.to_path_buf();
    |error| match error {
        WriteError::Io(error) => StoreError::io("write", path)(error),
        WriteError::Codec(error) => error.into(),
    }
}

/// The sample itself, or the rows of it that are wanted.
fn filtered<'a>(filter: &Filter, sample: &'a Sample, scratch: &'a mut Sample) -> &'a Sample {
    if filter.view == PoolView::All && filter.include.is_empty() && filter.exclude.is_empty() {
        return sample;
    }
    scratch.clone_from(sample);
    let kept: Vec<bool> = sample.rows.iter().map(|row| filter.admits_tag(&row.tag, row.pool)).collect();
    if scratch.reported_deltas.len() == kept.len() {
        let mut rest = kept.iter();
        scratch.reported_deltas.retain(|_| rest.next() == Some(&true));
    }
    let mut rest = kept.iter();
    scratch.rows.retain(|_| rest.next() == Some(&true));
    for session in &mut scratch.sessions {
        session.rows.retain(|row| filter.admits_tag(&row.tag, row.pool));
    }
    scratch
}
