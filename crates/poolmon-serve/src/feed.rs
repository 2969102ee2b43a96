//! The thread that takes samples. A call of a source may take seconds, or hang: the server answers from the last moment meanwhile.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use poolmon_model::problem::Remedy as _;
use poolmon_model::{Key, Sample, TimelineMark};
use poolmon_owner::Owners;
use poolmon_read::{Earlier, ReadError, SampleSeries};
use poolmon_record::Stop;
use poolmon_report::AnalysedSeries;
use poolmon_source::Source;
use tokio::sync::watch;

use crate::ServeError;
use crate::choose::Chooser;
use crate::floor::Floors;
use crate::judged::Judged;
use crate::moment::{Failing, Moment, Verdicts};
use crate::past::Past;
use crate::rows;
use crate::unwrap::Unwrapper;

/// Judgements are at least this far apart, and take no more than a fiftieth of the time.
const JUDGE_EVERY: Duration = Duration::from_secs(10);

/// What is served.
pub enum Feed {
    /// A source that is sampled all the time.
    Live(Live),
    /// A file that was read and judged.
    Saved(Box<Saved>),
}

/// A source that is sampled all the time.
pub struct Live {
    /// The source.
    pub source: Box<dyn Source>,
    /// Time between two samples.
    pub interval: Duration,
    /// The folder that the source is recorded into, to go to earlier moments.
    pub recording: Option<PathBuf>,
}

/// A file that was read and judged.
pub struct Saved {
    /// Its verdicts.
    pub judged: AnalysedSeries,
    /// Its samples, to go to any moment of it.
    pub series: SampleSeries,
    /// Notes, gaps, reboots.
    pub marks: Vec<TimelineMark>,
}

/// What handlers share.
pub struct Shared {
    /// The newest moment.
    pub moment: watch::Receiver<Arc<Moment>>,
    judged: Arc<Mutex<Judged>>,
    series: Option<Mutex<SampleSeries>>,
    /// The recording that is written beside a live source.
    pub past: Option<Past>,
    /// Publishes whether a file can still be read.
    saved: Option<watch::Sender<Arc<Moment>>>,
    /// Time between two samples; `None` for a file.
    pub interval: Option<Duration>,
    pub owners: Arc<Owners>,
}

impl Shared {
    /// The series and its verdicts. Not for the thread that serves: a judgement may hold it for long.
    pub fn judged(&self) -> MutexGuard<'_, Judged> {
        self.judged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The samples of a file.
    pub fn series(&self) -> Option<MutexGuard<'_, SampleSeries>> {
        self.series.as_ref().map(|series| series.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A file could be read again, or not.
    pub fn was_read(&self, error: Option<&ReadError>) {
        let Some(saved) = &self.saved else { return };
        saved.send_if_modified(|moment| {
            let failing = match (error, &moment.failing) {
                (None, None) => return false,
                (None, Some(_)) => None,
                (Some(error), before) => {
                    let (since, times) =
                        before.as_ref().map_or((Timestamp::now(), 0), |one| (one.since, one.times));
                    Some(Failing { since, error: error.to_string(), times: times + 1 })
                }
            };
            *moment = Arc::new(Moment { number: moment.number + 1, failing, ..(**moment).clone() });
            true
        });
    }

    /// The newest moment.
    pub fn now(&self) -> Arc<Moment> {
        Arc::clone(&self.moment.borrow())
    }
}

/// Takes the first sample. The second value is what the thread has to do until it is stopped.
pub fn start(
    feed: Feed,
    owners: Arc<Owners>,
    top: usize,
) -> Result<(Arc<Shared>, impl FnOnce(&Stop) + Send + 'static), ServeError> {
    let (shared, mut work) = match feed {
        Feed::Live(live) => begin(live, owners, top)?,
        Feed::Saved(saved) => (open(*saved, owners, top)?, None),
    };
    let run = move |stop: &Stop| match &mut work {
        Some(work) => work.run(stop),
        None => while !stop.wait_until(Instant::now() + Duration::from_hours(1)) {},
    };
    Ok((shared, run))
}

fn open(saved: Saved, owners: Arc<Owners>, top: usize) -> Result<Arc<Shared>, ServeError> {
    let Saved { judged, mut series, marks } = saved;
    let samples = judged.analysis.samples();
    let pair = series.at(None, Earlier::Previous)?;
    let mut floors = Floors::default();
    if let Some(end) = pair.now.time
        && let Ok(from) = end.checked_sub(SignedDuration::from_secs(3_700))
    {
        // What comes before the hour shows that a row was there all the time.
        series.rewind();
        series.skip_before(from)?;
        let mut sample = Sample::empty();
        while series.next_into(&mut sample)? {
            rows::join(&mut sample);
            push_floors(&mut floors, &sample);
        }
        series.rewind();
    }
    let judged = Judged::saved(judged, marks, Arc::clone(&owners));
    let verdicts = Arc::new(judged.verdicts());
    let (mut now, mut before) = (pair.now, pair.before);
    let duplicates = rows::join(&mut now);
    if let Some(before) = &mut before {
        rows::join(before);
    }
    let mut moment = Moment {
        number: 1,
        before: before.map(Arc::new),
        taken: Instant::now(),
        samples,
        verdicts,
        chosen: Vec::new(),
        floors: rustc_hash::FxHashMap::default(),
        counters: Unwrapper::default().push(&now),
        duplicates,
        failing: None,
        now: Arc::new(now),
    };
    choose(&mut moment, &mut Chooser::new(top), &floors);
    let (sender, receiver) = watch::channel(Arc::new(moment));
    Ok(Arc::new(Shared {
        moment: receiver,
        judged: Arc::new(Mutex::new(judged)),
        series: Some(Mutex::new(series)),
        past: None,
        saved: Some(sender),
        interval: None,
        owners,
    }))
}

/// What the thread of a live source works with.
struct Work {
    source: Box<dyn Source>,
    interval: Duration,
    judged: Arc<Mutex<Judged>>,
    moment: watch::Sender<Arc<Moment>>,
    floors: Floors,
    chooser: Chooser,
    unwrapper: Unwrapper,
    next_judgement: Instant,
}

fn begin(live: Live, owners: Arc<Owners>, top: usize) -> Result<(Arc<Shared>, Option<Work>), ServeError> {
    let Live { mut source, interval, recording } = live;
    let mut sample = source.sample()?;
    let mut judged = Judged::live(&sample, Arc::clone(&owners));
    judged.push(&sample);
    judged.judge();
    let duplicates = rows::join(&mut sample);
    let (mut floors, mut unwrapper, mut chooser) =
        (Floors::default(), Unwrapper::default(), Chooser::new(top));
    push_floors(&mut floors, &sample);
    let mut moment = Moment {
        number: 1,
        before: None,
        taken: Instant::now(),
        samples: 1,
        verdicts: Arc::new(judged.verdicts()),
        chosen: Vec::new(),
        floors: rustc_hash::FxHashMap::default(),
        counters: unwrapper.push(&sample),
        duplicates,
        failing: None,
        now: Arc::new(sample),
    };
    choose(&mut moment, &mut chooser, &floors);
    let (sender, receiver) = watch::channel(Arc::new(moment));
    let judged = Arc::new(Mutex::new(judged));
    let shared = Shared {
        moment: receiver,
        judged: Arc::clone(&judged),
        series: None,
        past: recording.map(Past::new),
        saved: None,
        interval: Some(interval),
        owners,
    };
    let next_judgement = Instant::now() + JUDGE_EVERY;
    let work = Work { source, interval, judged, moment: sender, floors, chooser, unwrapper, next_judgement };
    Ok((Arc::new(shared), Some(work)))
}

impl Work {
    fn run(&mut self, stop: &Stop) {
        let mut due = Instant::now();
        loop {
            due = (due + self.interval).max(Instant::now());
            if stop.wait_until(due) {
                return;
            }
            let mut sample =
                Sample::new(Arc::clone(self.source.origin()), poolmon_model::CounterWidth::default());
            match self.source.sample_into(&mut sample) {
                Ok(()) => self.took(sample),
                Err(error) => self.failed(error.in_one_line()),
            }
        }
    }

