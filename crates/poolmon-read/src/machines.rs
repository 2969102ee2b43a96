//! Files of one sample each, of several machines in one folder: their counts say that they are not of one machine, and their names,
//! or the counts again, whose they are.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::Timestamp;

use crate::boots;
use crate::counted::{Counted, falls};
use crate::numbered::{by_number, file_name, folder};
use crate::part::Part;
use crate::text::words_in_name;
use crate::{Holds, Remark, RemarkKind, mixed};

/// Why files are left out by their counts.
const OTHER_COUNTS: &str =
    "the counts do not go on from those of {first} and its like, as those of another machine";

/// Leaves the files of one machine, which most of the text is of, and names the others. The parts are in the order of time if they
/// are `timed`, else in that of their names.
pub(crate) fn leave_one(parts: &mut Vec<Part>, timed: bool) -> Option<Remark> {
    let single = singles(parts);
    let mixed = falls(single.iter().filter_map(|at| parts.get(*at)).map(|part| &part.counted));
    if timed && let Some(remark) = leave_one_by_words(parts, mixed == 0) {
        return Some(remark);
    }
    if mixed == 0 && timed {
        return None;
    }
    let counted = |at: &usize| parts.get(*at).map(|part| &part.counted);
    let names: Vec<Vec<String>> = single.iter().map(|at| parts.get(*at).map_or(Vec::new(), pieces)).collect();
    let cuts = names.iter().map(Vec::len).min().unwrap_or(0);
    let ways = (1..cuts).flat_map(|cut| [Cut::Front(cut), Cut::Back(cut)]);
    let mut best: Option<(usize, usize, Vec<Vec<usize>>)> = None;
    for way in ways {
        let mut groups: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
        for (at, name) in single.iter().zip(&names) {
            groups.entry(name.get(way.range(name.len())).unwrap_or_default().to_vec()).or_default().push(*at);
        }
        let groups: Vec<Vec<usize>> = groups.into_values().collect();
        if groups.len() < 2 || groups.iter().any(|group| group.len() < 2) {
            continue;
        }
        let inner: usize = groups.iter().map(|group| falls(group.iter().filter_map(counted))).sum();
        // If taken in turn, as the times say or as the numbers in the rest of the names may.
        let in_turn = if timed { mixed } else { falls(taken_in_turn(&groups).iter().filter_map(counted)) };
        let better = best.as_ref().is_none_or(|best| (inner, groups.len()) < (best.0, best.1));
        if inner < in_turn && better && (if timed { overlap(&groups, parts) } else { alike(&groups) }) {
            best = Some((inner, groups.len(), groups));
        }
    }
    let (inner, _, groups) = best?;
    let kept = largest(&groups, parts)?;
    let name = |at: &usize| parts.get(*at).map(|part| part.input.name().to_owned());
    if mixed <= inner {
        // Read one after the other, all of them can be of one machine, too.
        let of =
            |at: usize| groups.get(at).and_then(|group| group.first()).and_then(name).unwrap_or_default();
        let text = format!(
            "{} and {} may be the first of two machines: when they were taken is unknown, and their counts fit both ways; they \
                are read as of one, one after the other",
            of(0),
            of(1)
        );
        return Some(Remark::new(RemarkKind::Time, text));
    }
    Some(leave(parts, &groups, kept, OTHER_COUNTS))
}

/// The same if a word of the names differs over the same time, whatever was counted: `SRVA_…` and `SRVB_…`, `…_web01` and `…_web02`.
/// Views of one machine, each of another pool, are no machines; nor are names of which the files themselves say another one.
fn leave_one_by_words(parts: &mut Vec<Part>, counts_fit: bool) -> Option<Remark> {
    let mut groups: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
    for (at, part) in parts.iter().enumerate() {
        if part.format.holds != Holds::Rows || part.kind.as_ref().is_some_and(|kind| kind.host().is_some()) {
            return None;
        }
        groups.entry(words_in_name(&file_name(part))).or_default().push(at);
    }
    let pools =
        |group: &Vec<usize>| group.first().and_then(|at| parts.get(*at)).map(|part| part.pools.clone());
    let lists: Vec<_> = groups.values().filter_map(pools).collect();
    let is_view =
        lists.windows(2).any(|pair| matches!(pair, [a, b] if !a.iter().any(|pool| b.contains(pool))));
    let names: Vec<String> = groups.keys().map(|words| words.join(" ")).collect();
    let groups: Vec<Vec<usize>> = groups.into_values().collect();
    if groups.len() < 2 || is_view || groups.iter().any(|group| group.len() < 2) {
        return None;
    }
    let kept = largest(&groups, parts)?;
    let name = |of: &dyn Fn(&Vec<usize>) -> bool| -> Vec<String> {
        groups.iter().zip(&names).filter(|(group, _)| of(group)).map(|(_, name)| name.clone()).collect()
    };
    let (this, others) = (name(&|group| group == kept), name(&|group| group != kept));
    if boots::interleave(&groups) {
        let why =
            format!("their names are those of other machines ({}, not {})", others.join(", "), this.join(""));
        return Some(leave(parts, &groups, kept, &why));
    }
    let is_numbered = |a: &String, b: &String| {
        let differ = a.chars().zip(b.chars()).filter(|(a, b)| a != b).count();
        a.chars().count() == b.chars().count() && differ == 1
    };
    let alike = names.windows(2).all(|pair| matches!(pair, [a, b] if is_numbered(a, b)));
    (counts_fit && alike).then(|| {
        let text = format!(
            "the names say {}: if these are machines, put the files of each into a folder of its own; their times follow one another \
                and are read as of one",
            names.join(", ")
        );
        Remark::new(RemarkKind::Time, text)
    })
}

