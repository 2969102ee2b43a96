//! Tracing a cache or tag for a while: the loop that every system shares, over a small trait.
//!
//! The loop reads events until the time is over, the person stops it, or it costs too much; then the capture says what the
//! system's own counters made of the same time.

use std::path::{Path, PathBuf};
use std::time::Duration;

use poolmon_model::units::counted;
use poolmon_trace::file::{Sink, Writer};
use poolmon_trace::{About, Answer, Ending, Engine, Limits, Stacks, Summary, Totals};

use crate::{Result, SourceError};

/// Where events come from.
pub trait Capture {
    /// What is traced.
    fn about(&self) -> &About;

    /// Begins. Returns the time of the beginning on the clock of the events, in nanoseconds: earlier events do not count.
    ///
    /// # Errors
    ///
    /// The system refuses.
    fn start(&mut self) -> Result<u64>;

    /// Waits for events, `patience` at most, and hands those that are there to the engine.
    ///
    /// # Errors
    ///
    /// The system refuses.
    fn drain(&mut self, patience: Duration, engine: &mut Engine) -> Result<Drained>;

    /// Ends: the system makes no more events. Those that are there can still be drained. Returns the time of the end.
    ///
    /// # Errors
    ///
    /// The system refuses.
    fn stop(&mut self) -> Result<u64>;

    /// Names of the addresses of the stacks and of processes, and by how much the cache grew.
    fn describe(&mut self, stacks: &Stacks, ending: &mut Ending);
}

/// What a [`Capture::drain`] read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// The time now, on the clock of the events.
    pub now: u64,
    /// No event before this time will come any more.
    pub complete: u64,
    /// Events.
    pub events: u64,
    /// Events that the system dropped, as they were not read in time.
    pub lost: u64,
    /// Processor time that it took, that of the kernel for making the events included.
    pub cost: Duration,
}

/// How a trace is made.
#[derive(Clone, Copy, Debug)]
pub struct TraceOptions {
    /// How long.
    pub length: Duration,
    /// Stop if tracing takes more than this share of all processors, 0 to 1, for [`PATIENCE`] seconds.
    pub max_load: f64,
    /// Stop if the system drops more than this share of the events, 0 to 1.
    pub max_lost: f64,
    /// Processors of the machine.
    pub processors: usize,
    /// What is kept in memory.
    pub limits: Limits,
}

impl Default for TraceOptions {
    /// A minute, at most 2 % of this machine and 1 % of the events.
    fn default() -> Self {
        Self {
            length: Duration::from_mins(1),
            max_load: 0.02,
            max_lost: 0.01,
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            limits: Limits::default(),
        }
    }
}

/// Seconds in a row above the load that is allowed, after which a trace stops: a burst is no load.
pub const PATIENCE: u32 = 3;

/// Fewer events than these are no share.
const FEW: u64 = 10_000;

/// How long the system gathers events before they are read.
const PAUSE: Duration = Duration::from_millis(50);

/// How a trace is going, for a line of progress.
#[derive(Clone, Copy, Debug, Default)]
pub struct TraceProgress {
    /// Time since the beginning.
    pub elapsed: Duration,
    /// Events so far.
    pub events: u64,
    /// Events that the system dropped so far.
    pub lost: u64,
}

/// A trace that was made.
#[derive(Debug)]
pub struct Traced {
    /// What was traced.
    pub about: About,
    /// How it ended.
    pub ending: Ending,
    /// What it found.
    pub summary: Summary,
    /// Why the file is not whole, if one was wanted: what was found up to then is the rest of this.
    pub unsaved: Option<std::io::Error>,
}

/// Traces a cache of this machine, or several together. `frames` of each stack are kept; `save` names a file for every event.
///
/// # Errors
///
/// This system has no live tracing in poolmon, there is no such cache, the system refuses, or the file cannot be created. A file
/// that cannot be written to its end ends the trace; why is the second part of the answer then.
#[cfg(not(windows))]
pub fn live(
    caches: &[&str],
    frames: u16,
    options: &TraceOptions,
    save: Option<&Path>,
    go_on: &mut dyn FnMut(&TraceProgress) -> bool,
) -> Result<(Answer, Option<SourceError>)> {
    let mut capture = open(caches, frames)?;
    let create = |path: &Path| std::fs::File::create(path).map_err(unwritten(path));
    let mut file = save.map(create).transpose()?;
    let out = file.as_mut().map(|file| file as &mut dyn Sink);
    let Traced { about, ending, summary, unsaved } = run(&mut *capture, options, out, go_on)?;
    let unsaved = unsaved.map(unwritten(save.unwrap_or(Path::new("the trace"))));
    Ok((Answer::new(about, ending, summary), unsaved))
}

