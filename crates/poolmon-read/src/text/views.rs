//! Several lists of one moment, as one sample: `!poolused 2` and then `4`, or one pool after the other in the same second.
//! And a clock that was set back, as a clock that goes on.

use jiff::{SignedDuration, Timestamp};
use poolmon_model::{CounterWidth, Counters, Header, Key, Sample, SourceKind};
use rustc_hash::FxHashMap;

use crate::remark::{Remark, RemarkKind};

/// Whether `next` lists the same moment as `now`.
pub(super) fn is_same_moment(now: &Sample, next: &Sample) -> bool {
    let (a, b) = (&now.origin, &next.origin);
    if (a.kind, &a.host, &a.boot) != (b.kind, &b.host, &b.boot) || !now.sessions.is_empty() {
        return false;
    }
    match (now.time, next.time) {
        (Some(now), Some(next)) => now == next,
        // The debugger holds the machine: what it lists one after the other is of one moment, unless figures changed.
        (_, None) => a.kind == SourceKind::Windbg && !contradict(now, next),
        _ => false,
    }
}

/// Whether a row that both list has other figures.
fn contradict(now: &Sample, next: &Sample) -> bool {
    let rows = by_key(now);
    let other = |row: &poolmon_model::Row| {
        let at = rows.get(&row.key());
        at.and_then(|&at| now.rows.get(at)).is_some_and(|held| held.counters != row.counters)
    };
    next.rows.iter().any(other)
}

fn by_key(sample: &Sample) -> FxHashMap<Key, usize> {
    sample.rows.iter().enumerate().map(|(at, row)| (row.key(), at)).collect()
}

/// Adds the rows of a second list; of rows that both have, the later figures stay.
pub(super) fn join(sample: &mut Sample, next: &Sample) {
    let places = by_key(sample);
    for row in &next.rows {
        match places.get(&row.key()).and_then(|&at| sample.rows.get_mut(at)) {
            Some(held) => held.clone_from(row),
            None => sample.rows.push(row.clone()),
        }
    }
    // They belong to one list only.
    sample.reported_deltas.clear();
    sample.sessions.extend(next.sessions.iter().cloned());
    let mut coverage = sample.coverage;
    for &pool in next.origin.pools.iter().filter(|&&pool| next.coverage.has(pool)) {
        coverage = coverage.with(pool);
    }
    sample.coverage = if next.coverage.is_partial() { coverage.partial() } else { coverage };
    if sample.header == Header::default() {
        sample.header.clone_from(&next.header);
    }
    sample.first_pool = sample.first_pool.or(next.first_pool);
    if next.width == CounterWidth::Bits64 {
        sample.width = CounterWidth::Bits64;
    }
    sample.disagreeing += next.disagreeing;
    for remark in &next.remarks {
        if !sample.remarks.contains(remark) {
            sample.remarks.push(remark.clone());
        }
    }
}

/// Rows of the longest list that is taken for the N largest.
const LONGEST_CUT: usize = 500;

/// Whether two lists in turn are each the N largest: N rows, sorted by a figure, and not the same ones. Of such a list, the
/// row below the last is unknown.
pub(super) fn are_cut(now: &Sample, next: &Sample) -> bool {
    let count = now.rows.len();
    let falls = |sample: &Sample, figure: fn(&Counters) -> Option<u64>| {
        sample
            .rows
            .is_sorted_by(|a, b| figure(&a.counters).zip(figure(&b.counters)).is_some_and(|(a, b)| a >= b))
    };
    let figures: [fn(&Counters) -> Option<u64>; 3] = [|row| row.bytes, |row| row.allocs, |row| row.used];
    count == next.rows.len()
        && (3..=LONGEST_CUT).contains(&count)
        && (&now.origin.host, &now.origin.boot) == (&next.origin.host, &next.origin.boot)
        && figures.into_iter().any(|figure| falls(now, figure) && falls(next, figure))
        && differ(now, next)
}

/// Whether two lists have other rows.
pub(super) fn differ(now: &Sample, next: &Sample) -> bool {
    let places = by_key(now);
    next.rows.iter().any(|row| !places.contains_key(&row.key())) || places.len() != next.rows.len()
}

/// Notes of two samples of different files whether each is a list of the N largest: a row that one of them does not show is then
/// unknown, not empty.
pub fn note_cut_lists(before: &mut Sample, after: &mut Sample) {
    if are_cut(before, after) {
        for sample in [before, after] {
            let remark = cut_remark(sample).text;
            sample.coverage = sample.coverage.partial();
            if !sample.remarks.contains(&remark) {
                sample.remarks.push(remark);
            }
        }
    }
}

