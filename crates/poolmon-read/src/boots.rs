//! Which files are of one machine, and in which order they were taken, by what their first samples have counted: counts only rise
//! until a reboot.
//!
//! Files are given in an order, that of their times or names. If the counts rise in it, it is right. Otherwise something else happened
//! than samples that were taken one after the other: the machine was started again, its clock was set back, or there is more than
//! one machine. What needs the fewest such events is believed, and what cannot be decided is not guessed.

use jiff::Timestamp;

use crate::counted::{Count, Counted, falls};

/// Of this many steps from file to file, one may be a reboot, or a clock that was set back.
const STEPS: usize = 4;
/// Files that each file is compared with: of more, only some.
const MOST_FILES: usize = 500;
/// Groups that are separated in one folder: machines, and their boots.
const MOST_GROUPS: usize = 16;
/// Files of two machines are this many times as far apart as one file of a machine and the next.
const APART: f64 = 2.5;
/// Less than this is no distance between counts: a thousandth more or less.
const NEAR: f64 = 0.001;
/// What is live varies by this.
const LEVEL: f64 = 0.02;

/// Where the order that files are given in comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Given<'a> {
    /// Times that were written when the samples were taken: in the text, or in the names.
    Clock(&'a [Timestamp]),
    /// Dates of files, which copies and editors change.
    FileDates(&'a [Timestamp]),
    /// Names.
    Names,
}

/// The order of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// As they are given.
    Given,
    /// Another one, in which all counts rise: indices of the files.
    Counts {
        /// The files.
        order: Vec<usize>,
        /// The times go back in it as seldom as a clock is set back.
        is_clock_set_back: bool,
    },
    /// In this many steps counts fall, and there is no order in which they are those of one boot.
    Unclear(usize),
}

/// Whether this number of events is plausible between this number of files.
pub(crate) fn is_rare(events: usize, files: usize) -> bool {
    events <= (files.saturating_sub(1) / STEPS).max(1)
}

/// In how many steps counts fall if files are in the given order, or turned round.
fn falls_either_way(files: &[&Counted]) -> usize {
    falls(files.iter().copied()).min(falls(files.iter().rev().copied()))
}

/// The order in which files of one machine were taken.
pub(crate) fn order(files: &[&Counted], given: Given<'_>) -> Order {
    let reboots = falls(files.iter().copied());
    if reboots == 0 {
        return Order::Given;
    }
    let is_clock = matches!(given, Given::Clock(_));
    let is_likely = is_rare(reboots, files.len());
    if let Some(order) = rising(files).filter(|order| !leaps(files, order)) {
        let back = |times: &[Timestamp]| {
            order.windows(2).filter(|pair| matches!(pair, [a, b] if times.get(*b) < times.get(*a))).count()
        };
        let (set_back, timed) = match given {
            Given::Clock(times) | Given::FileDates(times) => (back(times), Some(times)),
            Given::Names => (order.windows(2).filter(|pair| matches!(pair, [a, b] if b < a)).count(), None),
        };
        let is_fewer =
            set_back < reboots || set_back == reboots && timed.is_some_and(|times| is_too_soon(files, times));
        let is_set_back = is_fewer && is_rare(set_back, files.len());
        return if is_set_back || !(is_clock || is_likely) {
            Order::Counts { order, is_clock_set_back: is_set_back && timed.is_some() }
        } else {
            Order::Given
        };
    }
    let turned: Vec<&Counted> = files.iter().rev().copied().collect();
    if !is_clock && !is_likely && is_rare(falls(turned), files.len()) {
        return Order::Counts { order: (0..files.len()).rev().collect(), is_clock_set_back: false };
    }
    // Of several boots, which may be those of one machine only if no other order has fewer.
    let is_least = is_clock && reboots < boots(files);
    if is_least || is_likely { Order::Given } else { Order::Unclear(reboots) }
}

/// The files that all are compared with: one of each stretch of equal length. Which one of it changes, as machines may take turns.
fn some_of(files: usize) -> Vec<usize> {
    let parts = files.min(MOST_FILES);
    let one = |part: usize| {
        let (from, to) = (part * files / parts, (part + 1) * files / parts);
        from + part.wrapping_mul(0x9e37_79b9) / 0x1_0000 % (to - from).max(1)
    };
    (0..parts).map(one).collect()
}

