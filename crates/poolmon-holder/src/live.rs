//! The holders of this machine.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use poolmon_model::problem::Problem;
#[cfg(windows)]
use poolmon_model::problem::Remedy as _;
use poolmon_model::{PoolTag, Tag};
use poolmon_proc::slab::{CacheLine, cache_lines};
#[cfg(windows)]
use poolmon_source::{SourceError, windows::holding, windows::live::LiveHolding};

use crate::{Anonymous, Census, Floors, HeldBy, History, Holding, Tally, held_by, links, tallies};

/// Counts the holders of this machine.
#[derive(Debug)]
pub struct Live {
    #[cfg(target_os = "linux")]
    reader: crate::linux::Reader,
    #[cfg(windows)]
    reader: LiveHolding,
    #[cfg(windows)]
    holding: holding::Holding,
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
        return Ok(Self { reader: LiveHolding::default(), holding: holding::Holding::default() });
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

/// Counts of holders in a given time, at most.
const COUNTS: u32 = 24;

/// The holders of this machine, counted once, or over a time.
#[derive(Clone, Debug, Default)]
pub struct Counted {
    /// Those of now.
    pub now: Census,
    /// Earlier ones, and the seconds between.
    pub before: Option<(Census, f64)>,
    /// What they kept all through the earlier and the later half of that time; empty if there were no counts between.
    pub floors: Floors,
}

impl Counted {
    /// The same with pseudonyms instead of names.
    #[must_use]
    pub fn anonymised(mut self) -> Self {
        let mut names = Anonymous::default();
        names.census(&mut self.now);
        if let Some((before, _)) = &mut self.before {
            names.census(before);
        }
        self
    }

    /// Counts; with a `length`, waits and counts again, and in between as well, up to 24 times. A `wait` that ends early ends it.
    ///
    /// # Errors
    ///
    /// Holders of this system cannot be counted.
    pub fn new(length: Option<Duration>, mut wait: impl FnMut(Duration)) -> Result<Self, Problem> {
        let (mut live, mut now) = (Live::new()?, Census::default());
        live.census_into(&mut now)?;
        let Some(length) = length else { return Ok(Self { now, ..Self::default() }) };
        let (first, start) = (now.clone(), Instant::now());
        let mut floors = Floors::default();
        floors.add(&first);
        // As many as show which part of a change stays.
        let counts = u32::try_from(length.as_secs()).unwrap_or(u32::MAX).clamp(1, COUNTS);
        for count in 1..=counts {
            let due = length * count / counts;
            wait(due.saturating_sub(start.elapsed()));
            let is_last = count == counts || start.elapsed() < due;
            if count == counts / 2 + 1 {
                floors.begin(2);
            }
            live.census_into(&mut now)?;
            floors.add(&now);
            if is_last {
                break;
            }
        }
        Ok(Self { now, before: Some((first, start.elapsed().as_secs_f64())), floors })
    }
}

/// Who holds the objects of a row of this machine, largest first, at most `most`; `names` as for [`held_by`]. Empty if nothing is known of
/// what lives there, or holders cannot be counted.
pub fn held_here<'a>(names: impl Iterator<Item = &'a str>, most: usize) -> Holding {
    let names: Vec<Tag> = names.map(Tag::name).collect();
    let mut census = Census::default();
    let is_known = names.iter().any(|name| links::find(name).is_some());
    let counted = |mut live: Live| live.census_into(&mut census);
    if is_known && Live::new().and_then(counted).is_ok() {
        Holding::new(&names, &census, objects_here(&names), most)
    } else {
        Holding::default()
    }
}

/// The objects of a cache of this machine, which the kernel lists under one of its names; `None` where it does not say, or not to this
/// user.
fn objects_here(names: &[Tag]) -> Option<u64> {
    let text = std::fs::read("/proc/slabinfo").ok()?;
    let caches = cache_lines(&text).filter_map(|(_, line)| CacheLine::parse(line));
    let is_it = |cache: &CacheLine<'_>| names.contains(&Tag::name(&String::from_utf8_lossy(cache.name)));
    caches.filter(is_it).map(|cache| cache.active_objects).max()
}

