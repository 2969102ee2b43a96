//! `poolmon leaks`: which tags leak, how fast, how sure, until when.
//!
//! `app::analyse`: samples into the analysis; [`poolmon_render::leaks`]: the answer.

use std::io::Write as _;

use jiff::tz::TimeZone;
use poolmon_leak::VerdictKind;
use poolmon_model::Tag;
use poolmon_model::units::counted;
use poolmon_render::leaks as render;
use poolmon_report::words;

use crate::app::outcome::Outcome;
use crate::app::say::{self, warning};
use crate::app::{analyse, limits, owners};
use crate::cli::groups::{AnswerFormat, LISTED};
use crate::cli::leaks::{FailOn, LeaksArgs};

/// Judges, and prints the verdicts.
pub fn run(args: &LeaksArgs) -> anyhow::Result<Outcome> {
    let owners = owners::load_files(args.pooltag.file(), None)?;
    let (judged, interrupted) = analyse::source(&args.source, args.which.view(), &owners)?;
    let filter = args.which.filter();
    let mut out = say::out(args.explain.is_some() || args.format == AnswerFormat::Text);
    let known = |tag: &Tag| !owners.owners.proven(tag).is_empty();
    let listing = render::Listing { all: args.all, limit: args.limit.unwrap_or(LISTED) };
    if let Some(tag) = &args.explain {
        render::explain(&mut out, &judged, tag, &TimeZone::system())?;
        out.flush()?;
        return Ok(Outcome::Done.if_not(interrupted));
    }
    match args.format {
        AnswerFormat::Text => render::text(&mut out, &judged, &filter, listing, &TimeZone::system(), known)?,
        AnswerFormat::Json => render::json(&mut out, &judged, &filter, args.all)?,
        AnswerFormat::Csv => render::csv(&mut out, &judged, &filter, args.all)?,
    }
    out.flush()?;
    let admitted = || {
        let verdicts = judged.report.verdicts.iter();
        verdicts.filter(|verdict| filter.admits_tag(&verdict.tag, verdict.pool))
    };
    let any = |kinds: &[VerdictKind]| admitted().any(|verdict| kinds.contains(&verdict.kind));
    let mut last = judged.last.clone();
    last.rows.retain(|row| filter.admits_tag(&row.tag, row.pool));
    let mut limits = Vec::new();
    let mut fails = false;
    for condition in &args.fail_on {
        fails |= match condition {
            FailOn::Leak => any(&[VerdictKind::Leaking]),
            FailOn::Level(level) => admitted().any(|verdict| verdict.surely() >= Some(*level)),
            FailOn::Growing => {
                let is_rising = words::risers(&judged.report, &filter).next().is_some();
                is_rising || admitted().any(|verdict| verdict.kind.rises())
            }
            FailOn::Limit(limit) => {
                limits.push(limit.clone());
                false
            }
        };
    }
    let mut checked = limits::checked(&limits, &last);
    let asks_for_verdicts = limits.len() < args.fail_on.len();
    // Figures of the machine say nothing of a tag.
    let none = [
        (judged.report.verdicts.is_empty(), "there are no rows"),
        (judged.needs.is_some() && !fails, "there is too little data"),
    ];
    if let Some((_, why)) = none.iter().find(|(is_so, _)| *is_so && asks_for_verdicts) {
        warning!("{why}: it is unknown whether a tag or cache leaks");
        checked = checked.or(Some(Outcome::Failed));
    }
    let unknown = admitted().filter(|verdict| verdict.kind == VerdictKind::Unknown).count();
    if unknown > 0 && asks_for_verdicts {
        warning!(
            "the bytes of {} are not known: it is unknown whether they leak",
            counted(unknown as u64, "row")
        );
        checked = checked.or(Some(Outcome::Failed));
    }
    if let Some(outcome) = checked.filter(|_| !fails) {
        return Ok(outcome);
    }
    Ok(Outcome::found_if(fails).if_not(interrupted))
}
