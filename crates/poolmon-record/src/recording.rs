//! The loop: a sample, a wait, the next one, until somebody asks for the end.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use poolmon_model::Limit;
use poolmon_source::Source;
use poolmon_store::{RecorderConfig, RecorderStatus};

use crate::RecordError;
use crate::events::RecordEvent;
use crate::session::{Notify, Session};
use crate::stop::Stop;

/// What is recorded where, and for how long.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Plan {
    /// The folder.
    pub folder: PathBuf,
    /// Interval, retention, filters.
    pub config: RecorderConfig,
    /// For how long; `None` = until it is stopped.
    pub length: Option<Duration>,
    /// Report rows that begin to leak.
    pub verdicts: bool,
    /// Report what exceeds one of these.
    pub limits: Vec<Limit>,
}

impl Plan {
    /// Records into `folder` until it is stopped, with the default settings, without verdicts and limits.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            config: RecorderConfig::default(),
            length: None,
            verdicts: false,
            limits: Vec::new(),
        }
    }
}

/// Records until `stop` is asked for or the time is over, and closes the recording.
///
/// Samples are on a grid from the first one on: one that takes long delays none of the others. Those that a busy
/// machine had no time for are left out; the recorder reports the gap.
///
/// # Errors
/// The first sample fails (the folder is not touched), another recorder writes there, or the folder is lost.
pub fn record(
    mut source: Box<dyn Source>,
    plan: Plan,
    stop: &Stop,
    tell: Notify<'_>,
) -> Result<RecorderStatus, RecordError> {
    let Plan { folder, config, length, verdicts, limits } = plan;
    let interval = config.interval;
    let mut sample = source.sample()?;
    let (mut session, report) = Session::open(&folder, config, length)?;
    if verdicts {
        session.judge();
    }
    session.limit(limits);
    tell(&RecordEvent::Started { folder: &folder, origin: source.origin(), interval, report: &report });
    let start = Instant::now();
    let end = length.and_then(|length| start.checked_add(length));
    session.took(&sample, &mut *source, tell)?;
    let mut due = start;
    loop {
        due = next(due, interval, Instant::now());
        let last = end.is_some_and(|end| end < due);
        if stop.wait_until(end.filter(|_| last).unwrap_or(due)) || last {
            break;
        }
        match source.sample_into(&mut sample) {
            Ok(()) => session.took(&sample, &mut *source, tell)?,
            Err(error) => session.failed(&error, tell)?,
        }
    }
    Ok(session.close(start.elapsed(), tell)?)
}

