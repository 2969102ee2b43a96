//! All series together.

use poolmon_model::copies::{COPIES, random_copy};
use poolmon_model::owner::reported_name;
use poolmon_model::units::{grouped_change, grouped_signed};
use poolmon_model::{Pool, Tag};

use super::activity::{Activity, Work};
use super::company;
use super::compare::Rows;
use super::group::Nature;
use super::one::{self, Finding};
use super::owner::{self, OwnerHint};
use super::pools::pools;
use super::power::{self, Judged};
use super::spoken::Spoken;
use super::{Points, end, group, shape};
use crate::growth::all_growth;
use crate::series::{Bucket, BucketSeries, SeriesStart, Slot};
use crate::stats::false_discovery;
use crate::suspicion::{self, Around, Facts, History, Seen, Suspicion};
use crate::verdict::{Group, PoolGrowth, Rate, Report, Verdict, VerdictKind};
use crate::{Analysis, AnalysisConfig};

/// The slots of the boot that is judged: the latest one that is long enough, else the longest.
fn slots(analysis: &Analysis) -> (usize, usize) {
    let slots = &analysis.timeline.slots;
    let (mut spans, mut from) = (Vec::new(), 0);
    for at in 1..=slots.len() {
        if at == slots.len() || slots[at].epoch != slots[from].epoch {
            spans.push((from, at, slots[at - 1].hours() - slots[from].hours()));
            from = at;
        }
    }
    let longest = spans.iter().map(|span| span.2).fold(0.0, f64::max);
    let least = analysis.config.least_points;
    let good = spans.iter().rev().find(|span| span.1 - span.0 >= least && span.2 >= 0.3 * longest);
    let any = spans.iter().max_by(|a, b| a.2.total_cmp(&b.2));
    good.or(any).map_or((0, 0), |span| (span.0, span.1))
}

fn hours(analysis: &Analysis, from: usize, to: usize) -> (f64, f64) {
    let slots = analysis.timeline.slots.get(from..to).unwrap_or_default();
    let ends = slots.first().zip(slots.last());
    ends.map_or((0.0, 0.0), |(first, last)| (first.hours(), last.hours()))
}

/// What is no leak for what is known of the tag, or for being too small.
fn temper(config: &AnalysisConfig, rows: &[&BucketSeries], pools: &[PoolGrowth], findings: &mut [Finding]) {
    let shrinkable = rows.iter().zip(&*findings).filter(|(s, _)| s.pool == Pool::Reclaimable);
    let objects: f64 = shrinkable.filter_map(|(_, f)| f.allocs).map(|rate| rate.per_hour.max(0.0)).sum();
    for (series, finding) in rows.iter().zip(findings) {
        let held = pools.iter().find(|pool| pool.pool == series.pool).map_or(0.0, |pool| pool.held);
        let rate = finding.bytes.per_hour;
        let worth = rate >= config.worth_per_hour || rate * 24.0 >= config.worth_a_day * held;
        let kept = finding.evidence.retention.is_some_and(|kept| kept >= 0.9);
        if matches!(finding.kind, VerdictKind::Leaking | VerdictKind::Growing)
            && owner::is_part_of_inodes(&series.tag)
        {
            finding.kind = VerdictKind::Growing;
            finding.excused = true;
            let reason = "part of each inode: freed with the inodes, whose caches the kernel can shrink";
            finding.reasons = vec![reason.into()];
            finding.needs = None;
        }
        if finding.kind == VerdictKind::Leaking
            && owner::is_general(&series.tag)
            && rate <= objects * owner::BOOKKEEPING
        {
            (finding.kind, finding.excused) = (VerdictKind::Growing, true);
            let reason = "no more than the kernel's own bookkeeping for reclaimable caches that grow at the same \
                time";
            finding.reasons = vec![reason.into()];
            finding.needs = None;
        }
        if finding.kind == VerdictKind::Leaking && !worth && !kept {
            finding.kind = VerdictKind::Growing;
            finding.reasons.insert(
                0,
                "grows too little to be distinguished from a cache that is trimmed now and then".into(),
            );
        }
    }
}

