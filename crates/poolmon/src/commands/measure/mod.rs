//! `poolmon measure`: what a command loses at each run, separated from the machine's own noise.
//!
//! * here: arguments, and the order of runs and idle intervals; * `child.rs`: one run; * `text.rs`: the answer.

mod child;

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::ensure;
use poolmon_leak::Measurement;
use poolmon_leak::measure::{LossKind, Phase, run_first};
use poolmon_model::problem::Problem;
use poolmon_model::units::{counted, span};
use poolmon_model::{Sample, SourceKind};
use poolmon_record::Stop;
use poolmon_render::measure::{self as render, Counted, Measured};
use poolmon_source::Source;

use self::child::{Command, Ended};
use crate::app::analyse::hint;
use crate::app::outcome::Outcome;
use crate::app::owners;
use crate::app::say::{self, Progress};
use crate::cli::groups::TextOrJson;
use crate::cli::measure::MeasureArgs;
use crate::input;

/// Parts into which the noise before is cut.
const AMBIENT: u32 = 10;

/// Measures, and prints the result.
pub fn run(args: &MeasureArgs) -> anyhow::Result<Outcome> {
    let owners = owners::load_files(args.pooltag.file(), None)?;
    let command = Command::new(&args.command, args.show_output);
    let stop = Stop::on_signals()?;
    let mut bench = Bench::new(args, command, stop)?;
    let complete = bench.everything()?;
    bench.stop.done();
    let measured = Measured {
        command: bench.command.reported(),
        losses: bench.measurement.report_with(&hint(&owners)),
        failed: bench.failed,
        stopped: !complete,
        seed: bench.seed,
        counted: bench.counted,
    };
    let filter = args.which.filter();
    let mut out = say::out(args.format == TextOrJson::Text);
    match args.format {
        TextOrJson::Text => render::text(&mut out, &measured, &filter, args.all, args.limit)?,
        TextOrJson::Json => render::json(&mut out, &measured, &filter, args.all)?,
    }
    out.flush()?;
    let lost = measured.losses.of(LossKind::Lost).any(|loss| filter.admits_tag(&loss.tag, loss.pool));
    // A script must not take what was not measured for nothing lost.
    let reported = measured.losses.pairs >= measured.losses.least_runs;
    if measured.losses.pairs == 0 {
        anyhow::bail!("stopped before the first run and its idle interval ended: nothing was measured");
    }
    if args.fail_on_loss && !lost && measured.stopped && !reported {
        anyhow::bail!(
            "stopped after {} of {} needed: there is no result",
            counted(measured.losses.pairs as u64, "run"),
            measured.losses.least_runs
        );
    }
    Ok(if args.fail_on_loss && lost { Outcome::Found } else { Outcome::Done })
}

/// The machine, the command, and what was seen so far.
struct Bench<'a> {
    args: &'a MeasureArgs,
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
    seed: u64,
    counted: Counted,
    progress: Progress,
}

impl<'a> Bench<'a> {
    fn new(args: &'a MeasureArgs, command: Command, stop: Stop) -> anyhow::Result<Self> {
        let mut source = input::live(args.which.view())?;
        let gathered = args.exact && source.count_each()?;
        let counted = match source.origin().kind {
            _ if gathered => Counted::Gathered,
            SourceKind::Linux => Counted::InSlabs,
            _ => Counted::Each,
        };
        let sample = source.sample()?;
        input::tell_remarks(&sample);
        let seed =
            args.seed.unwrap_or_else(|| u64::from(jiff::Timestamp::now().subsec_nanosecond().unsigned_abs()));
        let mut measurement = Measurement::new(&sample);
        if gathered {
            measurement.drops_caches();
        }
        Ok(Self {
            measurement,
            args,
            command,
            stop,
            source,
            sample,
            since: Instant::now(),
            lengths: Vec::new(),
            failed: 0,
            seed,
            counted,
            progress: Progress::new(),
        })
    }

    /// Noise, runs that do not count, pairs. False if it was stopped before the end.
    fn everything(&mut self) -> anyhow::Result<bool> {
        self.phases()
    }

    fn phases(&mut self) -> anyhow::Result<bool> {
        self.tell("measuring background noise", self.args.noise);
        for _ in 0..AMBIENT {
            if !self.idle(Phase::Ambient, self.args.noise / AMBIENT)? {
                return Ok(false);
            }
        }
        for number in 0..self.args.warm_up {
            self.tell(&format!("warm-up run {} of {}", number + 1, self.args.warm_up), Duration::ZERO);
            if !self.run(Phase::WarmUp)? {
                return Ok(false);
            }
        }
        for pair in 0..self.args.repeat {
            let each = self.usual() * 2;
            self.tell(
                &format!("pair {} of {}", pair + 1, self.args.repeat),
                each * (self.args.repeat - pair),
            );
            let first = run_first(self.seed, pair.into());
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
        lengths.get(lengths.len() / 2).copied().unwrap_or(self.args.settle)
    }

    /// Lets time pass. False if it was stopped: then the interval does not count.
    fn idle(&mut self, phase: Phase, length: Duration) -> anyhow::Result<bool> {
        if self.stop.wait_until(self.since + length) {
            return Ok(false);
        }
        self.take(phase)?;
        Ok(true)
    }

    /// One run and its time to settle. False if it was stopped.
    fn run(&mut self, phase: Phase) -> anyhow::Result<bool> {
        match self.command.run(&self.stop, phase == Phase::WarmUp)? {
            Ended::Stopped => return Ok(false),
            Ended::Well => {}
            Ended::Badly(how) => {
                ensure!(
                    self.args.ignore_failure,
                    Problem::new(
                        format!("`{}` ended with {how}", self.command.reported()),
                        "add --ignore-failure to continue anyway"
                    )
                );
                self.failed += 1;
            }
        }
        if self.stop.wait_until(Instant::now() + self.args.settle) {
            return Ok(false);
        }
        let length = self.take(phase)?;
        self.lengths.push(length);
        Ok(true)
    }

    /// Takes the sample that ends an interval, and returns how long that was.
    fn take(&mut self, phase: Phase) -> anyhow::Result<Duration> {
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

    fn tell(&mut self, what: &str, left: Duration) {
        let left = if left.is_zero() { String::new() } else { format!(", {} to go", span(left)) };
        self.progress.show_now(&format!("{what}{left} (Ctrl-C stops and shows the result)"));
    }
}
