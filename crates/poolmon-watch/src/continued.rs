//! A live source with a past: what was recorded of this machine since it booted.

use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use poolmon_model::problem::{Problem, Remedy};
use poolmon_model::{Origin, Sample};
use poolmon_read::{Earlier, ReadError, ReadOptions, SampleSeries};
use poolmon_source::{Source, Wrapper};

/// The past goes back as far as this.
const LONGEST: SignedDuration = SignedDuration::from_hours(14 * 24);
/// Moments of the past that are enough for curves and verdicts.
const MOMENTS: i32 = 4_000;

/// The source; before its first sample comes what a recording has of the same boot.
pub struct Continued {
    source: Box<dyn Source>,
    past: SampleSeries,
    /// Time between two moments of the past that are passed on.
    every: Option<SignedDuration>,
    last: Sample,
    /// Why the past is shorter than it was recorded, until that is said.
    broken: Option<String>,
}

/// Why a recording cannot be gone on with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContinuedError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It is of something else.
    #[error(transparent)]
    Other(#[from] Problem),
}

impl Remedy for ContinuedError {
    fn remedy(&self) -> Option<String> {
        match self {
            Self::Read(error) => error.remedy(),
            Self::Other(problem) => problem.remedy(),
        }
    }
}

impl Continued {
    /// The source, with the recording in `folder` behind it.
    ///
    /// # Errors
    /// There is no recording, it cannot be read, or its last sample is not of this boot of this machine.
    pub fn new(source: Box<dyn Source>, folder: &Path) -> Result<Self, ContinuedError> {
        let shown = folder.display();
        let mut past = SampleSeries::open(&[folder.to_owned()], ReadOptions::default())?;
        let Some(damage) = past.damage_check()? else {
            let remedy = format!("judge it alone: poolmon leaks {shown}");
            return Err(Problem::new(format!("{shown} is not a recording of this machine"), remedy).into());
        };
        let broken = damage();
        let last = past.at(None, Earlier::Previous)?.now;
        if let Some(why) = stranger(&last.origin, source.origin()) {
            let remedy = format!("see it alone: poolmon replay {shown}");
            return Err(Problem::new(format!("{shown}: {why}"), remedy).into());
        }
        past.rewind();
        let mut every = None;
        if let Some((first, last)) = past.span()? {
            let from = last.checked_sub(LONGEST).unwrap_or(first).max(first);
            past.rewind();
            past.skip_before(from)?;
            every = Some(last.duration_since(from) / MOMENTS).filter(|every| *every > SignedDuration::ZERO);
        }
        Ok(Self { source, past, every, last: Sample::empty(), broken })
    }