#[cfg(target_os = "linux")]
fn open(caches: &[&str], frames: u16) -> Result<Box<dyn Capture>> {
    Ok(Box::new(crate::linux::trace::LinuxCapture::open(caches, frames)?))
}

#[cfg(not(any(target_os = "linux", windows)))]
fn open(caches: &[&str], _frames: u16) -> Result<Box<dyn Capture>> {
    Err(SourceError::Unavailable {
        what: format!("a live trace of `{}`", caches.join(" ")),
        why: "it needs Linux or Windows, and there is no such file either".into(),
        remedy: "trace on the machine itself with: poolmon trace CACHE --save FILE".into(),
    })
}

/// Traces a tag of this machine, or those that match a pattern: Windows writes the events into a file, which is read in the end.
/// Windows decides how many frames of a stack there are. `save` keeps the file (.etl).
///
/// # Errors
///
/// Windows refuses, or the trace cannot be read.
#[cfg(windows)]
pub fn live(
    tags: &[&str],
    _frames: u16,
    options: &TraceOptions,
    save: Option<&Path>,
    go_on: &mut dyn FnMut(&TraceProgress) -> bool,
) -> Result<(Answer, Option<SourceError>)> {
    let [tag] = tags else {
        return Err(SourceError::Unavailable {
            what: tags.join(" and "),
            why: "one tag is traced at a time".into(),
            remedy: "trace one, or those that match a pattern with * and ?".into(),
        });
    };
    Ok((crate::windows::live::trace(tag, options, save, go_on)?, None))
}

/// How often what was traced is written, so that little is lost if this program is killed.
const CHECKPOINT: Duration = Duration::from_secs(1);

/// Traces. `go_on` is asked twenty times a second; `save` is handed every event, as a file.
///
/// # Errors
///
/// The system refuses, or the file cannot be written.
pub fn run(
    capture: &mut dyn Capture,
    options: &TraceOptions,
    save: Option<&mut dyn Sink>,
    go_on: &mut dyn FnMut(&TraceProgress) -> bool,
) -> Result<Traced> {
    // What waits was read at one look, which the system's buffers bound; and none of it may pass the file by.
    let mut engine = Engine::new(Limits { waiting: usize::MAX, ..options.limits });
    let start = capture.start()?;
    engine.begin(start);
    let about = About { start, ..capture.about().clone() };
    let mut file = Save {
        writer: save.map(|out| Writer::new(out, &about)).transpose().map_err(unwritten("the trace"))?,
        failed: None,
    };
    let mut checkpoints = Checkpoints::default();
    let length = u64::try_from(options.length.as_nanos()).unwrap_or(u64::MAX);
    let mut guard = Guard::new(options, start);
    let stopped = loop {
        let drained = capture.drain(PAUSE, &mut engine)?;
        engine.settle_with(drained.complete, |stacks, event| file.event(stacks, event));
        let costly = guard.see(&drained);
        let elapsed = drained.now.saturating_sub(start);
        if file.writer.is_some() && file.failed.is_none() && checkpoints.is_due(elapsed) {
            let mut ending = Ending { lost: guard.lost, events: guard.events, ..Ending::default() };
            let named = checkpoints.are_names_due(elapsed, engine.stacks().len());
            if named {
                capture.describe(engine.stacks(), &mut ending);
            }
            file.checkpoint(engine.stacks(), named.then_some(&ending));
        }
        let progress =
            TraceProgress { elapsed: Duration::from_nanos(elapsed), events: guard.events, lost: guard.lost };
        if elapsed >= length {
            break None;
        } else if let Some(error) = &file.failed {
            break Some(format!("the trace could not be saved any further: {error}"));
        } else if costly.is_some() {
            break costly;
        } else if !go_on(&progress) {
            break Some("stopped by the user".to_owned());
        }
    };
    let end = capture.stop()?;
    let drained = capture.drain(Duration::ZERO, &mut engine)?;
    guard.see(&drained);
    engine.settle_with(end, |stacks, event| file.event(stacks, event));
    let mut ending = Ending { end, stopped, lost: guard.lost, events: guard.events, ..Ending::default() };
    capture.describe(engine.stacks(), &mut ending);
    let Totals { allocations, late, .. } = *engine.totals();
    if allocations == 0 {
        ending.remarks.push(
            "no allocation was seen: there was none, or only in bulk, which no tracepoint reports (as for packets on Linux 7.3)".to_owned(),
        );
    }
    if late > 0 {
        ending.remarks.push(format!(
            "{} arrived too late to be put in order: each may have been paired wrongly",
            counted(late, "event")
        ));
    }
    let unsaved = file.end(engine.stacks(), &ending);
    Ok(Traced { about, ending, summary: engine.finish(end), unsaved })
}

