//! Lockstep groups: tags that gain outstanding allocations at the same times.
//!
//! The biggest of them by bytes is often the layer that is dragged along; the likeliest culprit is the one that says
//! most about itself: nothing freed at all, a third-party owner, no layer of the system.

use std::cell::OnceCell;

use poolmon_model::{Pool, Tag};

use super::activity::Work;
use super::one::Finding;
use super::owner::{self, OwnerHint};
use crate::stats::line::{self, correlation};
use crate::verdict::{Verdict, VerdictKind};

/// Largest whole multiple that counts as lockstep.
const MULTIPLE: f64 = 8.0;

/// How far the ratio of two counts may be from a whole number, as a part of it.
const WHOLE: f64 = 0.012;

/// How far two normalised curves may be apart anywhere.
const APART: f64 = 0.06;

/// What is known of a row, whatever it shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nature {
    /// A layer that holds objects for others.
    pub is_layer: bool,
    /// A general cache of the Linux kernel.
    pub is_general: bool,
}

/// Groups of indices into the findings; each has two members or more. Rows that different holders keep are different causes, however
/// alike they grow: two steady leaks are as steady as each other. `holder` is asked only of rows that would be joined.
pub fn find(
    findings: &[(usize, &Finding)],
    nature: impl Fn(usize) -> Nature,
    work: Option<&Work>,
    holder: impl Fn(usize) -> Option<String>,
) -> Vec<Vec<usize>> {
    let holders = vec![OnceCell::new(); findings.len()];
    let holder = |at: usize| holders[at].get_or_init(|| holder(findings[at].0)).as_ref();
    let apart = |a: usize, b: usize| holder(a).zip(holder(b)).is_some_and(|(a, b)| a != b);
    let mut group_of: Vec<Option<usize>> = vec![None; findings.len()];
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for a in 0..findings.len() {
        let alone = [a];
        for b in a + 1..findings.len() {
            let natures = [findings[a].0, findings[b].0].map(&nature);
            if group_of[b].is_some() || !lockstep(findings[a].1, findings[b].1, natures, work) {
                continue;
            }
            let mut joined = group_of[a].map_or(&[][..], |at| &groups[at]).iter().chain(&alone);
            if joined.any(|&member| apart(member, b)) {
                continue;
            }
            let at = *group_of[a].get_or_insert_with(|| {
                groups.push(vec![a]);
                groups.len() - 1
            });
            group_of[b] = Some(at);
            groups[at].push(b);
        }
    }
    groups.into_iter().map(|members| members.into_iter().map(|at| findings[at].0).collect()).collect()
}

/// Cells that the shared time is cut into, to compare what was gained in each.
const CELLS: usize = 20;

/// Correlation of what two rows gain, cell by cell, from which on they are one cause.
const TOGETHER: f64 = 0.75;

/// The same with a layer that holds objects for others too, where the counts are about equal or whole multiples.
const NOISY: f64 = 0.3;

/// How far their ratio may be from a whole number.
const NEAR: f64 = 0.06;

/// Variation of what a row gains from cell to cell, over its mean, below which it says nothing: each steady leak is as steady as
/// any other.
const STEADY: f64 = 0.03;

