//! Which holders explain a row's growth.

use std::sync::Arc;

use poolmon_model::units::{grouped, human_bytes, rough_hours};
use poolmon_model::{PoolTag, Tag};

use crate::fit::{self, Course, Explained};
use crate::history::Track;
use crate::links;
use crate::{History, Holder, HolderId, Kind, Unit};

/// A holder counts as growing with a row if it explains at least this part of the growth.
const GROWER: f64 = 0.1;

/// A holder that explains this part of a row's growth alone is its cause, and says what the row's objects are.
const MAIN: f64 = 0.7;

/// Growers have to explain this part together: most of it.
const MOST_OF_IT: f64 = 0.5;

/// More than this of the row's growth is not the row's: objects that several descriptors share, or another cache.
const TOO_MUCH: f64 = 1.35;

/// That no holder grows with a row is said only of as many samples as a verdict needs, and of half as many censuses.
const SHOWN: (usize, u64) = (12, 6);

/// And if all holders of its kinds together explain no more than this of its growth, at the upper end of what they may.
const LITTLE: f64 = 0.25;

/// How far two courses may be apart and still be in step.
const APART: f64 = 0.25;

/// Without a line in the table of links, a holder has to explain all of it, and object by object.
const ALIKE: (f64, f64) = (0.9, 1.1);

/// Nor without one for this very row is it named unless it is as closely in step as this, and the interval of what it explains at most
/// four times as wide: of thousands of holders and kinds, some grow about as fast by chance.
const CLOSE: f64 = 0.1;

/// Of a row that may not grow at all, a holder is named if it has this part of the row's ups and downs.
const SAME_STEPS: f64 = 0.5;

/// Growers that are named.
const NAMED: usize = 4;

/// Who keeps a row's objects.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// These holders do.
    Held(Explanation),
    /// All holders of its objects could be counted, and none grows with it: the kernel itself keeps the objects.
    Nobody(Nobody),
    /// Objects of a type of Windows grow, and handles to them do not: references inside the kernel keep them.
    Unhandled(Unhandled),
    /// Nothing can be said.
    Unknown,
}

/// The holders that explain a growth.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Largest first; at least one.
    pub growers: Vec<Grower>,
    /// What they explain together.
    pub together: Explained,
    /// As of a [`Grower`].
    pub is_rough: bool,
    /// The name that fits the first of them, if the row is listed under another one of a merged cache.
    pub fitting: Option<String>,
    /// Holders that grow in step with it, too, and are not among these.
    pub more: u64,
}

/// A holder that grows with a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Grower {
    /// Who.
    pub holder: Holder,
    /// Unit or container.
    pub group: Option<Arc<str>>,
    /// Processes that it stands for.
    pub processes: u64,
    /// What it keeps.
    pub kind: Kind,
    /// If that is a sum: the part that nearly all of its growth is.
    pub mostly: Option<Kind>,
    /// How many it keeps now.
    pub held: u64,
    /// Of how many, all holders together.
    pub total: u64,
    /// There may be more, as not all holders could be counted.
    pub is_least: bool,
    /// How many more a second, since it began to grow.
    pub per_second: f64,
    /// It began to grow this many seconds before the last sample; `None` if it grew all the time.
    pub growing_for: Option<f64>,
    /// What it explains alone.
    pub explains: Explained,
    /// Other things live in the row, too, or how many objects of it one takes is known roughly: there is no interval.
    pub is_rough: bool,
    /// The name of the cache that fits what it keeps, if the row is listed under another one of a merged cache.
    pub fitting: Option<String>,
}

/// That no holder grows with a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Nobody {
    /// The kinds that live in the row; empty if the table of links does not know it, and all were tried.
    pub kinds: Vec<Kind>,
    /// The part of the growth that all holders together explain.
    pub explained: f64,
    /// What they keep of these kinds.
    pub held: u64,
    /// The cache, of those that share the row, that a module made when it was loaded, and the module; set by callers who know modules.
    pub made_by: Option<(String, String)>,
}

