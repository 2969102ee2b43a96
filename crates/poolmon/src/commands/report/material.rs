//! What the report shows.

use anyhow::Context as _;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use poolmon_leak::Verdict;
use poolmon_model::{MarkKind, TimelineMark};
use poolmon_report::{AnalysedSeries, Dossier, Material};
use poolmon_store::TimedMark;

use crate::app::owners::KnownOwners;
use crate::app::say::warning;
use crate::app::suspects;
use crate::cli::report::ReportArgs;
use crate::cli::who::WhoArgs;

/// Puts it together; drivers are searched here.
pub fn collect<'a>(
    args: &ReportArgs,
    judged: &'a AnalysedSeries,
    marks: &[TimedMark],
    owners: &KnownOwners,
) -> anyhow::Result<Material<'a>> {
    for path in &args.drivers.drivers {
        std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    }
    let mut material = Material::new(&judged.source, &judged.report, &judged.analysis, Timestamp::now());
    material.title.clone_from(&args.title);
    material.host.clone_from(&judged.host);
    material.system.clone_from(&judged.system);
    material.span = judged.span;
    material.needs = judged.needs;
    material.perfmon = judged.perfmon.as_ref();
    material.events = events(judged, marks);
    material.filter = args.which.filter();
    material.limit = args.limit;
    material.zone = TimeZone::system();
    material.maker = format!("poolmon {}", env!("CARGO_PKG_VERSION"));
    for path in &args.traces {
        let read = poolmon_read::read_trace(path, None, false)?;
        if let Some(damage) = read.damage {
            warning!("{}: {damage}; what is before it is shown", path.display());
        }
        material.traces.push(poolmon_render::trace::section(&read.found));
    }
    let dossiers: anyhow::Result<Vec<Dossier>> =
        material.causes().into_iter().map(|verdict| dossier(args, verdict, owners)).collect();
    material.dossiers = dossiers?;
    Ok(material)
}

fn dossier(args: &ReportArgs, verdict: &Verdict, owners: &KnownOwners) -> anyhow::Result<Dossier> {
    let known = owners.owners.known(&verdict.tag).into_iter().map(|line| (line.title.to_owned(), line.text));
    let mut dossier = Dossier {
        tag: verdict.tag.clone(),
        pool: verdict.pool,
        known: known.collect(),
        suspects: Vec::new(),
        searched: None,
        drivers: owners.owners.proven(&verdict.tag),
    };
    if !args.drivers.drivers.is_empty() {
        let search = WhoArgs { drivers: args.drivers.clone(), ..WhoArgs::default() };
        let (suspects, searched) = suspects::suspects(&verdict.tag, &search)?;
        dossier.drivers = suspects.iter().filter_map(|suspect| suspect.proven.clone()).collect();
        dossier.suspects = suspects;
        dossier.searched = Some(searched);
    }
    Ok(dossier)
}

/// Marks within the time that was judged; reboots without a mark, as the counters show them.
fn events(judged: &AnalysedSeries, marks: &[TimedMark]) -> Vec<TimelineMark> {
    let within = |at: Timestamp| judged.span.is_none_or(|(from, to)| at >= from && at <= to);
    let mut events: Vec<TimelineMark> =
        marks.iter().filter_map(poolmon_read::mark).filter(|event| within(event.at)).collect();
    if !events.iter().any(|event| event.kind == MarkKind::Reboot) {
        events.extend(judged.reboots());
        events.sort_by_key(|event| event.at);
    }
    events
}
