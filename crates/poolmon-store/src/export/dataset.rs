//! Recordings of many hosts as one data set: `FOLDER/host=NAME/date=2026-11-30/part-0.parquet`.
//!
//! Engines of tables (`DuckDB`, `ClickHouse`, Spark, pyarrow) take `host` and `date` from such names, Hive's, and open only the files that a
//! question needs. Days are those of UTC. A name is percent-encoded where a file system or an engine would read it as something else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use poolmon_model::hive;

use super::parquet::{About, Table};
use super::select::{ExportOptions, Summary, check_dated};
use crate::WholeFile;
use crate::error::{Result, StoreError};
use crate::reader::Recording;
use crate::segment::frame::time_of;

/// Writes a recording, or a part of it; the number of files comes second.
///
/// A host and day have one file. A second one follows only if the recording returns to a host that it left. Each file appears whole or not
/// at all.
///
/// # Errors
///
/// [`StoreError::IsThere`] if one of the files is there and is not to be replaced, [`StoreError::PartOfDay`] if a part of a day is exported that
/// is there: nothing was written then.
pub fn write(
    recording: &Recording,
    options: &ExportOptions,
    folder: &Path,
    replace: bool,
) -> Result<(Summary, u64)> {
    let about = About::of(recording)?;
    for day in days(recording, options)? {
        let path = day.part(folder, 0);
        if !path.exists() {
            continue;
        }
        if !replace {
            return Err(StoreError::IsThere { path });
        }
        if is_cut(day.date, options) {
            return Err(StoreError::PartOfDay { path, date: day.date });
        }
    }
    let mut parts: BTreeMap<Day, u64> = BTreeMap::new();
    let mut open: Option<(Day, Table)> = None;
    let mut pace = || {};
    let summary = options.each(recording, |start, time, sample| {
        check_dated(recording, sample, time)?;
        let (host, date) = (sample.origin.host.as_deref(), date(time));
        if let Some((_, table)) = open.take_if(|(day, _)| !day.is(host, date)) {
            table.finish(&about, &mut pace)?;
        }
        let (_, table) = match &mut open {
            Some(open) => open,
            none => {
                let day = Day { host: host.map(str::to_owned), date };
                let number = parts.entry(day.clone()).or_default();
                let path = day.part(folder, *number);
                *number += 1;
                if !replace && path.exists() {
                    return Err(StoreError::IsThere { path });
                }
                none.insert((day, begin(&about, host, &path)?))
            }
        };
        table.push(&about, (start, time), sample, options, &mut pace)
    })?;
    if let Some((_, table)) = open {
        table.finish(&about, &mut pace)?;
    }
    // What an earlier export wrote of the same days, and this one had no need of.
    for (day, number) in parts.iter().filter(|_| replace) {
        let mut left = (*number..).map(|number| day.part(folder, number));
        while left.next().is_some_and(|path| fs::remove_file(path).is_ok()) {}
    }
    Ok((summary, parts.values().sum()))
}

fn begin(about: &About, host: Option<&str>, path: &Path) -> Result<Table> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(StoreError::io("make", folder))?;
    let file = WholeFile::new(path).map_err(StoreError::io("make", path))?;
    Table::begin(about, Some(host.unwrap_or_default()), file, path)
}

/// Whether only a part of a day is exported.
fn is_cut(day: Date, options: &ExportOptions) -> bool {
    let begins = |date: Date| TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok();
    let from = options.from.filter(|from| date(*from) == day);
    let to = options.to.filter(|to| date(*to) == day);
    // To the last second of a day is all of it.
    let last = day
        .tomorrow()
        .ok()
        .and_then(begins)
        .and_then(|next| next.checked_sub(jiff::SignedDuration::from_secs(1)).ok());
    from.is_some_and(|from| Some(from) != begins(day)) || to.zip(last).is_some_and(|(to, last)| to < last)
}

fn date(time: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(time).date()
}

/// A day of a host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Day {
    host: Option<String>,
    date: Date,
}

impl Day {
    fn is(&self, host: Option<&str>, date: Date) -> bool {
        self.date == date && self.host.as_deref() == host
    }

    fn part(&self, folder: &Path, number: u64) -> PathBuf {
        let host = self.host.as_deref().filter(|host| !host.is_empty());
        folder
            .join(hive::host_folder(host))
            .join(format!("date={}", self.date))
            .join(format!("part-{number}.parquet"))
    }
}

/// The days of which a recording has samples, by the indexes of its segments: some of them may have none.
fn days(recording: &Recording, options: &ExportOptions) -> Result<BTreeSet<Day>> {
    let hosts = recording.info()?.hosts;
    let hosts: Vec<Option<String>> =
        if hosts.is_empty() { vec![None] } else { hosts.into_iter().map(Some).collect() };
    let mut days = BTreeSet::new();
    for file in recording.segments() {
        let (_, index) = recording.indexed(file)?;
        let Some((first, last)) = index.span.and_then(|(first, last)| time_of(first).zip(time_of(last)))
        else {
            continue;
        };
        let first = date(options.from.map_or(first, |from| first.max(from)));
        let last = date(options.to.map_or(last, |to| last.min(to)));
        // A segment is of days, not of years: the rest of one that claims more is looked at when it is written.
        for date in first.series(jiff::Span::new().days(1)).take_while(|date| *date <= last).take(1000) {
            days.extend(hosts.iter().map(|host| Day { host: host.clone(), date }));
        }
    }
    Ok(days)
}
