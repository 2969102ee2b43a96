//! Who holds the objects of rows that grow.

use poolmon_holder::{Answer, Course, History, explain, links, pinned};
use poolmon_leak::{Analysis, Report, Verdict};
use poolmon_model::units::grouped;
use poolmon_model::{Key, Pool, Tag};
use poolmon_owner::linux::MergedCaches;
use rustc_hash::FxHashMap;

/// The reason of the judge, who knows no holders.
const SHRINKS: &str = "the kernel can shrink this cache";

fn shrinks(reason: &str) -> bool {
    reason.strip_prefix("against it: ").unwrap_or(reason).starts_with(SHRINKS)
}

/// Holders that keep this part of a cache's objects are said instead.
const MUCH: f64 = 0.5;

/// A cache most of whose objects are held is not called shrinkable, though no holder grows with it.
fn say_what_is_pinned(verdict: &mut Verdict, names: &[Tag], objects: Option<f64>, history: &History) {
    let kinds = pinned(names, history);
    let held: u64 = kinds.iter().map(|(_, count)| count).sum();
    let (Some(objects), Some((kind, _))) = (objects.filter(|count| *count >= 1.0), kinds.first()) else {
        return;
    };
    let share = held as f64 / objects;
    let Some(reason) = verdict.reasons.iter_mut().find(|reason| shrinks(reason)) else { return };
    // More than all: descriptors that share an object.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of objects")]
    if share >= MUCH {
        let percent = (share * 100.0).min(100.0);
        *reason = format!(
            "{percent:.0} % of its objects are held ({} of {}, most by {}): the kernel cannot free those",
            grouped(held),
            grouped(objects as u64),
            kind.many()
        );
    }
}

/// Compares a row with all holders, and returns its names, its own first, its last number of objects and the answer.
fn compared(
    (tag, pool): (&Tag, Pool),
    analysis: &Analysis,
    history: &History,
    merged: &MergedCaches,
) -> Option<(Vec<Tag>, Option<f64>, Answer)> {
    let is_slab = matches!(pool, Pool::Reclaimable | Pool::Unreclaimable);
    // Of other kernel memory and of Windows, only rows that the table of links knows can be compared.
    if !is_slab && links::find(tag).is_none() {
        return None;
    }
    let name = tag.to_string();
    let names: Vec<Tag> = std::iter::once(tag.clone()).chain(merged.others(&name).map(Tag::name)).collect();
    let curve = analysis.curve(tag, pool);
    let row = Course {
        seconds: curve.iter().map(|point| point.hours * 3600.0).collect(),
        objects: curve.iter().map(|point| point.outstanding).collect(),
    };
    let answer = explain(&names, &row, history);
    Some((names, row.objects.last().copied(), answer))
}

/// The holder that explains most of a row's growth alone, else all who do together, under a name that is their own: what
/// [`Analysis::report_with`] asks for.
pub fn main_holder<'a>(
    analysis: &'a Analysis,
    history: &'a History,
    merged: &'a MergedCaches,
) -> impl Fn(&Tag, Pool) -> Option<String> + 'a {
    |tag, pool| match compared((tag, pool), analysis, history, merged)? {
        (.., Answer::Held(explanation)) => {
            let all = explanation.main().map_or(explanation.growers.as_slice(), std::slice::from_ref);
            let mut ids: Vec<_> = all.iter().map(|grower| &grower.holder.id).collect();
            ids.sort_unstable();
            Some(format!("{ids:?}"))
        }
        _ => None,
    }
}

/// The name of the cache that the objects of a row belong to by who holds them, or by the module that was loaded last, if the kernel lists
/// it under another one.
pub(crate) fn fitting<'a>(answer: &'a Answer, listed: &str) -> Option<&'a str> {
    match answer {
        Answer::Held(explanation) => explanation.fitting.as_deref(),
        Answer::Nobody(nobody) => {
            let (cache, _) = nobody.made_by.as_ref()?;
            Some(cache.as_str()).filter(|cache| *cache != listed)
        }
        _ => None,
    }
}

/// Says of each row that grows who holds its objects, as its first reason, and returns the answers. A cache whose objects a
/// process holds is not called shrinkable any more.
pub fn name_holders(
    report: &mut Report,
    analysis: &Analysis,
    history: &History,
    merged: &MergedCaches,
) -> FxHashMap<Key, Answer> {
    let mut answers = FxHashMap::default();
    for verdict in report.verdicts.iter_mut().filter(|verdict| verdict.kind.rises()) {
        let row = (&verdict.tag, verdict.pool);
        let Some((names, objects, answer)) = compared(row, analysis, history, merged) else { continue };
        let name = verdict.tag.to_string();
        let answer = match answer {
            // What the kernel caches is held by no process, as a rule.
            Answer::Nobody(_) | Answer::Unknown if verdict.pool == Pool::Reclaimable => {
                say_what_is_pinned(verdict, &names, objects, history);
                continue;
            }
            Answer::Unknown => continue,
            Answer::Nobody(mut nobody) => {
                nobody.made_by =
                    merged.newest(&name).map(|(cache, module)| (cache.to_owned(), module.to_owned()));
                Answer::Nobody(nobody)
            }
            answer => answer,
        };
        if matches!(answer, Answer::Held(_)) {
            verdict.reasons.retain(|reason| !shrinks(reason));
        }
        verdict.reasons.splice(0..0, answer.sentences(name.trim_end()));
        verdict.fitting = fitting(&answer, &name).map(str::to_owned);
        answers.insert(Key { tag: verdict.tag.clone(), pool: verdict.pool }, answer);
    }
    answers
}