fn unwritten(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> SourceError {
    let path = path.into();
    |source| SourceError::Io { action: "write", path, source }
}

/// The file that every event goes into, if one is wanted.
struct Save<'a> {
    writer: Option<Writer<&'a mut dyn Sink>>,
    /// The first failure, after which nothing more is written.
    failed: Option<std::io::Error>,
}

impl Save<'_> {
    fn event(&mut self, stacks: &Stacks, event: &poolmon_trace::Event) {
        if let Some(writer) = &mut self.writer
            && self.failed.is_none()
        {
            self.failed = writer.event(stacks, event).err();
        }
    }

    fn checkpoint(&mut self, stacks: &Stacks, ending: Option<&Ending>) {
        if let Some(writer) = &mut self.writer {
            self.failed = writer.checkpoint(stacks, ending).err();
        }
    }

    fn end(self, stacks: &Stacks, ending: &Ending) -> Option<std::io::Error> {
        let writer = self.writer?;
        match self.failed {
            Some(failed) => {
                writer.give_up(ending);
                Some(failed)
            }
            None => writer.finish(stacks, ending).err(),
        }
    }
}

/// When what waits is written.
#[derive(Default)]
struct Checkpoints {
    /// Since the beginning, in nanoseconds.
    last: u64,
    /// The same of the last one with names, and how many stacks there were: names take time, so they are asked for after one second,
    /// two, four, ….
    named: u64,
    stacks: usize,
}

impl Checkpoints {
    fn is_due(&mut self, elapsed: u64) -> bool {
        let every = u64::try_from(CHECKPOINT.as_nanos()).unwrap_or(u64::MAX);
        let due = elapsed.saturating_sub(self.last) >= every;
        if due {
            self.last = elapsed;
        }
        due
    }

    const fn are_names_due(&mut self, elapsed: u64, stacks: usize) -> bool {
        let due = stacks > self.stacks && elapsed >= self.named.saturating_mul(2);
        if due {
            (self.named, self.stacks) = (elapsed, stacks);
        }
        due
    }
}

/// Says when a trace costs more than it may.
struct Guard {
    max_load: f64,
    max_lost: f64,
    processors: f64,
    since: u64,
    cost: Duration,
    above: u32,
    events: u64,
    lost: u64,
}

impl Guard {
    fn new(options: &TraceOptions, start: u64) -> Self {
        let processors = options.processors.max(1) as f64;
        let (max_load, max_lost) = (options.max_load, options.max_lost);
        Self {
            max_load,
            max_lost,
            processors,
            since: start,
            cost: Duration::ZERO,
            above: 0,
            events: 0,
            lost: 0,
        }
    }

