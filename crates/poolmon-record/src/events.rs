//! What a recorder has to say, in plain words.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use poolmon_model::Origin;
use poolmon_model::limit::Excess;
use poolmon_model::units::{counted as count, human_bytes, span};
use poolmon_store::{Deleted, OpenReport, RecorderStatus, Recovered};

use crate::alarm::Change;

/// Something that a person, or a service's log, should know.
#[derive(Debug)]
pub enum RecordEvent<'a> {
    /// Recording begins.
    Started {
        /// Where to.
        folder: &'a Path,
        /// What is recorded.
        origin: &'a Origin,
        /// Time between samples.
        interval: Duration,
        /// What the recorder before left behind.
        report: &'a OpenReport,
    },
    /// Its status, after each sample.
    Now(&'a RecorderStatus),
    /// The source failed, for a reason that was not reported just before.
    Failed(&'a str),
    /// It works again.
    Works,
    /// The disk is full.
    Full(&'a Path),
    /// There is room again; this many samples are missing.
    Room(u64),
    /// Old segments were deleted.
    Deleted(&'a [Deleted]),
    /// A closed segment could not become a Parquet file.
    NotSealed(String),
    /// Something begins to leak, or no longer does.
    Verdict(&'a Change),
    /// A tag holds more than a limit allows; once until it holds less again.
    Exceeded(&'a Excess),
    /// Recording ended.
    Ended {
        /// Where to.
        folder: &'a Path,
        /// How long it went.
        length: Duration,
        /// Its status.
        status: &'a RecorderStatus,
    },
}

impl fmt::Display for RecordEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { folder, origin, interval, report } => {
                for found in &report.recovered {
                    writeln!(f, "{}", recovered(found))?;
                }
                let host = origin.host.as_deref().unwrap_or("this machine");
                let system =
                    origin.system.as_deref().map(|system| format!(" ({system})")).unwrap_or_default();
                let every = span(*interval);
                write!(f, "recording {host}{system} every {every} to {}", folder.display())
            }
            Self::Now(status) => f.write_str(&standing(status)),
            Self::Failed(reason) => {
                write!(f, "sampling failed: {reason}; retrying")
            }
            Self::Works => f.write_str("sampling resumed"),
            Self::Full(folder) => write!(
                f,
                "{}: the disk is full; the recording so far is kept and continues when space is available",
                folder.display()
            ),
            Self::Room(missed) => {
                write!(
                    f,
                    "disk space is available again; {} lost (recorded as a gap)",
                    was(*missed, "sample")
                )
            }
            Self::Deleted(gone) => f.write_str(&deleted(gone)),
            Self::NotSealed(reason) => write!(f, "no Parquet file: {reason}"),
            Self::Verdict(Change::Leaks(sentence) | Change::Over(sentence)) => {
                write!(f, "verdict: {sentence}")
            }
            Self::Exceeded(excess) => write!(f, "limit: {excess}"),
            Self::Ended { folder, length, status } => write!(
                f,
                "recorded {} in {}; {} holds {}",
                standing_short(status),
                span(*length),
                folder.display(),
                human_bytes(status.total_bytes)
            )
            .and_then(|()| f.write_str(&lost(status))),
        }
    }
}

fn was(number: u64, what: &str) -> String {
    format!("{} {}", count(number, what), if number == 1 { "was" } else { "were" })
}

/// Samples and what went wrong.
fn standing_short(status: &RecorderStatus) -> String {
    let mut parts = vec![count(status.samples, "sample")];
    for (number, what) in [(status.gaps, "gap"), (status.failed, "failure")] {
        if number > 0 {
            parts.push(count(number, what));
        }
    }
    parts.join(", ")
}

fn standing(status: &RecorderStatus) -> String {
    let mut parts = vec![standing_short(status), human_bytes(status.total_bytes)];
    if status.deleted > 0 {
        parts.push(format!("{} deleted", count(status.deleted, "old segment")));
    }
    if status.missed > 0 {
        parts.push(format!("disk full: {} lost", count(status.missed, "sample")));
    }
    parts.join(", ")
}

/// What a full disk took.
fn lost(status: &RecorderStatus) -> String {
    match (status.lost, status.missed) {
        (0, _) => String::new(),
        (lost, 0) => format!("; {} lost to a full disk", was(lost, "sample")),
        (lost, missed) if lost == missed => {
            format!("; the disk was full to the end: {} lost", was(lost, "sample"))
        }
        (lost, missed) => format!(
            "; {} lost to a full disk, the last {} among them",
            was(lost, "sample"),
            count(missed, "sample")
        ),
    }
}

/// Which segments went, and why.
fn deleted(gone: &[Deleted]) -> String {
    let old = gone.iter().filter(|segment| segment.too_old).count();
    let why = match old {
        0 => "the folder was larger than --max-size",
        _ if old == gone.len() => "older than --keep",
        _ => "older than --keep, or the folder was larger than --max-size",
    };
    match gone {
        [] => String::new(),
        [one] => format!("deleted {}: {why}", one.name),
        [first, .., last] => {
            let number = count(gone.len() as u64, "old segment");
            format!("deleted {number}, {} to {}: {why}", first.name, last.name)
        }
    }
}

/// What was done to a segment that was not closed.
fn recovered(found: &Recovered) -> String {
    let name = found.path.file_name().unwrap_or_default().display();
    if found.removed {
        return format!("{name} was empty and was removed: the previous recorder ended at once");
    }
    let mut parts = vec![format!(
        "{name} was not closed: the previous recorder was interrupted (crash, kill, power loss); {} kept",
        was(found.samples.into(), "sample")
    )];
    if found.cut > 0 {
        parts.push(format!("{} of an incomplete sample cut", count(found.cut, "byte")));
    }
    if !found.damage.is_empty() {
        let places: Vec<_> = found.damage.iter().map(|(from, to)| format!("{from:#x}..{to:#x}")).collect();
        parts.push(format!("damaged at {} (see `poolmon verify`)", places.join(", ")));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use poolmon_model::SourceKind;

    #[test]
    fn words() {
        let mut origin = Origin::new(SourceKind::Linux, &[]);
        let folder = Path::new("rec");
        let open = |samples, cut, damage, removed| Recovered {
            path: "rec/00000001.plog".into(),
            samples,
            cut,
            damage,
            removed,
        };
        let recovered = vec![
            open(0, 0, vec![], true),
            open(720, 17, vec![], false),
            open(1, 0, vec![(0x40, 0x50), (256, 257)], false),
        ];
        let report = OpenReport { recovered, ..OpenReport::default() };
        let interval = Duration::from_millis(500);
        let mut said =
            vec![RecordEvent::Started { folder, origin: &origin, interval, report: &report }.to_string()];
        (origin.host, origin.system) = (Some("srv1".into()), Some("Linux 6.18".into()));
        let report = OpenReport::default();
        said.push(RecordEvent::Started { folder, origin: &origin, interval, report: &report }.to_string());
        let mut status = RecorderStatus { samples: 1, total_bytes: 4096, ..RecorderStatus::default() };
        said.push(RecordEvent::Now(&status).to_string());
        status = RecorderStatus { samples: 17_280, gaps: 2, failed: 3, deleted: 1, missed: 1200, ..status };
        said.push(RecordEvent::Now(&status).to_string());
        said.push(RecordEvent::Failed("cannot read /proc/slabinfo; become root").to_string());
        said.push(RecordEvent::Works.to_string());
        said.push(RecordEvent::Full(folder).to_string());
        said.push(RecordEvent::Room(1).to_string());
        let gone = ["00000001-a.plog", "00000002-b.plog", "00000003-c.plog"];
        let gone = gone.map(|name| Deleted { name: name.into(), too_old: name != "00000003-c.plog" });
        for gone in [&gone[..1], &gone[2..], &gone[..2], &gone[..]] {
            said.push(RecordEvent::Deleted(gone).to_string());
        }
        said.push(RecordEvent::NotSealed("no".into()).to_string());
        said.push(
            RecordEvent::Ended { folder, length: Duration::from_hours(25), status: &status }.to_string(),
        );
        for (lost, missed) in [(7, 0), (1200, 1200), (1300, 1200)] {
            status = RecorderStatus { lost, missed, ..status };
            let length = Duration::from_hours(25);
            said.push(RecordEvent::Ended { folder, length, status: &status }.to_string());
        }
        insta::assert_snapshot!(said.join("\n--\n"));
    }
}