/// The confidence that a row leaks, as long as nothing is known of other rows.
pub(super) fn confidence(series: &BucketSeries, facts: &Facts, finding: &Finding) -> Suspicion {
    let seen = Seen {
        facts,
        tag: &series.tag,
        pool: series.pool,
        tests: finding.tests,
        evidence: &finding.evidence,
    };
    suspicion::weigh(History::of(facts.points, facts.hours), &suspicion::measures(&seen), None)
}

/// What is known beside each row.
fn surroundings(
    analysis: &Analysis,
    pools: &[PoolGrowth],
    (from, to): (usize, usize),
    others: Rows,
) -> impl Fn(&BucketSeries) -> Around {
    let uptime = analysis.uptime_at(from).zip(Some(hours(analysis, from, to).0));
    let held = held(analysis, pools);
    move |series| {
        let (counts, objects) = series.tells();
        // A figure that is a pool of its own says nothing by its share of it.
        let of_pool = held.iter().find(|(pool, _)| *pool == series.pool && pool.whole().is_none());
        let pool_held = of_pool.map_or(0.0, |(_, held)| *held);
        let others = others.of(series.pool);
        Around { counts, objects, pool_held, uptime, others, times_unknown: !analysis.times_known }
    }
}

/// Bytes that each pool holds at the end: where no figure of it is known, as in lists that leave rows out, those of all rows that
/// are listed, as it holds at least that.
fn held(analysis: &Analysis, pools: &[PoolGrowth]) -> Vec<(Pool, f64)> {
    let mut held: Vec<(Pool, f64)> = pools.iter().map(|pool| (pool.pool, pool.held)).collect();
    let known = held.len();
    for series in &analysis.series {
        let all = || series.all(analysis.samples);
        match held.iter().position(|(pool, _)| *pool == series.pool) {
            Some(at) if at < known => {}
            Some(at) => held[at].1 += last_seen(&all()),
            None => held.push((series.pool, last_seen(&all()))),
        }
    }
    held
}

fn last_seen(buckets: &[Bucket]) -> f64 {
    buckets.iter().rev().find(|bucket| bucket.samples > 0).map_or(0.0, |bucket| bucket.mean.max(0.0))
}

/// What is found on a row alone: the tests' outcome, its facts with what can be said of them, how far it moved.
type Alone = (Vec<Finding>, Vec<Option<(Facts, Spoken)>>, Vec<Moved>, Option<Work>);

/// Judges each row alone.
fn each(analysis: &Analysis, rows: &[&BucketSeries], pools: &[PoolGrowth], from: usize, to: usize) -> Alone {
    let config = &analysis.config;
    let around = surroundings(analysis, pools, (from, to), Rows::default());
    let mut findings = Vec::with_capacity(rows.len());
    let mut grew = Vec::with_capacity(rows.len());
    let mut moved = Vec::with_capacity(rows.len());
    let mut activity = Activity::new(hours(analysis, from, to));
    for &series in rows {
        let points = Points::new(series, &analysis.timeline, analysis.samples, from, to);
        let mut finding = one::judge(config, series.pool, &points, series.tells());
        if points.len() == 0 && series.is_unknown() {
            finding.kind = VerdictKind::Unknown;
            finding.needs = None;
            let objects = series.objects().map(|(first, last)| {
                let (now, change) = (grouped_signed(last), grouped_change(last.saturating_sub(first)));
                format!("{now} outstanding allocations at the end, {change} since it was first listed")
            });
            finding.reasons.extend(objects);
        }
        let facts = Facts::of(&points, &around(series));
        let grown = facts.filter(|facts| !freed_at_the_end(&points, facts.growth));
        if grown.is_none() && finding.kind.rises() {
            finding.kind = VerdictKind::LoadDriven;
            finding.reasons = vec!["freed what it had gained just before the end".into()];
            finding.needs = None;
        }
        grew.push(grown.map(|facts| (facts, Spoken::of(&points, facts.start))));
        moved.push(Moved::of(&points));
        activity.add(&points);
        findings.push(finding);
    }
    (findings, grew, moved, activity.work())
}

