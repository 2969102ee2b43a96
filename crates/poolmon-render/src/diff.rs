//! `diff`: what grew from one moment to another, for a person.

use std::io::{self, Write};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use poolmon_model::delta::Presence;
use poolmon_model::problem::Problem;
use poolmon_model::units::{
    Precision, grouped, grouped_change, human_bytes, human_change, human_rate, is_dateless, moment, span,
    two_moments,
};
use poolmon_model::{Filter, Pool, Sample, Table, TableRow};
use poolmon_print::{Ink, Line, Paint};

/// Time from one to the other, if both report it.
fn between(before: &Sample, after: &Sample) -> Option<Duration> {
    Duration::try_from(after.time?.duration_since(before.time?)).ok().filter(|time| !time.is_zero())
}

/// Forgets the times of two samples of different files if one of them is a time of day, which may be of any day. Says whether it is.
pub fn separate_days(before: &mut Sample, after: &mut Sample) -> bool {
    let unknown = [&*before, &*after].iter().any(|sample| sample.time.is_some_and(is_dateless));
    if unknown {
        (before.time, after.time) = (None, None);
    }
    unknown
}

/// That samples of two machines or systems, A and B, are compared.
///
/// # Errors
/// Nothing that one of them lists can be in the other.
pub fn machines(a: &Sample, b: &Sample) -> Result<Vec<String>, Problem> {
    let listed = |sample: &Sample| -> Vec<Pool> {
        sample.origin.pools.iter().copied().filter(|&pool| sample.coverage.has(pool)).collect()
    };
    let (of_a, of_b) = (listed(a), listed(b));
    if !of_a.is_empty() && !of_b.is_empty() && !of_a.iter().any(|pool| of_b.contains(pool)) {
        let names = |pools: &[Pool]| pools.iter().map(|pool| pool.id()).collect::<Vec<_>>().join(", ");
        return Err(Problem::new(
            format!("A lists {}, B {}: they have nothing in common to compare", names(&of_a), names(&of_b)),
            "compare two samples of one machine that list the same pools",
        ));
    }
    let mut said = Vec::new();
    if let (Some(a), Some(b)) = (&a.origin.host, &b.origin.host)
        && !a.eq_ignore_ascii_case(b)
    {
        said.push(format!("A is from {a}, B from {b}: comparing two machines"));
    }
    if let (Some(a), Some(b)) = (&a.origin.system, &b.origin.system)
        && a != b
    {
        said.push(format!("A is of {a}, B of {b}: comparing two systems"));
    }
    Ok(said)
}

/// When they were taken.
fn reported(before: Option<Timestamp>, after: Option<Timestamp>) -> [String; 2] {
    if let Some(times) = before.zip(after) {
        return two_moments(times.into(), &TimeZone::system());
    }
    let local = |time: Timestamp| moment(time, &TimeZone::system(), Precision::Seconds);
    [before, after].map(|time| time.map_or_else(|| "an unknown time".to_owned(), local))
}

/// Whether rates can be worked out from the times of the two samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateTrust {
    /// The files themselves, or their names, say when they were saved.
    Saved,
    /// Both are dates of files, which a copy changes.
    FileDates,
}

