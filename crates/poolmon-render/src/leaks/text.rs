//! The answer for a person: the headline, a sentence for each tag, and what to do next.

use std::io::{self, Write};

use jiff::tz::TimeZone;
use poolmon_leak::{Report, Riser, Verdict, VerdictKind};
use poolmon_model::units::grouped;
use poolmon_model::{Filter, Pool, Tag};
use poolmon_print::{Ink, Line, Paint};
use poolmon_report::AnalysedSeries;
use poolmon_report::words;

use super::Listing;
use crate::next;

/// Writes it. `known`: the drivers of a tag were found by a search, which is not suggested again.
pub fn write(
    out: &mut dyn Ink,
    judged: &AnalysedSeries,
    filter: &Filter,
    listing: Listing,
    zone: &TimeZone,
    known: impl Fn(&Tag) -> bool,
) -> io::Result<()> {
    let report = &judged.report;
    let shown: Vec<&Verdict> =
        report.verdicts.iter().filter(|verdict| filter.admits_tag(&verdict.tag, verdict.pool)).collect();
    writeln!(out, "{}", about(judged, zone))?;
    let pools = words::pools(report);
    let machine = judged.perfmon.as_ref().map(words::pools);
    if let (Some(figures), Some(machine)) = (&judged.perfmon, &machine) {
        // Saved lines of /proc/meminfo are such figures, too.
        let is_windows = !figures.pools.is_empty()
            && figures.pools.iter().all(|pool| matches!(pool.pool, Pool::Nonpaged | Pool::Paged));
        let label = if is_windows { "Perfmon:" } else { "Machine:" };
        writeln!(out, "{label}  {machine}")?;
    }
    // Without rows, both are the same figures.
    if machine.as_ref() != Some(&pools) {
        writeln!(out, "Pools:    {pools}")?;
    }
    for pool in &report.pools {
        if let Some(rows) = words::made_of(report, pool.pool) {
            writeln!(out, "          {} grew by: {rows}", pool.pool.id())?;
        }
    }
    writeln!(out)?;
    let admits = |verdict: &Verdict| filter.admits_tag(&verdict.tag, verdict.pool);
    let named = report.ranked(&[VerdictKind::Leaking, VerdictKind::Suspected], admits);
    let of = |kind: VerdictKind| named.iter().filter(|verdict| verdict.kind == kind).count();
    let leaks = shown.iter().filter(|verdict| verdict.kind == VerdictKind::Leaking).count();
    let counts = words::Counts {
        tags: shown.len(),
        leaks,
        causes: of(VerdictKind::Leaking),
        suspects: of(VerdictKind::Suspected),
        unknown: shown.iter().filter(|verdict| verdict.kind == VerdictKind::Unknown).count(),
        rising: words::risers(report, filter).count(),
        unexplained: words::unexplained(report, admits),
    };
    writeln!(out, "{}", words::headline(report, &judged.analysis.config, judged.needs, counts))?;
    let first_end = named.first().and_then(|first| first.exhaustion);
    for (at, verdict) in named.iter().take(listing.limit).enumerate() {
        writeln!(out)?;
        // The machine's one end is printed once.
        tell(out, judged, verdict, at == 0 || verdict.exhaustion != first_end, zone)?;
    }
    more(out, named.len(), listing.limit)?;
    let risers = rising(out, report, filter, listing.limit)?;
    let growing = report.ranked(&VerdictKind::UNEXPLAINED, admits);
    let held = report.still_held(admits);
    let unknown: Vec<&Verdict> =
        shown.iter().copied().filter(|verdict| verdict.kind == VerdictKind::Unknown).collect();
    let most = report.grew_most(admits);
    for (title, rows) in [
        ("Growing, but not called a leak", &growing),
        ("Grew most, in too few samples to say more", &most),
        ("No longer growing, but still held", &held),
        ("Unknown whether they leak", &unknown),
    ] {
        if !rows.is_empty() {
            writeln!(out, "\n{title}:")?;
            for verdict in rows.iter().take(listing.limit) {
                tell(out, judged, verdict, true, zone)?;
            }
            more(out, rows.len(), listing.limit)?;
        }
    }
    explained(out, &shown, listing, zone)?;
    let causes: Vec<&Verdict> = match named.as_slice() {
        [] => held.first().filter(|_| growing.is_empty()).copied().into_iter().collect(),
        named => named.iter().take(listing.limit).copied().collect(),
    };
    let mut steps = next::leaks(judged, &causes, &known);
    if risers > 0 {
        next::holders(judged, &mut steps);
    }
    next_steps(out, judged, steps, &named, &growing)
}

