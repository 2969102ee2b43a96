//! `poolmon measure`: what a command loses at each run, separated from the machine's own noise.

use std::io::Write;

use poolmon_leak::measure::LossKind;
use poolmon_model::units::counted;
use poolmon_record::Stop;
use poolmon_render::measure as render;
use poolmon_report::owner_hint;
use poolmon_watch::{Bench, BenchConfig, Command};

use crate::app::outcome::Outcome;
use crate::app::owners;
use crate::app::say::{self, Progress, warning};
use crate::cli::groups::{LISTED, TextOrJson};
use crate::cli::measure::MeasureArgs;
use crate::input;

/// Measures, and prints the result.
pub fn run(args: &MeasureArgs) -> anyhow::Result<Outcome> {
    let owners = owners::load_files(args.pooltag.file(), None)?;
    let command = Command::new(&args.command, args.show_output);
    let stop = Stop::on_signals()?;
    let now = jiff::Timestamp::now().subsec_nanosecond().unsigned_abs();
    let config = BenchConfig {
        repeat: args.repeat,
        warm_up: args.warm_up,
        settle: args.settle,
        noise: args.noise,
        exact: args.exact,
        ignore_failure: args.ignore_failure,
        seed: args.seed.unwrap_or(now.into()),
    };
    let mut progress = Progress::new();
    let source = input::live(args.which.view())?;
    let mut bench = Bench::new(config, source, command, stop.clone(), |text| progress.show_now(text))?;
    input::tell_remarks(bench.sample());
    let complete = bench.run_all()?;
    stop.done();
    let measured = bench.measured(complete, &owner_hint(&owners));
    drop(bench);
    drop(progress);
    let filter = args.which.filter();
    let mut out = say::out(args.format == TextOrJson::Text);
    match args.format {
        TextOrJson::Text => {
            render::text(&mut out, &measured, &filter, args.all, args.limit.unwrap_or(LISTED))?;
        }
        TextOrJson::Json => render::json(&mut out, &measured, &filter, args.all)?,
    }
    out.flush()?;
    let lost = measured.losses.of(LossKind::Lost).any(|loss| filter.admits_tag(&loss.tag, loss.pool));
    // A script must not take what was not measured for nothing lost.
    let reported = measured.losses.pairs >= measured.losses.least_runs;
    if measured.losses.pairs == 0 {
        warning!("stopped before the first run and its idle interval ended: nothing was measured");
        return Ok(Outcome::Interrupted);
    }
    if args.fail_on_loss && !lost && measured.stopped && !reported {
        warning!(
            "stopped after {} of {} needed: there is no result",
            counted(measured.losses.pairs as u64, "run"),
            measured.losses.least_runs
        );
    }
    Ok(Outcome::found_if(args.fail_on_loss && lost).if_not(measured.stopped))
}