/// Who holds objects of this machine that are allocated under a tag of Windows, largest first, at most `most`, and how many there are of
/// each type. Both empty if no type of object is allocated under it, and on other systems.
pub fn held_here_under(tag: PoolTag, most: usize) -> (Vec<HeldBy>, Vec<Tally>) {
    let mut census = Census::default();
    let counts = |mut live: Live| live.census_into(&mut census);
    if !cfg!(windows) || Live::new().and_then(counts).is_err() {
        return (Vec::new(), Vec::new());
    }
    (held_by(&[Tag::Pool(tag)], &census, None, most), tallies(tag, &census))
}

/// At most this part of the time goes into counting.
const PART: u32 = 20;

/// In a watch of a given length, as many censuses as this show a course, even if they take more of the time than that.
const LEAST: u32 = 12;

/// Though at most this part of the time.
const MOST_PART: u32 = 3;

/// Who takes samples waits this long for a census that it has just asked for, so that on most machines it belongs to the same sample.
pub const PATIENCE: Duration = Duration::from_millis(50);

/// A census with the moment that it is of.
#[derive(Debug)]
pub struct Count {
    /// Who holds what.
    pub census: Census,
    /// When: between the first and the last figure that was read.
    pub taken: Instant,
    start: Instant,
    cost: Duration,
    is_good: bool,
}

/// Counts beside samples in a thread of its own, since on some machines a census takes seconds; though for no more than a twentieth of
/// the time, unless a watch would end before a dozen censuses.
#[derive(Debug)]
pub struct Paced {
    thread: Option<Thread>,
    length: Option<Duration>,
    last: Option<Count>,
    due: Option<Instant>,
}

/// What counts when it is asked to. It ends with its asker, after the census that it is at.
#[derive(Debug)]
struct Thread {
    /// A census whose memory is used again.
    wanted: SyncSender<Census>,
    counts: Receiver<Count>,
    is_counting: bool,
}

impl Thread {
    fn start(mut live: Live) -> Option<Self> {
        let (wanted, asked) = sync_channel::<Census>(1);
        let (give, counts) = sync_channel(1);
        let count = move || {
            for mut census in asked {
                let (start, before) = (Instant::now(), busy());
                let is_good = live.census_into(&mut census).is_ok();
                let length = start.elapsed();
                // On a busy machine, most of its time is spent waiting, which costs others nothing.
                let cost =
                    before.zip(busy()).and_then(|(before, now)| now.checked_sub(before)).unwrap_or(length);
                let count = Count { census, taken: start + length / 2, start, cost, is_good };
                if give.send(count).is_err() {
                    break;
                }
            }
        };
        std::thread::Builder::new().name("holders".into()).spawn(count).ok()?;
        Some(Self { wanted, counts, is_counting: false })
    }
}

/// How long this thread has had a processor, as its scheduler reports; `None` where it does not.
fn busy() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

impl Paced {
    /// Of this machine. Where holders cannot be counted, it counts nothing.
    pub fn new(length: Option<Duration>) -> Self {
        Self { thread: Live::new().ok().and_then(Thread::start), length, last: None, due: None }
    }

    /// The last census, if one ended since the last call; begins one, if it is time, and waits for it no longer than `patience`.
    pub fn look(&mut self, patience: Duration) -> Option<&Count> {
        let ended = self.take(Duration::ZERO);
        let is_due = self.due.is_none_or(|due| due <= Instant::now());
        if let Some(thread) = self.thread.as_mut().filter(|thread| is_due && !thread.is_counting) {
            let memory = self.last.as_mut().filter(|_| !ended).map(|last| std::mem::take(&mut last.census));
            thread.is_counting = thread.wanted.try_send(memory.unwrap_or_default()).is_ok();
        }
        let is_new = ended || self.take(patience);
        self.last.as_ref().filter(|count| is_new && count.is_good)
    }

    /// Takes in a census that has ended, or ends within `patience`.
    fn take(&mut self, patience: Duration) -> bool {
        let Some(thread) = self.thread.as_mut().filter(|thread| thread.is_counting) else { return false };
        match thread.counts.recv_timeout(patience) {
            Ok(count) => {
                thread.is_counting = false;
                self.due = Some(count.start + rest(count.cost, self.length));
                self.last = Some(count);
                true
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => {
                self.thread = None;
                false
            }
        }
    }
}

/// Holders beside the samples of a watch.
#[derive(Debug)]
pub struct Watch {
    start: Option<Instant>,
    /// Seconds from the first sample of all to the first that was watched.
    earlier: f64,
    counter: Paced,
    history: History,
}

impl Watch {
    /// Of a watch that lasts as long as this, if that is known. Where holders cannot be counted, it stays empty.
    pub fn new(length: Option<Duration>) -> Self {
        Self { start: None, earlier: 0.0, counter: Paced::new(length), history: History::default() }
    }