/// How likely each row leaks, all being known.
fn suspicions(
    series: &[&BucketSeries],
    findings: &[Finding],
    grew: Vec<Option<(Facts, Spoken)>>,
    rows: &Rows,
) -> Vec<Option<(Facts, Suspicion)>> {
    let all = series.iter().zip(findings).zip(grew);
    all.map(|((series, finding), grew)| {
        let (mut facts, spoken) = grew?;
        facts.compare(&rows.of(series.pool));
        let mut suspicion = confidence(series, &facts, finding);
        spoken.correct(&mut suspicion);
        Some((facts, suspicion))
    })
    .collect()
}

/// What a share of each pool's growth is a part of, bytes.
fn rose(rows: &[&BucketSeries], pools: &[PoolGrowth], moved: &[Moved]) -> Vec<(Pool, f64)> {
    let of = |pool: &PoolGrowth| {
        let rows = rows.iter().zip(moved).filter(|(series, _)| series.pool == pool.pool);
        (pool.pool, all_growth(rows.map(|(_, moved)| moved.change), pool.change))
    };
    pools.iter().map(of).collect()
}

/// The one test for each row: false discoveries among all of them are limited.
fn limit_false_discoveries(findings: &mut [Finding], config: &AnalysisConfig) {
    // One test for each tag, those included that were too dull to be worth the computing.
    // Ranks lose their power where few points are independent, however clear the slope is, so the slope's own test
    // is next to them; the better of two counts double (Bonferroni).
    let p: Vec<f64> = findings
        .iter()
        .map(|finding| {
            let e = &finding.evidence;
            (2.0 * e.p_partial.map_or(e.p, |p| p.min(e.p))).min(1.0)
        })
        .collect();
    for (finding, q) in findings.iter_mut().zip(false_discovery::adjust(&p)) {
        finding.evidence.q = q;
        if finding.kind == VerdictKind::Leaking && q > config.false_discoveries {
            finding.kind = VerdictKind::Growing;
            finding.reasons = vec!["with this many tags, one would rise like this by chance".into()];
        }
    }
}

/// Rows by kind, then rate, then size.
fn ranked(rows: &[&BucketSeries], findings: &[Finding]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..findings.len()).collect();
    order.sort_by(|&a, &b| {
        let key = |at: usize| (findings[at].kind, -findings[at].bytes.per_hour, -findings[at].held);
        let (ka, kb) = (key(a), key(b));
        // Of rows whose bytes are not known, those that gained most objects come first.
        let gained = |at: usize| rows[at].objects().map_or(0, |(first, last)| last.saturating_sub(first));
        let order = ka.0.cmp(&kb.0).then(ka.1.total_cmp(&kb.1)).then(ka.2.total_cmp(&kb.2));
        if ka.0 == VerdictKind::Unknown { order.then(gained(b).cmp(&gained(a))) } else { order }
    });
    order
}