/// Holders that only rise, and how many there are.
fn rising(out: &mut dyn Write, report: &Report, filter: &Filter, limit: usize) -> io::Result<usize> {
    let all: Vec<&Riser> = words::risers(report, filter).collect();
    if all.is_empty() {
        return Ok(0);
    }
    writeln!(out, "\n{}:", words::RISERS)?;
    for riser in all.iter().take(limit) {
        writeln!(out, "  {}", riser.sentence())?;
        if let Some(places) = riser.places() {
            writeln!(out, "      {places}")?;
        }
    }
    more(out, all.len(), limit)?;
    Ok(all.len())
}

/// `srv1 (Windows 10.0.19045): 17,280 samples over 24 h, 2026-11-22 14:00 to 2026-11-23 14:00`.
fn about(judged: &AnalysedSeries, zone: &TimeZone) -> String {
    let mut text = judged.host.clone().unwrap_or_else(|| judged.source.clone());
    if let Some(system) = &judged.system {
        text = format!("{text} ({system})");
    }
    text = format!("{text}: {}", words::extent(&judged.report, judged.span, zone));
    if let Some(remark) = words::times(&judged.report) {
        text = format!("{text}\n{remark}");
    }
    text
}

fn tell(
    out: &mut dyn Ink,
    judged: &AnalysedSeries,
    verdict: &Verdict,
    with_end: bool,
    zone: &TimeZone,
) -> io::Result<()> {
    let mut printed = verdict.clone();
    if let Some(fitting) = judged.fitting(verdict) {
        // Its own name first: the kernel lists a merged cache under any one of them.
        printed.tag = Tag::name(&format!("{fitting}, listed as {}", verdict.tag));
    }
    printed.exhaustion = printed.exhaustion.filter(|_| with_end);
    let paint = match verdict.kind {
        VerdictKind::Leaking => Some(Paint::Leaking),
        VerdictKind::Suspected => Some(Paint::Suspected),
        _ => None,
    };
    let sentence = printed.sentence(zone);
    // Who, and that it leaks; the rest is to be read.
    let who = printed.tag.to_string().trim_end().len();
    let verdict_ends = sentence.get(who..).and_then(|rest| rest.find(" leaks")).map_or(0, |at| who + at + 6);
    let (named, rest) = sentence.split_at(verdict_ends);
    let mut line = Line::default();
    line.blanks(2);
    line.push(named, paint);
    line.push(rest, None);
    line.end(out)?;
    for reason in &verdict.reasons {
        writeln!(out, "      {reason}")?;
    }
    for line in words::lockstep(&judged.report, verdict) {
        writeln!(out, "      {line}")?;
    }
    Ok(())
}

fn more(out: &mut dyn Write, all: usize, limit: usize) -> io::Result<()> {
    if all > limit {
        writeln!(out, "  and {} more (--limit {all})", all - limit)?;
    }
    Ok(())
}

/// Growth that something explains: counted, or listed with `--all`.
fn explained(out: &mut dyn Write, shown: &[&Verdict], listing: Listing, zone: &TimeZone) -> io::Result<()> {
    // The others have sections of their own.
    let kinds = VerdictKind::ALL.into_iter().filter(|kind| !kind.rises() && *kind != VerdictKind::Unknown);
    let of = |kind: VerdictKind| shown.iter().copied().filter(move |verdict| verdict.kind == kind);
    if listing.all {
        for kind in kinds {
            let all: Vec<&Verdict> = of(kind).collect();
            if !all.is_empty() {
                writeln!(
                    out,
                    "\n{} ({}):",
                    words::capitalised(words::explained(kind)),
                    grouped(all.len() as u64)
                )?;
                for verdict in all.iter().take(listing.limit) {
                    writeln!(out, "  {}", verdict.sentence(zone))?;
                }
                more(out, all.len(), listing.limit)?;
            }
        }
        return Ok(());
    }
    let counted: Vec<String> = kinds
        .map(|kind| (of(kind).count(), words::explained(kind)))
        .filter(|&(number, _)| number > 0)
        .map(|(number, words)| format!("{} {words}", grouped(number as u64)))
        .collect();
    if !counted.is_empty() {
        let named = shown.iter().any(|verdict| verdict.kind.rises() || verdict.kind == VerdictKind::Unknown);
        let title = words::others_title(named);
        writeln!(out, "\n{title}: {} (--all lists them).", counted.join(", "))?;
    }
    Ok(())
}

fn next_steps(
    out: &mut dyn Write,
    judged: &AnalysedSeries,
    mut lines: Vec<String>,
    named: &[&Verdict],
    growing: &[&Verdict],
) -> io::Result<()> {
    let longest = named.iter().chain(growing).filter_map(|verdict| verdict.needs_hours).fold(0.0, f64::max);
    if judged.needs.is_some() || longest > 0.0 {
        lines.push(
            "for a more certain verdict, record longer: poolmon record DIR, later poolmon leaks \
                DIR"
            .to_owned(),
        );
    }
    for (n, line) in lines.iter().enumerate() {
        writeln!(out, "{}{line}", if n == 0 { "\nNext: " } else { "      " })?;
    }
    Ok(())
}
