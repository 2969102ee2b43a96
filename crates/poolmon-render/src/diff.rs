//! `diff`: what grew from one moment to another, for a person.

use std::io::{self, Write};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use poolmon_model::delta::Presence;
use poolmon_model::units::{
    Precision, grouped, grouped_change, human_bytes, human_change, human_rate, moment, span,
};
use poolmon_model::{Pool, Sample, Table, TableRow};

/// Time from one to the other, if both report it.
fn between(before: &Sample, after: &Sample) -> Option<Duration> {
    Duration::try_from(after.time?.duration_since(before.time?)).ok().filter(|time| !time.is_zero())
}

fn reported(time: Option<Timestamp>) -> String {
    let local = |time: Timestamp| moment(time, &TimeZone::system(), Precision::Seconds);
    time.map_or_else(|| "an unknown time".to_owned(), local)
}

/// Whether rates can be worked out from the times of the two samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateTrust {
    /// The files themselves, or their names, say when they were saved.
    Saved,
    /// Both are dates of files, which a copy changes.
    FileDates,
}

/// Writes what changed from one sample to the other. `whole`: the table was not filtered, so that a pool's own size can be shown.
pub fn text(
    out: &mut dyn Write,
    (before, after): (&Sample, &Sample),
    table: &Table,
    whole: bool,
    hidden: usize,
    dates: DateTrust,
) -> io::Result<()> {
    let time = between(before, after);
    let long = time.map(|time| format!(", {} later", span(time))).unwrap_or_default();
    writeln!(out, "From {} to {}{long}", reported(before.time), reported(after.time))?;
    // Over less than a second, chance decides what a rate is.
    let time = time.filter(|time| dates == DateTrust::Saved && *time >= Duration::from_secs(1));
    let mut known = false;
    for of in Pool::ALL {
        let Some((then, now)) = whole.then(|| pool_sizes(before, after, of)).flatten() else {
            part_of_pool(out, of, (before, after), table, time)?;
            continue;
        };
        known = true;
        if then != 0 || now != 0 {
            pool(out, of, now.wrapping_sub(then).cast_signed(), &human_bytes(now), time)?;
        }
    }
    // A series of machine figures (Perfmon, /proc/meminfo) has no rows.
    if after.rows.is_empty() && before.rows.is_empty() {
        return if known { Ok(()) } else { writeln!(out, "\nNo figure is known of both.") };
    }
    if table.rows.is_empty() {
        return writeln!(out, "\nNo row changed.");
    }
    let lines: Vec<[String; 7]> = table.rows.iter().map(|row| line(row, time)).collect();
    let titles = ["Tag", "Type", "Change", "Per hour", "Diff +/-", "Bytes", ""].map(str::to_owned);
    let mut widths = [0_usize; 7];
    for line in std::iter::once(&titles).chain(&lines) {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    writeln!(out)?;
    for line in std::iter::once(&titles).chain(&lines) {
        let [tag, pool, change, rate, diff, bytes, mark] = line;
        let [w0, w1, w2, w3, w4, w5, _] = widths;
        let text =
            format!("{tag:w0$}  {pool:w1$}  {change:>w2$}  {rate:>w3$}  {diff:>w4$}  {bytes:>w5$}  {mark}");
        writeln!(out, "{}", text.trim_end())?;
    }
    if hidden > 0 {
        let rows = if hidden == 1 { "row" } else { "rows" };
        writeln!(out, "and {} more {rows} (--limit N)", grouped(hidden as u64))?;
    }
    Ok(())
}

/// What a pool held in both samples, as every other command has it: by the system's own figure, else by the sum of its rows.
fn pool_sizes(before: &Sample, after: &Sample, pool: Pool) -> Option<(u64, u64)> {
    if let (Some(then), Some(now)) = (before.header.pool_total(pool), after.header.pool_total(pool)) {
        return Some((then, now));
    }
    let is_whole = |sample: &Sample| {
        let lists = sample.origin.pools.contains(&pool) && sample.coverage.lists_all(pool);
        lists && sample.rows.iter().all(|row| row.pool != pool || row.counters.bytes.is_some())
    };
    (is_whole(before) && is_whole(after)).then(|| (before.tagged_bytes(pool), after.tagged_bytes(pool)))
}

/// How the shown rows of a pool changed, if both samples list them.
fn part_of_pool(
    out: &mut dyn Write,
    of: Pool,
    (before, after): (&Sample, &Sample),
    table: &Table,
    time: Option<Duration>,
) -> io::Result<()> {
    let totals = table.totals.iter().find(|totals| totals.pool == of);
    let listed = before.coverage.lists_all(of) && after.coverage.lists_all(of);
    let change = totals.and_then(|totals| totals.delta).and_then(|delta| delta.bytes).filter(|_| listed);
    if let (Some(change), Some(totals)) = (change, totals) {
        let held = totals.counters.bytes.map(human_bytes).unwrap_or_default();
        pool(out, of, change, &held, time)?;
    }
    Ok(())
}

/// How one pool changed: `paged pool: +0.98 MiB (2.93 MiB/h), now 16.6 MiB`.
fn pool(out: &mut dyn Write, pool: Pool, change: i64, held: &str, time: Option<Duration>) -> io::Result<()> {
    let rate = rate(change, time).map(|rate| format!(" ({rate})")).unwrap_or_default();
    writeln!(out, "{}: {}{rate}, now {held}", pool.long(), human_change(change))
}

fn line(row: &TableRow, time: Option<Duration>) -> [String; 7] {
    let delta = row.delta.unwrap_or_default();
    let change = delta.bytes;
    let presence = match row.presence {
        Presence::New => "new",
        Presence::Gone => "gone",
        Presence::Steady => "",
    };
    let driver =
        row.label.as_ref().and_then(|label| label.driver.as_deref()).or(row.row.reported_owner.as_deref());
    let mark =
        [presence, driver.unwrap_or("")].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
    [
        row.row.tag.to_string(),
        row.row.pool.short().to_owned(),
        change.map_or_else(|| "-".to_owned(), human_change),
        change.and_then(|change| rate(change, time)).unwrap_or_else(|| "-".to_owned()),
        delta.diff.map_or_else(|| "-".to_owned(), grouped_change),
        row.row.counters.bytes.map_or_else(|| "-".to_owned(), human_bytes),
        mark.join(", "),
    ]
}

/// `41.0 MiB/h`.
fn rate(change: i64, time: Option<Duration>) -> Option<String> {
    let hours = time?.as_secs_f64() / 3600.0;
    Some(human_rate(change as f64 / hours))
}