/// Judges everything.
pub fn report(
    analysis: &Analysis,
    owner: &dyn Fn(&Tag, Pool) -> Option<OwnerHint>,
    holder: &dyn Fn(&Tag, Pool) -> Option<String>,
) -> Report {
    let config = &analysis.config;
    let (from, to) = slots(analysis);
    let mut pools = pools(analysis, from, to);
    let rows = analysis.rows();
    let (mut findings, grew, moved, work) = each(analysis, &rows, &pools, from, to);
    let others = Rows::new(&rows, &moved);
    let suspicions = suspicions(&rows, &findings, grew, &others);
    limit_false_discoveries(&mut findings, config);
    temper(config, &rows, &pools, &mut findings);
    defer(&mut findings, config, work.as_ref(), |at| holder(&rows[at].tag, rows[at].pool));
    let each_row = rows.iter().zip(&mut findings).zip(&suspicions).zip(&moved);
    for (((series, finding), suspicion), moved) in each_row {
        if let Some((facts, suspicion)) = suspicion
            && suspect(finding, suspicion)
        {
            let points = Points::new(series, &analysis.timeline, analysis.samples, from, to);
            finding.take_window(facts, &points, config, series.tells().1);
        }
        shape::describe(finding, series.pool, suspicion.as_ref().map(|(facts, _)| facts), moved);
    }
    let order = ranked(&rows, &findings);
    let mut hints = Vec::with_capacity(order.len());
    let mut verdicts = Vec::with_capacity(order.len());
    let mut grown = Vec::new();
    let rose = rose(&rows, &pools, &moved);
    for &at in &order {
        let (series, finding) = (rows[at], &findings[at]);
        let rising = finding.kind.rises();
        if rising && !finding.excused {
            grown.push((verdicts.len(), finding));
        }
        let hint = if rising { owner(&series.tag, series.pool) } else { None };
        let pool = pools.iter().find(|pool| pool.pool == series.pool);
        let change = moved[at].change;
        let share = pool
            .filter(|pool| rising && change > 0.0 && pool.change > 0.0 && pool.grows)
            .and_then(|pool| Some(change / rose.iter().find(|rose| rose.0 == pool.pool)?.1));
        // Before a reboot there was no growth that this one goes on with.
        let since_start =
            from == 0 && !finding.bent && (series.first <= from || series.start == SeriesStart::FirstListed);
        // The first point lies in the middle of the first slot; what grew in it grew from its first sample on.
        let is_whole = since_start && series.first <= from && from == 0 && finding.kind != VerdictKind::Step;
        let hour = if is_whole { 0.0 } else { finding.from };
        // When a row came into a cut list says nothing about when it began.
        let unknown = series.start == SeriesStart::Unknown && series.first > from && !finding.bent;
        let nothing = matches!(finding.kind, VerdictKind::Steady | VerdictKind::Unknown);
        verdicts.push(Verdict {
            fitting: None,
            tag: series.tag.clone(),
            pool: series.pool,
            kind: finding.kind,
            bytes: finding.bytes,
            allocs: finding.allocs,
            held: moved[at].last,
            growth: finding.growth,
            change,
            level: suspicions[at].as_ref().and_then(|(_, suspicion)| suspicion.level()),
            share,
            group_share: None,
            since: if nothing || unknown { None } else { analysis.at(hour) },
            since_start,
            exhaustion: None,
            needs_hours: finding.needs.filter(|_| analysis.times_known),
            group: None,
            owner: hint.as_ref().map(|hint| hint.driver.clone()).or_else(|| {
                series.owner.as_deref().filter(|_| series.pool.whole().is_none()).and_then(reported_name)
            }),
            reasons: finding.reasons.clone(),
            confidence: suspicions[at].as_ref().map(|(_, suspicion)| suspicion.confidence),
            suspicion: suspicions[at].as_ref().map(|(_, suspicion)| suspicion.clone()),
            evidence: finding.evidence.clone(),
            timed: analysis.times_known,
            facts: suspicions[at].as_ref().map(|(facts, _)| *facts),
            tests: finding.tests,
        });
        hints.push(hint);
    }
    name_copies(&mut verdicts);
    let mut groups = groups(work.as_ref(), &grown, &mut verdicts, &hints, holder);
    company::strongest(&mut groups, &mut verdicts);
    ends(analysis, from, &groups, &mut pools, &mut verdicts);
    let named = verdicts.iter().any(|verdict| verdict.kind < VerdictKind::Growing);
    let around = surroundings(analysis, &pools, (from, to), others);
    let known = rows.iter().zip(&moved).zip(&findings).filter(|(_, one)| one.kind != VerdictKind::Unknown);
    let (rows, moved): (Vec<_>, Vec<_>) = known.map(|((row, moved), _)| (*row, *moved)).unzip();
    let judged = Judged { analysis, rows: &rows, slots: (from, to), moved: &moved, around: &around };
    // How large a leak would be seen is a rate.
    let power = if named || !analysis.times_known { None } else { power::power(&judged) };
    drop(around);
    Report {
        verdicts,
        groups,
        pools,
        power,
        hours: analysis.last_seconds / 3600.0,
        judged: hours(analysis, from, to),
        samples: analysis.samples,
        reboots: analysis.epoch,
        out_of_order: analysis.out_of_order,
        calm: Moved::calm(&moved),
        times_known: analysis.times_known,
        ..Report::default()
    }
}

/// States when memory runs out. Without a clock, that is not known, and nor is how fast pools grow.
fn ends(
    analysis: &Analysis,
    from: usize,
    groups: &[Group],
    pools: &mut [PoolGrowth],
    verdicts: &mut [Verdict],
) {
    if analysis.times_known {
        let begin = analysis.timeline.slots.get(from).map_or(0.0, Slot::hours);
        end::state(&analysis.header, groups, pools, analysis.last_seconds / 3600.0 - begin, verdicts);
    } else {
        for pool in pools {
            pool.bytes = Rate::UNKNOWN;
        }
    }
}

