//! `poolmon live`: the screen over this machine.

use std::io::{self, IsTerminal as _};
use std::path::Path;

use poolmon_model::column;

use crate::app::{owners, screen};
use crate::cli::live::LiveArgs;
use crate::input;

/// Shows the screen, or writes the snapshot that was asked for.
pub fn run(args: &LiveArgs) -> anyhow::Result<()> {
    if let Some(path) = &args.from {
        return show_file(args, path);
    }
    // What --pool leaves out is not read at all; without it, `p` walks through everything.
    let source = input::live(args.rows.filter().view)?;
    // PoolMon starts sorted by tag; its users' eyes and scripts expect that. On Linux there is no such habit.
    let order = if cfg!(windows) { &column::TAG } else { &column::BYTES };
    screen::show(args, source, order, owners::load(&args.rows)?)
}

/// Shows the last sample of a file; exit code 1 where a dump did not tell all its figures.
fn show_file(args: &LiveArgs, path: &Path) -> anyhow::Result<()> {
    let still = input::still::Still::open(path)?;
    let (complete, remarks) = (still.complete(), still.remarks().to_vec());
    screen::show(args, Box::new(still), &column::BYTES, owners::load(&args.rows)?)?;
    if complete {
        return Ok(());
    }
    if io::stdout().is_terminal() {
        // Once more where it stays when the screen is gone.
        for remark in remarks {
            eprintln!("poolmon: {remark}");
        }
    }
    Err(crate::Exit(1).into())
}