/// The first moment of the grid after `before` that is not over.
fn next(before: Instant, interval: Duration, now: Instant) -> Instant {
    let due = before + interval;
    let late = now.saturating_duration_since(due).as_nanos() / interval.as_nanos().max(1);
    due + interval * u32::try_from(late).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use jiff::Timestamp;
    use poolmon_model::{CounterWidth, Origin, Pool, Row, Sample, SourceKind, Tag};
    use poolmon_source::{LoadedModule, SourceError};
    use poolmon_store::{GapKind, RecordedMark, Recording};

    /// Its third sample fails; a driver is loaded with the fifth.
    struct Played(Arc<Origin>, u64);

    impl Source for Played {
        fn origin(&self) -> &Arc<Origin> {
            &self.0
        }
        fn sample_into(&mut self, sample: &mut Sample) -> poolmon_source::Result<()> {
            self.1 += 1;
            if self.1 == 3 {
                let (what, remedy) = ("the pool".into(), "become administrator".into());
                return Err(SourceError::Rights { what, remedy });
            }
            sample.clear();
            sample.width = CounterWidth::Bits32;
            sample.rows = vec![Row::windows(Tag::pool(*b"Leak"), Pool::Nonpaged, self.1, 0, self.1 * 16)];
            Ok(())
        }
        fn modules(&mut self) -> Option<Vec<LoadedModule>> {
            let loaded = if self.1 < 5 { &["ntfs.sys"][..] } else { &["evil.sys", "ntfs.sys"] };
            let module = |name: &&str| LoadedModule { name: (*name).into(), detail: None, size: 1 };
            Some(loaded.iter().map(module).collect())
        }
    }

    #[test]
    fn everything_that_happens_is_recorded_and_told() {
        let folder = tempfile::tempdir().unwrap();
        let source = Played(Arc::new(Origin::new(SourceKind::Windows, &[Pool::Nonpaged])), 0);
        let stop = Stop::default();
        let asked = stop.clone();
        let config = RecorderConfig { interval: Duration::from_millis(5), ..RecorderConfig::default() };
        let limit = Limit::new("Leak", 79);
        let plan =
            Plan { folder: folder.path().into(), config, length: None, verdicts: false, limits: vec![limit] };
        let mut said = Vec::new();
        let mut exceeded = 0;
        let status = record(Box::new(source), plan, &stop, &mut |event| {
            if let RecordEvent::Now(status) = event {
                if status.samples == 6 {
                    asked.ask();
                }
            } else if let RecordEvent::Exceeded(excess) = event {
                assert_eq!((excess.held, excess.limit), (80, 79));
                exceeded += 1;
            } else {
                said.push(event.to_string());
            }
        })
        .unwrap();
        assert_eq!((status.samples, status.failed, exceeded), (6, 1, 1));
        assert!(said[0].starts_with("recording this machine every 5 ms"), "{said:?}");
        assert!(said[1].contains("become administrator") && said[2] == "sampling resumed", "{said:?}");
        assert!(said[3].starts_with("recorded 6 samples, "), "{said:?}");
        let marks = Recording::open(folder.path()).unwrap().marks(None, None).unwrap();
        let failed =
            |mark: &&RecordedMark| matches!(mark, RecordedMark::Gap(gap) if gap.kind == GapKind::Failed);
        assert_eq!(marks.iter().map(|mark| &mark.mark).filter(failed).count(), 2, "{marks:?}");
        let modules = marks.iter().find_map(|mark| match &mark.mark {
            RecordedMark::Modules(changes) => Some(changes),
            _ => None,
        });
        assert_eq!(modules.map(|changes| (changes.len(), changes[0].name.as_str())), Some((1, "evil.sys")));
    }

    /// A leak; between two samples it says that 30 seconds passed.
    struct Leaking(Arc<Origin>, u64);

    impl Source for Leaking {
        fn origin(&self) -> &Arc<Origin> {
            &self.0
        }
        fn sample_into(&mut self, sample: &mut Sample) -> poolmon_source::Result<()> {
            self.1 += 1;
            sample.clear();
            sample.width = CounterWidth::Bits32;
            sample.time = Timestamp::from_second(1_800_000_000 + self.1.cast_signed() * 30).ok();
            let held = self.1 * 5000;
            sample.rows = vec![Row::windows(Tag::pool(*b"Leak"), Pool::Nonpaged, held, 0, held * 16)];
            Ok(())
        }
    }

    #[test]
    fn a_verdict_is_told_once_and_noted_where_it_is_wanted() {
        for verdicts in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let source = Leaking(Arc::new(Origin::new(SourceKind::Windows, &[Pool::Nonpaged])), 0);
            let stop = Stop::default();
            let asked = stop.clone();
            let config = RecorderConfig { interval: Duration::from_millis(2), ..RecorderConfig::default() };
            let plan =
                Plan { folder: folder.path().into(), config, length: None, verdicts, limits: Vec::new() };
            let mut said = Vec::new();
            record(Box::new(source), plan, &stop, &mut |event| match event {
                RecordEvent::Now(status) if status.samples >= 60 => {
                    asked.ask();
                }
                RecordEvent::Verdict(_) => said.push(event.to_string()),
                _ => {}
            })
            .unwrap();
            let marks = Recording::open(folder.path()).unwrap().marks(None, None).unwrap();
            let notes: Vec<String> = marks
                .iter()
                .filter_map(|mark| match &mark.mark {
                    RecordedMark::Note(text) => Some(text.clone()),
                    _ => None,
                })
                .collect();
            assert_eq!(notes, said);
            assert_eq!(said.len(), usize::from(verdicts), "{said:?}");
            assert!(
                said.iter().all(|text| text.starts_with("verdict: Leak (nonpaged) likely leaks 9.")),
                "{said:?}"
            );
        }
    }

    #[test]
    fn the_grid() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let second = Duration::from_secs(1);
        assert_eq!(next(start, second, at(20)), at(1000));
        assert_eq!(next(start, second, at(1900)), at(1000), "a late one is taken at once");
        assert_eq!(next(start, second, at(3500)), at(3000), "those before it are left out");
    }
}
