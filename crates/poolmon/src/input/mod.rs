//! This machine, or files, as samples.
//!
//! * [`live`], [`watched`]: this machine; [`series`]: files, through `poolmon-read`; [`still`]: one sample of them as a source;
//! * [`dump`]: dumps that are opened with progress.

pub mod dump;
pub mod still;

use crate::app::say::{note, warning};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use poolmon_model::units::{self, Precision};
use poolmon_model::{Pool, PoolView, Sample};
pub use poolmon_read::moment;
use poolmon_read::{DateOrder, ReadOptions, RemarkKind, SamplePair, SampleSeries};
use poolmon_source::Source;

/// The live source of this machine, for the pools that will be looked at.
pub fn live(view: PoolView) -> anyhow::Result<Box<dyn Source>> {
    live_with(view, Duration::ZERO)
}

/// The same for a person who watches: vmalloc areas whose sum does not change are up to ten seconds old.
pub fn watched(view: PoolView) -> anyhow::Result<Box<dyn Source>> {
    live_with(view, Duration::from_secs(10))
}

fn live_with(view: PoolView, areas: Duration) -> anyhow::Result<Box<dyn Source>> {
    let ours = if cfg!(windows) {
        &[Pool::Nonpaged, Pool::Paged][..]
    } else {
        &[Pool::Reclaimable, Pool::Unreclaimable, Pool::Vmalloc, Pool::CallSite]
    };
    anyhow::ensure!(
        ours.iter().any(|&pool| view.admits(pool)),
        "this system has no {} pool; it has: {}",
        view.id(),
        ours.iter().map(|pool| pool.id()).collect::<Vec<_>>().join(", ")
    );
    open_live(view, areas)
}

fn open_live(view: PoolView, areas: Duration) -> anyhow::Result<Box<dyn Source>> {
    cfg_select! {
        target_os = "linux" => {
            use poolmon_source::linux::{LinuxSource, Parts};
            // Caches without a single slab are never shown: no look at sysfs for them.
            let parts = Parts { empty_caches: false, vmalloc_kept: areas, ..Parts::for_view(view) };
            Ok(Box::new(LinuxSource::with_parts(std::path::Path::new("/"), parts)?))
        }
        windows => {
            let _ = (view, areas);
            Ok(Box::new(poolmon_source::windows::live::WindowsSource::new()?))
        }
        _ => {
            let _ = (view, areas);
            anyhow::bail!(poolmon_model::problem::Problem::new("this system has no live source (only Windows and \
                Linux have one)", "read a saved log with `poolmon top FILE`, or look at `poolmon demo`"))
        }
    }
}

/// Says that a command which was given no file leaves a pipe unread.
pub fn tell_unread_pipe(command: &str) {
    if poolmon_read::is_input_a_pipe() {
        note!("this machine is looked at, not standard input; to read that: poolmon {command} -");
    }
}

/// `--dates`, which holds for every file that is read.
static DATES: OnceLock<DateOrder> = OnceLock::new();

/// Sets the order of dates in figures; `None` leaves it to each file.
pub fn order_dates(order: Option<DateOrder>) {
    if let Some(order) = order {
        let _ = DATES.set(order);
    }
}

/// Opens files as one series; a packed dump is unpacked with progress.
pub fn series(paths: &[PathBuf], options: ReadOptions) -> anyhow::Result<SampleSeries> {
    let dates = DATES.get().copied().or(options.dates);
    Ok(SampleSeries::open(paths, ReadOptions { progress: Some(dump::progress()), dates, ..options })?)
}

/// As [`series`], and prints what a person has to know of the files.
pub fn reported_series(paths: &[PathBuf], options: ReadOptions) -> anyhow::Result<SampleSeries> {
    Ok(reported(series(paths, options)?))
}

/// The same, and the figures of the machine that are next to rows.
pub fn judged_series(paths: &[PathBuf]) -> anyhow::Result<(SampleSeries, Option<SampleSeries>)> {
    let mut series = series(paths, ReadOptions::default())?;
    let totals = series.split_totals();
    Ok((reported(series), totals))
}

fn reported(mut series: SampleSeries) -> SampleSeries {
    tell_files(&mut series);
    series
}

/// Prints what a person has to know of the files; which of them overlap is known once they were read.
pub fn tell_files(series: &mut SampleSeries) {
    for remark in series.take_remarks() {
        match remark.kind {
            RemarkKind::TimeFromName => note!("{remark}"),
            _ => warning!("{remark}"),
        }
    }
}

/// One moment of a file.
pub struct FileMoment {
    /// The sample, and the one that it is compared with.
    pub pair: SamplePair,
    /// False if a dump lacks some of its figures.
    pub complete: bool,
    /// The file holds one moment by its nature: a dump.
    pub one_moment: bool,
    /// Its time is the date of the file.
    pub file_date: bool,
}

/// The last sample at or before `at` (the very last one if nothing is said), and the one before it; with `over` the
/// one so much earlier.
pub fn at(
    paths: &[PathBuf],
    at: Option<&str>,
    over: Option<Duration>,
    options: ReadOptions,
) -> anyhow::Result<FileMoment> {
    let when = at.map(|at| moment::parse(at, &TimeZone::system())).transpose()?;
    let mut series = reported_series(paths, options)?;
    let pair = series.at(when, over.into())?;
    tell_files(&mut series);
    if let Some(outside) = pair.outside(&TimeZone::system()) {
        warning!("{}: {outside}", series.name());
    }
    if let Some(first) = pair.too_early {
        note!("there is no sample this early, so no change; the first sample is of {}", civil(first));
    }
    Ok(FileMoment {
        pair,
        complete: series.is_complete(),
        one_moment: series.holds_one_moment(),
        file_date: series.is_dated_by_files(),
    })
}

/// Says on stderr of which moment a table is, and since when its changes are.
pub fn tell_moment(pair: &SamplePair, at: Option<&str>) {
    let Some(time) = pair.now.time else { return };
    let before = pair.before.as_ref().and_then(|before| before.time);
    let [since, time] = units::two_moments([before.unwrap_or(time), time], &TimeZone::system());
    let since = before.map_or_else(
        || "there is no earlier sample to compare with".to_owned(),
        |_| format!("changes since {since}"),
    );
    let asked = at.map_or("the last sample", |_| "the sample");
    note!("{asked} of {time}; {since}");
}

fn civil(time: Timestamp) -> String {
    units::moment(time, &TimeZone::system(), Precision::Seconds)
}

/// Reports, on stderr, what the source remarked and which rows contradict themselves.
pub fn tell_remarks(sample: &Sample) {
    for remark in &sample.remarks {
        warning!("{remark}");
    }
    if sample.disagreeing > 0 {
        warning!(
            "Diff disagrees with Allocs - Frees in {} of {} rows; shown as reported",
            sample.disagreeing,
            sample.rows.len()
        );
    }
}