/// What is said of lists that leave out now this row, now that.
pub(super) fn cut_remark(sample: &Sample) -> Remark {
    let count = poolmon_model::units::counted(sample.rows.len() as u64, "row");
    let text =
        format!("this list has {count} and leaves others out: what it does not show is unknown, not empty");
    Remark::new(RemarkKind::RowsMissing, text)
}

/// The clock of a file: local time goes back when summer time ends, and when somebody sets it. The order of the file stays.
#[derive(Debug, Default)]
pub(crate) struct FileClock {
    last: Option<Timestamp>,
    step: SignedDuration,
    /// What is added to the times of the file.
    ahead: SignedDuration,
    first_row: Option<Key>,
}

/// A step back by more is no clock that was set, but another file that was appended.
const FARTHEST: SignedDuration = SignedDuration::from_hours(26);
const HOUR: SignedDuration = SignedDuration::from_hours(1);

impl FileClock {
    /// Corrects the time of the next sample; `local` = its zone is not known.
    pub(crate) fn correct(&mut self, sample: &mut Sample, local: bool) -> Option<Remark> {
        let reported = sample.time?;
        let mut time = reported.checked_add(self.ahead).ok()?;
        let mut remark = None;
        if let Some(last) = self.last
            && time < last
            && last.duration_since(time) <= FARTHEST
            // A table sorted by tag begins again with each tag: that is no clock.
            && self.first_row.as_ref().map_or(sample.rows.is_empty(), |key| sample.rows.iter().any(|row| key.is_of(row)))
        {
            let back = last.duration_since(time);
            let (more, about) = if local && back < HOUR {
                (HOUR, "an hour is added to the times that follow (end of summer time)".to_owned())
            } else {
                (
                    back + self.step,
                    "the time between the two samples is not known; that before is assumed".to_owned(),
                )
            };
            self.ahead += more;
            time = time.checked_add(more).ok()?;
            let text = format!("the clock goes back here: {about}");
            remark = Some(Remark::new(RemarkKind::Time, text));
        }
        if let Some(last) = self.last
            && remark.is_none()
            && time > last
        {
            self.step = time.duration_since(last);
        }
        self.last = Some(time);
        self.first_row = sample.rows.first().map(poolmon_model::Row::key);
        sample.time = Some(time);
        remark
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use poolmon_model::{Pool, Row, Tag};

    fn at(clock: &mut FileClock, time: &str, tag: [u8; 4], local: bool) -> (String, bool) {
        let mut sample = Sample::empty();
        sample.time = time.parse().ok();
        sample.rows.push(Row::windows(Tag::pool(tag), Pool::Paged, 1, 0, 16));
        let said = clock.correct(&mut sample, local).is_some();
        (sample.time.unwrap().to_string(), said)
    }

    #[test]
    fn an_hour_that_comes_twice() {
        let mut clock = FileClock::default();
        let mut at = |time| at(&mut clock, time, *b"Test", true);
        assert_eq!(at("2026-10-25T02:59:00Z"), ("2026-10-25T02:59:00Z".into(), false));
        assert_eq!(at("2026-10-25T02:04:00Z"), ("2026-10-25T03:04:00Z".into(), true));
        assert_eq!(at("2026-10-25T02:09:00Z"), ("2026-10-25T03:09:00Z".into(), false));
    }

    #[test]
    fn a_clock_that_was_set_and_one_that_was_not() {
        let mut clock = FileClock::default();
        assert!(!at(&mut clock, "2026-03-01T10:00:00Z", *b"Test", false).1);
        assert!(!at(&mut clock, "2026-03-01T10:10:00Z", *b"Test", false).1);
        assert_eq!(
            at(&mut clock, "2026-03-01T06:00:00Z", *b"Test", false),
            ("2026-03-01T10:20:00Z".into(), true)
        );
        assert_eq!(at(&mut clock, "2026-03-01T06:10:00Z", *b"Test", false).0, "2026-03-01T10:30:00Z");
        assert!(!at(&mut clock, "2026-02-20T06:10:00Z", *b"Test", false).1, "another file");
        assert!(!at(&mut clock, "2026-02-20T05:10:00Z", *b"Next", false).1, "a table sorted by tag");
    }
}
