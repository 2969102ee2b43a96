//! A measurement: noise, runs that do not count, pairs of a run and an idle interval in random order.

use std::time::{Duration, Instant};

use poolmon_leak::measure::{Phase, run_first};
use poolmon_leak::{Measurement, OwnerHint};
use poolmon_model::problem::Problem;
use poolmon_model::units::span;
use poolmon_model::{Pool, Sample, SourceKind, Tag};
use poolmon_record::Stop;
use poolmon_render::measure::{Counted, Measured};
use poolmon_source::Source;

use crate::WatchError;
use crate::child::{Command, Ended};

/// Parts into which the noise before is cut.
const AMBIENT: u32 = 10;

/// How a measurement is done.
#[derive(Clone, Copy, Debug)]
pub struct BenchConfig {
    /// Pairs of a run and an idle interval.
    pub repeat: u32,
    /// Runs before them that do not count.
    pub warm_up: u32,
    /// Time after each run for memory that is freed later.
    pub settle: Duration,
    /// How long background noise is measured before the first run.
    pub noise: Duration,
    /// The kernel drops caches and gathers half-filled slabs before each count, if it can.
    pub exact: bool,
    /// Goes on if the command fails.
    pub ignore_failure: bool,
    /// Seed of the random order.
    pub seed: u64,
}

/// The machine, the command, and what was seen so far.
pub struct Bench<'a> {
    config: BenchConfig,
    command: Command,
    stop: Stop,
    source: Box<dyn Source>,
    sample: Sample,
    measurement: Measurement,
    /// When the last sample was taken: an interval is from one sample to the next.
    since: Instant,
    /// Lengths of all runs so far, with their time to settle.
    lengths: Vec<Duration>,
    failed: u32,
    counted: Counted,
    tell: Box<dyn FnMut(&str) + 'a>,
}

impl<'a> Bench<'a> {
    /// Before the first run; `tell` is given a line of progress at each step.
    ///
    /// # Errors
    ///
    /// The first sample fails.
    pub fn new(
        config: BenchConfig,
        mut source: Box<dyn Source>,
        command: Command,
        stop: Stop,
        tell: impl FnMut(&str) + 'a,
    ) -> Result<Self, WatchError> {
        let gathered = config.exact && source.count_each()?;
        let counted = match source.origin().kind {
            _ if gathered => Counted::Gathered,
            SourceKind::Linux => Counted::InSlabs,
            _ => Counted::Each,
        };
        let sample = source.sample()?;
        let mut measurement = Measurement::new(&sample);
        if gathered {
            measurement.drops_caches();
        }
        Ok(Self {
            measurement,
            config,
            command,
            stop,
            source,
            sample,
            since: Instant::now(),
            lengths: Vec::new(),
            failed: 0,
            counted,
            tell: Box::new(tell),
        })
    }

    /// The last sample.
    pub fn sample(&self) -> &Sample {
        &self.sample
    }

    /// What was measured by then; `complete` as [`Bench::run_all`] returned it.
    pub fn measured(&self, complete: bool, hint: &dyn Fn(&Tag, Pool) -> Option<OwnerHint>) -> Measured {
        Measured {
            command: self.command.reported(),
            losses: self.measurement.report_with(hint),
            failed: self.failed,
            stopped: !complete,
            seed: self.config.seed,
            counted: self.counted,
        }
    }

    /// Noise, runs that do not count, pairs. False if it was stopped before the end.
    ///
    /// # Errors
    ///
    /// A sample fails, or the command cannot be run or fails.
    pub fn run_all(&mut self) -> Result<bool, WatchError> {
        self.say("measuring background noise", self.config.noise);
        for _ in 0..AMBIENT {
            if !self.idle(Phase::Ambient, self.config.noise / AMBIENT)? {
                return Ok(false);
            }
        }
        for number in 0..self.config.warm_up {
            self.say(&format!("warm-up run {} of {}", number + 1, self.config.warm_up), Duration::ZERO);
            if !self.run(Phase::WarmUp)? {
                return Ok(false);
            }
        }
        for pair in 0..self.config.repeat {
            let each = self.usual() * 2;
            self.say(
                &format!("pair {} of {}", pair + 1, self.config.repeat),
                each * (self.config.repeat - pair),
            );
            let first = run_first(self.config.seed, pair.into());
            for is_run in [first, !first] {
                let goes_on =
                    if is_run { self.run(Phase::Run)? } else { self.idle(Phase::Idle, self.usual())? };
                if !goes_on {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// How long a run takes, as far as is known: the median.
    fn usual(&self) -> Duration {
        let mut lengths = self.lengths.clone();
        lengths.sort_unstable();
        lengths.get(lengths.len() / 2).copied().unwrap_or(self.config.settle)
    }

    /// Lets time pass. False if it was stopped: then the interval does not count.
    fn idle(&mut self, phase: Phase, length: Duration) -> Result<bool, WatchError> {
        if self.stop.wait_until(self.since + length) {
            return Ok(false);
        }
        self.take(phase)?;
        Ok(true)
    }

    /// One run and its time to settle. False if it was stopped.
    fn run(&mut self, phase: Phase) -> Result<bool, WatchError> {
        match self.command.run(&self.stop, phase == Phase::WarmUp)? {
            Ended::Stopped => return Ok(false),
            Ended::Well => {}
            Ended::Badly(how) => {
                if !self.config.ignore_failure {
                    return Err(WatchError::Command(Problem::new(
                        format!("`{}` ended with {how}", self.command.reported()),
                        "add --ignore-failure to continue anyway",
                    )));
                }
                self.failed += 1;
            }
        }
        if self.stop.wait_until(Instant::now() + self.config.settle) {
            return Ok(false);
        }
        let length = self.take(phase)?;
        self.lengths.push(length);
        Ok(true)
    }

    /// Takes the sample that ends an interval, and returns how long that was.
    fn take(&mut self, phase: Phase) -> Result<Duration, WatchError> {
        if self.counted == Counted::Gathered {
            self.source.count_each()?;
        }
        self.source.sample_into(&mut self.sample)?;
        let now = Instant::now();
        let length = now - self.since;
        self.measurement.push(&self.sample, phase, length.as_secs_f64());
        self.since = now;
        Ok(length)
    }

    fn say(&mut self, what: &str, left: Duration) {
        let left = if left.is_zero() { String::new() } else { format!(", {} to go", span(left)) };
        (self.tell)(&format!("{what}{left} (Ctrl-C stops and shows the result)"));
    }
}
