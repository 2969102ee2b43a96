//! Verdicts while samples come: `poolmon-leak` over a bounded series of each row.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use poolmon_holder::{Census, PATIENCE, Watch};
use poolmon_leak::{Analysis, AnalysisConfig, Report, Verdict};
use poolmon_model::{Origin, Pool, RowVerdict, Sample, SourceKind, Tag};
use poolmon_owner::linux::MergedCaches;
use poolmon_report::{main_holder, name_holders, risers, words::row_verdict};

/// Keeps a bounded series of each row and judges it.
pub struct LiveJudge {
    analysis: Analysis,
    zone: TimeZone,
    /// Of this machine, if it is the one that is shown.
    holders: Option<Watch>,
    /// Read with the first verdicts: a thousand files of sysfs are not worth a later first frame.
    merged: OnceLock<MergedCaches>,
    /// How long the next sample waits for a count of holders: the first one not at all, as a screen waits for it.
    patience: Duration,
    /// When the first sample of the past was taken, until samples of now come.
    begun: Option<Timestamp>,
    /// Holders were counted, and the screen does not have them yet.
    counted: bool,
}

impl LiveJudge {
    /// Before the first sample.
    pub fn new(origin: &Origin) -> Self {
        let is_here = matches!(origin.kind, SourceKind::Linux | SourceKind::Windows);
        Self {
            analysis: Analysis::new(AnalysisConfig::live()),
            zone: TimeZone::system(),
            holders: is_here.then(|| Watch::new(None)),
            merged: OnceLock::new(),
            patience: Duration::ZERO,
            begun: None,
            counted: false,
        }
    }

    /// Takes in a sample of the past: holders cannot be counted then.
    pub fn push_past(&mut self, sample: &Sample) {
        self.begun = self.begun.or(sample.time);
        self.analysis.push(sample);
    }

    /// Takes a sample in.
    pub fn push(&mut self, sample: &Sample) {
        self.analysis.push(sample);
        if let (Some(begun), Some(now), Some(holders)) = (self.begun.take(), sample.time, &mut self.holders) {
            holders.go_on_after(now.duration_since(begun).as_secs_f64());
        }
        if let Some(holders) = &mut self.holders {
            self.counted |= holders.look(std::mem::replace(&mut self.patience, PATIENCE));
        }
    }

    /// Who holds objects, if that was counted since the last call.
    pub fn holders(&mut self) -> Option<Census> {
        let holders = self.holders.as_ref()?;
        if std::mem::take(&mut self.counted) { holders.census().cloned() } else { None }
    }

    /// How long it still takes until there is enough data for any verdict; `None` = there is.
    pub fn needs(&self) -> Option<Duration> {
        self.analysis.needs()
    }

    /// The series behind the verdicts.
    pub fn analysis(&self) -> &Analysis {
        &self.analysis
    }

    /// Judges what there is by now.
    pub fn report(&self) -> Report {
        match &self.holders {
            Some(holders) => {
                let read =
                    || MergedCaches::read(Path::new("/sys/kernel/slab")).with_makers(Path::new("/sys"));
                let merged = self.merged.get_or_init(read);
                let holder = main_holder(&self.analysis, holders.history(), merged);
                let mut report = self.analysis.report_with(&|_, _| None, &holder);
                let history = holders.history();
                let answers = name_holders(&mut report, &self.analysis, history, merged);
                report.risers = risers(&report, &self.analysis, history, merged, &answers);
                report
            }
            None => self.analysis.report(),
        }
    }

    /// The verdicts of a report in short, of the rows that have one; a row that is steady has none.
    pub fn in_short(&self, report: &Report) -> Vec<(Tag, Pool, Arc<RowVerdict>)> {
        in_short(report, &self.zone)
    }
}