/// How far a row moved.
#[derive(Clone, Copy, Debug)]
pub struct Moved {
    /// Bytes at the first sample.
    pub first: f64,
    /// Bytes at the last sample.
    pub last: f64,
    /// The last sample less the first.
    pub change: f64,
    /// The highest point less the lowest.
    pub swing: f64,
}

impl Moved {
    /// Of these points.
    pub fn of(points: &Points) -> Self {
        let least = points.min.iter().copied().fold(f64::INFINITY, f64::min);
        let most = points.max.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Self {
            first: points.first,
            last: points.last,
            change: points.last - points.first,
            swing: (most - least).max(0.0),
        }
    }

    /// Bytes within which nine of ten rows stayed.
    fn calm(rows: &[Self]) -> Option<f64> {
        let mut swings: Vec<f64> = rows.iter().map(|row| row.swing.max(65_536.0)).collect();
        swings.sort_by(f64::total_cmp);
        swings.get((swings.len() * 9).div_ceil(10).max(1) - 1).copied()
    }
}

/// Whether the last sample holds next to nothing of what the points before it held, and nothing of the growth: a restart just before
/// the end, which no mean of points shows.
fn freed_at_the_end(points: &Points, growth: f64) -> bool {
    let recent = points.max.len().saturating_sub((points.max.len() / 20).max(1) + 1);
    let recent = points.max.get(recent..).unwrap_or_default();
    let held = recent.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    points.last < 0.1 * held && held - points.last >= 0.9 * growth
}

/// Confidence from which on a row that passes every test is called a leak. Of such rows of validation hosts 87 of 89 leak, of those
/// with 0.8 or more 130 of 144.
const CERTAIN: f64 = 0.95;

/// Lets the confidence decide: a row that is more likely than not a leak is a suspect, whatever test it failed, and one that passed
/// every test but is not even likely to leak is no more than that. Says whether the row needs a window of its own.
fn suspect(finding: &mut Finding, suspicion: &Suspicion) -> bool {
    let (before, level) = (finding.kind, suspicion.level());
    if finding.excused || finding.stands || before == VerdictKind::Leaking && suspicion.confidence >= CERTAIN
    {
        return false;
    }
    match (before, level) {
        (_, Some(_)) => {
            finding.kind = VerdictKind::Suspected;
            let failed = finding.reasons.first().filter(|_| before != VerdictKind::Leaking);
            finding.reasons = suspicion.in_words(failed.map(String::as_str));
        }
        (VerdictKind::Leaking, None) => {
            finding.kind = VerdictKind::Growing;
            finding.reasons = suspicion.doubts().take(2).map(|one| one.found.to_owned()).collect();
        }
        // Too few samples for a test, or a test that fails, but worth a look.
        (kind, None) if !kind.rises() && suspicion.confidence >= worth_a_look(kind) => {
            finding.kind = VerdictKind::Growing;
            finding.reasons = suspicion.in_words(finding.reasons.first().map(String::as_str));
        }
        _ => return false,
    }
    !before.rises()
}

/// Rows that are this likely to leak are listed with those that grow: of ten that no test could be made for, one leaks; of those
/// that failed one, more have to.
const fn worth_a_look(kind: VerdictKind) -> f64 {
    if matches!(kind, VerdictKind::TooLittleData) { 0.1 } else { 0.3 }
}

/// Of a cache that the kernel spreads over copies, how many grow says how many call sites do: one always fills the same copy.
fn name_copies(verdicts: &mut [Verdict]) {
    let size = |verdict: &Verdict| match &verdict.tag {
        Tag::Name(name) => random_copy(name).map(|(_, size)| size.to_owned()),
        Tag::Pool(_) => None,
    };
    let rising = |verdict: &Verdict| verdict.kind.rises();
    let sizes: Vec<String> = verdicts.iter().filter(|verdict| rising(verdict)).filter_map(size).collect();
    for verdict in verdicts.iter_mut().filter(|verdict| rising(verdict)) {
        let Some(size) = size(verdict) else { continue };
        let growing = sizes.iter().filter(|other| **other == size).count();
        verdict.reasons.push(if growing == 1 {
            format!("1 of {COPIES} copies of kmalloc-{size} grows: one call site of the kernel")
        } else {
            format!("{growing} of {COPIES} copies of kmalloc-{size} grow: at least {growing} call sites of the kernel")
        });
    }
}

