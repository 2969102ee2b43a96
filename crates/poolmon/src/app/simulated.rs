//! The simulated kernel of `demo` and of `serve --from demo`.

use std::time::Duration;

use jiff::Timestamp;
use poolmon_model::PoolTag;
use poolmon_owner::PooltagFile;
use poolmon_synth::kernel::{LEAK_DRIVER, Leak, SimulatedKernel, SimulatedSource, SimulationConfig};

/// It starts after so much simulated time: verdicts need a past.
const PAST: Duration = Duration::from_hours(48);
/// Bytes that the simulated leak loses in a second: 28 MiB an hour.
const LOST: u64 = 8 << 10;

/// A kernel that runs as fast as time, and what is known of its drivers: the invented one is known to no one else.
pub fn source() -> (SimulatedSource, PooltagFile) {
    let start = Timestamp::now() - PAST;
    let day = Duration::from_hours(24);
    let leak = SimulationConfig::default().leak.map(|leak| Leak { bytes_per_second: LOST, ..leak });
    let config = SimulationConfig { start, day, leak, ..SimulationConfig::default() };
    let leak = config.leak.map(|leak| PoolTag(leak.tag).to_string()).unwrap_or_default();
    let entry = format!("{leak} - {LEAK_DRIVER} - a simulated driver that never frees");
    let source = SimulatedSource::with_past(SimulatedKernel::new(config), PAST);
    (source, PooltagFile::parse("the demo", entry.as_bytes()))
}
