//! `poolmon replay`: the live screen over a recording or a log, with time.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;

use anyhow::ensure;
use jiff::tz::TimeZone;
use poolmon_model::problem::{Problem, shell_path};
use poolmon_model::{PoolView, column};
use poolmon_print::TableFormat;
use poolmon_read::{ReadOptions, SamplePair};
use poolmon_tui::{LeftFile, LiveVerdicts, ReplayOptions, Settings};

use crate::app::say::{self, note, warning};
use crate::app::{analyse, owners, screen, table};
use crate::cli::replay::ReplayArgs;
use crate::cli::source::SourceArgs;
use crate::input::{self, moment};

/// Shows the screen.
pub fn run(args: &ReplayArgs) -> anyhow::Result<()> {
    let owners = owners::load(&args.rows)?;
    if !io::stdout().is_terminal() {
        let range = (args.range.from.as_deref(), args.range.to.as_deref());
        let ends = || anyhow::Ok(input::series(&args.paths, ReadOptions::default())?.span()?);
        moment::range(range, ends)?;
        let at = args.at.as_deref().or(args.range.from.as_deref()).unwrap_or("start");
        let found = input::at(&args.paths, Some(at), None, ReadOptions::default())?;
        let SamplePair { before, now, .. } = &found.pair;
        input::tell_remarks(now);
        note!(
            "standard output is not a terminal: printing one table (see `poolmon top {} --at TIME` for formats)",
            args.paths.iter().map(|path| shell_path(path)).collect::<Vec<_>>().join(" ")
        );
        input::tell_moment(&found.pair, Some(at));
        let form = table::Form::default();
        return table::print(&args.rows, &form, TableFormat::Table, before.as_ref(), now, &owners)
            .map(|_| ());
    }
    ensure!(
        args.paths.iter().all(|path| path.as_os_str() != "-"),
        Problem::new(
            "save the log to a file first: the screen reads keys from standard input",
            "save it to a file, and use that"
        )
    );
    let series = input::reported_series(&args.paths, ReadOptions::default())?;
    let check = series.damage_check()?;
    let mut tape = series.into_tape()?;
    let timeline = tape.timeline()?;
    let ends = || anyhow::Ok(Some((timeline.first, timeline.last)));
    let (_, at) = moment::range((None, args.at.as_deref()), ends)?;
    let zone = TimeZone::system();
    let asked =
        args.at.as_deref().filter(|_| !timeline.numbered).map(|at| moment::parse(at, &zone)).transpose()?;
    if let Some(asked) = asked.and_then(|at| at.outside(timeline.first, timeline.last, &zone)) {
        warning!("{}", moment::none_of(asked, asked.clamp(timeline.first, timeline.last), &zone));
    }
    let (from, to) = moment::range((args.range.from.as_deref(), args.range.to.as_deref()), ends)?;
    let config = screen::config(args.no_config)?;
    let any_order = args.rows.is_in_any_order() && config.sort.is_none();
    let remembers = !args.no_config && config.state != Some(false);
    let left = remembers.then(|| LeftFile::of(&args.paths, any_order));
    let driver = owners.asked_for();
    let owners = Arc::new(owners);
    let mut writer = screen::snapshot_writer(driver);
    let numbered = timeline.numbered;
    let (paths, range, known) = (args.paths.clone(), args.range.clone(), Arc::clone(&owners));
    let judge = move || {
        say::hush();
        let (judged, _) = analyse::source(&SourceArgs::of(paths, range), PoolView::All, &known)?;
        // No more is coming: what few samples show is the verdict, as `poolmon leaks` gives it.
        let rows = poolmon_watch::in_short(&judged.report, &TimeZone::system());
        let left = judged.needs.filter(|_| rows.is_empty());
        Ok(LiveVerdicts { rows, left })
    };
    let judge = move || judge().map_err(|error: anyhow::Error| format!("{error:#}"));
    let damage = poolmon_tui::replay(ReplayOptions {
        tape,
        from,
        to,
        at,
        speed: args.speed,
        labeler: Some(owners.clone()),
        judge: Some(Box::new(judge)),
        check,
        opens_on_verdict: args.rows.sort.is_none(),
        initial: Settings {
            filter: args.rows.filter(),
            sort: args.rows.order(config.sort.unwrap_or(&column::BYTES)),
            highlight: !args.no_highlight,
            totals: args.rows.totals,
            show_driver: driver,
            columns: config.columns,
            keys: config.keys,
            copy: config.copy,
        },
        left: left.flatten(),
        look: screen::look(args.theme.or(config.theme)),
        snapshot_writer: Box::new(move |sample, table| {
            if !numbered {
                return writer(sample, table);
            }
            // The time is only a number: nothing to write down.
            let mut sample = sample.clone();
            sample.time = None;
            writer(&sample, table)
        }),
        describe: Box::new(move |row| owners.facts(row)),
    })?;
    if let Some(damage) = damage {
        // Once more where it stays when the screen is gone.
        warning!("{damage}");
    }
    Ok(())
}