/// What cannot yet be distinguished from a cache that will be trimmed is not called a leak, unless it grows in lockstep with
/// others of which one is: the same lost references drag all of them along.
fn defer(
    findings: &mut [Finding],
    config: &AnalysisConfig,
    work: Option<&Work>,
    holder: impl Fn(usize) -> Option<String>,
) {
    let leaking = |early: bool| {
        let of_kind = findings.iter().enumerate();
        of_kind.filter(move |(_, f)| f.kind == VerdictKind::Leaking && f.early.is_some() == early)
    };
    let (sure, early): (Vec<_>, Vec<_>) = (leaking(false).collect(), leaking(true).collect());
    if early.is_empty() {
        return;
    }
    let sure_ones = sure.len();
    let all: Vec<(usize, &Finding)> = sure.into_iter().chain(early).collect();
    let groups =
        if sure_ones > 0 { group::find(&all, |_| Nature::default(), work, holder) } else { Vec::new() };
    let carried: Vec<usize> = groups
        .into_iter()
        .filter(|members| members.len() >= config.lockstep)
        .filter(|members| members.iter().any(|&at| findings[at].early.is_none()))
        .flatten()
        .collect();
    for (at, finding) in findings.iter_mut().enumerate().filter(|(_, f)| f.kind == VerdictKind::Leaking) {
        let Some(hours) = finding.early else { continue };
        if carried.contains(&at) {
            finding.reasons.insert(0, "grows in lockstep with a certain leak".into());
        } else {
            finding.kind = VerdictKind::Growing;
            finding.needs = Some(hours);
            finding.reasons = vec!["too early to distinguish it from a cache that will be trimmed".into()];
        }
    }
}

fn groups(
    work: Option<&Work>,
    grown: &[(usize, &Finding)],
    verdicts: &mut [Verdict],
    hints: &[Option<OwnerHint>],
    holder: &dyn Fn(&Tag, Pool) -> Option<String>,
) -> Vec<Group> {
    let mut groups = Vec::new();
    let nature = |at: usize| {
        let tag = verdicts.get(at).map(|verdict: &Verdict| &verdict.tag);
        Nature {
            is_layer: tag.is_some_and(|tag| owner::layer(tag).is_some()),
            is_general: tag.is_some_and(owner::is_general),
        }
    };
    let held_by =
        |at: usize| verdicts.get(at).and_then(|verdict: &Verdict| holder(&verdict.tag, verdict.pool));
    for members in group::find(grown, nature, work, held_by) {
        let (culprit, reason) = group::culprit(&members, verdicts, hints);
        let number = groups.len();
        let (mut sum, mut shrinkable) = (0.0, 0.0);
        for &at in &members {
            if let Some(verdict) = verdicts.get_mut(at) {
                verdict.group = Some(number);
                let part = if verdict.pool == Pool::Reclaimable { &mut shrinkable } else { &mut sum };
                *part += verdict.bytes.per_hour;
            }
        }
        // What the kernel can shrink does not make a cause graver.
        if sum <= 0.0 {
            sum = shrinkable;
        }
        let group = Group { members, culprit, reason, bytes_per_hour: sum };
        together(&group, verdicts);
        groups.push(group);
    }
    groups
}

/// What a lockstep group explains of its pools, it explains together.
fn together(group: &Group, verdicts: &mut [Verdict]) {
    let members = group.members.iter().filter_map(|&at| verdicts.get(at));
    let shares: Vec<(Pool, f64)> = members.filter_map(|member| Some((member.pool, member.share?))).collect();
    for &at in &group.members {
        let Some(verdict) = verdicts.get_mut(at) else { continue };
        let of_pool: Vec<f64> =
            shares.iter().filter(|share| share.0 == verdict.pool).map(|share| share.1).collect();
        if of_pool.len() > 1 {
            verdict.group_share = Some(of_pool.iter().sum::<f64>().min(1.0));
        }
    }
}
