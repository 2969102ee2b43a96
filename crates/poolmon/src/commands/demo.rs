//! `poolmon demo`: the same screen over a simulated Windows kernel.

use std::time::Duration;

use pool_model::column;
use pool_synth::kernel::{Config, SimulatedSource};

use crate::args::LiveArgs;
use crate::commands::live;

/// Shows the simulated kernel; every output of it says that it is simulated.
pub fn run(args: &LiveArgs) -> anyhow::Result<()> {
    let source = SimulatedSource::real_time(Config::default());
    let args = LiveArgs { interval: args.interval.or(Some(Duration::from_secs(1))), ..args.clone() };
    live::show(&args, Box::new(source), &column::BYTES)
}
