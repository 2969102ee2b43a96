//! Holders of whose objects there are more and more, whatever the rows show that they live in: beside another holder that takes and frees
//! many, a leak is lost in the sum.

use poolmon_holder::{Answer, History, HolderId, Kind, Track, links};
use poolmon_leak::{Analysis, CountCurve, Report, Rise, Riser, Verdict, VerdictKind, rising};
use poolmon_model::{Key, Pool, Tag};
use poolmon_owner::linux::MergedCaches;
use rustc_hash::FxHashMap;

use crate::words;

/// A kind that changed this seldom cannot stand out, however few there are.
const LEAST: usize = 7;

/// Rows that are named for a holder.
const ROWS: usize = 3;

/// Holders whose counts only rise, the fastest first; `answers`: who was found to hold the rows that grow.
#[expect(clippy::implicit_hasher, reason = "it is what `name_holders` returns")]
pub fn risers(
    report: &Report,
    analysis: &Analysis,
    history: &History,
    merged: &MergedCaches,
    answers: &FxHashMap<Key, Answer>,
) -> Vec<Riser> {
    let tracks: Vec<&Track> = history.tracks().collect();
    let mut found = only_rise(&tracks, analysis, history);
    // Of processes that come and go, the sum of all that have their name; but those that rise alone are said alone.
    let programs: Vec<&Track> = history.programs().collect();
    for (track, kind, rise) in only_rise(&programs, analysis, history) {
        let is_said =
            |(one, of, _): &(&Track, Kind, Rise)| *of == kind && one.holder.name == track.holder.name;
        if !found.iter().any(is_said) {
            found.push((track, kind, rise));
        }
    }
    // A sum says nothing beside the part of it that rises.
    let parts: Vec<(HolderId, Kind)> =
        found.iter().map(|(track, kind, _)| (track.holder.id.clone(), *kind)).collect();
    found.retain(|(track, kind, _)| {
        let is_part =
            |(id, part): &(HolderId, Kind)| *id == track.holder.id && kind.parts().any(|of| of == *part);
        !(kind.is_sum() && parts.iter().any(is_part))
    });
    found.sort_by(|a, b| {
        b.2.rate.per_hour.total_cmp(&a.2.rate.per_hour).then_with(|| a.0.holder.id.cmp(&b.0.holder.id))
    });
    found.iter().map(|&(track, kind, rise)| riser(track, kind, rise, report, merged, answers)).collect()
}

/// Of these holders and their kinds, those that only rise.
fn only_rise<'a>(
    tracks: &[&'a Track],
    analysis: &Analysis,
    history: &History,
) -> Vec<(&'a Track, Kind, Rise)> {
    let moments: Vec<f64> = history.moments().collect();
    let mut asked = Vec::new();
    let mut curves = Vec::new();
    for &track in tracks {
        let moves = |kind: &Kind| (kind.is_own() || kind.is_sum()) && track.changes(*kind) >= LEAST;
        for kind in track.kinds().filter(moves) {
            // Before it was there, it was not level: it was not.
            let lived = moments.iter().copied().filter(|at| track.born.is_none_or(|born| *at >= born));
            let seconds: Vec<f64> = lived.collect();
            let counts = track.at(kind, &seconds);
            asked.push((track, kind));
            curves.push(CountCurve { seconds, counts });
        }
    }
    let found = rising(&curves, &analysis.config);
    asked.into_iter().zip(found).filter_map(|((track, kind), rise)| Some((track, kind, rise?))).collect()
}

fn riser(
    track: &Track,
    kind: Kind,
    rise: Rise,
    report: &Report,
    merged: &MergedCaches,
    answers: &FxHashMap<Key, Answer>,
) -> Riser {
    let many = match (&track.holder.id, track.processes) {
        (HolderId::Program { .. }, processes) => format!(" ({processes} of them)"),
        _ => String::new(),
    };
    let mut riser = Riser::new(
        (track.holder.id.kind(), track.holder.id.pid(), &track.holder.name),
        format!("{}{many}", track.holder),
        track.group.as_deref(),
        (kind.id(), kind.many(), track.now(kind)),
        rise,
    );
    riser.is_named = report.verdicts.iter().any(|verdict| names(verdict, answers, track, kind));
    riser.rows = rows(kind, report, merged);
    riser
}

/// Whether a leak or a suspect names the holder, with this kind or the sum that it is a part of.
fn names(verdict: &Verdict, answers: &FxHashMap<Key, Answer>, track: &Track, kind: Kind) -> bool {
    if !matches!(verdict.kind, VerdictKind::Leaking | VerdictKind::Suspected) {
        return false;
    }
    let key = Key { tag: verdict.tag.clone(), pool: verdict.pool };
    let Some(Answer::Held(explanation)) = answers.get(&key) else { return false };
    let is_kind = |of: Kind| of == kind || of.parts().any(|part| part == kind);
    explanation.growers.iter().any(|grower| {
        let is_it = grower.holder.id == track.holder.id
            || matches!(grower.holder.id, HolderId::Program { .. })
                && grower.holder.name == track.holder.name;
        is_it && is_kind(grower.kind)
    })
}

/// The rows that objects of a kind live in and little else, those of the kind itself before those of what it is a part of.
fn rows(kind: Kind, report: &Report, merged: &MergedCaches) -> Vec<(Tag, Pool, String)> {
    let mut found: Vec<(usize, &Verdict, String)> = Vec::new();
    for verdict in &report.verdicts {
        let listed = verdict.tag.to_string();
        let names = std::iter::once(verdict.tag.clone()).chain(merged.others(&listed).map(Tag::name));
        let near = names.filter_map(|name| Some((closeness(&name, kind)?, name)));
        if let Some((closeness, name)) = near.min_by_key(|(closeness, _)| *closeness) {
            let name = name.to_string();
            let called = if name == listed { listed } else { format!("{name}, listed as {listed}") };
            found.push((closeness, verdict, format!("{} ({})", called.trim_end(), words::word(verdict))));
        }
    }
    found.sort_by_key(|(closeness, ..)| *closeness);
    found.truncate(ROWS);
    found.into_iter().map(|(_, verdict, name)| (verdict.tag.clone(), verdict.pool, name)).collect()
}

/// 0 for a row of the kind alone, more for one of a sum that it is a part of; `None` for others.
fn closeness(name: &Tag, kind: Kind) -> Option<usize> {
    let link = links::find(name).filter(|link| link.only || matches!(name, Tag::Pool(_)))?;
    let mut of = std::iter::successors(Some(kind), |kind| kind.sum());
    of.position(|kind| link.kinds.iter().any(|(other, _)| *other == kind))
}