/// That the objects of a type outgrow its handles.
#[derive(Clone, Debug, PartialEq)]
pub struct Unhandled {
    /// The type (`Token`).
    pub object_type: Arc<str>,
    /// Its objects now.
    pub objects: u64,
    /// Handles to them, of all processes.
    pub handles: u64,
    /// How many more objects a second.
    pub per_second: f64,
    /// The part of their growth that handles may explain.
    pub handled: f64,
}

/// Compares the course of a row with those of all holders. `names`: all names of the row's cache, its own first.
pub fn explain(names: &[Tag], row: &Course, history: &History) -> Answer {
    let row = &seen_part(row, history);
    let linked: Vec<_> = names.iter().filter_map(|name| Some((name, links::find(name)?))).collect();
    if !rises(row) {
        return Answer::Unknown;
    }
    let grows = fit::grows(row);
    let mut kinds: Vec<Candidate<'_>> = Vec::new();
    for (name, link) in &linked {
        for &(kind, per) in link.kinds {
            // One object may take a part of the cache under each of its names.
            if let Some(known) = kinds.iter_mut().find(|known| known.kind == kind) {
                known.per += per;
                known.is_rough |= !link.only;
            } else {
                let is_many = link.row.starts_with('*');
                kinds.push(Candidate { kind, per, name, is_rough: !link.only, is_many });
            }
        }
    }
    let is_known = !kinds.is_empty();
    // What lives in a general cache is never known in full.
    if let (false, false, Some(name)) = (is_known, names.iter().any(links::is_general), names.first()) {
        kinds.extend(Kind::ALL.into_iter().filter(|kind| kind.is_own()).map(|kind| Candidate {
            kind,
            per: 1.0,
            name,
            is_rough: true,
            is_many: true,
        }));
    }
    let tracks: Vec<&Track> = history.tracks().collect();
    let programs: Vec<&Track> = history.programs().collect();
    for holders in [tracks, programs] {
        let mut found: Vec<Found<'_>> =
            holders.into_iter().filter_map(|track| best(track, &kinds, row, (is_known, grows))).collect();
        found.sort_by(|a, b| {
            let by_id = || a.track.holder.id.cmp(&b.track.holder.id);
            a.explains.rest.total_cmp(&b.explains.rest).then_with(by_id)
        });
        if let Some(explanation) = together(found, row, history, names, is_known) {
            return Answer::Held(explanation);
        }
    }
    match names.first() {
        Some(Tag::Pool(tag)) => unhandled(*tag, row, history).map_or(Answer::Unknown, Answer::Unhandled),
        _ => nobody(&linked, &kinds, names, row, history),
    }
}

/// The row while holders were counted: of the rest, nothing is known of them.
fn seen_part(row: &Course, history: &History) -> Course {
    let Some((first, last)) = history.span() else { return Course::default() };
    // A census is not of the very moment of its sample.
    let slack = (last - first) / 50.0;
    let seen = first - slack..=last + slack;
    let points = row.seconds.iter().zip(&row.objects).filter(|(at, _)| seen.contains(at));
    let (seconds, objects) = points.map(|(at, objects)| (*at, *objects)).unzip();
    Course { seconds, objects }
}

/// The type of object whose growth is the row's, if handles do not grow as much.
fn unhandled(tag: PoolTag, row: &Course, history: &History) -> Option<Unhandled> {
    let types = history.tracks().filter_map(|track| match &track.holder.id {
        HolderId::ObjectType { name } if links::is_tag_of(tag, name) => Some((name, track)),
        _ => None,
    });
    let found = types.filter_map(|(name, track)| {
        let objects = track.at(Kind::TypeObjects, &row.seconds);
        let explains = fit::compare(row, &objects)?;
        let is_it = (MOST_OF_IT..=TOO_MUCH).contains(&explains.share) && explains.apart <= APART;
        let slope = |counts: &[f64]| fit::line(&row.seconds, counts).map_or(0.0, |line| line.slope);
        let per_second = slope(&objects);
        let handled = slope(&track.at(Kind::TypeHandles, &row.seconds)).max(0.0) / per_second;
        (is_it && handled < MOST_OF_IT).then(|| {
            let answer = Unhandled {
                object_type: Arc::clone(name),
                objects: track.now(Kind::TypeObjects),
                handles: track.now(Kind::TypeHandles),
                per_second,
                handled,
            };
            (explains.rest, answer)
        })
    });
    found.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, answer)| answer)
}