    fn next(&mut self, sample: &mut Sample) -> poolmon_read::Result<bool> {
        while self.past.next_in_steps(self.every, &mut self.last)? {
            let in_time = self.last.time.is_some_and(|time| time <= Timestamp::now());
            if in_time && stranger(&self.last.origin, self.source.origin()).is_none() {
                sample.clone_from(&self.last);
                // The same machine: nothing is to look like a reboot where the recording ends.
                sample.origin = Arc::clone(self.source.origin());
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// What a recorded sample is of, if that is not the machine and boot that is watched.
fn stranger(recorded: &Origin, live: &Origin) -> Option<String> {
    let unknown = || "a machine without a name".to_owned();
    if recorded.host != live.host {
        let host = recorded.host.clone().unwrap_or_else(unknown);
        return Some(format!("it is a recording of {host}, not of this machine"));
    }
    if recorded.kind != live.kind {
        return Some("it is a recording of another kind of source".to_owned());
    }
    (recorded.boot != live.boot).then(|| "it ends before this machine was booted".to_owned())
}

impl Wrapper for Continued {
    fn inner(&self) -> &dyn Source {
        &*self.source
    }

    fn inner_mut(&mut self) -> &mut dyn Source {
        &mut *self.source
    }

    fn earlier_into(&mut self, sample: &mut Sample) -> poolmon_source::Result<bool> {
        // What is damaged ends the past; the screen is of now.
        Ok(self.next(sample).unwrap_or_else(|error| {
            self.broken = Some(format!("the recorded past ends early: {error}"));
            false
        }))
    }

    fn now_into(&mut self, sample: &mut Sample) -> poolmon_source::Result<()> {
        self.source.sample_into(sample)?;
        sample.remarks.extend(self.broken.take());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use poolmon_model::{CounterWidth, Pool, Row, SourceKind, Tag};
    use poolmon_store::{ClockMoment, Recorder, RecorderConfig};

    use super::*;

    struct Live(Arc<Origin>);

    impl Source for Live {
        fn origin(&self) -> &Arc<Origin> {
            &self.0
        }

        fn sample_into(&mut self, sample: &mut Sample) -> poolmon_source::Result<()> {
            *sample = moment(&self.0, 1_000);
            Ok(())
        }
    }

    fn of(host: &str, boot: &str) -> Arc<Origin> {
        let (host, boot) = (Some(host.to_owned()), Some(boot.to_owned()));
        Arc::new(Origin { host, boot, ..Origin::new(SourceKind::Linux, &[Pool::Unreclaimable]) })
    }

    fn moment(origin: &Arc<Origin>, n: u64) -> Sample {
        let mut sample = Sample::new(Arc::clone(origin), CounterWidth::Bits64);
        sample.time = Timestamp::from_second(1_700_000_000 + i64::try_from(n).unwrap() * 60).ok();
        sample.rows = vec![Row::windows(Tag::name("kmalloc-64"), Pool::Unreclaimable, n, 0, n * 64)];
        sample
    }

    /// A recording with ten minutes of each boot.
    fn recorded(boots: &[&Arc<Origin>]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let config = RecorderConfig { interval: Duration::from_mins(1), ..RecorderConfig::default() };
        let (mut recorder, _) = Recorder::open(folder.path(), config).unwrap();
        for (at, origin) in boots.iter().enumerate() {
            for n in 0..10 {
                let n = at as u64 * 10 + n;
                let sample = moment(origin, n);
                let (wall, clock) = (sample.time.unwrap(), Duration::from_secs(n * 60));
                recorder.record_at(&sample, ClockMoment { wall, clock }).unwrap();
            }
        }
        recorder.close().unwrap();
        folder
    }

    fn continued(folder: &Path, live: &Arc<Origin>) -> Result<Vec<u64>, String> {
        let mut source =
            Continued::new(Box::new(Live(Arc::clone(live))), folder).map_err(|error| error.to_string())?;
        let mut past = Vec::new();
        let mut sample = Sample::empty();
        while source.past_into(&mut sample).unwrap() {
            past.push(sample.rows[0].counters.bytes.unwrap() / 64);
            assert!(Arc::ptr_eq(&sample.origin, live));
        }
        Ok(past)
    }

    #[test]
    fn the_past_is_that_of_this_boot() {
        let (before, now) = (of("web1", "a"), of("web1", "b"));
        let folder = recorded(&[&before, &now]);
        assert_eq!(continued(folder.path(), &now), Ok((10..20).collect()));
    }

    #[test]
    fn a_past_that_is_cut_says_so() {
        let origin = of("web1", "a");
        let folder = recorded(&[&origin]);
        let is_segment = |path: &std::path::PathBuf| path.extension().is_some_and(|it| it == "plog");
        let paths = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let segment = std::fs::OpenOptions::new().write(true).open(paths.filter(is_segment).max().unwrap());
        let segment = segment.unwrap();
        segment.set_len(segment.metadata().unwrap().len() / 2).unwrap();
        let mut source = Continued::new(Box::new(Live(Arc::clone(&origin))), folder.path()).unwrap();
        let mut sample = Sample::empty();
        while source.past_into(&mut sample).unwrap() {}
        source.sample_into(&mut sample).unwrap();
        let said = sample.remarks.concat();
        let name = folder.path().to_str().unwrap();
        assert!(said.starts_with(name) && said.contains("cut at its end"), "{said}");
    }

    #[test]
    fn what_is_no_past_of_this_machine_is_refused() {
        let folder = recorded(&[&of("web1", "a")]);
        for (live, why) in [
            (of("web1", "b"), "it ends before this machine was booted"),
            (of("web2", "a"), "it is a recording of web1, not of this machine"),
        ] {
            let said = continued(folder.path(), &live).unwrap_err();
            assert!(said.ends_with(why), "{said}");
        }
        let empty = tempfile::tempdir().unwrap();
        assert!(continued(empty.path(), &of("web1", "a")).is_err());
    }
}
