//! The order of files: that of their times, or of their names if there are none, unless it contradicts what they have counted.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use poolmon_model::Sample;

use crate::boots::{self, Given, Order};
use crate::clock::{FileClock, TimeNote};
use crate::counted::falls;
use crate::part::{self, Part, TimeFrom};
use crate::{Holds, ReadError, Remark, RemarkKind, Result, machines, mixed};

/// Why dates of files are no times.
const COPIES: &str = "no times in the files, and their dates are those of a copy";
/// Of this many steps from file to file, one may go back: otherwise the numbers have another meaning, or count down.
const STEPS: usize = 4;
/// No file was written before this: 1990, seconds since 1970.
const EARLIEST: i64 = 631_152_000;
/// Files that were written this close together, on average, were copied or unpacked: nobody takes samples that fast.
pub(crate) const COPIED: f64 = 0.2;

/// Puts files into the order in which they were taken: that of their times, if these are not contradicted by their names and their
/// counts. Corrects times that go back, and forgets times that say nothing; says so.
///
/// # Errors
/// Their counts show that they are of several machines, and not which of which.
pub(crate) fn arrange(parts: &mut Vec<Part>) -> Result<Vec<Remark>> {
    let mut remarks = Vec::new();
    let mut timed = parts.iter().all(|part| part.start.is_some());
    // Archives and clocks without a battery give dates of 1970 or 1980.
    let is_no_date = |part: &Part| {
        part.time_from == TimeFrom::FileDate
            && part.start.is_some_and(|start| start < Timestamp::constant(EARLIEST, 0))
    };
    let dateless: Vec<String> =
        parts.iter().filter(|part| is_no_date(part)).map(|part| part.input.name().to_owned()).collect();
    if timed && !dateless.is_empty() && dateless.len() < parts.len() {
        parts.retain(|part| !is_no_date(part));
        let text = format!(
            "left out: {}: it has no time, and its date is before 1990; give it one: touch -d TIME FILE",
            mixed::named(&dateless)
        );
        remarks.push(Remark::new(RemarkKind::FileLeftOut, text));
    }
    let copied = timed && part::are_dates_of_copies(parts);
    if copied {
        parts.sort_by_key(|part| by_number(part.input.name()));
        timed = false;
    } else if timed {
        parts.sort_by_key(|part| part.start);
    } else if parts.iter().all(|part| part.day.is_some()) {
        parts.sort_by_key(|part| (part.day, by_number(&file_name(part))));
    }
    remarks.extend(machines::leave_one(parts, timed));
    while let Some(remark) = machines::leave_one_by_counts(parts) {
        remarks.push(remark);
    }
    let mut of_copies = None;
    if copied {
        of_copies = Some(forget_times(parts, COPIES));
    } else if timed {
        remarks.extend(follow_names(parts));
    } else if let Some(order) = order_of_names(parts)
        && falls_in(parts, &order) < falls(parts.iter().map(|part| &part.counted))
    {
        put(parts, &order);
    }
    let said = follow_counts(parts, copied)?;
    // One reason for the order, not two.
    remarks.extend(if said.is_empty() { of_copies.into_iter().collect() } else { said });
    remarks.extend(machines::doubt(parts));
    Ok(remarks)
}

/// Puts files into the order in which their counts rise, if that is likelier than the reboots that their times or names would mean.
/// Corrects times that go back in it seldom, and forgets others; says so.
fn follow_counts(parts: &mut [Part], copied: bool) -> Result<Vec<Remark>> {
    let counted: Vec<_> = parts.iter().map(|part| &part.counted).collect();
    let times: Vec<Timestamp> = parts.iter().filter_map(|part| part.start).collect();
    let given = if times.len() < parts.len() {
        Given::Names
    } else if parts.iter().any(|part| part.time_from == TimeFrom::FileDate) {
        Given::FileDates(&times)
    } else {
        Given::Clock(&times)
    };
    let why = match given {
        Given::Names if copied => COPIES,
        Given::Names => "their names contradict their counts",
        Given::Clock(_) | Given::FileDates(_) => "their times contradict their counts",
    };
    match boots::order(&counted, given) {
        Order::Given => Ok(Vec::new()),
        Order::Counts { order, is_clock_set_back } => {
            put(parts, &order);
            if is_clock_set_back {
                return Ok(set_clock(parts, "files' counts"));
            }
            parts.iter_mut().for_each(Part::forget_time);
            let names: Vec<String> = parts.iter().map(|part| part.input.name().to_owned()).collect();
            let text = format!(
                "{}: {why}; read in the order in which the counts of allocations and frees rise; when they were taken is unknown",
                mixed::named(&names)
            );
            Ok(vec![Remark::new(RemarkKind::TimeFromFile, text)])
        }
        Order::Unclear(_) if !parts.iter().all(|part| part.alone) => Ok(Vec::new()),
        Order::Unclear(falls) => {
            let names: Vec<String> = parts.iter().map(|part| part.input.name().to_owned()).collect();
            let problem = format!(
                "the counts of allocations fall {falls} times from file to file, and no order makes them those of one boot: the files are of \
                    several machines, or of boots whose order is unknown"
            );
            let remedy = "put the files of each machine into a folder of its own, with the time in their names \
                (pool-2026-11-22-1405.log), and read each folder alone";
            Err(ReadError::unsuitable(&mixed::named(&names), problem, remedy))
        }
    }
}

