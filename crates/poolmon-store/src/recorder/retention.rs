//! Which segments go: the oldest closed ones first, never the open one, and nothing but segments.
//!
//! How old one is does not depend on the wall clock, which may be wrong by years: its age is the time that recorders, and the
//! system's uptime, have counted since its last sample. Only where the machine was off does the wall clock say for how long, and
//! it is not believed at once: the recorder first runs for a tenth of `keep` or a day. A clock that is set right meanwhile takes
//! that time off again.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::gaps::nanos_between;
use super::{Disk, RecorderConfig};
use crate::dir::Dir;
use crate::folder::{self, SegmentFile};

/// What retention did.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub deleted: Vec<Deleted>,
    /// Bytes of closed segments that are left; `None` if the folder could not be listed.
    pub closed_bytes: Option<u64>,
}

/// A segment that was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// Name of its file.
    pub name: String,
    /// It was older than `keep`; else all together took more than `max_size`.
    pub too_old: bool,
}

/// How old segments are, in nanoseconds of a time that only goes forward: the time that was recorded.
#[derive(Debug, Default)]
pub(super) struct Ages {
    /// When the last sample of a segment was, by its number.
    ends: BTreeMap<u64, i64>,
    now: i64,
    /// What the wall clock alone claims to have passed without samples, and when.
    claims: Vec<(i64, i64)>,
}

impl Ages {
    /// Of segments that are there when a recorder begins: their numbers, and times of their first and last samples.
    pub(super) fn new(spans: Vec<(u64, Timestamp, Timestamp)>) -> Self {
        let mut ages = Self::default();
        let mut before = None;
        for (number, first, last) in spans {
            if let Some(before) = before.replace(last) {
                ages.passed(nanos_between(before, first), true);
            }
            ages.passed(nanos_between(first, last), false);
            ages.ended(number);
        }
        ages
    }

    /// This much time passed since the last sample. Its length may be a claim of the wall clock.
    pub(super) fn passed(&mut self, nanos: i64, is_claim: bool) {
        let nanos = nanos.max(0);
        if is_claim {
            self.claims.push((self.now, nanos));
        } else {
            self.now = self.now.saturating_add(nanos);
        }
    }

    /// A segment ended with the last sample.
    pub(super) fn ended(&mut self, number: u64) {
        self.ends.insert(number, self.now);
    }

    fn is_older(&self, number: u64, keep: Duration) -> bool {
        let Some(&end) = self.ends.get(&number) else { return false };
        let since = |time: i64| u128::from(self.now.saturating_sub(time).max(0).unsigned_abs());
        let trust = (keep / 10).min(Duration::from_hours(24)).as_nanos();
        let believed = self.claims.iter().filter(|claim| claim.0 >= end && since(claim.0) >= trust);
        since(end) + believed.map(|claim| u128::from(claim.1.unsigned_abs())).sum::<u128>() > keep.as_nanos()
    }
}

/// Deletes what is too old or too much. What cannot be deleted stays for the next time.
pub(super) fn retain(
    dir: &Dir,
    config: &RecorderConfig,
    current: Option<&Path>,
    written: u64,
    ages: &Ages,
    disk: &dyn Disk,
) -> Done {
    let Ok(files) = folder::segments(dir.path()) else { return Done::default() };
    let closed = files.into_iter().filter(|file| Some(file.path.as_path()) != current && file.is_named());
    let mut closed: Vec<_> = closed.map(|file| (file.size(), file)).collect();
    let bytes = |file: &SegmentFile| dir.read(file.sealed().file_name()?).ok()?.metadata().ok();
    let sealed = |file: &SegmentFile| bytes(file).map_or(0, |data| data.len());
    let sum = |closed: &[(u64, SegmentFile)]| {
        written + closed.iter().map(|(size, file)| size + sealed(file)).sum::<u64>()
    };
    let is_too_much = |all: u64| config.max_size.is_some_and(|most| all > most);
    let mut all = if config.max_size.is_some() { sum(&closed) } else { 0 };
    if is_too_much(all) {
        // A large file that only has the name of a segment must not drive out those that are some.
        closed.retain(|(_, file)| folder::is_segment(dir, file.name()).unwrap_or(false));
        all = sum(&closed);
    }
    let mut left: u64 = closed.iter().map(|file| file.0).sum();
    let mut done = Done::default();
    for (size, file) in &closed {
        let too_old = config.keep.is_some_and(|keep| ages.is_older(file.number, keep));
        if !too_old && !is_too_much(all) {
            continue;
        }
        if !folder::is_segment(dir, file.name()).unwrap_or(false) {
            continue;
        }
        let parquet = file.sealed();
        let bytes = sealed(file);
        // The Parquet file first: without its segment no one would know that it is ours.
        if bytes > 0 && disk.remove(&parquet).is_err() || disk.remove(&file.path).is_err() {
            break;
        }
        let name = file.name().to_string_lossy().into_owned();
        done.deleted.push(Deleted { name, too_old });
        left -= size;
        all = all.saturating_sub(size + bytes);
    }
    done.closed_bytes = Some(left);
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000_000;

    fn spans(hours: &[(i64, i64)]) -> Vec<(u64, Timestamp, Timestamp)> {
        let at = |hour: i64| Timestamp::from_second(1_800_000_000 + hour * 3600).unwrap();
        (0..).zip(hours).map(|(number, &(first, last))| (number, at(first), at(last))).collect()
    }

    #[test]
    fn a_wrong_clock_makes_nothing_old() {
        let keep = Duration::from_hours(28 * 24);
        let mut ages = Ages::new(spans(&[(0, 1), (1, 2)]));
        ages.passed(40 * 24 * HOUR, true);
        assert!(!ages.is_older(0, keep), "the machine claims to have been off for 40 days");
        ages.passed(HOUR, false);
        assert!(!ages.is_older(0, keep));
        ages.passed(24 * HOUR, false);
        assert!(ages.is_older(0, keep) && ages.is_older(1, keep), "a day later it is believed");
        assert!(!ages.is_older(7, keep), "of a segment without a time nothing is known");
        // The same where the recorder before made the claim.
        let claimed = Ages::new(spans(&[(0, 1), (40 * 24, 40 * 24 + 1)]));
        assert!(!claimed.is_older(0, keep));
        let long_ago = Ages::new(spans(&[(0, 1), (40 * 24, 42 * 24)]));
        assert!(long_ago.is_older(0, keep) && !long_ago.is_older(1, keep));
    }

    #[test]
    fn what_recorders_counted_is_believed_at_once() {
        let ages = Ages::new(spans(&[(0, 1), (1, 30 * 24)]));
        let keep = Duration::from_hours(28 * 24);
        assert!(ages.is_older(0, keep) && !ages.is_older(1, keep));
    }
}
