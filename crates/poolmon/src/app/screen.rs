//! The screen over any source: what `live`, `demo` and `replay` share.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use poolmon_model::problem::{Problem, shell_path};
use poolmon_model::{Column, SourceKind};
use poolmon_print::{PrintOptions, TableFormat};
use poolmon_record::{Ongoing, RecordEvent, Watched};
use poolmon_source::Source;
use poolmon_tui::{ColourMode, Config, LeftFile, Look, Palette, Settings, SnapshotWriter};

use super::live_judge::LiveJudge;
use super::outcome::Outcome;
use super::owners::KnownOwners;
use super::status_line::StatusLine;
use super::{row_trace, snapshot, table};
use crate::app::say::{self, note};
use crate::cli::live::{Color, LiveArgs};
use crate::input;

/// Shows any source on the screen; on something that is not a terminal, its table once. [`Outcome::Failed`] if what was to be recorded is
/// lost.
pub fn show(
    args: &LiveArgs,
    mut source: Box<dyn Source>,
    order: &'static Column,
    owners: KnownOwners,
) -> anyhow::Result<Outcome> {
    if let Some(file) = &args.snapshot {
        return snapshot::run(args, source, file.as_ref(), &owners).map(|()| Outcome::Done);
    }
    if !io::stdout().is_terminal() {
        if let Some(folder) = &args.history {
            bail!(Problem::new(
                "standard output is not a terminal: no screen could begin with a history",
                format!("judge the recording: poolmon leaks {}", folder.display())
            ));
        }
        if let Some(folder) = &args.record {
            bail!(Problem::new(
                "standard output is not a terminal",
                format!("record without the screen: poolmon record {}", shell_path(folder))
            ));
        }
        source.want_sessions(args.rows.session.is_some());
        let now = source.sample()?;
        input::tell_remarks(&now);
        note!("standard output is not a terminal: printing one table (see `poolmon top` for formats)");
        return table::print(&args.rows, &table::Form::default(), TableFormat::Table, None, &now, &owners)
            .map(|_| Outcome::Done);
    }
    let config = config(args.no_config)?;
    let usual = if source.origin().kind == SourceKind::Simulated { 1 } else { 5 };
    let interval = args.interval.or(config.interval).unwrap_or(Duration::from_secs(usual));
    let any_order = args.rows.is_in_any_order() && config.sort.is_none();
    let remembers =
        !args.no_config && config.state != Some(false) && source.origin().kind != SourceKind::Simulated;
    let left = remembers.then(|| LeftFile::of(args.from.as_slice(), any_order)).flatten();
    let mut line = StatusLine::new();
    let mut recording = None;
    if let Some(folder) = &args.record {
        let (watched, ongoing) = watched(args, source, folder, interval, &mut line)?;
        (source, recording) = (Box::new(watched), Some(ongoing));
    }
    let driver = owners.asked_for();
    let judge = LiveJudge(poolmon_watch::LiveJudge::new(source.origin()));
    let owners = Arc::new(owners);
    let initial = Settings {
        filter: args.rows.filter(),
        sort: args.rows.order(config.sort.unwrap_or(order)),
        highlight: !args.no_highlight,
        totals: args.rows.totals,
        show_driver: owners.has_drivers(),
        columns: config.columns,
        keys: config.keys,
        copy: config.copy,
    };
    let shown = poolmon_tui::run(poolmon_tui::ScreenOptions {
        source,
        labeler: Some(owners.clone()),
        judge: Some(Box::new(judge)),
        interval,
        initial,
        left,
        look: look(args.theme.or(config.theme)),
        snapshot_writer: snapshot_writer(driver),
        describe: Box::new(move |row| owners.facts(row)),
        tracer: Some(row_trace::tracer()),
        opens_on_verdict: args.rows.sort.is_none() && !args.rows.by_change,
    });
    let is_whole = recording.map_or(Ok(true), |recording| recording.close(&mut |event| line.tell(event)))?;
    shown?;
    Ok(Outcome::done_if(is_whole))
}

/// Has everything recorded that the screen asks for.
fn watched(
    args: &LiveArgs,
    source: Box<dyn Source>,
    folder: &Path,
    interval: Duration,
    line: &mut StatusLine,
) -> anyhow::Result<(Watched, Ongoing)> {
    let rows = args.rows.filter();
    let config = poolmon_store::RecorderConfig {
        interval,
        view: rows.view,
        include: rows.include,
        exclude: rows.exclude,
        ..poolmon_store::RecorderConfig::default()
    };
    let origin = Arc::clone(source.origin());
    let (watched, ongoing, report) = Watched::new(source, folder, config)?;
    line.tell(&RecordEvent::Started { folder, origin: &origin, interval, report: &report });
    Ok((watched, ongoing))
}

/// What this person set for the screen, unless it is to be left out.
pub fn config(without: bool) -> anyhow::Result<Config> {
    if without {
        return Ok(Config::default());
    }
    let (config, refused) = poolmon_tui::config::load()?;
    if let Some(why) = refused {
        say::warn(&why);
    }
    Ok(config)
}

/// How the screen looks: what the terminal can do, unless something else was asked for.
pub fn look(palette: Option<Palette>) -> Look {
    let look = Look::from_env(|name| std::env::var(name).ok());
    let colours = match say::color() {
        Color::Auto => look.colours,
        Color::Always => ColourMode::True,
        Color::Never => ColourMode::None,
    };
    Look { colours, palette: palette.unwrap_or(look.palette), ..look }
}

/// What the key `w` does: appends to PoolMon's own file, in the current folder.
pub fn snapshot_writer(driver: bool) -> SnapshotWriter {
    Box::new(move |sample, table| {
        let path = PathBuf::from(snapshot::DEFAULT_FILE);
        let options = PrintOptions { header: true, stamp: true, driver, ..PrintOptions::default() };
        snapshot::append(&path, sample, table, options).map_err(|error| format!("{error:#}"))?;
        Ok(std::path::absolute(&path).unwrap_or(path))
    })
}