fn nobody(
    linked: &[(&Tag, &links::Link)],
    kinds: &[Candidate<'_>],
    names: &[Tag],
    row: &Course,
    history: &History,
) -> Answer {
    let all_counted = linked.iter().all(|(_, link)| link.only) && !names.iter().any(links::is_general);
    let is_shown = row.seconds.len() >= SHOWN.0 && history.censuses() >= SHOWN.1;
    let growth = fit::line(&row.seconds, &row.objects).filter(|line| line.low() > 0.0);
    let (Some(growth), true) = (growth, history.is_complete() && all_counted && is_shown) else {
        return Answer::Unknown;
    };
    if linked.is_empty() {
        return Answer::Nobody(Nobody { kinds: Vec::new(), explained: 0.0, held: 0, made_by: None });
    }
    let Some(total) = history.total() else { return Answer::Unknown };
    let mut explained = (0.0, 0.0);
    for kind in kinds {
        if let Some(line) = fit::line(&row.seconds, &total.at(kind.kind, &row.seconds)) {
            explained.0 += line.slope.max(0.0) * kind.per / growth.slope;
            explained.1 += line.high().max(0.0) * kind.per / growth.slope;
        }
    }
    if explained.1 > LITTLE {
        // Holders grow, though not one of them as the row does.
        return Answer::Unknown;
    }
    let held = kinds.iter().map(|kind| total.now(kind.kind)).fold(0, u64::saturating_add);
    let kinds = kinds.iter().map(|kind| kind.kind).collect();
    Answer::Nobody(Nobody { kinds, explained: explained.0, held, made_by: None })
}

fn rises(row: &Course) -> bool {
    fit::line(&row.seconds, &row.objects).is_some_and(|line| line.slope > 0.0)
}

/// A kind that may live in the row, under one of its names.
struct Candidate<'a> {
    kind: Kind,
    /// Objects of the row that one takes.
    per: f64,
    name: &'a Tag,
    is_rough: bool,
    /// It may live in others of many rows as well: which ones grow as fast may be chance.
    is_many: bool,
}

struct Found<'a> {
    track: &'a Track,
    kind: Kind,
    per: f64,
    name: &'a Tag,
    is_rough: bool,
    explains: Explained,
}

/// The kind of a holder that explains most of the row, if it explains enough.
fn best<'a>(
    track: &'a Track,
    kinds: &[Candidate<'a>],
    row: &Course,
    (is_known, grows): (bool, bool),
) -> Option<Found<'a>> {
    let held = |kind: &Candidate<'a>| {
        let counts = track.kinds().any(|known| known == kind.kind);
        counts.then(|| track.at(kind.kind, &row.seconds))
    };
    let fits = |kind: &Candidate<'a>, explains: &Explained| {
        let is_enough = (GROWER..=TOO_MUCH).contains(&explains.share);
        // What lives in this row alone is a part of its growth, however uncertain the rest of that is.
        let is_part = !kind.is_rough || explains.low > 0.0;
        let is_close = explains.high - explains.low <= 4.0 * CLOSE && explains.apart <= CLOSE;
        let is_alike = is_known || (ALIKE.0..=ALIKE.1).contains(&explains.share);
        let is_row = grows || explains.steps >= SAME_STEPS;
        is_enough && is_part && is_row && is_alike && (is_close || !kind.is_many)
    };
    let found = kinds.iter().filter_map(|kind| {
        let held: Vec<f64> = held(kind)?.into_iter().map(|count| count * kind.per).collect();
        if !fit::goes_on(&row.seconds, &held) {
            return None;
        }
        let explains = fit::compare(row, &held).filter(|explains| fits(kind, explains))?;
        let &Candidate { kind, per, name, is_rough, .. } = kind;
        Some(Found { track, kind, per, name, is_rough, explains })
    });
    found.min_by(|a, b| a.explains.rest.total_cmp(&b.explains.rest))
}

