//! What is worth reporting: causes, rows of tables, what a pool's growth is made of.

use poolmon_leak::series::CurvePoint;
use poolmon_leak::{PoolGrowth, Verdict, VerdictKind};
use poolmon_model::Pool;
use poolmon_model::units::grouped;
use poolmon_owner::next::{self, NextCommand, Subject};

use crate::{Material, words};

/// Layers of a composition, the rest not counted.
pub const LAYERS: usize = 6;

/// Rows of the table of what moves.
const MOVING: usize = 40;

/// Rows of the table of the biggest.
const BIGGEST: usize = 15;

/// Those with a section of their own: leaks, the gravest first, then what grows.
pub fn causes<'a>(material: &'a Material<'_>) -> impl Iterator<Item = &'a Verdict> {
    let of = |kinds: &[VerdictKind]| material.report.ranked(kinds, |verdict| admits(material, verdict));
    let growing = of(&VerdictKind::UNEXPLAINED);
    let mut causes = of(&[VerdictKind::Leaking, VerdictKind::Suspected]);
    // Where something leaks, or is suspected to, what merely grows is for the table.
    if causes.is_empty() {
        causes = growing;
    }
    causes.into_iter().take(material.limit)
}

/// What to do next about a verdict: nothing if it is no leak.
pub fn next_commands(material: &Material<'_>, verdict: &Verdict) -> Vec<NextCommand> {
    if !matches!(verdict.kind, VerdictKind::Leaking | VerdictKind::Suspected) {
        return Vec::new();
    }
    let mut subject = Subject::new(&verdict.tag, Some(verdict.pool));
    let mut dossiers = material.dossiers.iter();
    if let Some(of) = dossiers.find(|of| of.tag == verdict.tag && of.pool == verdict.pool) {
        subject.drivers.clone_from(&of.drivers);
        subject.searched = of.searched.is_some();
    }
    next::commands(&subject)
}

/// How many tags leak, and are suspected to.
pub fn leaks(material: &Material<'_>) -> words::Counts {
    let admitted = |verdict: &&Verdict| verdict.kind == VerdictKind::Leaking && admits(material, verdict);
    let causes = material.report.causes(VerdictKind::Leaking, |verdict| admits(material, verdict));
    let suspects = material.report.causes(VerdictKind::Suspected, |verdict| admits(material, verdict));
    words::Counts {
        tags: material.report.verdicts.iter().filter(|verdict| admits(material, verdict)).count(),
        leaks: material.report.verdicts.iter().filter(admitted).count(),
        causes: causes.len(),
        suspects: suspects.len(),
        rising: words::risers(material.report, &material.filter).count(),
        unexplained: words::unexplained(material.report, |verdict| admits(material, verdict)),
        unknown: material
            .report
            .verdicts
            .iter()
            .filter(|verdict| verdict.kind == VerdictKind::Unknown && admits(material, verdict))
            .count(),
    }
}

/// Whether it is reported.
pub fn admits(material: &Material<'_>, verdict: &Verdict) -> bool {
    material.filter.admits_tag(&verdict.tag, verdict.pool)
}

/// What is not steady, leaking first.
pub fn moving<'a>(material: &'a Material<'_>) -> Vec<&'a Verdict> {
    let moves = |verdict: &&Verdict| !verdict.kind.is_still() && admits(material, verdict);
    material.report.verdicts.iter().filter(moves).take(MOVING).collect()
}

/// What holds most at the end.
pub fn biggest<'a>(material: &'a Material<'_>) -> Vec<&'a Verdict> {
    let mut all: Vec<&Verdict> =
        material.report.verdicts.iter().filter(|verdict| admits(material, verdict)).collect();
    all.sort_by(|a, b| b.held.total_cmp(&a.held));
    all.truncate(BIGGEST);
    all
}

/// How many tags of each kind there are; kinds of none are left out.
pub fn counts(material: &Material<'_>) -> Vec<(VerdictKind, usize)> {
    counts_of(material, |_| true)
}

fn counts_of(material: &Material<'_>, counted: impl Fn(&Verdict) -> bool) -> Vec<(VerdictKind, usize)> {
    let counted = |verdict: &&Verdict| counted(verdict) && admits(material, verdict);
    let of = |kind| material.report.verdicts.iter().filter(counted).filter(|it| it.kind == kind).count();
    VerdictKind::ALL.into_iter().map(|kind| (kind, of(kind))).filter(|&(_, count)| count > 0).collect()
}

/// The tags that neither leak nor have a section, nor grow in lockstep with one that has, counted in words; `None` without such.
pub fn others(material: &Material<'_>) -> Option<String> {
    let with_companions =
        |cause| std::iter::once(cause).chain(material.report.companions(cause)).collect::<Vec<_>>();
    let named: Vec<&Verdict> = causes(material).flat_map(with_companions).collect();
    let is_other = |verdict: &Verdict| {
        verdict.kind != VerdictKind::Leaking && !named.iter().any(|&named| std::ptr::eq(named, verdict))
    };
    let reported: Vec<String> = counts_of(material, is_other)
        .into_iter()
        .map(|(kind, count)| format!("{} {}", grouped(count as u64), words::explained(kind)))
        .collect();
    (!reported.is_empty()).then(|| reported.join(", "))
}