/// Whether two rows gain objects at the same times: what they gain from cell to cell goes up and down together even where the
/// machine's work, which drives all rows, is taken out. Rows that gain at a steady pace, or do all the work themselves, show
/// nothing by that: they are in lockstep if they gain equal counts, or whole multiples, all along.
fn lockstep(a: &Finding, b: &Finding, natures: [Nature; 2], work: Option<&Work>) -> bool {
    let noisy = natures.iter().any(|nature| nature.is_layer);
    let growth = |finding: &Finding| finding.allocs.map_or(0.0, |rate| rate.per_hour);
    let (x, y) = (growth(a), growth(b));
    if x <= 0.0 || y <= 0.0 || a.points.len() < 2 || b.points.len() < 2 {
        return false;
    }
    let ratio = if x > y { x / y } else { y / x };
    let (fewer, nature) = if x > y { (b, natures[1]) } else { (a, natures[0]) };
    let is_charge = nature.is_general && charges(fewer, ratio);
    if ratio > MULTIPLE * (1.0 + WHOLE) && !is_charge {
        return false;
    }
    let start = a.points.hours[0].max(b.points.hours[0]);
    let end = a.points.hours[a.points.len() - 1].min(b.points.hours[b.points.len() - 1]);
    let shared = end - start;
    if shared < 0.8 * a.points.span().max(b.points.span()) {
        return false;
    }
    let at = |column: &[f64], finding: &Finding, part: f64| finding.points.at(column, start + shared * part);
    let curve = |finding: &Finding| -> Vec<f64> {
        let part = |cell: usize| at(&finding.points.outstanding, finding, cell as f64 / CELLS as f64);
        (0..=CELLS).map(part).collect()
    };
    let (of_a, of_b) = (curve(a), curve(b));
    let (all_a, all_b) = (of_a[CELLS] - of_a[0], of_b[CELLS] - of_b[0]);
    let whole = if ratio > MULTIPLE * (1.0 + WHOLE) {
        // Among large numbers all are near a whole one: rates are not exact enough.
        let times = if x > y { all_a / all_b } else { all_b / all_a };
        (times - times.round()).abs() <= NEAR
    } else {
        (ratio / ratio.round() - 1.0).abs() <= WHOLE
    };
    if a.points.len() > CELLS && b.points.len() > CELLS {
        let (gained_a, gained_b) = (gains(&of_a), gains(&of_b));
        let varies = |gains: &[f64]| variation(gains) > STEADY;
        if varies(&gained_a) && varies(&gained_b) {
            let until = |cell: usize| start + shared * cell as f64 / CELLS as f64;
            let done = work.map(|work| {
                (0..CELLS)
                    .map(|cell| work.until(until(cell + 1)) - work.until(until(cell)))
                    .collect::<Vec<f64>>()
            });
            let is_known = done.is_some();
            let work = done.or_else(|| {
                let load = a.points.known_load()?;
                let hour = |cell: usize| (cell as f64 + 0.5) / CELLS as f64;
                Some((0..CELLS).map(|cell| at(&load, a, hour(cell)).powi(2)).collect())
            });
            let (rest_a, rest_b) = match &work {
                Some(work) => (without(&gained_a, work), without(&gained_b, work)),
                None => (gained_a, gained_b),
            };
            let together = correlation(&rest_a, &rest_b);
            if steps_together(together, ratio, noisy) {
                return true;
            }
            // Steps that have nothing in common but the machine's work are no lockstep, whatever the sums are multiples of.
            if is_known && !noisy && together < NOISY {
                return false;
            }
        }
    }
    // A rate that is itself uncertain cannot show a whole multiple.
    let sure =
        |finding: &Finding| finding.allocs.is_some_and(|rate| (rate.high - rate.low) < 0.1 * rate.per_hour);
    whole
        && sure(a)
        && sure(b)
        && all_a > 0.0
        && all_b > 0.0
        && of_a.iter().zip(&of_b).all(|(x, y)| ((x - of_a[0]) / all_a - (y - of_b[0]) / all_b).abs() < APART)
}

/// Whether objects of this row are as large as the bookkeeping for this number of objects of another.
fn charges(general: &Finding, objects: f64) -> bool {
    let Some(rate) = general.allocs.filter(|rate| rate.per_hour > 0.0) else { return false };
    let size = general.bytes.per_hour / rate.per_hour;
    // General caches double in size, with one between them up to 192 bytes.
    let [most, less] = [owner::BOOKKEEPING, owner::BOOKKEEPING / 2.0].map(|each| objects * each / size);
    (0.5..=1.05).contains(&most) || (0.5..=1.05).contains(&less)
}

/// Whether the correlation of what two rows gain makes them one cause. What a layer holds for others besides hides the steps that it
/// takes with one row; equal counts show them.
fn steps_together(together: f64, ratio: f64, noisy: bool) -> bool {
    let equal = (ratio - ratio.round()).abs() <= NEAR;
    together >= TOGETHER || noisy && equal && together >= NOISY
}