/// The growers that explain most of the growth together, if any do; `found`: who leaves least of the row's course first.
fn together(
    found: Vec<Found<'_>>,
    row: &Course,
    history: &History,
    names: &[Tag],
    is_known: bool,
) -> Option<Explanation> {
    let with = |sum: &[f64], one: &Found<'_>| -> Vec<f64> {
        let held = one.track.at(one.kind, &row.seconds);
        sum.iter().zip(held).map(|(sum, held)| sum + held * one.per).collect()
    };
    let further = |share: f64| (share - 1.0_f64).abs();
    let mut sum = vec![0.0; row.seconds.len()];
    let mut picked: Vec<Found<'_>> = Vec::new();
    let (mut share, mut rest, mut more) = (0.0, f64::MAX, 0);
    for one in found {
        let joined = with(&sum, &one);
        let left = fit::compare(row, &joined).map_or(f64::MAX, |explains| explains.rest);
        // What shares the objects of one that is counted already, grows into another cache of these names, or grows at another time,
        // explains nothing more: another holder has to bring all of them closer to the whole, and to the row's course.
        if !picked.is_empty() && (further(share + one.explains.share) >= further(share) || left >= rest) {
            continue;
        }
        if picked.len() == NAMED {
            more += 1;
            continue;
        }
        (share, rest, sum) = (share + one.explains.share, left, joined);
        picked.push(one);
        if !is_known {
            break;
        }
    }
    let together = fit::compare(row, &sum)?;
    let is_most = together.share >= MOST_OF_IT && together.low >= MOST_OF_IT / 2.0;
    if !is_most || together.apart > APART {
        return None;
    }
    let growers: Vec<Grower> = picked.iter().map(|one| grower(one, row, history, names.first())).collect();
    let fitting = growers.first().and_then(|first| first.fitting.clone());
    let is_rough = growers.iter().any(|grower| grower.is_rough);
    Some(Explanation { growers, together: together.clipped(), is_rough, fitting, more })
}

fn grower(found: &Found<'_>, row: &Course, history: &History, listed: Option<&Tag>) -> Grower {
    let &Found { track, kind, explains, name, is_rough, .. } = found;
    // Before it was there, or began to grow, it had no rate.
    let lived: Vec<f64> =
        row.seconds.iter().copied().filter(|at| track.born.is_none_or(|born| *at >= born)).collect();
    let bend = fit::bend(&lived, &track.at(kind, &lived));
    let lived = lived.get(bend.unwrap_or(0)..).unwrap_or_default();
    let ago = |from: f64| row.seconds.last().map(|last| last - from);
    let growing_for = (bend.is_some() || track.born.is_some()).then(|| lived.first().copied().and_then(ago));
    let slope = |kind: Kind| fit::line(lived, &track.at(kind, lived)).map_or(0.0, |line| line.slope);
    let per_second = slope(kind);
    let mostly = kind.parts().find(|part| slope(*part) >= 0.8 * per_second);
    Grower {
        holder: track.holder.clone(),
        group: track.group.clone(),
        processes: track.processes,
        kind,
        mostly,
        held: track.now(kind),
        total: history.total().map_or(0, |total| total.now(kind)),
        is_least: !history.is_complete(),
        per_second,
        growing_for: growing_for.flatten(),
        explains: explains.clipped(),
        is_rough,
        fitting: Some(name).filter(|name| Some(*name) != listed).map(ToString::to_string),
    }
}

impl Answer {
    /// Clauses for a person about the row called `name`; none if nothing can be said.
    pub fn sentences(&self, name: &str) -> Vec<String> {
        match self {
            Self::Held(explanation) => explanation.sentences(name),
            Self::Nobody(nobody) => vec![nobody.sentence()],
            Self::Unhandled(unhandled) => vec![unhandled.sentence()],
            Self::Unknown => Vec::new(),
        }
    }
}

impl Explanation {
    /// The holder that explains most of the growth alone, if one does.
    pub fn main(&self) -> Option<&Grower> {
        let largest = self.growers.iter().max_by(|a, b| a.explains.share.total_cmp(&b.explains.share));
        largest.filter(|grower| grower.explains.share >= MAIN)
    }