    fn took(&mut self, mut sample: Sample) {
        let last = Arc::clone(&self.moment.borrow());
        let mut judged = self.judged.lock().unwrap_or_else(PoisonError::into_inner);
        judged.push(&sample);
        let mut verdicts: Arc<Verdicts> = Arc::clone(&last.verdicts);
        if Instant::now() >= self.next_judgement {
            let began = Instant::now();
            judged.judge();
            verdicts = Arc::new(judged.verdicts());
            self.next_judgement = Instant::now() + JUDGE_EVERY.max(began.elapsed() * 50);
        }
        drop(judged);
        let duplicates = rows::join(&mut sample);
        push_floors(&mut self.floors, &sample);
        let is_same_boot = last.now.origin.boot == sample.origin.boot;
        let mut moment = Moment {
            number: last.number + 1,
            before: is_same_boot.then(|| Arc::clone(&last.now)),
            taken: Instant::now(),
            samples: last.samples + 1,
            verdicts,
            chosen: Vec::new(),
            floors: rustc_hash::FxHashMap::default(),
            counters: self.unwrapper.push(&sample),
            duplicates,
            failing: None,
            now: Arc::new(sample),
        };
        choose(&mut moment, &mut self.chooser, &self.floors);
        self.moment.send_replace(Arc::new(moment));
    }

    fn failed(&mut self, error: String) {
        let last = Arc::clone(&self.moment.borrow());
        let (since, times) =
            last.failing.as_ref().map_or((Timestamp::now(), 0), |failing| (failing.since, failing.times));
        let failing = Some(Failing { since, error, times: times + 1 });
        let moment = Moment { number: last.number + 1, failing, ..(*last).clone() };
        self.moment.send_replace(Arc::new(moment));
    }
}

/// A moment of a sample without a time is now.
fn millis(sample: &Sample) -> i64 {
    sample.time.unwrap_or_else(Timestamp::now).as_millisecond()
}

fn keys(sample: &Sample) -> Vec<(Key, u64)> {
    sample.rows.iter().filter_map(|row| Some((row.key(), row.counters.bytes?))).collect()
}

fn push_floors(floors: &mut Floors, sample: &Sample) {
    let keys = keys(sample);
    floors.push(millis(sample), keys.iter().map(|(key, bytes)| (key, *bytes)));
}

fn choose(moment: &mut Moment, chooser: &mut Chooser, floors: &Floors) {
    let (keys, millis) = (keys(&moment.now), millis(&moment.now));
    let rows: Vec<(&Key, u64)> = keys.iter().map(|(key, bytes)| (key, *bytes)).collect();
    let suspects: Vec<Key> = moment.verdicts.suspects.iter().map(|suspect| suspect.key.clone()).collect();
    moment.chosen = chooser.choose(millis, &rows, &suspects);
    let of_row = |key: &Key| Some((key.clone(), floors.of(key, millis)?));
    moment.floors = moment.chosen.iter().filter_map(of_row).collect();
    let chosen: rustc_hash::FxHashSet<&Key> = moment.chosen.iter().collect();
    moment.counters.retain(|key, _| chosen.contains(key));
}
