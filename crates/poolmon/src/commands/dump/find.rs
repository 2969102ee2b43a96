//! `find`: `!for_each_module s -a @#Base @#End "Tag"`.

use std::io::Write as _;

use poolmon_dump::Dump;
use poolmon_render::dump::find as render;

use crate::app::outcome::Outcome;
use crate::app::say::{self, note};
use crate::cli::dump::{FindArgs, FindFormat};
use crate::input;

/// Searches all modules; exit code 1 if nothing was found.
pub fn run(dump: &Dump, args: &FindArgs) -> anyhow::Result<Outcome> {
    let mut line = say::Progress::new();
    let found = dump.find(&args.needle, &mut |done, all| {
        line.show(|| format!("searching module {done} of {all}"));
        true
    });
    drop(line);
    let report = found.map_err(|error| input::dump::named(error, dump.path()))?;
    let hits = report.hits.get(..args.limit.unwrap_or(usize::MAX).min(report.hits.len())).unwrap_or_default();
    let mut out = say::out(args.format != FindFormat::Json);
    match args.format {
        FindFormat::Windbg => {
            for hit in hits {
                writeln!(out, "{}", hit.windbg_line())?;
            }
        }
        FindFormat::Table => render::text(&mut out, dump, hits)?,
        FindFormat::Json => {
            poolmon_render::json(&mut out, &render::json(&args.needle, &report, hits))?;
        }
    }
    out.flush()?;
    if args.format != FindFormat::Json {
        for note in render::notes(&report, hits.len()) {
            note!("{note}");
        }
    }
    Ok(Outcome::done_if(!report.hits.is_empty() && !report.cut && dump.warnings().is_empty()))
}