    fn sentences(&self, name: &str) -> Vec<String> {
        let mut lines: Vec<String> = self.growers.iter().map(|grower| grower.sentence(name)).collect();
        if let [_, _, ..] = self.growers[..] {
            let more = match self.more {
                0 => String::new(),
                1 => "; 1 more holder grows in step with it".to_owned(),
                more => format!("; {} more holders grow in step with it", grouped(more)),
            };
            let share = interval(&self.together, self.is_rough);
            lines.push(format!("together they explain {share} of its growth{more}"));
        }
        lines
    }
}

impl Grower {
    fn sentence(&self, listed: &str) -> String {
        let name = self.fitting.as_deref().unwrap_or(listed);
        let amount = |count: u64| match self.kind.unit() {
            Unit::Objects => grouped(count),
            Unit::Bytes => human_bytes(count),
        };
        let of = match (self.total > self.held, self.is_least) {
            (true, false) => format!(" of {}", amount(self.total)),
            (true, true) => format!(" of at least {}", amount(self.total)),
            (false, _) => String::new(),
        };
        let kinds = if self.held == 1 && of.is_empty() { self.kind.one() } else { self.kind.many() };
        let mostly = self.mostly.map_or_else(String::new, |kind| format!(" (growing: {})", kind.many()));
        let group = match &self.group {
            Some(group) => format!(" in {group}"),
            None if self.processes > 1 => format!(" ({} of them)", grouped(self.processes)),
            None => String::new(),
        };
        let since = self
            .growing_for
            .map_or_else(String::new, |seconds| format!(" for the last {}", rough_hours(seconds / 3600.0)));
        format!(
            "{}{group} holds {}{of} {kinds}{mostly}, {}{since}, in step with {name}: explains {} of its growth",
            self.holder,
            amount(self.held),
            rate(self.per_second),
            interval(&self.explains, self.is_rough)
        )
    }
}

impl Nobody {
    fn sentence(&self) -> String {
        let module = self.made_by.as_ref().map(|(cache, module)| {
            format!("; {module} allocates it: {cache} was made when that module was loaded")
        });
        if self.kinds.is_empty() {
            // What lives in it is not known, so neither is whether something that is not counted holds it.
            let known = module.as_ref().map_or("", |_| "its growth is held by no process: ");
            return format!(
                "{known}no holder's descriptors, threads, mappings or locks grow in step with it{}",
                module.unwrap_or_default()
            );
        }
        let kinds: Vec<&str> = self.kinds.iter().take(3).map(|kind| kind.many()).collect();
        // Those that exist were there before.
        let held = if self.held > 0 { format!(" ({} held)", grouped(self.held)) } else { String::new() };
        format!(
            "its growth is held by no process: {}{held} explain {:.0} % of it{}",
            kinds.join(", "),
            self.explained * 100.0,
            module.unwrap_or_else(|| ", so the kernel itself keeps the objects".to_owned())
        )
    }
}

impl Unhandled {
    fn sentence(&self) -> String {
        format!(
            "{} {} objects, {} handles: objects grow by {} and handles explain {:.0} % of that, so references are held inside the \
             kernel; look for a driver",
            grouped(self.objects),
            self.object_type,
            grouped(self.handles),
            rate(self.per_second),
            self.handled * 100.0
        )
    }
}

/// `97 % (95–99)`, `about 97 %`.
fn interval(explained: &Explained, is_rough: bool) -> String {
    let percent = |share: f64| (share * 100.0).round();
    if is_rough {
        return format!("about {} %", percent(explained.share));
    }
    format!("{} % ({}–{})", percent(explained.share), percent(explained.low), percent(explained.high))
}

/// `+50/s`, `+0.4/s`, `+1.2/min`: in the unit in which it is not nothing.
fn rate(per_second: f64) -> String {
    let (value, unit) = match per_second.abs() {
        rate if rate >= 0.095 => (per_second, "s"),
        rate if rate >= 0.095 / 60.0 => (per_second * 60.0, "min"),
        _ => (per_second * 3600.0, "h"),
    };
    if value.abs() >= 9.95 { format!("{value:+.0}/{unit}") } else { format!("{value:+.1}/{unit}") }
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
