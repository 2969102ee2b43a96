//! Samples of a source, into a recorder, with everything that is next to them.

use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use poolmon_holder::{PATIENCE, Paced};
use poolmon_model::problem::Remedy as _;
use poolmon_model::{Limit, Sample, SourceKind};
use poolmon_owner::linux::MergedCaches;
use poolmon_source::{LoadedModule, Source, SourceError};
use poolmon_store::{OpenReport, RecordOutcome, Recorder, RecorderConfig, RecorderStatus, StoreError};

use crate::alarm::Alarm;
use crate::events::RecordEvent;
use crate::limits::Limits;
use crate::modules;

/// The caller that is notified of what a recorder does.
pub type Notify<'a> = &'a mut dyn FnMut(&RecordEvent<'_>);

/// A recorder and what it has said already.
pub struct Session {
    recorder: Recorder,
    /// The source was asked which caches share one.
    named: bool,
    modules: Option<Vec<LoadedModule>>,
    failing: Option<String>,
    /// Samples lost since the disk is full.
    missed: u64,
    seal_told: bool,
    /// Where verdicts are wanted.
    alarm: Option<Alarm>,
    limits: Limits,
    /// Counts who holds objects, where that is wanted.
    holders: Option<Paced>,
}

impl Session {
    /// Opens the folder, for a recording of this length, if that is known; the report says what the recorder before left behind.
    pub fn open(
        folder: &Path,
        config: RecorderConfig,
        length: Option<Duration>,
    ) -> poolmon_store::Result<(Self, OpenReport)> {
        let holders = config.holders.then(|| Paced::new(length));
        // What a recorder of an administrator writes is not for those who read elsewhere. Where that fails, opening says why.
        #[cfg(windows)]
        let _ = poolmon_source::windows::live::make_private(folder, false);
        let (recorder, report) = Recorder::open(folder, config)?;
        Ok((
            Self {
                recorder,
                named: false,
                modules: None,
                failing: None,
                missed: 0,
                seal_told: false,
                alarm: None,
                limits: Limits::default(),
                holders,
            },
            report,
        ))
    }

    /// Judges what is recorded, reports what begins to leak, and writes it into the recording as a note.
    pub fn judge(&mut self) {
        self.alarm = Some(Alarm::new());
    }

    /// Reports what exceeds one of these limits, and writes it into the recording as a note.
    pub fn limit(&mut self, limits: Vec<Limit>) {
        self.limits = Limits::new(limits);
    }

    /// Its status.
    pub fn status(&self) -> RecorderStatus {
        self.recorder.status()
    }

    /// Records a sample that the source gave just now, and which modules came and went since the one before.
    pub fn took(
        &mut self,
        sample: &Sample,
        source: &mut dyn Source,
        tell: Notify<'_>,
    ) -> poolmon_store::Result<()> {
        if self.failing.take().is_some() {
            tell(&RecordEvent::Works);
        }
        // Of a table that is played, nobody here holds or made anything.
        let here = if cfg!(windows) { SourceKind::Windows } else { SourceKind::Linux };
        if !std::mem::replace(&mut self.named, true) {
            self.recorder.merged(source.merged());
            if sample.origin.kind == here {
                self.recorder.makers(MergedCaches::default().with_makers(Path::new("/sys")).makers());
            }
        }
        let counter = self.holders.as_mut().filter(|_| sample.origin.kind == here);
        if let Some(count) = counter.and_then(|counter| counter.look(PATIENCE)) {
            let age = SignedDuration::try_from(count.taken.elapsed()).unwrap_or_default();
            self.recorder.holders_at(&count.census, Timestamp::now().checked_sub(age).ok());
        }
        let outcome = self.recorder.record(sample)?;
        self.outcome(outcome, tell);
        if outcome == RecordOutcome::Recorded
            && let Some(now) = source.modules()
        {
            let changes = self.modules.as_ref().map(|before| modules::changes(before, &now));
            match changes.filter(|changes| !changes.is_empty()) {
                None => self.modules = Some(now),
                Some(changes) => match self.recorder.modules(&changes) {
                    Ok(()) => {
                        self.modules = Some(now);
                        // A module brings caches that are merged with others.
                        self.named = false;
                    }
                    // Reported with the next sample that finds room.
                    Err(error) if error.is_full() => {}
                    Err(error) => return Err(error),
                },
            }
        }
        let changes = self.alarm.as_mut().map(|alarm| alarm.push(sample)).unwrap_or_default();
        for change in changes {
            self.note(&RecordEvent::Verdict(&change), tell)?;
        }
        for excess in self.limits.push(sample) {
            self.note(&RecordEvent::Exceeded(&excess), tell)?;
        }
        self.seal_errors(tell);
        self.say_deleted(tell);
        tell(&RecordEvent::Now(&self.status()));
        Ok(())
    }

    fn say_deleted(&mut self, tell: Notify<'_>) {
        let gone = self.recorder.take_deleted();
        if !gone.is_empty() {
            tell(&RecordEvent::Deleted(&gone));
        }
    }

    /// Passes an event on, and writes it into the recording.
    fn note(&mut self, event: &RecordEvent<'_>, tell: Notify<'_>) -> poolmon_store::Result<()> {
        tell(event);
        match self.recorder.note(&event.to_string()) {
            Err(error) if !error.is_full() => Err(error),
            _ => Ok(()),
        }
    }

    /// Records that the source gave none, and why.
    pub fn failed(&mut self, error: &SourceError, tell: Notify<'_>) -> poolmon_store::Result<()> {
        let reason = error.in_one_line();
        let outcome = self.recorder.failed(&reason)?;
        self.outcome(outcome, tell);
        if self.failing.as_ref() != Some(&reason) {
            tell(&RecordEvent::Failed(&reason));
            self.failing = Some(reason);
        }
        tell(&RecordEvent::Now(&self.status()));
        Ok(())
    }

    /// Says once that the disk is full, and once that it no longer is.
    fn outcome(&mut self, outcome: RecordOutcome, tell: Notify<'_>) {
        let missed = match outcome {
            RecordOutcome::Recorded => 0,
            RecordOutcome::DiskFull { missed } => missed,
        };
        match (std::mem::replace(&mut self.missed, missed), missed) {
            (0, 0) => {}
            (0, _) => tell(&RecordEvent::Full(self.recorder.folder())),
            (before, 0) => tell(&RecordEvent::Room(before)),
            _ => {}
        }
    }

    fn seal_errors(&mut self, tell: Notify<'_>) {
        if !self.seal_told
            && let Some(error) = self.recorder.seal_error()
        {
            self.seal_told = true;
            tell(&RecordEvent::NotSealed(error.to_string()));
        }
    }

    /// Closes the recording. A disk that is full now costs an index, nothing that was recorded.
    pub fn close(mut self, length: Duration, tell: Notify<'_>) -> poolmon_store::Result<RecorderStatus> {
        let (folder, before) = (self.recorder.folder().to_path_buf(), self.status());
        let closed = self.recorder.finish();
        self.say_deleted(tell);
        let status = match closed {
            Ok(status) => status,
            Err(error) if error.is_full() => {
                if self.missed == 0 {
                    tell(&RecordEvent::Full(&folder));
                }
                before
            }
            Err(error @ StoreError::Parquet { .. }) => {
                if !self.seal_told {
                    tell(&RecordEvent::NotSealed(error.to_string()));
                }
                before
            }
            Err(error) => return Err(error),
        };
        tell(&RecordEvent::Ended { folder: &folder, length, status: &status });
        Ok(status)
    }
}