/// Forgets the times of all parts, and puts these into the order of their names; newest first, if their counts show that.
fn forget_times(parts: &mut [Part], why: &str) -> Remark {
    parts.iter_mut().for_each(Part::forget_time);
    parts.sort_by_key(|part| by_number(part.input.name()));
    let falls_of = |parts: &[Part]| falls(parts.iter().map(|part| &part.counted));
    let ascending = falls_of(parts);
    parts.reverse();
    let turned = if falls_of(parts) < ascending {
        ", the highest number first, as their counts rise that way"
    } else {
        parts.reverse();
        ""
    };
    let name = parts.first().map(|part| part.input.name().to_owned()).unwrap_or_default();
    let others = parts.len().saturating_sub(1);
    let text = format!("{name} and {others} more: {why}; read in the order of their names{turned}");
    Remark::new(RemarkKind::TimeFromFile, text)
}

/// Puts numbered files whose times contradict their names into the order of the names, and corrects their times. Says at which
/// files the clock goes back; nothing if the times are in order, or if the names do not give one.
fn follow_names(parts: &mut [Part]) -> Vec<Remark> {
    let Some(order) = order_of_names(parts) else { return Vec::new() };
    let times: Vec<Timestamp> = order.iter().filter_map(|&at| parts.get(at)?.start).collect();
    if times.is_sorted() || !do_names_count(parts, &order, &times) {
        return Vec::new();
    }
    if !is_set_back(&times) {
        let why = "their times go back again and again from number to number, but their counts rise";
        return vec![forget_times(parts, why)];
    }
    put(parts, &order);
    set_clock(parts, "files' names")
}

/// Corrects the times of files whose order, that of their names or counts, is known.
fn set_clock(parts: &mut [Part], order: &'static str) -> Vec<Remark> {
    let mut clock = FileClock::default();
    let mut remarks = Vec::new();
    for part in parts {
        let (mut sample, reported) = (Sample::empty(), part.start);
        sample.time = reported;
        clock.enter(&file_name(part), order);
        remarks.extend(clock.correct(&mut sample, TimeNote { local: part.is_local, ..TimeNote::default() }));
        part.start = sample.time;
        part.shift =
            part.start.zip(reported).map_or(SignedDuration::ZERO, |(time, then)| time.duration_since(then));
    }
    remarks
}

/// Whether files were taken in the order of their names, in which their times go back: as their counts show, or else as a clock
/// that was set back shows.
fn do_names_count(parts: &[Part], order: &[usize], times: &[Timestamp]) -> bool {
    let (by_name, by_time) = (falls_in(parts, order), falls(parts.iter().map(|part| &part.counted)));
    if by_name != by_time {
        return by_name < by_time;
    }
    // The date of a file is when it was written: nothing else says when.
    let dated = parts.iter().any(|part| part.time_from != TimeFrom::Content);
    let written: Vec<Timestamp> = order.iter().filter_map(|&at| written(parts.get(at)?)).collect();
    !dated && is_set_back(times) && !(written.len() == parts.len() && contradicts(times, &written))
}

fn falls_in(parts: &[Part], order: &[usize]) -> usize {
    falls(order.iter().filter_map(|&at| parts.get(at)).map(|part| &part.counted))
}

fn put(parts: &mut [Part], order: &[usize]) {
    for (place, &at) in order.iter().enumerate() {
        if let Some(part) = parts.get_mut(at) {
            part.place = place;
        }
    }
    parts.sort_by_key(|part| part.place);
}