/// The verdicts of a report in short, of the rows that have one; a row that is steady has none.
pub fn in_short(report: &Report, zone: &TimeZone) -> Vec<(Tag, Pool, Arc<RowVerdict>)> {
    let reported = |verdict: &Verdict| {
        Some((verdict.tag.clone(), verdict.pool, Arc::new(row_verdict(report, verdict, zone)?)))
    };
    report.verdicts.iter().filter_map(reported).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use poolmon_model::{CounterWidth, Gravity, Row};

    #[test]
    fn says_how_much_longer_and_then_what_leaks() {
        let origin = Arc::new(Origin::new(SourceKind::Windows, &[Pool::Nonpaged]));
        let mut judge = LiveJudge::new(&origin);
        let mut left = Vec::new();
        let mut last = Vec::new();
        for n in 0..240_u64 {
            let mut sample = Sample::new(Arc::clone(&origin), CounterWidth::Bits32);
            sample.time = Timestamp::from_second(1_800_000_000 + i64::try_from(n * 5).unwrap()).ok();
            // Noise that comes back, a leak, and a row that never moves.
            let noise = 5_000 + (n * 7919) % 97;
            sample.rows = vec![
                Row::windows(
                    Tag::pool(*b"Busy"),
                    Pool::Nonpaged,
                    100_000 + n * 500,
                    100_000 + n * 500 - noise,
                    noise * 256,
                ),
                Row::windows(Tag::pool(*b"Leak"), Pool::Nonpaged, 1_000 + n * 50, 100, (900 + n * 50) * 1024),
                Row::windows(Tag::pool(*b"Rest"), Pool::Nonpaged, 10, 0, 40_960),
            ];
            judge.push(&sample);
            if n % 20 == 0 {
                left.push(judge.needs().map(|left| left.as_secs()));
                last = judge.in_short(&judge.report());
            }
        }
        assert_eq!(left[..4], [Some(300), Some(200), Some(100), None], "{left:?}");
        let leak = last.iter().find(|row| row.0 == Tag::pool(*b"Leak")).expect("a verdict on Leak");
        // Twenty minutes are too early to be certain.
        assert_eq!(leak.2.gravity, Gravity::Suspected, "{:?}", leak.2);
        assert!(leak.2.brief.starts_with("suspect "), "{:?}", leak.2);
        assert!(leak.2.lines[0].contains("Leak (nonpaged) likely leaks"), "{:?}", leak.2);
        assert!(!last.iter().any(|row| row.0 == Tag::pool(*b"Rest")));
    }

    /// A screen waits for the first sample, and for nothing that only verdicts need.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_first_sample_waits_for_nothing() {
        let origin = Arc::new(Origin::new(SourceKind::Linux, &[Pool::Unreclaimable]));
        let mut judge = LiveJudge::new(&origin);
        let mut sample = Sample::new(Arc::clone(&origin), CounterWidth::Bits64);
        sample.time = Timestamp::from_second(1_800_000_000).ok();
        assert_eq!(judge.patience, Duration::ZERO);
        judge.push(&sample);
        assert_eq!(judge.patience, PATIENCE);
        assert!(judge.needs().is_some() && judge.merged.get().is_none(), "no one asked for verdicts yet");
        judge.report();
        assert!(judge.merged.get().is_some());
    }

    #[test]
    fn rows_in_lockstep_name_the_same_row() {
        let origin = Arc::new(Origin::new(SourceKind::Windows, &[Pool::Nonpaged]));
        let mut judge = LiveJudge::new(&origin);
        // Uneven steps, each of which both rows take.
        let mut lost = 0;
        for n in 0..600_u64 {
            let mut sample = Sample::new(Arc::clone(&origin), CounterWidth::Bits32);
            sample.time = Timestamp::from_second(1_800_000_000 + i64::try_from(n * 60).unwrap()).ok();
            lost += (n * n * 7919) % 11;
            let row = |tag: &[u8; 4], lost: u64, size: u64| {
                Row::windows(Tag::pool(*tag), Pool::Nonpaged, 1_000 + lost, 0, (1_000 + lost) * size)
            };
            sample.rows = vec![row(b"LkA ", lost, 512), row(b"LkB ", lost, 64), row(b"Rest", n % 7, 96)];
            judge.push(&sample);
        }
        let rows = judge.in_short(&judge.report());
        let with = |tag: &[u8; 4]| {
            let (.., verdict) = rows.iter().find(|row| row.0 == Tag::pool(*tag)).expect("a verdict");
            verdict.lockstep.as_ref().map(|key| key.tag.to_string())
        };
        assert!(with(b"LkA ").is_some_and(|tag| tag.starts_with("Lk")), "{rows:?}");
        assert_eq!(with(b"LkA "), with(b"LkB "));
        assert!(!rows.iter().any(|row| row.0 == Tag::pool(*b"Rest") && row.2.lockstep.is_some()), "{rows:?}");
    }
}