/// Files by how many of others they go on from.
fn by_counts(files: &[&Counted]) -> Vec<usize> {
    let before = |at: usize, others: &[usize]| {
        let Some(now) = files.get(at) else { return 0 };
        let others = others.iter().filter_map(|then| files.get(*then));
        others.filter(|then| then.goes_on(now) == Some(true)).count()
    };
    let some = some_of(files.len());
    let mut order: Vec<(usize, usize)> = (0..files.len()).map(|at| (before(at, &some), at)).collect();
    order.sort_unstable();
    if some.len() < files.len() {
        // Those that lie between the same two of them.
        for between in order.chunk_by_mut(|a, b| a.0 == b.0).filter(|between| between.len() <= MOST_FILES) {
            let others: Vec<usize> = between.iter().map(|place| place.1).collect();
            for place in &mut *between {
                place.0 = before(place.1, &others);
            }
            between.sort_unstable();
        }
    }
    order.into_iter().map(|(_, at)| at).collect()
}

/// The order in which the counts of all files rise, if there is one.
fn rising(files: &[&Counted]) -> Option<Vec<usize>> {
    let order = by_counts(files);
    let goes_on = |then: usize, now: usize| {
        files.get(then).zip(files.get(now)).and_then(|(then, now)| then.goes_on(now))
    };
    order.windows(2).all(|pair| matches!(pair, [a, b] if goes_on(*a, *b) == Some(true))).then_some(order)
}

/// Of at least how many boots files seem to be, in whatever order they were taken.
fn boots(files: &[&Counted]) -> usize {
    let mut ends: Vec<&Counted> = Vec::new();
    for file in by_counts(files).into_iter().filter_map(|at| files.get(at).copied()) {
        match ends.iter_mut().rev().find(|end| end.goes_on(file) == Some(true)) {
            Some(end) => *end = file,
            None => ends.push(file),
        }
    }
    ends.len()
}

/// Whether a machine that rebooted would have counted more since the sample before than took it far longer until then.
fn is_too_soon(files: &[&Counted], times: &[Timestamp]) -> bool {
    let mut start = 0;
    let steps = files.windows(2).zip(times.windows(2)).enumerate();
    for (at, (files_here, times_here)) in steps {
        let ([then, now], [from, to]) = (files_here, times_here) else { continue };
        if then.goes_on(now) != Some(false) {
            continue;
        }
        let long = to.duration_since(*from);
        let boot =
            files.get(start..=at).unwrap_or_default().iter().zip(times.get(start..).unwrap_or_default());
        let begun = times.get(start).copied().unwrap_or(*from);
        let mut later = boot.filter(|(_, time)| time.duration_since(begun) >= long);
        if later.any(|(file, _)| file.goes_on(now) == Some(true)) {
            return true;
        }
        start = at + 1;
    }
    false
}

/// The files of each machine, if they are of several: groups of which each is far from the others, while those of one were taken
/// between those of another. In the order that is given.
pub(crate) fn machines(files: &[&Counted]) -> Option<Vec<Vec<usize>>> {
    let reboots = falls_either_way(files);
    if reboots == 0 {
        return None;
    }
    let some = some_of(files.len());
    let is_one_boot = rising(files).is_some();
    let of = |group: &[usize]| -> Vec<&Counted> {
        group.iter().filter_map(|at| files.get(*at).copied()).collect()
    };
    let is_better = |groups: &[Vec<usize>], by_level: bool| {
        let mut inner = (0, 0);
        for group in groups.iter().map(|group| of(group)) {
            let may_be_in_any_order = by_level && rising(&group).is_some();
            if !may_be_in_any_order {
                inner.0 += falls(group.iter().copied());
                inner.1 += falls(group.iter().rev().copied());
            }
        }
        let inner = inner.0.min(inner.1);
        // In the order of all counts they can be of one boot, before and after a pause: another machine has other levels, or the
        // given order is right for each.
        inner < reboots && if by_level { is_one_boot || is_rare(inner, files.len()) } else { inner == 0 }
    };
    // What is live is nearly the same from one file of a machine to the next; machines that are copies have counted more or less.
    [(Count::live as fn(&Count) -> Option<u64>, LEVEL), (|count: &Count| Some(count.allocs()), NEAR)]
        .into_iter()
        .find_map(|(figure, near)| {
            let levels: Vec<Levels> = files.iter().map(|file| logarithms(file, figure)).collect();
            let near_to = nearest(&some, &levels);
            let links = links(&some, &levels);
            let far = |at: usize| links.get(at).map_or(0.0, |link| link.0);
            let mut ways: Vec<(f64, usize)> = (1..MOST_GROUPS.min(links.len()))
                .map(|cut| (far(cut - 1) / far(cut).max(near), cut))
                .filter(|(ratio, _)| *ratio >= APART)
                .collect();
            ways.sort_by(|a, b| b.0.total_cmp(&a.0));
            ways.into_iter().find_map(|(_, cut)| {
                let groups = groups(&near_to, links.get(cut..)?);
                (interleave(&groups) && is_better(&groups, near == LEVEL)).then_some(groups)
            })
        })
}

