//! One moment of a recording or a log, with the sample that it is compared with.

use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use poolmon_model::Sample;
use poolmon_store::{Cursor, Recording, StoreError};

use super::kind::{self, Kind};
use super::moment;
use super::series::Series;

/// The last sample at or before `at` (the very last one if nothing is said), and the one before it; with `over` the
/// one so much earlier.
pub fn moment(
    path: &Path,
    at: Option<&str>,
    over: Option<Duration>,
) -> anyhow::Result<(Option<Sample>, Sample)> {
    match kind::of(path)? {
        Kind::Recording => recorded(&Recording::open(path)?, at, over),
        Kind::Log | Kind::StandardInput if at.is_none() && over.is_none() => super::last_two(path),
        Kind::StandardInput => anyhow::bail!(
            "standard input can be read only once, and --at and --over need more\n  save it into a file, and name that"
        ),
        _ => logged(&mut Series::open(&[path.to_path_buf()])?, at, over),
    }
}

fn recorded(
    recording: &Recording,
    at: Option<&str>,
    over: Option<Duration>,
) -> anyhow::Result<(Option<Sample>, Sample)> {
    let info = recording.info()?;
    let (Some(first), Some(last)) = (info.first, info.last) else {
        return Err(StoreError::NoRecording {
            folder: recording.folder().into(),
            remedy: "there is no sample in it yet".into(),
        }
        .into());
    };
    let at = target(at, first, last)?;
    let mut cursor = recording.cursor();
    let mut now = Cursor::empty_sample();
    anyhow::ensure!(cursor.seek(at, &mut now)?, "{}: no sample can be read", recording.folder().display());
    let mut before = Cursor::empty_sample();
    let found = match over.and_then(|over| earlier(&now, over)) {
        Some(then) => then >= first && cursor.seek(then, &mut before)?,
        None => cursor.previous_sample(&mut before)?,
    };
    if over.is_some() && !found {
        tell_too_short(first);
    }
    Ok((found.then_some(before), now))
}

fn logged(
    series: &mut Series,
    at: Option<&str>,
    over: Option<Duration>,
) -> anyhow::Result<(Option<Sample>, Sample)> {
    for remark in series.take_remarks() {
        eprintln!("poolmon: {remark}");
    }
    if at.is_none() && over.is_none() {
        return last_until(series, Timestamp::MAX);
    }
    let mut sample = Cursor::empty_sample();
    let mut ends: Option<(Timestamp, Timestamp)> = None;
    while series.next_into(&mut sample)? {
        let Some(time) = sample.time else {
            anyhow::bail!(
                "{}: its snapshots have no times, so none is of a given moment\n  \
                 leave --at and --over out for the last one, or look at all of them: `poolmon replay {0}`",
                series.name()
            );
        };
        ends = Some(ends.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
    }
    let (first, last) =
        ends.ok_or_else(|| anyhow::anyhow!("{}: there is no snapshot in it", series.name()))?;
    let (before, now) = last_until(series, target(at, first, last)?)?;
    let Some(then) = over.and_then(|over| earlier(&now, over)) else { return Ok((before, now)) };
    if then < first {
        tell_too_short(first);
        return Ok((None, now));
    }
    Ok((Some(last_until(series, then)?.1), now))
}

/// The last sample at or before a time and the one before it; the first of all where every one is later.
fn last_until(series: &mut Series, time: Timestamp) -> anyhow::Result<(Option<Sample>, Sample)> {
    series.rewind();
    let mut before = None;
    let mut now = Cursor::empty_sample();
    anyhow::ensure!(series.next_into(&mut now)?, "{}: there is no snapshot in it", series.name());
    let mut next = Cursor::empty_sample();
    while series.next_into(&mut next)? && next.time.is_none_or(|next| next <= time) {
        let older = before.replace(now);
        now = std::mem::replace(&mut next, older.unwrap_or_else(Cursor::empty_sample));
    }
    Ok((before, now))
}

fn target(at: Option<&str>, first: Timestamp, last: Timestamp) -> anyhow::Result<Timestamp> {
    let zone = TimeZone::system();
    at.map_or(Ok(last), |at| Ok(moment::parse(at, &zone)?.resolve(first, last, &zone)))
}

fn earlier(now: &Sample, over: Duration) -> Option<Timestamp> {
    now.time?.checked_sub(SignedDuration::try_from(over).ok()?).ok()
}

fn tell_too_short(first: Timestamp) {
    eprintln!(
        "poolmon: nothing is recorded so early, so there is no change; the first sample is of {}",
        civil(first)
    );
}

/// Says on stderr of which moment a table is, and since when its changes are.
pub fn tell_moment(before: Option<&Sample>, now: &Sample, at: Option<&str>) {
    let Some(time) = now.time else { return };
    let since = before.and_then(|before| before.time).map_or_else(
        || "there is none before it to compare with".to_owned(),
        |before| format!("changes since {}", civil(before)),
    );
    let asked = at.map_or("the last sample", |_| "the sample");
    eprintln!("poolmon: {asked} of {}; {since}", civil(time));
}

fn civil(time: Timestamp) -> String {
    poolmon_model::units::moment(time, &TimeZone::system(), poolmon_model::units::Precision::Seconds)
}
