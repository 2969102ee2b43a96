//! Lockstep groups: tags whose outstanding allocations grow by equal counts, or by whole multiples, at the same time.
//!
//! The biggest of them by bytes is often the layer that is dragged along; the likeliest culprit is the one that says
//! most about itself: nothing freed at all, a third-party owner, no layer of the system.

use poolmon_model::Tag;

use super::one::Finding;
use super::owner::{self, OwnerHint};
use crate::verdict::{Verdict, VerdictKind};

/// Largest whole multiple that counts as lockstep.
const MULTIPLE: f64 = 8.0;

/// How far the ratio of two counts may be from a whole number, as a part of it.
const WHOLE: f64 = 0.012;

/// How far two normalised curves may be apart anywhere.
const APART: f64 = 0.06;

/// Groups of indices into the findings; each has two members or more.
pub fn find(findings: &[(usize, &Finding)]) -> Vec<Vec<usize>> {
    let mut group_of: Vec<Option<usize>> = vec![None; findings.len()];
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for a in 0..findings.len() {
        for b in a + 1..findings.len() {
            if group_of[b].is_some() || !lockstep(findings[a].1, findings[b].1) {
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

fn lockstep(a: &Finding, b: &Finding) -> bool {
    let growth = |finding: &Finding| finding.allocs.map_or(0.0, |rate| rate.per_hour);
    let (x, y) = (growth(a), growth(b));
    if x <= 0.0 || y <= 0.0 {
        return false;
    }
    let ratio = if x > y { x / y } else { y / x };
    let whole = ratio.round();
    // A rate that is itself uncertain cannot show a whole multiple.
    let sure =
        |finding: &Finding| finding.allocs.is_some_and(|rate| (rate.high - rate.low) < 0.1 * rate.per_hour);
    if whole > MULTIPLE || (ratio / whole - 1.0).abs() > WHOLE || !sure(a) || !sure(b) {
        return false;
    }
    let start = a.points.hours[0].max(b.points.hours[0]);
    let end = a.points.hours[a.points.len() - 1].min(b.points.hours[b.points.len() - 1]);
    let shared = end - start;
    if shared < 0.8 * a.points.span().max(b.points.span()) {
        return false;
    }
    let at = |finding: &Finding, part: f64| interpolate(&finding.points, start + shared * part);
    let (from_a, from_b) = (at(a, 0.0), at(b, 0.0));
    let (all_a, all_b) = (at(a, 1.0) - from_a, at(b, 1.0) - from_b);
    all_a > 0.0
        && all_b > 0.0
        && (1..20).all(|step| {
            let part = f64::from(step) / 20.0;
            ((at(a, part) - from_a) / all_a - (at(b, part) - from_b) / all_b).abs() < APART
        })
}

fn interpolate(points: &super::Points, hour: f64) -> f64 {
    let after = points.hours.partition_point(|&other| other < hour).clamp(1, points.len() - 1);
    let (x0, x1) = (points.hours[after - 1], points.hours[after]);
    let (y0, y1) = (points.outstanding[after - 1], points.outstanding[after]);
    y0 + (y1 - y0) * ((hour - x0) / (x1 - x0)).clamp(0.0, 1.0)
}

/// The likeliest culprit among verdicts, and why.
pub fn culprit(members: &[usize], verdicts: &[Verdict], hints: &[Option<OwnerHint>]) -> (usize, String) {
    let score = |at: usize| -> (i32, Vec<String>) {
        let Some(verdict) = verdicts.get(at) else { return (i32::MIN, Vec::new()) };
        let mut score = 0;
        let mut reasons = Vec::new();
        if verdict.evidence.frees == Some(0.0) {
            score += 4;
            reasons.push("it never freed one".to_owned());
        } else if verdict.evidence.retention.is_some_and(|kept| kept > 0.9) {
            score += 2;
            reasons.push("it frees almost nothing of what it allocates".to_owned());
        }
        if let Some(hint) = hints.get(at).and_then(Option::as_ref)
            && hint.third_party
        {
            score += 3;
            reasons.push(format!("{} is not part of the system", hint.driver));
        }
        match owner::layer(&verdict.tag) {
            Some(_) => score -= 3,
            None => score += 1,
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
    let best = members
        .iter()
        .copied()
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
            owner::layer(&verdict.tag)
                .map(|what| format!("{} are {what}", verdict.tag.to_string().trim_end()))
        })
        .take(3)
        .collect();
    if !victims.is_empty() {
        reasons.push(format!("{}, which grow with it", victims.join(", ")));
    }
    if reasons.is_empty() {
        let which = if caches { "largest" } else { "smallest" };
        reasons.push(format!("the {which}; nothing else distinguishes them"));
    }
    (best, reasons.join("; "))
}