/// The same where names do not say whose files are whose: counts show which of them belong together.
pub(crate) fn leave_one_by_counts(parts: &mut Vec<Part>) -> Option<Remark> {
    let single = singles(parts);
    let counted: Vec<&Counted> =
        single.iter().filter_map(|at| parts.get(*at)).map(|part| &part.counted).collect();
    let of_single = |group: Vec<usize>| group.iter().filter_map(|at| single.get(*at).copied()).collect();
    let groups: Vec<Vec<usize>> = boots::machines(&counted)?.into_iter().map(of_single).collect();
    let kept = largest(&groups, parts)?;
    Some(leave(parts, &groups, kept, OTHER_COUNTS))
}

/// The group that most of the text is of; of equal ones the first.
fn largest<'a>(groups: &'a [Vec<usize>], parts: &[Part]) -> Option<&'a Vec<usize>> {
    let size = |group: &Vec<usize>| -> u64 {
        group.iter().filter_map(|at| parts.get(*at)).map(|part| part.input.length()).sum()
    };
    groups.iter().rev().max_by_key(|group| size(group))
}

/// Leaves out all groups but one, and names them.
fn leave(parts: &mut Vec<Part>, groups: &[Vec<usize>], kept: &Vec<usize>, why: &str) -> Remark {
    let name = |at: &usize| parts.get(*at).map(|part| part.input.name().to_owned());
    let first = kept.first().and_then(name).unwrap_or_default();
    let left: Vec<usize> = groups.iter().filter(|group| *group != kept).flatten().copied().collect();
    let text = format!(
        "left out: {}: {}; read them alone",
        mixed::named(&left.iter().filter_map(name).collect::<Vec<_>>()),
        why.replace("{first}", &first)
    );
    let mut at = 0;
    parts.retain(|_| {
        at += 1;
        !left.contains(&(at - 1))
    });
    Remark::new(RemarkKind::FileLeftOut, text)
}

/// The remark on counts that fall too often for reboots, if names do not say whose files are whose.
pub(crate) fn doubt(parts: &[Part]) -> Option<Remark> {
    let single = singles(parts);
    let falls = falls(single.iter().filter_map(|at| parts.get(*at)).map(|part| &part.counted));
    (!boots::is_rare(falls, single.len())).then(|| {
        let text = format!(
            "the counts of allocations fall {falls} times from file to file, as if the {} files were of several machines; if so, \
                put those of each machine into a folder of its own",
            single.len()
        );
        Remark::new(RemarkKind::Time, text)
    })
}

/// The files of one sample.
fn singles(parts: &[Part]) -> Vec<usize> {
    let all = parts.iter().enumerate();
    all.filter(|(_, part)| part.alone && part.format.holds == Holds::Rows).map(|(at, _)| at).collect()
}

/// The first of each group, the second of each …
fn taken_in_turn(groups: &[Vec<usize>]) -> Vec<usize> {
    let longest = groups.iter().map(Vec::len).max().unwrap_or(0);
    (0..longest).flat_map(|at| groups.iter().filter_map(move |group| group.get(at).copied())).collect()
}

/// Which end of a path names the machine.
#[derive(Clone, Copy)]
enum Cut {
    Front(usize),
    Back(usize),
}

impl Cut {
    fn range(self, length: usize) -> Range<usize> {
        match self {
            Self::Front(cut) => 0..cut.min(length),
            Self::Back(cut) => length.saturating_sub(cut)..length,
        }
    }
}

/// A path in pieces: its folder, then numbers and the text between them.
fn pieces(part: &Part) -> Vec<String> {
    let mut pieces = vec![folder(part).map(|folder| folder.display().to_string()).unwrap_or_default()];
    for (at, (number, text)) in by_number(&file_name(part)).into_iter().enumerate() {
        if at > 0 {
            pieces.push(number.to_string());
        }
        pieces.push(text);
    }
    pieces
}

/// Whether files of one group were taken while those of another were.
fn overlap(groups: &[Vec<usize>], parts: &[Part]) -> bool {
    let time = |at: Option<&usize>| -> Option<Timestamp> { parts.get(*at?)?.start };
    let mut spans: Vec<_> =
        groups.iter().filter_map(|group| time(group.first()).zip(time(group.last()))).collect();
    spans.sort();
    spans.windows(2).all(|pair| matches!(pair, [(_, end), (begin, _)] if begin < end))
}

/// Whether as many files belong to each: when they were taken is not known.
fn alike(groups: &[Vec<usize>]) -> bool {
    groups.windows(2).all(|pair| matches!(pair, [a, b] if a.len() == b.len()))
}