    /// The watch goes on with samples of which the first was taken this many seconds before: counts are dated from that one, too.
    pub const fn go_on_after(&mut self, seconds: f64) {
        self.earlier = seconds;
    }

    /// To be called after each sample: takes in a census that has ended, and begins one, if it is time. Says whether one came in.
    pub fn look(&mut self, patience: Duration) -> bool {
        let start = *self.start.get_or_insert_with(Instant::now);
        let Some(count) = self.counter.look(patience) else { return false };
        let seconds = count.taken.saturating_duration_since(start).as_secs_f64();
        self.history.push(self.earlier + seconds, &count.census);
        true
    }

    /// The census that the last call of [`look`](Self::look) took in.
    pub fn census(&self) -> Option<&Census> {
        self.counter.last.as_ref().map(|count| &count.census)
    }

    /// What was seen so far.
    pub const fn history(&self) -> &History {
        &self.history
    }
}

/// How long after a census began the next one is due, if it took `cost`.
fn rest(cost: Duration, length: Option<Duration>) -> Duration {
    let rest = cost.max(Duration::from_millis(1)) * PART;
    length.map_or(rest, |length| rest.min((length / LEAST).max(cost * MOST_PART)))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// Rows and holders are compared over the same time, however long the rows were recorded before.
    #[test]
    fn a_watch_that_goes_on_dates_its_counts_from_the_first_sample() {
        let mut watch = Watch::new(None);
        watch.go_on_after(3_600.0);
        while !watch.look(Duration::from_secs(5)) {}
        let (first, last) = watch.history().span().unwrap();
        assert!((3_600.0..3_700.0).contains(&first) && last >= first, "{first} {last}");
    }

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
        assert_eq!(rest(8 * second, Some(36 * second)), 24 * second, "and never all the time");
        assert_eq!(rest(second, Some(Duration::from_hours(24))), 20 * second);
        assert_eq!(rest(Duration::ZERO, Some(36 * second)), 20 * millisecond);
    }

    #[test]
    fn a_watch_counts_and_rests() {
        let mut watch = Watch::new(None);
        assert!(watch.look(Duration::from_mins(1)), "it ends at some time");
        assert_eq!(watch.history().censuses(), 1);
        assert!(watch.census().unwrap().process(std::process::id()).is_some());
        assert!(watch.history().tracks().any(|track| track.holder.id.pid() == Some(std::process::id())));
        for _ in 0..100 {
            watch.look(Duration::ZERO);
        }
        assert!(watch.history().censuses() < 10, "most of the time it rests: {}", watch.history().censuses());
    }

    #[test]
    fn waiting_costs_nothing() {
        let Some(before) = busy() else { return };
        std::thread::sleep(Duration::from_millis(300));
        assert!(busy().unwrap() < before + Duration::from_millis(200));
    }

    /// A machine whose census takes longer than any test waits.
    #[test]
    fn who_samples_does_not_wait_for_a_slow_census() {
        let (wanted, asked) = sync_channel(1);
        let (give, counts) = sync_channel(1);
        let thread = Thread { wanted, counts, is_counting: false };
        let mut paced = Paced { thread: Some(thread), length: None, last: None, due: None };
        let start = Instant::now();
        assert!(paced.look(Duration::from_millis(5)).is_none());
        assert!(start.elapsed() < Duration::from_secs(5));
        assert!(asked.try_recv().is_ok(), "it was asked for");
        assert!(paced.look(Duration::ZERO).is_none() && asked.try_recv().is_err(), "once");
        let (taken, cost) = (start, Duration::from_secs(9));
        give.send(Count { census: Census::default(), taken, start, cost, is_good: true }).unwrap();
        let count = paced.look(Duration::ZERO).expect("the one that was begun before");
        assert_eq!(count.taken, start, "by its own time, not that of the sample it comes with");
        assert!(paced.look(Duration::ZERO).is_none() && asked.try_recv().is_err(), "not yet due");
        drop(give);
        paced.due = None;
        assert!(paced.look(Duration::ZERO).is_none(), "a thread that ended ends no watch");
    }
}
