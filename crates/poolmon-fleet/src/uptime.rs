//! What a tag holds against the time since boot, across hosts: a leak that all hosts share shows as a slope here, even where each
//! host was watched for a short time.
//!
//! As RESIN does it for memory of processes (Lou and others, *RESIN: A Holistic Service for Dealing with Memory Leaks in
//! Production Cloud Infrastructure*, OSDI 2022): hosts in buckets of what they hold, over time.

use poolmon_leak::stats::theil_sen;
use serde::Serialize;

/// Days since boot at which a class begins.
const CLASSES: [f64; 6] = [0.0, 1.0, 2.0, 4.0, 8.0, 16.0];

/// Hosts below which no slope across hosts is stated.
const LEAST: usize = 10;

/// Pairs grow with the square: of more hosts, every n-th counts for the slope.
const MOST: usize = 1000;

/// One host.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Held {
    /// Days since its boot.
    pub days: f64,
    /// Bytes that the tag holds there.
    pub bytes: f64,
}

/// Hosts of one class of uptime.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Class {
    /// At least this many days since boot.
    pub from_days: f64,
    /// Hosts.
    pub hosts: usize,
    /// Half of them hold no more than this.
    pub median_bytes: f64,
    /// The most.
    pub most_bytes: f64,
    /// Hosts by what they hold: (bytes at which the bucket begins, hosts); each bucket ends at twice its beginning.
    pub buckets: Vec<(u64, usize)>,
}

/// A tag's pivot.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ByUptime {
    /// Classes that have hosts.
    pub classes: Vec<Class>,
    /// Bytes more a day of uptime, from host to host: estimate and interval; `None` of few hosts.
    pub bytes_per_day: Option<(f64, f64, f64)>,
}

/// Sorts hosts into classes; `None` without hosts whose boot is known.
pub fn pivot(hosts: &[Held]) -> Option<ByUptime> {
    let mut classes = Vec::new();
    for (at, &from) in CLASSES.iter().enumerate() {
        let to = CLASSES.get(at + 1).copied().unwrap_or(f64::INFINITY);
        let mut held: Vec<f64> =
            hosts.iter().filter(|host| (from..to).contains(&host.days)).map(|host| host.bytes).collect();
        held.sort_by(f64::total_cmp);
        let Some(&most_bytes) = held.last() else { continue };
        let mut buckets: Vec<(u64, usize)> = Vec::new();
        for &bytes in &held {
            let begin = bucket(bytes);
            match buckets.last_mut() {
                Some((known, hosts)) if *known == begin => *hosts += 1,
                _ => buckets.push((begin, 1)),
            }
        }
        let hosts = held.len();
        let median_bytes = f64::midpoint(held[(hosts - 1) / 2], held[hosts / 2]);
        classes.push(Class { from_days: from, hosts, median_bytes, most_bytes, buckets });
    }
    if classes.is_empty() {
        return None;
    }
    let step = hosts.len().div_ceil(MOST).max(1);
    let (x, y): (Vec<f64>, Vec<f64>) = hosts.iter().step_by(step).map(|host| (host.days, host.bytes)).unzip();
    let slope = (hosts.len() >= LEAST).then(|| theil_sen::slope(&x, &y, 0.95, 1.0)).flatten();
    Some(ByUptime { classes, bytes_per_day: slope.map(|line| (line.slope, line.low, line.high)) })
}

/// The power of two at or below.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, which no kernel holds"
)]
fn bucket(bytes: f64) -> u64 {
    (bytes as u64).checked_ilog2().map_or(0, |log| 1 << log)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_run_longer_hold_more() {
        let hosts: Vec<Held> = (0..40)
            .map(|n| Held { days: f64::from(n) / 2.0, bytes: 1e6 + 5e5 * f64::from(n) / 2.0 })
            .collect();
        let found = pivot(&hosts).unwrap();
        let (estimate, low, high) = found.bytes_per_day.unwrap();
        assert!((estimate - 5e5).abs() < 1.0 && low <= estimate && estimate <= high);
        assert_eq!(found.classes.iter().map(|class| class.hosts).collect::<Vec<_>>(), [2, 2, 4, 8, 16, 8]);
        assert_eq!(found.classes[0].buckets, [(1 << 19, 1), (1 << 20, 1)]);
        assert!((found.classes[0].median_bytes - 1.125e6).abs() < 1.0);
    }

    #[test]
    fn of_few_hosts_there_is_no_slope() {
        assert_eq!(pivot(&[]), None);
        assert_eq!(pivot(&[Held { days: 3.0, bytes: 0.0 }]).unwrap().bytes_per_day, None);
    }
}