/// The indices of files in the order of their names, if these are numbers in the same text.
fn order_of_names(parts: &[Part]) -> Option<Vec<usize>> {
    let (first, rest) = parts.split_first()?;
    let alike = |part: &Part| {
        part.format.id == first.format.id
            && part.format.holds == Holds::Rows
            && part.time_from == first.time_from
            && part.time_from != TimeFrom::Name
            && folder(part) == folder(first)
    };
    if rest.is_empty() || !parts.iter().all(alike) {
        return None;
    }
    let names: Vec<Vec<(u64, String)>> = parts.iter().map(|part| by_number(&file_name(part))).collect();
    let texts = |name: &[(u64, String)]| name.iter().map(|(_, text)| text.clone()).collect::<Vec<_>>();
    let same_text = names.iter().all(|name| names.first().is_some_and(|first| texts(name) == texts(first)));
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by(|a, b| names.get(*a).cmp(&names.get(*b)));
    same_text.then_some(order)
}

/// Whether times go back, and rarely.
fn is_set_back(times: &[Timestamp]) -> bool {
    let back = times.windows(2).filter(|pair| matches!(pair, [a, b] if b < a)).count();
    // Once an hour, the hour that comes twice gives the same time twice.
    let hour = |a: &Timestamp, b: &Timestamp| b.duration_since(*a) == SignedDuration::from_hours(1);
    let same = times.windows(3).filter(|three| matches!(three, [a, b, c] if b == c && hour(a, b))).count();
    let back = back + same;
    back > 0 && back * STEPS < times.len()
}

/// Whether files were written in another order where their times go back; files that were copied do not show it.
fn contradicts(times: &[Timestamp], written: &[Timestamp]) -> bool {
    let (Some(first), Some(last)) = (written.iter().min(), written.iter().max()) else { return false };
    if last.duration_since(*first).as_secs_f64() <= COPIED * (written.len() - 1) as f64 {
        return false;
    }
    let mut steps = times.windows(2).zip(written.windows(2));
    steps.any(|steps| matches!(steps, ([a, b], [x, y]) if b < a && y < x))
}

fn written(part: &Part) -> Option<Timestamp> {
    let modified = std::fs::metadata(part.input.path()?).and_then(|about| about.modified()).ok()?;
    Timestamp::try_from(modified).ok()
}

pub(crate) fn folder(part: &Part) -> Option<&Path> {
    part.input.path()?.parent()
}

pub(crate) fn file_name(part: &Part) -> String {
    let name = part.input.path().and_then(Path::file_name);
    name.map_or_else(|| part.input.name().to_string(), |name| name.to_string_lossy().into_owned())
}

/// A name in pieces that sort as a person would: `log10` after `log9`.
pub(crate) fn by_number(name: &str) -> Vec<(u64, String)> {
    let mut pieces: Vec<(u64, String)> = vec![(0, String::new())];
    for letter in name.chars() {
        let inside = pieces.len() > 1;
        let Some((number, text)) = pieces.last_mut() else { continue };
        match letter.to_digit(10) {
            Some(digit) if text.is_empty() && inside => {
                *number = number.saturating_mul(10).saturating_add(digit.into());
            }
            Some(digit) => pieces.push((digit.into(), String::new())),
            None => text.push(letter),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: &[i64]) -> Vec<Timestamp> {
        minutes.iter().map(|minutes| Timestamp::from_second(minutes * 60).unwrap()).collect()
    }

    #[test]
    fn a_clock_goes_back_rarely() {
        assert!(is_set_back(&at(&[60, 65, 70, 15, 20, 25])));
        assert!(!is_set_back(&at(&[60, 65, 70, 75, 80, 85])));
        assert!(is_set_back(&at(&[0, 60, 120, 120, 180, 240])));
        assert!(!is_set_back(&at(&[0, 5, 10, 10, 15, 20])));
        // Newest first, and numbers that mean nothing.
        assert!(!is_set_back(&at(&[60, 55, 50, 45, 40, 35])));
        assert!(!is_set_back(&at(&[60, 10, 70, 5, 90, 25])));
    }

    #[test]
    fn when_files_were_written_shows_the_order_unless_they_were_copied() {
        let times = at(&[60, 65, 10, 15]);
        assert!(!contradicts(&times, &at(&[60, 65, 70, 75])));
        assert!(contradicts(&times, &at(&[60, 65, 10, 15])));
        let copied: Vec<Timestamp> =
            (0..4).map(|n| Timestamp::from_millisecond(10_000 - n).unwrap()).collect();
        assert!(!contradicts(&times, &copied));
    }
}