/// Why a verdict is what it is, each in a sentence.
pub fn reasons(material: &Material<'_>, verdict: &Verdict) -> Vec<String> {
    let mut reasons = verdict.reasons.clone();
    reasons.extend(words::lockstep(material.report, verdict));
    reasons.extend(verdict.needs_hours.map(|hours| words::capitalised(&verdict.needs(hours)) + "."));
    reasons
}

/// The pools that are shown.
pub fn pools<'a>(material: &'a Material<'_>) -> Vec<&'a PoolGrowth> {
    material.report.pools.iter().filter(|growth| material.filter.view.admits(growth.pool)).collect()
}

/// The points of the window that was judged.
pub fn judged(material: &Material<'_>, points: Vec<CurvePoint>) -> Vec<CurvePoint> {
    let (from, to) = material.report.judged;
    points.into_iter().filter(|point| point.hours >= from && point.hours <= to).collect()
}

/// A trend line, and how steep it may as well be: values at both ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// Hours from and to.
    pub hours: (f64, f64),
    /// Bytes there.
    pub bytes: (f64, f64),
    /// Bytes there at the lowest slope of the interval.
    pub low: (f64, f64),
    /// Bytes there at the highest.
    pub high: (f64, f64),
}

/// The verdict's slope laid through the points it was judged by: the median of what it leaves over is zero.
pub fn trend(material: &Material<'_>, verdict: &Verdict, points: &[CurvePoint]) -> Option<Trend> {
    let (from, to) = material.report.judged;
    let since = verdict.since.zip(material.analysis.at(0.0));
    let since = since.map_or(from, |(since, start)| since.duration_since(start).as_secs_f64() / 3600.0);
    // Times of verdicts are reported in whole seconds.
    let within = |point: &&CurvePoint| point.hours >= since.max(from) - 1e-3 && point.hours <= to + 1e-9;
    let points: Vec<&CurvePoint> = points.iter().filter(within).collect();
    let (first, last) = (points.first()?.hours, points.last()?.hours);
    let slope = verdict.bytes.per_hour;
    let mut left: Vec<f64> = points.iter().map(|point| point.mean - slope * point.hours).collect();
    left.sort_by(f64::total_cmp);
    let offset = left.get(left.len() / 2).copied()?;
    let middle = points.get(points.len() / 2)?.hours;
    let pivot = offset + slope * middle;
    let line = |slope: f64| {
        let at = |hours: f64| (pivot + slope * (hours - middle)).max(0.0);
        (at(first), at(last))
    };
    Some(Trend {
        hours: (first, last),
        bytes: line(slope),
        low: line(verdict.bytes.low),
        high: line(verdict.bytes.high),
    })
}

/// What a pool's growth is made of.
pub struct Composition<'a> {
    /// Hours of the columns.
    pub hours: Vec<f64>,
    /// The tags, the gravest first, with their growth since the first column.
    pub layers: Vec<(&'a Verdict, Vec<f64>)>,
    /// What all the other tags grew by together.
    pub others: Vec<f64>,
    /// The whole pool's growth.
    pub whole: Vec<f64>,
}

/// `None` if nothing in the pool rises.
pub fn composition<'a>(material: &'a Material<'_>, pool: Pool) -> Option<Composition<'a>> {
    let whole = judged(material, material.analysis.pool_curve(pool));
    let start = whole.first()?.mean;
    let hours: Vec<f64> = whole.iter().map(|point| point.hours).collect();
    let rises = |verdict: &&Verdict| {
        verdict.pool == pool && verdict.growth > 0.0 && !verdict.kind.is_still() && admits(material, verdict)
    };
    let mut tags: Vec<&Verdict> = material.report.verdicts.iter().filter(rises).collect();
    tags.sort_by(|a, b| {
        (a.kind != VerdictKind::Leaking, -a.growth)
            .partial_cmp(&(b.kind != VerdictKind::Leaking, -b.growth))
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    tags.truncate(LAYERS);
    if tags.is_empty() {
        return None;
    }
    let layers: Vec<(&Verdict, Vec<f64>)> = tags
        .into_iter()
        .map(|verdict| {
            let points = judged(material, material.analysis.curve(&verdict.tag, pool));
            (verdict, grown(&points, &hours))
        })
        .collect();
    let whole: Vec<f64> = whole.iter().map(|point| point.mean - start).collect();
    let others = whole
        .iter()
        .enumerate()
        .map(|(at, whole)| {
            let named: f64 = layers.iter().filter_map(|layer| layer.1.get(at)).sum();
            (whole - named).max(0.0)
        })
        .collect();
    Some(Composition { hours, layers, others, whole })
}

/// Growth since the first of `hours`, at each of them; a tag that comes later starts from nothing.
fn grown(points: &[CurvePoint], hours: &[f64]) -> Vec<f64> {
    let first = hours.first().copied().unwrap_or(0.0);
    let start = points.first().filter(|point| point.hours <= first + 1e-9).map_or(0.0, |point| point.mean);
    let mut rest = points.iter().peekable();
    let mut now = start;
    hours
        .iter()
        .map(|&hour| {
            while let Some(point) = rest.next_if(|point| point.hours <= hour + 1e-9) {
                now = point.mean;
            }
            (now - start).max(0.0)
        })
        .collect()
}

/// The first leak, else what grows: for what is at the top.
pub fn gravest<'a>(material: &'a Material<'_>) -> Option<&'a Verdict> {
    causes(material).next()
}
