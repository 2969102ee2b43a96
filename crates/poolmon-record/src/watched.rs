//! A source whose samples are recorded as they are looked at: `poolmon live --record`.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use poolmon_model::problem::Remedy as _;
use poolmon_model::{Origin, Pool, Sample, Tag};
use poolmon_source::{Fact, LoadedModule, Source};
use poolmon_store::{OpenReport, RecorderConfig};

use crate::events::RecordEvent;
use crate::session::Session;

/// The source; what it gives is recorded.
pub struct Watched {
    source: Box<dyn Source>,
    recording: Ongoing,
}

/// The recording behind a [`Watched`] source: the screen's thread owns the source, the program closes this.
#[derive(Clone)]
pub struct Ongoing(Arc<Mutex<Option<Session>>>, Instant);

impl Watched {
    /// Opens the folder.
    pub fn new(
        source: Box<dyn Source>,
        folder: &Path,
        config: RecorderConfig,
    ) -> poolmon_store::Result<(Self, Ongoing, OpenReport)> {
        let (session, report) = Session::open(folder, config, None)?;
        let recording = Ongoing(Arc::new(Mutex::new(Some(session))), Instant::now());
        Ok((Self { source, recording: recording.clone() }, recording, report))
    }
}

impl Ongoing {
    fn session(&self) -> MutexGuard<'_, Option<Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the recording and reports what is in it.
    pub fn close(&self, tell: &mut dyn FnMut(&RecordEvent<'_>)) -> poolmon_store::Result<()> {
        if let Some(session) = self.session().take() {
            session.close(self.1.elapsed(), tell)?;
        }
        Ok(())
    }
}

impl Source for Watched {
    fn origin(&self) -> &Arc<Origin> {
        self.source.origin()
    }

    fn sample_into(&mut self, sample: &mut Sample) -> poolmon_source::Result<()> {
        let result = self.source.sample_into(sample);
        let mut session = self.recording.session();
        let Some(ongoing) = session.as_mut() else { return result };
        let mut said = Vec::new();
        let mut tell = |event: &RecordEvent<'_>| match event {
            RecordEvent::Now(_) | RecordEvent::Failed(_) | RecordEvent::Works => {}
            event => said.push(format!("recording: {event}")),
        };
        let recorded = match &result {
            Ok(()) => ongoing.took(sample, &mut *self.source, &mut tell),
            Err(error) => ongoing.failed(error, &mut tell),
        };
        if let Err(error) = recorded {
            // The screen goes on without it.
            said.push(format!("recording stopped: {}", error.in_one_line()));
            *session = None;
        }
        sample.remarks.extend(said);
        result
    }

    fn want_sessions(&mut self, wanted: bool) {
        self.source.want_sessions(wanted);
    }

    fn facts(&mut self, tag: &Tag, pool: Pool) -> Vec<Fact> {
        self.source.facts(tag, pool)
    }

    fn merged(&self) -> Vec<Vec<String>> {
        self.source.merged()
    }

    fn modules(&mut self) -> Option<Vec<LoadedModule>> {
        self.source.modules()
    }
}
