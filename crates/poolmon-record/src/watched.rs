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

/// Takes each line of what happens to a recording.
type Teller = Box<dyn FnMut(&str) + Send>;

/// The source; what it gives is recorded.
pub struct Watched {
    source: Box<dyn Source>,
    recording: Ongoing,
    /// What is wrong with the recording now: each sample says so for as long as it lasts.
    wrong: Option<String>,
    tell: Option<Teller>,
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
        let watched = Self { source, recording: recording.clone(), wrong: None, tell: None };
        Ok((watched, recording, report))
    }

    /// What happens to the recording is also passed on, a line each, for where no screen shows it.
    #[must_use]
    pub fn telling(mut self, tell: impl FnMut(&str) + Send + 'static) -> Self {
        self.tell = Some(Box::new(tell));
        self
    }

    /// Records what the source gave, and returns what there is to say of that.
    fn record(&mut self, result: &poolmon_source::Result<()>, sample: &Sample) -> Vec<String> {
        let mut said = Vec::new();
        let mut session = self.recording.session();
        let Some(ongoing) = session.as_mut() else { return said };
        let wrong = &mut self.wrong;
        let mut tell = |event: &RecordEvent<'_>| match event {
            RecordEvent::Now(_) | RecordEvent::Failed(_) | RecordEvent::Works => {}
            event => {
                let text = format!("recording: {event}");
                match event {
                    RecordEvent::Full(_) => *wrong = Some(text.clone()),
                    RecordEvent::Room(_) => *wrong = None,
                    _ => {}
                }
                said.push(text);
            }
        };
        let recorded = match result {
            Ok(()) => ongoing.took(sample, &mut *self.source, &mut tell),
            Err(error) => ongoing.failed(error, &mut tell),
        };
        if let Err(error) = recorded {
            // The screen goes on without it.
            let text = format!("recording stopped: {}", error.in_one_line());
            self.wrong = Some(text.clone());
            said.push(text);
            *session = None;
        }
        said
    }
}

impl Ongoing {
    fn session(&self) -> MutexGuard<'_, Option<Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the recording and reports what is in it. False if its end, or all of it, is lost.
    ///
    /// # Errors
    /// It cannot be closed.
    pub fn close(&self, tell: &mut dyn FnMut(&RecordEvent<'_>)) -> poolmon_store::Result<bool> {
        // Without a session, it stopped before.
        let Some(session) = self.session().take() else { return Ok(false) };
        Ok(!session.close(self.1.elapsed(), tell)?.lacks_its_end())
    }
}

impl Source for Watched {
    fn origin(&self) -> &Arc<Origin> {
        self.source.origin()
    }

    fn sample_into(&mut self, sample: &mut Sample) -> poolmon_source::Result<()> {
        let result = self.source.sample_into(sample);
        let mut said = self.record(&result, sample);
        if let Some(tell) = &mut self.tell {
            for line in &said {
                tell(line);
            }
        }
        said.extend(self.wrong.clone().filter(|wrong| !said.contains(wrong)));
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

#[cfg(test)]
mod tests {
    use super::*;
    use poolmon_model::{CounterWidth, Row, SourceKind};

    /// A tag that grows.
    struct Played(Arc<Origin>, u64);

    impl Source for Played {
        fn origin(&self) -> &Arc<Origin> {
            &self.0
        }
        fn sample_into(&mut self, sample: &mut Sample) -> poolmon_source::Result<()> {
            self.1 += 1;
            sample.clear();
            sample.width = CounterWidth::Bits32;
            sample.rows = vec![Row::windows(Tag::pool(*b"Leak"), Pool::Nonpaged, self.1, 0, self.1 * 16)];
            Ok(())
        }
    }

    /// A recording that stops is said with each sample from then on, told once, and no success.
    #[test]
    fn what_is_wrong_with_the_recording_stays_said() {
        let folder = tempfile::tempdir().unwrap();
        let source = Played(Arc::new(Origin::new(SourceKind::Windows, &[Pool::Nonpaged])), 0);
        let config = RecorderConfig { holders: false, ..RecorderConfig::default() };
        let (watched, ongoing, _) = Watched::new(Box::new(source), folder.path(), config).unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&told);
        let mut watched = watched.telling(move |line| lines.lock().unwrap().push(line.to_owned()));
        let mut sample = Sample::empty();
        watched.sample_into(&mut sample).unwrap();
        assert_eq!(sample.remarks, [""; 0]);
        watched.wrong = Some("recording: the disk is full".to_owned());
        for _ in 0..2 {
            watched.sample_into(&mut sample).unwrap();
            assert_eq!(sample.remarks, ["recording: the disk is full"]);
        }
        assert!(ongoing.close(&mut |_| {}).unwrap());
        assert!(!ongoing.close(&mut |_| {}).unwrap(), "it had stopped before");
        assert_eq!(*told.lock().unwrap(), [""; 0], "nothing happened");
    }
}
