//! The judge, seen from outside: samples in, lines in the order in which `poolmon leaks` prints them out. The only file that
//! names the types of verdicts.

use jiff::Timestamp;
use poolmon_leak::{Analysis, AnalysisConfig, Level, Report, Verdict, VerdictKind};
use poolmon_model::{Key, Sample};

/// The levels of verdicts that name a row, the surest first.
pub const LEVELS: [&str; 4] = ["leaking", "likely", "possible", "growing"];

/// The lists that are printed, one after the other.
const LISTS: [&[VerdictKind]; 2] =
    [&[VerdictKind::Leaking, VerdictKind::Suspected], &VerdictKind::UNEXPLAINED];

/// A line that names a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The row.
    pub key: Key,
    /// Rows that are said to grow in lockstep with it.
    pub companions: Vec<Key>,
    /// Index into [`LEVELS`].
    pub level: usize,
    /// Stated confidence that the row leaks, 0 to 1.
    pub confidence: f64,
    /// Bytes an hour: lower end of the 95 % interval, estimate, upper end.
    pub rate: (f64, f64, f64),
    /// Since when it grows, if that is within the recording.
    pub since: Option<Timestamp>,
}

/// What the judge says of a host.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Lines in the order in which they are printed.
    pub lines: Vec<Line>,
    /// Rows with the stated confidence that they leak, 0 to 1; empty as long as verdicts have none.
    pub confidences: Vec<(Key, f64)>,
}

/// Takes in samples one after the other.
pub struct Judge(Analysis);

impl Judge {
    /// A judge as `poolmon leaks` asks it for files.
    pub fn new() -> Self {
        Self(Analysis::new(AnalysisConfig::default()))
    }

    /// Takes in a sample.
    pub fn push(&mut self, sample: &Sample) {
        self.0.push(sample);
    }

    /// The verdicts.
    pub fn answer(&self) -> Answer {
        let report = self.0.report();
        let mut answer = Answer::default();
        for kinds in LISTS {
            for verdict in report.ranked(kinds, |_| true) {
                let level = match (verdict.kind, verdict.level) {
                    (VerdictKind::Leaking, _) => 0,
                    (VerdictKind::Suspected, Some(level)) if level >= Level::Likely => 1,
                    (VerdictKind::Suspected, _) => 2,
                    _ => 3,
                };
                answer.lines.push(line(&report, verdict, level));
            }
        }
        answer.confidences = report.verdicts.iter().filter_map(confidence).collect();
        answer
    }
}

fn key(verdict: &Verdict) -> Key {
    Key { tag: verdict.tag.clone(), pool: verdict.pool }
}

fn line(report: &Report, verdict: &Verdict, level: usize) -> Line {
    Line {
        key: key(verdict),
        companions: report.companions(verdict).into_iter().map(key).collect(),
        level,
        confidence: verdict.confidence.unwrap_or(0.0),
        rate: (verdict.bytes.low, verdict.bytes.per_hour, verdict.bytes.high),
        since: verdict.since.filter(|_| !verdict.since_start),
    }
}

/// The confidence that a row leaks.
fn confidence(verdict: &Verdict) -> Option<(Key, f64)> {
    verdict.confidence.map(|confidence| (key(verdict), confidence))
}
