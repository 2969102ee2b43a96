//! The answer for a person: the headline, a sentence for each tag, and what to do next.

use std::io::{self, Write};

use jiff::tz::TimeZone;
use pool_leak::verdict::{decimal, duration};
use pool_leak::{Kind, PoolGrowth, Verdict};
use pool_model::Filter;
use pool_model::units::grouped;

use super::{Judged, LeaksArgs};
use crate::quantity::{count, spoken};

/// Members of a lockstep group that are named.
const MEMBERS: usize = 8;

/// Writes it.
pub fn write(
    out: &mut dyn Write,
    judged: &Judged,
    filter: &Filter,
    args: &LeaksArgs,
    zone: &TimeZone,
) -> io::Result<()> {
    let report = &judged.report;
    let shown: Vec<&Verdict> =
        report.verdicts.iter().filter(|verdict| filter.admits_tag(&verdict.tag, verdict.pool)).collect();
    writeln!(out, "{}", about(judged, zone))?;
    if let Some(figures) = &judged.perfmon {
        writeln!(out, "Perfmon:  {}", pools(&figures.pools))?;
    }
    writeln!(out, "Pools:    {}", pools(&report.pools))?;
    writeln!(out)?;
    let admits = |verdict: &Verdict| filter.admits_tag(&verdict.tag, verdict.pool);
    let leaking = report.causes(Kind::Leaking, admits);
    headline(out, judged, &shown, leaking.len())?;
    for verdict in leaking.iter().take(args.limit) {
        writeln!(out)?;
        tell(out, judged, verdict, zone)?;
    }
    more(out, leaking.len(), args.limit)?;
    let growing = report.causes(Kind::Growing, admits);
    if !growing.is_empty() {
        writeln!(out, "\nGrowing, but not called a leak:")?;
        for verdict in growing.iter().take(args.limit) {
            tell(out, judged, verdict, zone)?;
        }
        more(out, growing.len(), args.limit)?;
    }
    explained(out, &shown, args, zone)?;
    next(out, judged, &leaking, &growing)
}

/// `srv1 (Windows 10.0.19045): 17,280 samples over 24 h, 2026-11-22 14:00 to 2026-11-23 14:00`.
fn about(judged: &Judged, zone: &TimeZone) -> String {
    let report = &judged.report;
    let mut text = judged.host.clone().unwrap_or_else(|| judged.source.clone());
    if let Some(system) = &judged.system {
        text = format!("{text} ({system})");
    }
    text = format!("{text}: {} over {}", count(report.samples, "sample"), duration(report.hours));
    if let Some((from, to)) = judged.span {
        let told = |time: jiff::Timestamp| time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string();
        text = format!("{text}, {} to {}", told(from), told(to));
    }
    if report.reboots > 0 {
        text = format!("{text}, {}", count(report.reboots.into(), "restart"));
    }
    if !report.times_known {
        text += "\nthe samples tell no times: a minute from one to the next is assumed, so rates mean little";
    }
    text
}

fn pools(pools: &[PoolGrowth]) -> String {
    let one = |pool: &PoolGrowth| {
        let name = pool.pool.id();
        let held = decimal(pool.held);
        if pool.grows {
            let half = (pool.bytes.high - pool.bytes.low) / 2.0;
            format!("{name} grows {}/h ± {} ({held} now)", decimal(pool.bytes.per_hour), decimal(half))
        } else {
            format!("{name} does not grow ({held})")
        }
    };
    match pools {
        [] => "not enough samples".to_owned(),
        pools => pools.iter().map(one).collect::<Vec<_>>().join("; "),
    }
}

fn headline(out: &mut dyn Write, judged: &Judged, shown: &[&Verdict], causes: usize) -> io::Result<()> {
    let report = &judged.report;
    if let Some(needs) = judged.needs {
        return writeln!(
            out,
            "Too little data for any verdict: {} more of samples are needed (12 samples over 5 minutes at least).",
            spoken(needs)
        );
    }
    let leaks = shown.iter().filter(|verdict| verdict.kind == Kind::Leaking).count();
    match leaks {
        0 => writeln!(
            out,
            "Nothing leaks, as far as {} over {} can tell ({} tags judged).",
            count(report.samples, "sample"),
            duration(report.hours),
            grouped(report.verdicts.len() as u64)
        ),
        1 => writeln!(out, "One tag leaks:"),
        n if causes < n => writeln!(out, "{n} tags leak, of {}:", count(causes as u64, "cause")),
        n => writeln!(out, "{n} tags leak:"),
    }
}

