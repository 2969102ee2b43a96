//! The holders of this machine.

use std::time::{Duration, Instant};

use poolmon_model::problem::Problem;
#[cfg(windows)]
use poolmon_model::problem::Remedy as _;
use poolmon_model::{PoolTag, Tag};
#[cfg(windows)]
use poolmon_source::{SourceError, windows::holding::Holding, windows::live::LiveHolding};

use crate::{Census, HeldBy, History, Tally, held_by, links, tallies};

/// Counts the holders of this machine.
#[derive(Debug)]
pub struct Live {
    #[cfg(target_os = "linux")]
    reader: crate::linux::Reader,
    #[cfg(windows)]
    reader: LiveHolding,
    #[cfg(windows)]
    holding: Holding,
}

impl Live {
    /// Of this machine.
    ///
    /// # Errors
    ///
    /// Holders of this system cannot be counted.
    pub fn new() -> Result<Self, Problem> {
        #[cfg(target_os = "linux")]
        return Ok(Self { reader: crate::linux::Reader::new(std::path::Path::new("/")) });
        #[cfg(windows)]
        return Ok(Self { reader: LiveHolding::default(), holding: Holding::default() });
        #[cfg(not(any(target_os = "linux", windows)))]
        return Err(Problem::new(
            "holders are counted on Linux and Windows only",
            "name the tools of this system that list them: poolmon who TAG --next",
        ));
    }

    /// Fills `census` with the holders of now; the memory of what it held before is used again.
    ///
    /// # Errors
    ///
    /// The system's list of processes cannot be read.
    #[cfg_attr(
        not(any(target_os = "linux", windows)),
        expect(clippy::unused_self, reason = "there is nothing to read")
    )]
    pub fn census_into(&mut self, census: &mut Census) -> Result<(), Problem> {
        #[cfg(target_os = "linux")]
        self.reader.census_into(census)?;
        #[cfg(windows)]
        {
            let problem = |error: SourceError| Problem {
                message: error.to_string(),
                remedy: error.remedy().map(Into::into),
            };
            self.reader.read_into(&mut self.holding).map_err(problem)?;
            crate::windows::census_from(&self.holding, census);
        }
        #[cfg(not(any(target_os = "linux", windows)))]
        let _ = census;
        Ok(())
    }
}

/// The holders of this machine, counted once or twice.
#[derive(Clone, Debug, Default)]
pub struct Counted {
    /// Those of now.
    pub now: Census,
    /// Earlier ones, and the seconds between.
    pub before: Option<(Census, f64)>,
}

impl Counted {
    /// Counts; with a `length`, waits and counts again.
    ///
    /// # Errors
    ///
    /// Holders of this system cannot be counted.
    pub fn new(length: Option<Duration>, wait: impl FnOnce(Duration)) -> Result<Self, Problem> {
        let (mut live, mut now) = (Live::new()?, Census::default());
        live.census_into(&mut now)?;
        let Some(length) = length else { return Ok(Self { now, before: None }) };
        let (first, start) = (now.clone(), Instant::now());
        wait(length);
        let seconds = start.elapsed().as_secs_f64();
        live.census_into(&mut now)?;
        Ok(Self { now, before: Some((first, seconds)) })
    }
}

/// Who holds the objects of a row of this machine, largest first, at most `most`, and what is missing; `names` as for [`held_by`]. Empty
/// if nothing is known of what lives there, or holders cannot be counted.
pub fn held_here<'a>(names: impl Iterator<Item = &'a str>, most: usize) -> (Vec<HeldBy>, Vec<String>) {
    let names: Vec<Tag> = names.map(Tag::name).collect();
    let mut census = Census::default();
    let is_known = names.iter().any(|name| links::find(name).is_some());
    match Live::new().and_then(|mut live| if is_known { live.census_into(&mut census) } else { Ok(()) }) {
        Ok(()) => (held_by(&names, &census, most), census.remarks),
        Err(_) => (Vec::new(), Vec::new()),
    }
}

/// Who holds objects of this machine that are allocated under a tag of Windows, largest first, at most `most`, and how many there are of
/// each type. Both empty if no type of object is allocated under it, and on other systems.
pub fn held_here_under(tag: PoolTag, most: usize) -> (Vec<HeldBy>, Vec<Tally>) {
    let mut census = Census::default();
    let counts = |mut live: Live| live.census_into(&mut census);
    if !cfg!(windows) || Live::new().and_then(counts).is_err() {
        return (Vec::new(), Vec::new());
    }
    (held_by(&[Tag::Pool(tag)], &census, most), tallies(tag, &census))
}

