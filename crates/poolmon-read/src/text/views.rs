//! Several lists of one moment, as one sample: `!poolused 2` and then `4`, or one pool after the other in the same second.

use poolmon_model::{CounterWidth, Counters, Header, Key, Pool, Row, Sample, SourceKind};
use rustc_hash::FxHashMap;

use crate::remark::{Remark, RemarkKind};

/// Whether `next` lists the same moment as `now`; `unsure`: the same time may be that of another moment.
pub(super) fn is_same_moment(now: &Sample, next: &Sample, unsure: bool) -> bool {
    let (a, b) = (&now.origin, &next.origin);
    if (a.kind, &a.host, &a.boot) != (b.kind, &b.host, &b.boot) || !now.sessions.is_empty() {
        return false;
    }
    match (now.time, next.time) {
        (Some(a), Some(b)) => a == b && !(unsure && contradict(now, next)) && !are_apart(now, next),
        // The debugger holds the machine: what it lists one after the other is of one moment, unless figures changed.
        (_, None) => a.kind == SourceKind::Windbg && !contradict(now, next),
        _ => false,
    }
}

/// Whether a row that both list has other figures.
fn contradict(now: &Sample, next: &Sample) -> bool {
    let rows = by_key(now);
    let other = |row: &Row| {
        let at = rows.get(&row.key());
        at.and_then(|&at| now.rows.get(at)).is_some_and(|held| held.counters != row.counters)
    };
    next.rows.iter().any(other)
}

/// Whether more than half of the rows that both list have other figures: within a second, few have. A clock that was set back shows
/// a time twice.
fn are_apart(now: &Sample, next: &Sample) -> bool {
    let places = by_key(now);
    let (mut all, mut other) = (0, 0);
    for row in &next.rows {
        if let Some(held) = places.get(&row.key()).and_then(|&at| now.rows.get(at)) {
            all += 1;
            other += usize::from(held.counters != row.counters);
        }
    }
    2 * other > all
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

/// Whether rows of a list of Windows are not in the next one, though Windows keeps a tag until it reboots: then the lists show
/// chosen tags, or were cut.
pub(super) fn loses_rows(now: &Sample, next: &Sample) -> bool {
    // Long lists are not chosen tags; only the end of one may be missing.
    if now.rows.len() > LONGEST_CUT && next.rows.len() >= now.rows.len() {
        return false;
    }
    let places = by_key(next);
    let is_listed =
        |row: &Row| matches!(row.pool, Pool::Nonpaged | Pool::Paged) && next.coverage.has(row.pool);
    let same_boot = (&now.origin.host, &now.origin.boot) == (&next.origin.host, &next.origin.boot);
    if !same_boot || !now.rows.iter().any(|row| is_listed(row) && !places.contains_key(&row.key())) {
        return false;
    }
    // After a reboot, counters begin again.
    let (mut fell, mut rose) = (0, 0);
    for row in &now.rows {
        let later =
            places.get(&row.key()).and_then(|&at| next.rows.get(at)).and_then(|row| row.counters.allocs);
        if let Some((before, after)) = row.counters.allocs.zip(later) {
            fell += usize::from(after < before);
            rose += usize::from(after >= before);
        }
    }
    fell <= rose
}

/// Whether two lists have other rows.
fn differ(now: &Sample, next: &Sample) -> bool {
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
