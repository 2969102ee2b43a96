//! A source whose samples are recorded as they are looked at: `poolmon live --record`.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use poolmon_model::Sample;
use poolmon_model::problem::Remedy as _;
use poolmon_source::{Source, Wrapper};
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

impl Wrapper for Watched {
    fn inner(&self) -> &dyn Source {
        &*self.source
    }

    fn inner_mut(&mut self) -> &mut dyn Source {
        &mut *self.source
    }

    fn now_into(&mut self, sample: &mut Sample) -> poolmon_source::Result<()> {
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use poolmon_model::{CounterWidth, Origin, Pool, Row, SourceKind, Tag};

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
        fn past_into(&mut self, sample: &mut Sample) -> poolmon_source::Result<bool> {
            let is_past = self.1 < 3;
            if is_past {
                self.sample_into(sample)?;
            }
            Ok(is_past)
        }
        fn count_each(&mut self) -> poolmon_source::Result<bool> {
            Ok(true)
        }
    }

    /// What came before the watch is shown, and is not recorded again.
    #[test]
    fn the_past_of_the_source_is_passed_on() {
        let folder = tempfile::tempdir().unwrap();
        let source = Played(Arc::new(Origin::new(SourceKind::Windows, &[Pool::Nonpaged])), 0);
        let config = RecorderConfig { holders: false, ..RecorderConfig::default() };
        let (mut watched, ongoing, _) = Watched::new(Box::new(source), folder.path(), config).unwrap();
        let mut sample = Sample::empty();
        let past = std::iter::from_fn(|| watched.past_into(&mut sample).unwrap().then_some(())).count();
        assert_eq!(past, 3);
        watched.sample_into(&mut sample).unwrap();
        assert!(watched.count_each().unwrap());
        assert!(ongoing.close(&mut |_| {}).unwrap());
        let recording = poolmon_store::Recording::open(folder.path()).unwrap();
        assert_eq!(recording.info().unwrap().samples, 1);
    }

    /// A recording that stops is reported with each sample from then on, passed on once, and is no success.
    #[test]
    fn what_is_wrong_with_the_recording_stays_said() {
        let folder = tempfile::tempdir().unwrap();
        let source = Played(Arc::new(Origin::new(SourceKind::Windows, &[Pool::Nonpaged])), 0);
        let config = RecorderConfig { holders: false, ..RecorderConfig::default() };
        let (watched, ongoing, _) = Watched::new(Box::new(source), folder.path(), config).unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let passed_on = Arc::clone(&lines);
        let mut watched = watched.telling(move |line| passed_on.lock().unwrap().push(line.to_owned()));
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
        assert_eq!(*lines.lock().unwrap(), [""; 0], "nothing happened");
    }
}
