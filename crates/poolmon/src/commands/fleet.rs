//! `poolmon fleet`: which tags leak on which hosts, from the metrics of an engine.

use std::io::Write as _;

use jiff::Timestamp;
use poolmon_fleet::{Access, Engine, Hunt, hunt, words};
use poolmon_leak::Level;

use crate::app::outcome::Outcome;
use crate::app::say;
use crate::cli::fleet::FleetArgs;

/// Asks, judges, and prints what was found.
pub fn run(args: &FleetArgs) -> anyhow::Result<Outcome> {
    let access = Access {
        headers: args.header.clone(),
        bearer: args.bearer_file.clone(),
        basic: args.user.clone().zip(args.password_file.clone()),
        ca: args.ca.clone(),
        timeout: Some(args.timeout),
    };
    let level = |id: &str| Level::ALL.into_iter().find(|level| level.id() == id);
    let fails = args.fail_on.as_deref().and_then(level);
    let hunt = Hunt {
        at: args.at.unwrap_or_else(Timestamp::now),
        window: args.over,
        matchers: args.r#match.clone(),
        host: args.host_label.clone(),
        part: args.part,
        most: args.most,
        // What is to fail has to be found.
        least: level(&args.least).into_iter().chain(fails).min().unwrap_or(Level::Likely),
    };
    let fleet = hunt::run(&Engine::new(&args.url, &access)?, &hunt)?;
    let is_text = args.format == "text";
    let mut out = say::out(is_text);
    if is_text {
        out.write_all(words::text(&fleet).as_bytes())?;
    } else {
        poolmon_render::json(&mut out, &fleet)?;
    }
    out.flush()?;
    let reaches = |least| fleet.findings.iter().flat_map(|finding| &finding.on).any(|on| on.level >= least);
    Ok(Outcome::found_if(fails.is_some_and(reaches)))
}
