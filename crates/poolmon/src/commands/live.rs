//! `poolmon live`: the screen over this machine.

use std::io::{self, IsTerminal as _};
use std::path::Path;

use poolmon_model::column;
use poolmon_read::ReadOptions;

use crate::app::outcome::Outcome;
use crate::app::say::warning;
use crate::app::{owners, screen};
use crate::cli::live::LiveArgs;
use crate::input::{self, still::Still};

/// Shows the screen, or writes the snapshot that was asked for.
pub fn run(args: &LiveArgs) -> anyhow::Result<Outcome> {
    if let Some(path) = &args.from {
        return show_file(args, path);
    }
    // What --pool leaves out is not read at all; without it, `p` walks through everything.
    let view = args.rows.filter().view;
    let mut source = if args.record.is_some() { input::live(view) } else { input::watched(view) }?;
    if let Some(folder) = &args.history {
        source = Box::new(poolmon_watch::Continued::new(source, folder)?);
    }
    // PoolMon starts sorted by tag; its users' eyes and scripts expect that. On Linux there is no such habit.
    let order = if cfg!(windows) { &column::TAG } else { &column::BYTES };
    screen::show(args, source, order, owners::load(&args.rows)?)
}

/// Shows the last sample of a file; exit code 1 if a dump did not report all its figures.
fn show_file(args: &LiveArgs, path: &Path) -> anyhow::Result<Outcome> {
    let found = input::at(&[path.to_owned()], None, None, ReadOptions::default())?;
    let remarks = found.pair.now.remarks.clone();
    screen::show(args, Box::new(Still(found.pair.now)), &column::BYTES, owners::load(&args.rows)?)?;
    if found.complete {
        return Ok(Outcome::Done);
    }
    if io::stdout().is_terminal() {
        // Once more where it stays when the screen is gone.
        for remark in remarks {
            warning!("{remark}");
        }
    }
    Ok(Outcome::Failed)
}
