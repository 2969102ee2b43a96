//! `poolmon live`: the screen over this machine.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pool_model::{Column, column};
use pool_print::{Format, Options};
use pool_source::Source;
use pool_tui::{ColourMode, Settings};

use crate::args::{Color, LiveArgs};
use crate::commands::{snapshot, top};
use crate::input;
use crate::judge::LiveJudge;
use crate::owners::{self, Known};

/// PoolMon's own.
const INTERVAL: Duration = Duration::from_secs(5);

/// Shows the screen, or writes the snapshot that was asked for.
pub fn run(args: &LiveArgs) -> anyhow::Result<()> {
    // What --pool leaves out is not read at all; without it, `p` walks through everything.
    let source = input::live(args.rows.filter().view)?;
    // PoolMon starts sorted by tag; its users' eyes and scripts expect that. On Linux there is no such habit.
    let order = if cfg!(windows) { &column::TAG } else { &column::BYTES };
    show(args, source, order, owners::load(&args.rows)?)
}

/// Shows any source on the screen; on something that is not a terminal, its table once.
pub fn show(
    args: &LiveArgs,
    mut source: Box<dyn Source>,
    order: &'static Column,
    owners: Known,
) -> anyhow::Result<()> {
    if let Some(file) = &args.snapshot {
        return snapshot::run(args, source, file.as_ref(), &owners);
    }
    if !io::stdout().is_terminal() {
        source.want_sessions(args.rows.session.is_some());
        let now = source.sample()?;
        input::tell_remarks(&now);
        eprintln!(
            "poolmon: standard output is not a terminal, so this is one table (`poolmon top` has its formats)"
        );
        return top::print(&args.rows, None, Format::Table, None, &now, &owners);
    }
    let driver = owners.asked_for();
    let owners = Arc::new(owners);
    let initial = Settings {
        filter: args.rows.filter(),
        sort: args.rows.order(order),
        highlight: !args.no_highlight,
        totals: args.rows.totals,
        show_driver: owners.has_drivers(),
    };
    pool_tui::run(pool_tui::Options {
        source,
        labeler: Some(owners.clone()),
        judge: Some(Box::new(LiveJudge::new())),
        interval: args.interval.unwrap_or(INTERVAL),
        initial,
        colour: match args.color {
            Color::Auto => ColourMode::from_env(|name| std::env::var(name).ok()),
            Color::Always => ColourMode::True,
            Color::Never => ColourMode::None,
        },
        snapshot_writer: Box::new(move |sample, table| {
            let path = PathBuf::from(snapshot::DEFAULT_FILE);
            let options = Options { totals: false, header: true, stamp: true, driver };
            snapshot::append(&path, sample, table, options).map_err(|error| format!("{error:#}"))?;
            Ok(std::path::absolute(&path).unwrap_or(path))
        }),
        describe: Box::new(move |row| owners.explain(&row.tag, Some(row.pool))),
    })?;
    Ok(())
}