/// At most this part of the time goes into counting.
const PART: u32 = 20;

/// In a watch of a given length, as many censuses as this show a course, even if they take more of the time than that.
const LEAST: u32 = 12;

/// Counts beside samples, though for no more than a twentieth of the time, unless a watch would end before a dozen censuses.
#[derive(Debug, Default)]
pub struct Paced {
    live: Option<Live>,
    length: Option<Duration>,
    census: Census,
    due: Option<Instant>,
}

impl Paced {
    /// Of this machine. Where holders cannot be counted, it counts nothing.
    pub fn new() -> Self {
        Self { live: Live::new().ok(), ..Self::default() }
    }

    /// Counts, if it is time.
    pub fn look(&mut self) -> Option<&Census> {
        let start = Instant::now();
        if self.due.is_some_and(|due| start < due) {
            return None;
        }
        let counted = self.live.as_mut()?.census_into(&mut self.census).is_ok();
        self.due = Some(start + rest(start.elapsed(), self.length));
        counted.then_some(&self.census)
    }
}

/// Holders beside the samples of a watch.
#[derive(Debug)]
pub struct Watch {
    start: Instant,
    counter: Paced,
    history: History,
}

impl Watch {
    /// Begins with the first sample. Where holders cannot be counted, it stays empty.
    pub fn begin() -> Self {
        Self { start: Instant::now(), counter: Paced::new(), history: History::default() }
    }

    /// As [`begin`](Self::begin), of a watch that lasts this long.
    pub fn for_length(length: Duration) -> Self {
        let counter = Paced { length: Some(length), ..Paced::new() };
        Self { counter, ..Self::begin() }
    }

    /// Counts, if it is time; says whether it did.
    pub fn look(&mut self) -> bool {
        let seconds = self.start.elapsed().as_secs_f64();
        let Some(census) = self.counter.look() else { return false };
        self.history.push(seconds, census);
        true
    }

    /// The last count.
    pub const fn census(&self) -> &Census {
        &self.counter.census
    }

    /// What was seen so far.
    pub const fn history(&self) -> &History {
        &self.history
    }
}

/// How long after a census began the next one is due, if it took `cost`.
fn rest(cost: Duration, length: Option<Duration>) -> Duration {
    let rest = cost.max(Duration::from_millis(1)) * PART;
    length.map_or(rest, |length| rest.min(length / LEAST))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn counted_twice() {
        let mut files = Vec::new();
        let counted = Counted::new(Some(Duration::from_millis(1)), |length| {
            std::thread::sleep(length);
            files.extend((0..9).map(|_| std::fs::File::open("/dev/null").unwrap()));
        })
        .unwrap();
        let (before, seconds) = counted.before.unwrap();
        assert!(seconds >= 0.001);
        let own = |census: &Census| census.process(std::process::id()).unwrap().counts.get(crate::Kind::File);
        assert!(own(&counted.now) >= own(&before).map(|files| files + 5), "{files:?}");
        assert!(Counted::new(None, |_| panic!("nothing to wait for")).unwrap().before.is_none());
    }

    #[test]
    fn a_short_watch_sees_a_course_on_a_slow_machine() {
        let (second, millisecond) = (Duration::from_secs(1), Duration::from_millis(1));
        assert_eq!(rest(second, None), 20 * second);
        assert_eq!(rest(second, Some(36 * second)), 3 * second, "a dozen");
        assert_eq!(rest(second, Some(Duration::from_hours(24))), 20 * second);
        assert_eq!(rest(Duration::ZERO, Some(36 * second)), 20 * millisecond);
    }

    #[test]
    fn a_watch_counts_and_rests() {
        let mut watch = Watch::begin();
        watch.look();
        assert_eq!(watch.history().censuses(), 1);
        assert!(watch.history().tracks().any(|track| track.holder.id.pid() == Some(std::process::id())));
        for _ in 0..100 {
            watch.look();
        }
        assert!(watch.history().censuses() < 10, "most of the time it rests: {}", watch.history().censuses());
    }
}
