//! `poolmon fleet`: which tags leak on which hosts, from the metrics of an engine or from a folder of recordings.

use std::io::Write as _;
use std::path::Path;

use jiff::Timestamp;
use poolmon_fleet::local::{Joined, LocalHost};
use poolmon_fleet::{Access, Engine, Fleet, Hunt, folder, hunt, words};
use poolmon_leak::Level;
use poolmon_model::PoolView;
use poolmon_model::problem::{Problem, Remedy as _};

use crate::app::outcome::Outcome;
use crate::app::say::{self, warning};
use crate::app::{analyse, owners};
use crate::cli::fleet::FleetArgs;
use crate::cli::groups::RangeArgs;
use crate::cli::source::SourceArgs;

/// Folders that are left out and named.
const NAMED: usize = 5;

/// Asks, judges, and prints what was found.
pub fn run(args: &FleetArgs) -> anyhow::Result<Outcome> {
    let level = |id: &str| Level::ALL.into_iter().find(|level| level.id() == id);
    let fails = args.fail_on.as_deref().and_then(level);
    // What is to fail has to be found.
    let least = level(&args.least).into_iter().chain(fails).min().unwrap_or(Level::Likely);
    let fleet = match (&args.url, &args.folder) {
        (Some(url), _) => of_engine(args, url, least)?,
        (None, Some(folder)) => of_folder(folder, least)?,
        (None, None) => unreachable!("clap asks for one of both"),
    };
    let is_text = args.format == "text";
    let mut out = say::out(is_text);
    if is_text {
        out.write_all(words::text(&fleet).as_bytes())?;
    } else {
        poolmon_render::json(&mut out, &fleet)?;
    }
    out.flush()?;
    let is_whole = args.folder.is_none() || fleet.warnings.is_empty();
    if !is_whole {
        warning!("folders were left out: this answer is not complete");
    }
    let reaches = |least| fleet.findings.iter().flat_map(|finding| &finding.on).any(|on| on.level >= least);
    if fails.is_some_and(reaches) {
        return Ok(Outcome::Found);
    }
    let unknown = fails.and_then(|_| fleet.unknown());
    if let Some(why) = &unknown {
        warning!("{why}: it is unknown whether a tag or cache leaks");
    }
    Ok(Outcome::done_if(is_whole && unknown.is_none()))
}

/// Each folder in it is a host.
fn of_folder(folder: &Path, least: Level) -> anyhow::Result<Fleet> {
    let owners = owners::load_files(None, None)?;
    let (hosts, mut left_out) = folder::hosts(folder)?;
    let mut joined = Joined::new(least);
    let mut progress = say::Progress::new();
    for (at, host) in hosts.iter().enumerate() {
        progress.show(|| format!("{} of {} hosts", at + 1, hosts.len()));
        let args = SourceArgs::of(host.files.clone(), RangeArgs::default());
        let why = match analyse::source(&args, PoolView::All, &owners) {
            Ok((series, _)) if series.report.times_known => {
                let too_little = series.needs.is_some();
                joined.add(LocalHost {
                    name: &host.name,
                    report: &series.report,
                    too_little,
                    last: &series.last,
                });
                continue;
            }
            // A rate by counted samples beside rates by the clock would be ranked with them.
            Ok(_) => {
                let host = host.path.display();
                format!(
                    "{host}: its samples have no times, so no rate can be compared (poolmon leaks judges it alone)"
                )
            }
            // Its message begins with the folder or the file.
            Err(error) => {
                let Problem { message, remedy } = say::problem(&error);
                remedy.map_or_else(|| message.clone(), |remedy| format!("{message} ({remedy})"))
            }
        };
        left_out.push(why);
    }
    drop(progress);
    let count = left_out.len();
    if count > NAMED {
        left_out.truncate(NAMED);
        left_out.push(format!("{} more folders", count - NAMED));
    }
    Ok(Fleet { warnings: left_out, ..joined.finish() })
}

fn of_engine(args: &FleetArgs, url: &str, least: Level) -> anyhow::Result<Fleet> {
    let access = Access {
        headers: args.header.clone(),
        bearer: args.bearer_file.clone(),
        basic: args.user.clone().zip(args.password_file.clone()),
        ca: args.ca.clone(),
        timeout: Some(args.timeout),
    };
    let hunt = Hunt {
        at: args.at.unwrap_or_else(Timestamp::now),
        window: args.over,
        matchers: args.r#match.clone(),
        host: args.host_label.clone(),
        part: args.part,
        most: args.most,
        least,
    };
    let found = Engine::new(url, &access).and_then(|engine| hunt::run(&engine, &hunt));
    found.map_err(|error| Problem { message: error.to_string(), remedy: error.remedy() }.into())
}