fn gains(curve: &[f64]) -> Vec<f64> {
    curve.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// Standard deviation over the mean.
fn variation(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (squares / n).sqrt() / mean.abs().max(f64::MIN_POSITIVE)
}

/// What is left of the values when the part that follows `work` in a straight line is taken out.
fn without(values: &[f64], work: &[f64]) -> Vec<f64> {
    let slope = line::line(work, values).0;
    values.iter().zip(work).map(|(value, work)| value - slope * work).collect()
}

/// The likeliest culprit among verdicts, and why.
pub fn culprit(members: &[usize], verdicts: &[Verdict], hints: &[Option<OwnerHint>]) -> (usize, String) {
    let score = |at: usize| -> (i32, Vec<String>) {
        let Some(verdict) = verdicts.get(at) else { return (i32::MIN, Vec::new()) };
        let mut score = 0;
        let mut reasons = Vec::new();
        if verdict.evidence.frees == Some(0.0) {
            score += 4;
            reasons.push("it never frees".to_owned());
        } else if verdict.evidence.retention.is_some_and(|kept| kept > 0.9) {
            score += 2;
            reasons.push("it frees almost nothing that it allocates".to_owned());
        }
        if let Some(hint) = hints.get(at).and_then(Option::as_ref)
            && hint.third_party
        {
            score += 3;
            reasons.push(format!("{} is not part of the system", hint.driver));
        }
        if verdict.kind == VerdictKind::Leaking {
            score += 1;
        }
        (score, reasons)
    };
    // Pools are charged by layer, and the layers below hold the bytes. Slab caches are not: the holder's own objects
    // are the bulk, and what hangs on each of them (a security blob) is small.
    let named = |at: usize| verdicts.get(at).is_some_and(|verdict| matches!(verdict.tag, Tag::Name(_)));
    let caches = members.iter().all(|&at| named(at));
    // A layer is dragged along: it is no culprit as long as there is another row.
    let layer = |at: usize| verdicts.get(at).is_some_and(|verdict| owner::layer(&verdict.tag).is_some());
    let all_layers = members.iter().all(|&at| layer(at));
    // Nor is a cache that the kernel can shrink, beside one that it cannot.
    let shrinks = |at: usize| verdicts.get(at).is_some_and(|verdict| verdict.pool == Pool::Reclaimable);
    let is_suspect = |at: usize| !layer(at) && !shrinks(at);
    let any_suspect = members.iter().any(|&at| is_suspect(at));
    let best = members
        .iter()
        .copied()
        .filter(|&at| if any_suspect { is_suspect(at) } else { all_layers || !layer(at) })
        .max_by(|&a, &b| {
            let rate = |at: usize| verdicts.get(at).map_or(0.0, |verdict| verdict.bytes.per_hour);
            let size = if caches { rate(a).total_cmp(&rate(b)) } else { rate(b).total_cmp(&rate(a)) };
            score(a).0.cmp(&score(b).0).then(size)
        })
        .unwrap_or(0);
    let mut reasons = score(best).1;
    let victims: Vec<String> = members
        .iter()
        .filter(|&&at| at != best)
        .filter_map(|&at| verdicts.get(at))
        .filter_map(|verdict| {
            owner::layer(&verdict.tag).map(|what| format!("{} ({what})", verdict.tag.to_string().trim_end()))
        })
        .take(3)
        .collect();
    if !victims.is_empty() {
        let verb = if victims.len() == 1 { "grows" } else { "grow" };
        reasons.push(format!("{} {verb} with it as a side effect", victims.join(", ")));
    }
    if reasons.is_empty() {
        let which = if caches { "largest" } else { "smallest" };
        reasons.push(format!("the {which}; nothing else distinguishes them"));
    }
    (best, reasons.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_is_joined_by_equal_counts_alone() {
        assert!(steps_together(0.8, 1.4, false), "steps that go together need no equal counts");
        assert!(steps_together(0.4, 2.03, true) && steps_together(0.4, 1.0, true));
        assert!(!steps_together(0.4, 1.4, true), "neither equal counts nor whole multiples");
        assert!(!steps_together(0.4, 1.0, false) && !steps_together(0.2, 1.0, true));
    }
}
