//! Numbered files between which the clock was set back: their names, and when they were written, give the order.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use poolmon_model::Sample;

use crate::clock::{FileClock, TimeNote};
use crate::part::{Part, TimeFrom};
use crate::{Holds, Remark};

/// Of this many steps from file to file, one may go back: otherwise the numbers have another meaning, or count down.
const STEPS: usize = 4;
/// Files that were written this close together, on average, were copied or unpacked: nobody takes samples that fast.
pub(crate) const COPIED: f64 = 0.2;

/// Puts numbered files whose times contradict their names into the order of the names, and corrects their times. Says at which
/// files the clock goes back; nothing if the times are in order, or if the names do not give one.
pub(crate) fn follow_names(parts: &mut [Part]) -> Vec<Remark> {
    let Some(order) = order_of_names(parts) else { return Vec::new() };
    for (part, at) in parts.iter_mut().zip(&order) {
        part.place = *at;
    }
    parts.sort_by_key(|part| part.place);
    let mut clock = FileClock::default();
    let mut remarks = Vec::new();
    for part in parts {
        let (mut sample, reported) = (Sample::empty(), part.start);
        sample.time = reported;
        clock.enter(&file_name(part));
        remarks.extend(clock.correct(&mut sample, TimeNote { local: part.is_local, ..TimeNote::default() }));
        part.start = sample.time;
        part.shift =
            part.start.zip(reported).map_or(SignedDuration::ZERO, |(time, then)| time.duration_since(then));
    }
    remarks
}

/// The place of each file by its name, if the names are numbers in the same text, and the times contradict them as a clock that
/// was set back does.
fn order_of_names(parts: &[Part]) -> Option<Vec<usize>> {
    let (first, rest) = parts.split_first()?;
    let alike = |part: &Part| {
        part.format.id == first.format.id
            && part.format.holds == Holds::Rows
            && part.time_from == TimeFrom::Content
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
    let times: Vec<Timestamp> = order.iter().filter_map(|&at| parts.get(at)?.start).collect();
    if !same_text || times.len() != parts.len() || !is_set_back(&times) {
        return None;
    }
    let written: Vec<Timestamp> = order.iter().filter_map(|&at| written(parts.get(at)?)).collect();
    if written.len() == parts.len() && contradicts(&times, &written) {
        return None;
    }
    let mut places = vec![0; parts.len()];
    for (place, at) in order.into_iter().enumerate() {
        *places.get_mut(at)? = place;
    }
    Some(places)
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

fn folder(part: &Part) -> Option<&Path> {
    part.input.path()?.parent()
}

fn file_name(part: &Part) -> String {
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
