//! Memory and processor time of this process.

use std::time::{Duration, Instant};

/// Resident memory now and at most, in MB (10⁶ bytes), as Linux reports.
pub fn memory() -> (f64, f64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        let kib: f64 = line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(f64::NAN);
        kib * 1024.0 / 1e6
    };
    (line("VmRSS"), line("VmHWM"))
}

/// Time that this thread had a processor, where the system reports; else the clock's time.
pub fn processor(since: Instant) -> Duration {
    let reported = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = reported.and_then(|reported| reported.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| since.elapsed(), Duration::from_nanos)
}
