//! `poolmon replay`: the live screen over a recording or a log, with time.
//!
//! `recording.rs` and `memory.rs` are the tapes: a recording read sample by sample, and a log held in memory.

mod memory;
mod recording;

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use poolmon_model::column;
use poolmon_print::Format;
use poolmon_read::{ReadOptions, SamplePair};
use poolmon_tui::{ReplayOptions, Settings, Tape};

use crate::app::{owners, screen, table};
use crate::cli::replay::ReplayArgs;
use crate::input::{self, moment};
use memory::MemoryTape;
use recording::RecordingTape;

/// Shows the screen.
pub fn run(args: &ReplayArgs) -> anyhow::Result<()> {
    let owners = owners::load(&args.rows)?;
    if !io::stdout().is_terminal() {
        let at = args.at.as_deref().or(args.from.as_deref()).unwrap_or("start");
        let found = input::at(&args.path, Some(at), None, ReadOptions::default())?;
        let SamplePair { before, now, .. } = &found.pair;
        input::tell_remarks(now);
        eprintln!(
            "poolmon: standard output is not a terminal, so this is one table (`poolmon top {} --at TIME` has its formats)",
            args.path.display()
        );
        input::tell_moment(&found.pair, Some(at));
        return table::print(&args.rows, None, Format::Table, before.as_ref(), now, &owners);
    }
    let zone = TimeZone::system();
    anyhow::ensure!(
        args.path.as_os_str() != "-",
        "the keys of the screen come from standard input, so a log cannot\n  \
         save it into a file, and name that"
    );
    let series = input::told_series(std::slice::from_ref(&args.path), ReadOptions::default())?;
    let mut tape: Box<dyn Tape> = match series.recording()? {
        Some(recording) => Box::new(RecordingTape::new(recording)),
        None => Box::new(MemoryTape::read(series)?),
    };
    let timeline = tape.timeline().map_err(anyhow::Error::msg)?;
    let when = |text: &Option<String>| -> anyhow::Result<Option<Timestamp>> {
        let Some(text) = text else { return Ok(None) };
        Ok(Some(moment::parse(text, &zone)?.resolve(timeline.first, timeline.last, &zone)))
    };
    let (at, from, to) = (when(&args.at)?, when(&args.from)?, when(&args.to)?);
    if let (Some(from), Some(to)) = (from, to) {
        anyhow::ensure!(from <= to, "--from is later than --to: nothing lies between them");
    }
    let driver = owners.asked_for();
    let owners = Arc::new(owners);
    let mut writer = screen::snapshot_writer(driver);
    let numbered = timeline.numbered;
    poolmon_tui::replay(ReplayOptions {
        tape,
        from,
        to,
        at,
        speed: args.speed,
        labeler: Some(owners.clone()),
        initial: Settings {
            filter: args.rows.filter(),
            sort: args.rows.order(&column::BYTES),
            highlight: !args.no_highlight,
            totals: args.rows.totals,
            show_driver: driver,
        },
        colour: screen::colour(args.color),
        snapshot_writer: Box::new(move |sample, table| {
            if !numbered {
                return writer(sample, table);
            }
            // The time is only a number: nothing to write down.
            let mut sample = sample.clone();
            sample.time = None;
            writer(&sample, table)
        }),
        describe: Box::new(move |row| owners.explain(&row.tag, Some(row.pool))),
    })?;
    Ok(())
}

/// The moment that a person typed at the prompt: relative ones count from what is shown.
fn typed(text: &str, shown: Timestamp, first: Timestamp, last: Timestamp) -> Result<Timestamp, String> {
    let zone = TimeZone::system();
    let when = moment::parse(text, &zone).map_err(|error| error.to_string())?;
    let bare = text.trim().trim_start_matches('@').trim_start();
    if let Some((sign, span)) = bare.get(..1).zip(bare.get(1..))
        && let Ok(span) = span.trim().parse::<jiff::SignedDuration>()
        && ["+", "-"].contains(&sign)
    {
        let to = if sign == "+" { shown.checked_add(span) } else { shown.checked_sub(span) };
        return to.map_err(|error| error.to_string());
    }
    if let moment::When::TimeOfDay(time) = when {
        // Of the day that is shown.
        let day = shown.to_zoned(zone.clone()).date();
        let at = zone.to_ambiguous_timestamp(day.to_datetime(time)).compatible();
        return at.map_err(|error| error.to_string());
    }
    Ok(when.resolve(first, last, &zone))
}

/// The usual time between two samples, where nobody wrote it down.
fn usual(mut distances: Vec<Duration>) -> Duration {
    distances.sort_unstable();
    distances.get(distances.len() / 2).copied().unwrap_or(Duration::from_secs(5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_counts_from_what_is_shown() {
        let [first, shown, last] = ["2026-11-20T00:00:00Z", "2026-11-21T10:00:00Z", "2026-11-22T12:00:00Z"]
            .map(|t| t.parse().unwrap());
        let at = |text: &str| typed(text, shown, first, last).map(|at: Timestamp| at.to_string());
        assert_eq!(at("-2h").unwrap(), "2026-11-21T08:00:00Z");
        assert_eq!(at("@ +10m").unwrap(), "2026-11-21T10:10:00Z");
        assert_eq!(at("start").unwrap(), "2026-11-20T00:00:00Z");
        assert_eq!(at("end").unwrap(), "2026-11-22T12:00:00Z");
        assert_eq!(at("2026-11-22T01:00:00Z").unwrap(), "2026-11-22T01:00:00Z");
        let day = shown.to_zoned(TimeZone::system()).date();
        let expected = TimeZone::system().to_timestamp(day.at(14, 5, 0, 0)).unwrap();
        assert_eq!(at("14:05").unwrap(), expected.to_string());
        assert!(at("soon").unwrap_err().contains("not a moment"));
    }
}