fn tell(out: &mut dyn Write, judged: &Judged, verdict: &Verdict, zone: &TimeZone) -> io::Result<()> {
    writeln!(out, "  {}", verdict.sentence(zone))?;
    for reason in &verdict.reasons {
        writeln!(out, "      {reason}")?;
    }
    let report = &judged.report;
    let Some(group) = report.group_of(verdict) else { return Ok(()) };
    let others: Vec<String> = report
        .companions(verdict)
        .iter()
        .map(|other| format!("{} {}/h", other.tag.to_string().trim_end(), decimal(other.bytes.per_hour)))
        .collect();
    let left = others.len().saturating_sub(MEMBERS);
    let names = others.iter().take(MEMBERS).map(String::as_str).collect::<Vec<_>>().join(", ");
    let rest = if left > 0 { format!(" and {left} more") } else { String::new() };
    writeln!(
        out,
        "      in lockstep with it: {names}{rest}; one cause, {}/h together",
        decimal(group.bytes_per_hour)
    )?;
    writeln!(out, "      likeliest culprit of them: {}", group.reason)
}

fn more(out: &mut dyn Write, all: usize, limit: usize) -> io::Result<()> {
    if all > limit {
        writeln!(out, "  and {} more (--limit {all})", all - limit)?;
    }
    Ok(())
}

/// Growth that something explains: counted, or listed with `--all`.
fn explained(out: &mut dyn Write, shown: &[&Verdict], args: &LeaksArgs, zone: &TimeZone) -> io::Result<()> {
    let kinds = [
        (Kind::WarmingUp, "filling up ever more slowly"),
        (Kind::LoadDriven, "coming and going with the load"),
        (Kind::Step, "stepped once and level since"),
        (Kind::Steady, "steady"),
        (Kind::TooLittleData, "with too little data"),
    ];
    let of = |kind: Kind| shown.iter().copied().filter(move |verdict| verdict.kind == kind);
    if args.all {
        for (kind, words) in kinds {
            let all: Vec<&Verdict> = of(kind).collect();
            if !all.is_empty() {
                writeln!(out, "\nTags {words}: {}", grouped(all.len() as u64))?;
                for verdict in all.iter().take(args.limit) {
                    writeln!(out, "  {}", verdict.sentence(zone))?;
                }
                more(out, all.len(), args.limit)?;
            }
        }
        return Ok(());
    }
    let counted: Vec<String> = kinds
        .iter()
        .map(|&(kind, words)| (of(kind).count(), words))
        .filter(|&(number, _)| number > 0)
        .map(|(number, words)| format!("{} {words}", grouped(number as u64)))
        .collect();
    if !counted.is_empty() {
        writeln!(out, "\nThe other tags: {} (--all lists them).", counted.join(", "))?;
    }
    Ok(())
}

fn next(out: &mut dyn Write, judged: &Judged, leaking: &[&Verdict], growing: &[&Verdict]) -> io::Result<()> {
    let mut lines = Vec::new();
    if let Some(first) = leaking.first().or(growing.first()) {
        let tag = first.tag.to_string();
        let tag = tag.trim_end();
        let quoted = if tag.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c)) {
            tag.to_owned()
        } else {
            format!("'{}'", tag.replace('\'', r"'\''"))
        };
        lines.push(format!("which driver it is, with proof: poolmon who {quoted}"));
    }
    let longest = leaking.iter().chain(growing).filter_map(|verdict| verdict.needs_hours).fold(0.0, f64::max);
    if judged.needs.is_some() || longest > 0.0 {
        lines
            .push("a surer answer from more samples: poolmon record DIR, later poolmon leaks DIR".to_owned());
    }
    for (n, line) in lines.iter().enumerate() {
        writeln!(out, "{}{line}", if n == 0 { "\nNext: " } else { "      " })?;
    }
    Ok(())
}