/// Writes what changed from one sample to the other. `filter`: what the table shows of them. A pool's own size is never that of the rows
/// shown.
pub fn text(
    out: &mut dyn Ink,
    (before, after): (&Sample, &Sample),
    table: &Table,
    filter: &Filter,
    hidden: usize,
    dates: DateTrust,
) -> io::Result<()> {
    let time = between(before, after);
    let long = time.map(|time| format!(", {} later", span(time))).unwrap_or_default();
    let [from, to] = reported(before.time, after.time);
    writeln!(out, "From {from} to {to}{long}")?;
    // Over less than a second, chance decides what a rate is.
    let time = time.filter(|time| dates == DateTrust::Saved && *time >= Duration::from_secs(1));
    let mut known = false;
    let is_part = filter.is_part_of_a_pool();
    for of in Pool::ALL.into_iter().filter(|&pool| filter.view.admits(pool)) {
        let sizes = pool_sizes(before, after, of);
        if let Some((then, now)) = sizes {
            known = true;
            if then != 0 || now != 0 {
                let change = now.wrapping_sub(then).cast_signed();
                pool(out, of.long(), change, &human_bytes(now), time)?;
            }
        }
        if is_part || sizes.is_none() {
            let name =
                if is_part { format!("rows shown of the {}", of.long()) } else { of.long().to_owned() };
            part_of_pool(out, (of, &name), (before, after), table, time)?;
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
    let of_pool = |pool: Pool| pool_sizes(before, after, pool).map_or(0, |(then, now)| then.max(now));
    let paints = table.rows.iter().map(|row| {
        let change = row.delta.and_then(|delta| delta.bytes)?;
        Paint::of_change(change, row.row.counters.bytes.unwrap_or(0), of_pool(row.row.pool))
    });
    let mut line = Line::default();
    let title = Some(Paint::Title);
    let all = std::iter::once((&titles, (title, title))).chain(lines.iter().zip(paints.map(|of| (None, of))));
    for ([tag, pool, change, rate, diff, bytes, mark], (text, paint)) in all {
        let [w0, w1, w2, w3, w4, w5, _] = widths;
        line.push(&format!("{tag:w0$}  {pool:w1$}"), text);
        line.push(&format!("  {change:>w2$}"), paint);
        line.push(&format!("  {rate:>w3$}  {diff:>w4$}  {bytes:>w5$}  {mark}"), text);
        line.end(out)?;
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
    (of, name): (Pool, &str),
    (before, after): (&Sample, &Sample),
    table: &Table,
    time: Option<Duration>,
) -> io::Result<()> {
    let totals = table.totals.iter().find(|totals| totals.pool == of);
    let listed = before.coverage.lists_all(of) && after.coverage.lists_all(of);
    let change = totals.and_then(|totals| totals.delta).and_then(|delta| delta.bytes).filter(|_| listed);
    if let (Some(change), Some(totals)) = (change, totals) {
        let held = totals.counters.bytes.map(human_bytes).unwrap_or_default();
        pool(out, name, change, &held, time)?;
    }
    Ok(())
}

/// How one pool changed: `paged pool: +0.98 MiB (2.93 MiB/h), now 16.6 MiB`.
fn pool(out: &mut dyn Write, name: &str, change: i64, held: &str, time: Option<Duration>) -> io::Result<()> {
    let rate = rate(change, time).map(|rate| format!(" ({rate})")).unwrap_or_default();
    writeln!(out, "{name}: {}{rate}, now {held}", human_change(change))
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

#[cfg(test)]
mod tests {
    use super::*;
    use poolmon_model::{CounterWidth, Origin, Pattern, Row, SourceKind, Tag};

    fn sample(millis: i64, leak: u64) -> Sample {
        let origin = Origin::new(SourceKind::Windows, &[Pool::Nonpaged, Pool::Paged]);
        let mut sample = Sample::new(origin.into(), CounterWidth::Bits64);
        sample.time = Timestamp::from_millisecond(1_796_000_000_000 + millis).ok();
        let row = |tag: &[u8; 4], bytes: u64| Row::windows(Tag::pool(*tag), Pool::Nonpaged, bytes, 0, bytes);
        sample.rows = vec![row(b"Leak", leak), row(b"Calm", 1 << 30)];
        sample
    }

    fn said(before: &Sample, after: &Sample, filter: &Filter) -> String {
        let table = Table::new(Some(before), after, filter, None);
        let mut out = Vec::new();
        text(&mut out, (before, after), &table, filter, 0, DateTrust::Saved).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_pool_is_never_the_sum_of_the_rows_shown() {
        let (before, after) = (sample(0, 1 << 20), sample(3_600_000, 3 << 20));
        let whole = said(&before, &after, &Filter::default());
        assert!(whole.contains("\nnonpaged pool: +2.00 MiB (2.00 MiB/h), now 1.00 GiB\n"), "{whole}");
        let filter = Filter { include: vec![Pattern::new("Leak")], ..Filter::default() };
        let part = said(&before, &after, &filter);
        assert!(part.contains("\nnonpaged pool: +2.00 MiB (2.00 MiB/h), now 1.00 GiB\n"), "{part}");
        let rows = "\nrows shown of the nonpaged pool: +2.00 MiB (2.00 MiB/h), now 3.00 MiB\n";
        assert!(part.contains(rows), "{part}");
    }

    #[test]
    fn samples_of_one_second_are_told_apart() {
        let text = said(&sample(100, 1 << 20), &sample(600, 2 << 20), &Filter::default());
        assert!(text.contains(".100 to ") && text.contains(".600, 500 ms later"), "{text}");
    }
}
