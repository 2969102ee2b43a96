//! A series of samples, written into a folder as a recording: `import` keeps it, `export` reads it again.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use poolmon_model::Sample;
use poolmon_model::problem::Problem;
use poolmon_model::units::counted as count;
use poolmon_read::{Holds, Part, Remark, RemarkKind, RemarkLog, SampleSeries, TimeFrom};
use poolmon_store::{Recorder, RecorderConfig};

use super::say::{note, warning};

/// Writes a series into a folder and reports each part, on standard error. Returns how many samples were written, and
/// how many could not be, as they have no time.
pub fn into(series: &mut SampleSeries, output: &Path) -> anyhow::Result<(u64, u64)> {
    if let Some(part) = series.parts().iter().find(|part| part.format.holds == Holds::Recording) {
        bail!("{}: this is already a recording; use `poolmon replay`, `export` or `info`", part.input.name());
    }
    let config = RecorderConfig {
        // it is unknown at which interval these samples were meant to come: none of them is late.
        interval: Duration::ZERO,
        // A sample a day should not make a file a day.
        segment_length: Duration::from_hours(24 * 366),
        // Importing can be repeated: the disk is waited for at the end of each segment only.
        sync: Duration::MAX,
        ..RecorderConfig::default()
    };
    let (mut recorder, _) = Recorder::open(output, config)?;
    let mut sample = Sample::empty();
    let (mut samples, mut untimed) = (0, 0);
    let mut reported: Option<PartCount> = None;
    let left_out = |series: &mut SampleSeries| {
        let of_kind = |remark: &Remark| matches!(remark.kind, RemarkKind::FileLeftOut | RemarkKind::Time);
        for remark in series.take_remarks().into_iter().filter(of_kind) {
            warning!("{remark}");
        }
    };
    left_out(series);
    let mut log = RemarkLog::default();
    while series.next_into(&mut sample)? {
        if let Some(part) = series.part()
            && reported.as_ref().is_none_or(|before| before.name != part.input.name())
        {
            tell(reported.replace(PartCount::new(part)).as_ref());
        }
        let file = reported.as_ref().map(|part| part.name.as_str());
        log.push(file, &sample.remarks, series.remarks());
        if let Some(part) = &mut reported {
            part.read += 1;
        }
        if sample.time.is_none() {
            untimed += 1;
            continue;
        }
        match recorder.record_past(&sample)? {
            poolmon_store::RecordOutcome::Recorded => samples += 1,
            poolmon_store::RecordOutcome::DiskFull { .. } => {
                bail!(Problem::new(
                    format!("{}: the disk is full", output.display()),
                    "free some space and import again"
                ));
            }
        }
        if let Some(part) = &mut reported {
            part.samples += 1;
        }
    }
    tell(reported.as_ref());
    left_out(series);
    for remark in log.texts() {
        warning!("{remark}");
    }
    recorder.close().with_context(|| format!("cannot close {}", output.display()))?;
    Ok((samples, untimed))
}

/// What was imported of one file.
struct PartCount {
    name: String,
    time_from: TimeFrom,
    /// All, and those that have a time.
    read: u64,
    samples: u64,
}

impl PartCount {
    fn new(part: &Part) -> Self {
        Self { name: part.input.name().to_owned(), time_from: part.time_from, read: 0, samples: 0 }
    }
}

fn tell(part: Option<&PartCount>) {
    let Some(part) = part else { return };
    let from = match part.time_from {
        TimeFrom::Name => "time from the file's name",
        TimeFrom::FileDate => "time from the file's date",
        TimeFrom::Content if part.samples == 0 => "no time",
        TimeFrom::Content => "times from the file's content",
    };
    let samples = if part.samples == 0 { part.read } else { part.samples };
    note!("{}: {}, {from}", part.name, count(samples, "sample"));
}