/// Whether the levels of what is live leap somewhere between files that would be of one boot.
fn leaps(files: &[&Counted], order: &[usize]) -> bool {
    order.windows(2).any(|pair| {
        let [a, b] = pair else { return false };
        let step = files
            .get(*a)
            .zip(files.get(*b))
            .map(|(a, b)| distance(&logarithms(a, Count::live), &logarithms(b, Count::live)));
        step.is_some_and(|step| (LEVEL * APART..f64::MAX).contains(&step))
    })
}

/// Whether files of one group lie between those of another.
pub(crate) fn interleave(groups: &[Vec<usize>]) -> bool {
    let mut ends: Vec<_> = groups.iter().filter_map(|group| group.first().zip(group.last())).collect();
    ends.sort_unstable();
    ends.windows(2).any(|pair| matches!(pair, [(_, last), (first, _)] if first < last))
}

/// Of each file, which of some is nearest: that one is of the same machine. Of few files, it is the file itself.
fn nearest(some: &[usize], levels: &[Levels]) -> Vec<usize> {
    if some.len() == levels.len() {
        return (0..some.len()).collect();
    }
    let far =
        |file: &Levels, other: &usize| levels.get(*other).map_or(f64::MAX, |other| distance(file, other));
    let of = |file: &Levels| {
        let all = some.iter().enumerate().map(|(at, other)| (far(file, other), at));
        all.min_by(|a, b| a.0.total_cmp(&b.0)).map_or(0, |(_, at)| at)
    };
    levels.iter().map(of).collect()
}

/// The shortest links that hold some files together, the longest first: indices into `some`.
fn links(some: &[usize], levels: &[Levels]) -> Vec<(f64, usize, usize)> {
    let level = |at: usize| some.get(at).and_then(|at| levels.get(*at));
    let mut links = Vec::with_capacity(some.len());
    // Of each file that is not linked yet, the nearest one that is.
    let mut left: Vec<(f64, usize, usize)> = (1..some.len()).map(|at| (f64::MAX, 0, at)).collect();
    let mut last = 0;
    while !left.is_empty() {
        for link in &mut left {
            let Some((from, to)) = level(last).zip(level(link.2)) else { continue };
            let distance = distance(from, to);
            if distance < link.0 {
                (link.0, link.1) = (distance, last);
            }
        }
        let Some(at) = (0..left.len()).min_by(|a, b| {
            let far = |at: usize| left.get(at).map_or(f64::MAX, |link| link.0);
            far(*a).total_cmp(&far(*b))
        }) else {
            break;
        };
        let link = left.swap_remove(at);
        last = link.2;
        links.push(link);
    }
    links.sort_by(|a, b| b.0.total_cmp(&a.0));
    links
}

/// The files that links hold together, each with those that are `near_to` it.
fn groups(near_to: &[usize], links: &[(f64, usize, usize)]) -> Vec<Vec<usize>> {
    let mut names: Vec<usize> = (0..near_to.len()).collect();
    for (_, a, b) in links {
        let Some((a, b)) = names.get(*a).copied().zip(names.get(*b).copied()) else { continue };
        names.iter_mut().filter(|name| **name == b).for_each(|name| *name = a);
    }
    let mut groups: Vec<(usize, Vec<usize>)> = Vec::new();
    for (at, name) in near_to.iter().enumerate() {
        let Some(&name) = names.get(*name) else { continue };
        match groups.iter_mut().find(|group| group.0 == name) {
            Some(group) => group.1.push(at),
            None => groups.push((name, vec![at])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// The rows of a file, each with the logarithm of a figure.
type Levels = Vec<(u64, f64)>;

/// A figure of each row of a file, as a logarithm.
fn logarithms(file: &Counted, figure: fn(&Count) -> Option<u64>) -> Levels {
    file.rows().iter().filter_map(|count| Some((count.row(), (figure(count)? as f64 + 1.0).ln()))).collect()
}

/// By how much the figures of two files differ: the mean of the middle half of their rows. Rows that wrapped, came or leak do not
/// count.
fn distance(a: &[(u64, f64)], b: &[(u64, f64)]) -> f64 {
    let mut others = b.iter().peekable();
    let mut ratios: Vec<f64> = a
        .iter()
        .filter_map(|(row, figure)| {
            while others.next_if(|other| other.0 < *row).is_some() {}
            Some((others.next_if(|other| other.0 == *row)?.1 - figure).abs())
        })
        .collect();
    ratios.sort_unstable_by(f64::total_cmp);
    let quarter = ratios.len() / 4;
    let middle = ratios.get(quarter..ratios.len() - quarter).unwrap_or_default();
    if middle.is_empty() { f64::MAX } else { middle.iter().sum::<f64>() / middle.len() as f64 }
}

#[cfg(test)]
#[path = "boots_tests.rs"]
mod tests;