    /// Why the trace has to stop, if it does.
    fn see(&mut self, drained: &Drained) -> Option<String> {
        self.events += drained.events;
        self.lost += drained.lost;
        self.cost += drained.cost;
        let seen = self.events + self.lost;
        let share = self.lost as f64 / seen.max(1) as f64;
        if seen >= FEW && share > self.max_lost {
            return Some(format!(
                "{:.1} % of the events were lost, more than {:.1} %: they arrive faster than they can be read",
                share * 100.0,
                self.max_lost * 100.0
            ));
        }
        let elapsed = Duration::from_nanos(drained.now.saturating_sub(self.since));
        if elapsed < Duration::from_secs(1) {
            return None;
        }
        let load = self.cost.as_secs_f64() / elapsed.as_secs_f64() / self.processors;
        self.above = if load > self.max_load { self.above + 1 } else { 0 };
        (self.since, self.cost) = (drained.now, Duration::ZERO);
        (self.above >= PATIENCE).then(|| {
            format!(
                "tracing took {:.1} % of the machine, more than {:.1} %; --max-load allows more",
                load * 100.0,
                self.max_load * 100.0
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use poolmon_trace::{Event, Kind};
    use std::cell::RefCell;
    use std::io::Write;
    use std::rc::Rc;

    /// A system of 1,000 allocations each 50 ms.
    struct Fake {
        about: About,
        now: u64,
        each_look: u64,
        lost: u64,
        cost: Duration,
        stopped: bool,
    }

    impl Fake {
        fn new(lost: u64, cost: Duration) -> Self {
            Self {
                about: About { target: "x".into(), ..About::default() },
                now: 7_000,
                each_look: 1_000,
                lost,
                cost,
                stopped: false,
            }
        }
    }

    impl Capture for Fake {
        fn about(&self) -> &About {
            &self.about
        }

        fn start(&mut self) -> Result<u64> {
            Ok(self.now)
        }

        fn drain(&mut self, patience: Duration, engine: &mut Engine) -> Result<Drained> {
            let stack = engine.stacks_mut().intern(&[1]);
            let (from, count) = (self.now, if self.stopped { 0 } else { self.each_look });
            self.now += u64::try_from(patience.as_nanos()).unwrap();
            for n in 0..count {
                let time = from + n + 1;
                let kind = Kind::Alloc { address: time * 64, bytes: 64, requested: 64, stack, task: 1 };
                engine.push(Event { time, cpu: 0, kind });
            }
            let (lost, cost) = (self.lost, self.cost);
            Ok(Drained { now: self.now, complete: from + 500, events: count, lost, cost })
        }

        fn stop(&mut self) -> Result<u64> {
            self.stopped = true;
            Ok(self.now)
        }

        fn describe(&mut self, _: &Stacks, ending: &mut Ending) {
            ending.remarks.push("described".into());
        }
    }

    const OPTIONS: TraceOptions = TraceOptions {
        length: Duration::from_secs(10),
        max_load: 0.02,
        max_lost: 0.01,
        processors: 2,
        limits: Limits { stacks: 10, frames: 8, objects: 1 << 20, waiting: 1 << 16 },
    };

    #[test]
    fn every_event_until_the_end_is_counted_and_saved() {
        let mut out = Vec::new();
        let mut fake = Fake::new(0, Duration::from_millis(1));
        let traced = run(&mut fake, &OPTIONS, Some(&mut out), &mut |_| true).unwrap();
        assert_eq!((traced.summary.totals.allocations, traced.ending.stopped.clone()), (200_000, None));
        assert_eq!(traced.summary.length, 10_000_000_000);
        let read = poolmon_trace::file::read(&*out, OPTIONS.limits).unwrap();
        assert_eq!((read.summary.totals, read.ending), (traced.summary.totals, traced.ending));
        assert_eq!((read.about, read.damage), (traced.about, None));
    }

    /// A file whose disk has so much room, and which can be looked at while it is written.
    #[derive(Clone, Default)]
    struct Disk(Rc<RefCell<Vec<u8>>>, usize);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let room = self.1.saturating_sub(self.0.borrow().len());
            let some = bytes.get(..room).unwrap_or(bytes);
            self.0.borrow_mut().extend(some);
            if some.is_empty() { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(some.len()) }
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Sink for Disk {
        fn cut(&mut self, length: u64) -> std::io::Result<()> {
            self.0.borrow_mut().cut(length)
        }
    }

    fn read(disk: &Disk) -> poolmon_trace::file::Read {
        poolmon_trace::file::read(&**disk.0.borrow(), OPTIONS.limits).unwrap()
    }

    /// A disk that is full after some of the trace: no more than the last chunk is lost, and the file says why it ends.
    #[test]
    fn a_file_that_cannot_be_written_ends_the_trace_with_its_answer() {
        let mut disk = Disk(Rc::default(), 300_000);
        let mut fake = Fake::new(0, Duration::ZERO);
        let full = run(&mut fake, &OPTIONS, Some(&mut disk), &mut |_| true).unwrap();
        assert_eq!(full.unsaved.map(|error| error.kind()), Some(std::io::ErrorKind::StorageFull));
        assert!(full.ending.stopped.as_ref().unwrap().contains("could not be saved any further"));
        let counted = full.summary.totals.allocations;
        assert!((10_000..100_000).contains(&counted), "{counted}");
        let read = read(&disk);
        assert_eq!((read.damage, &read.ending.stopped), (None, &full.ending.stopped));
        let saved = read.summary.totals.allocations;
        assert!(saved + 21_000 >= counted && saved < counted, "{saved} of {counted}");
        let mut disk = Disk(Rc::default(), 100 << 20);
        let mut fake = Fake::new(0, Duration::ZERO);
        assert!(run(&mut fake, &OPTIONS, Some(&mut disk), &mut |_| true).unwrap().unsaved.is_none());
    }

    /// This program is killed in the fourth second: three are in the file, with the names that were known.
    #[test]
    fn what_was_traced_survives_the_end_of_this_program() {
        let mut disk = Disk(Rc::default(), 100 << 20);
        let (seen, mut killed) = (disk.clone(), None);
        let mut fake = Fake::new(0, Duration::ZERO);
        let mut look = |progress: &TraceProgress| {
            if progress.elapsed > Duration::from_millis(3_500) && killed.is_none() {
                killed = Some(Disk(Rc::new(RefCell::new(seen.0.borrow().clone())), 0));
            }
            true
        };
        run(&mut fake, &OPTIONS, Some(&mut disk), &mut look).unwrap();
        let read = read(&killed.unwrap());
        let allocations = read.summary.totals.allocations;
        assert!((59_000..=61_000).contains(&allocations), "{allocations}");
        assert_eq!(read.ending.stopped.as_deref(), Some("the file ends early"));
        assert!(read.ending.remarks.iter().any(|remark| remark == "described"), "{:?}", read.ending);
        assert!(read.damage.is_some());
    }

    /// The guard, second by second: loads and lost events that a trace goes on with, and those that end it.
    #[test]
    fn a_burst_or_a_few_lost_events_stop_nothing() {
        let second = |guard: &mut Guard, n: u64, events, lost, millis| {
            let cost = Duration::from_millis(millis);
            guard.see(&Drained { now: n * 1_000_000_000, complete: 0, events, lost, cost })
        };
        // 2 % of two processors are 40 ms a second.
        for (costs, stops) in
            [(&[41, 41, 39, 41, 41, 39][..], false), (&[900, 900, 0], false), (&[41, 41, 41], true)]
        {
            let mut guard = Guard::new(&OPTIONS, 0);
            let answers: Vec<_> =
                (1..).zip(costs).map(|(n, &millis)| second(&mut guard, n, 1_000, 0, millis)).collect();
            assert_eq!(answers.iter().any(Option::is_some), stops, "{costs:?}: {answers:?}");
        }
        for (events, lost, stops) in
            [(99_000, 1_000, false), (98_900, 1_100, true), (5_000, 4_000, false), (6_000, 5_000, true)]
        {
            let stopped = second(&mut Guard::new(&OPTIONS, 0), 1, events, lost, 0);
            assert_eq!(stopped.is_some(), stops, "{lost} of {events}: {stopped:?}");
        }
    }

    #[test]
    fn it_stops_when_it_costs_too_much_loses_too_much_or_is_asked_to() {
        let stopped = |lost, cost, go_on: &mut dyn FnMut(&TraceProgress) -> bool| {
            run(&mut Fake::new(lost, cost), &OPTIONS, None, go_on).unwrap()
        };
        let load = stopped(0, Duration::from_millis(3), &mut |_| true);
        assert!(load.ending.stopped.unwrap().contains("3.0 % of the machine"));
        assert_eq!(load.summary.length, 3_000_000_000, "three seconds in a row");
        let lost = stopped(20, Duration::ZERO, &mut |_| true);
        assert!(lost.ending.stopped.unwrap().contains("were lost"));
        assert!(!load.ending.remarks.iter().any(|remark| remark.contains("no allocation")));
        let mut silent = Fake { each_look: 0, ..Fake::new(0, Duration::ZERO) };
        let silent = run(&mut silent, &OPTIONS, None, &mut |_| true).unwrap();
        assert!(silent.ending.remarks.iter().any(|remark| remark.contains("no allocation was seen")));
        let asked = stopped(0, Duration::ZERO, &mut |progress| progress.elapsed < Duration::from_secs(2));
        assert_eq!(asked.ending.stopped.as_deref(), Some("stopped by the user"));
    }
}
