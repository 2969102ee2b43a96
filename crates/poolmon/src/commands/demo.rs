//! `poolmon demo`: the same screen over a simulated Windows kernel.

use std::time::Duration;

use jiff::Timestamp;
use poolmon_model::{PoolTag, column};
use poolmon_owner::PooltagFile;
use poolmon_synth::kernel::{LEAK_DRIVER, Leak, SimulatedKernel, SimulatedSource, SimulationConfig};

use crate::app::{owners, screen};
use crate::cli::live::LiveArgs;

/// The screen starts after so much simulated time: verdicts need a past.
const PAST: Duration = Duration::from_hours(48);
/// Bytes that the simulated leak loses in a second: 28 MiB an hour.
const LOST: u64 = 8 << 10;

/// Shows the simulated kernel; every output of it says that it is simulated.
pub fn run(args: &LiveArgs) -> anyhow::Result<()> {
    anyhow::ensure!(
        args.from.is_none(),
        "the demo shows a simulated kernel; use `poolmon live --from FILE` for a file"
    );
    let start = Timestamp::now() - PAST;
    let day = Duration::from_hours(24);
    let leak = SimulationConfig::default().leak.map(|leak| Leak { bytes_per_second: LOST, ..leak });
    let config = SimulationConfig { start, day, leak, ..SimulationConfig::default() };
    // The invented driver is known to no one else.
    let leak = config.leak.map(|leak| PoolTag(leak.tag).to_string()).unwrap_or_default();
    let entry = format!("{leak} - {LEAK_DRIVER} - a simulated driver that never frees");
    let source = SimulatedSource::with_past(SimulatedKernel::new(config), PAST);
    let args = LiveArgs { interval: args.interval.or(Some(Duration::from_secs(1))), ..args.clone() };
    let owners = owners::load(&args.rows)?.with(PooltagFile::parse("the demo", entry.as_bytes()));
    screen::show(&args, Box::new(source), &column::BYTES, owners)
}
