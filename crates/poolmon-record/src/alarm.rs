//! Verdicts while it is recorded: what begins to leak, and what no longer does.

use std::mem;

use jiff::tz::TimeZone;
use poolmon_leak::{Analysis, AnalysisConfig, Level, Report, Verdict, VerdictKind};
use poolmon_model::{Pool, Sample, Tag};

/// Seconds from one judgement to the next.
const EVERY: i64 = 60;

/// Judgements in a row that agree before anything is said: one may be a flicker.
const AGREE: u32 = 2;

/// Judgements in a row without a leak before it counts as over.
const OVER: u32 = 10;

/// Keeps a bounded series of each row, and says what changed.
pub struct Alarm {
    analysis: Analysis,
    zone: TimeZone,
    /// Time of the last judgement, seconds.
    judged: Option<i64>,
    suspects: Vec<Suspect>,
}

struct Suspect {
    tag: Tag,
    pool: Pool,
    /// Judgements in a row that it leaked.
    leaked: u32,
    /// Judgements in a row that it did not.
    calm: u32,
    reported: bool,
}

/// A change in sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It leaks, as of now.
    Leaks(String),
    /// It no longer does.
    Over(String),
}

impl Alarm {
    /// Before the first sample.
    pub fn new() -> Self {
        Self {
            analysis: Analysis::new(AnalysisConfig::live()),
            zone: TimeZone::system(),
            judged: None,
            suspects: Vec::new(),
        }
    }

    /// Takes a sample; about every minute it says what changed.
    pub fn push(&mut self, sample: &Sample) -> Vec<Change> {
        self.analysis.push(sample);
        let Some(now) = sample.time.map(jiff::Timestamp::as_second) else { return Vec::new() };
        // The clock may have been set back.
        let waits = self.judged.is_some_and(|judged| (0..EVERY).contains(&(now - judged)));
        if waits || self.analysis.needs().is_some() {
            return Vec::new();
        }
        self.judged = Some(now);
        let report = self.analysis.report();
        self.compare(&report)
    }

    fn compare(&mut self, report: &Report) -> Vec<Change> {
        let mut changes = Vec::new();
        for verdict in report.ranked(&[VerdictKind::Leaking, VerdictKind::Suspected], is_likely) {
            let known = |own: &Suspect| own.pool == verdict.pool && own.tag == verdict.tag;
            let at = self.suspects.iter().position(known).unwrap_or_else(|| {
                let (tag, pool) = (verdict.tag.clone(), verdict.pool);
                self.suspects.push(Suspect { tag, pool, leaked: 0, calm: 0, reported: false });
                self.suspects.len() - 1
            });
            let Some(suspect) = self.suspects.get_mut(at) else { continue };
            suspect.leaked += 1;
            suspect.calm = 0;
            if suspect.leaked == AGREE && !mem::replace(&mut suspect.reported, true) {
                changes.push(Change::Leaks(verdict.sentence(&self.zone)));
            }
        }
        // A member of a group that another member stands for now has not stopped.
        let leaks = |suspect: &Suspect| {
            let same = |verdict: &&Verdict| verdict.pool == suspect.pool && verdict.tag == suspect.tag;
            report.verdicts.iter().find(same).is_some_and(is_likely)
        };
        for suspect in &mut self.suspects {
            if leaks(suspect) {
                suspect.calm = 0;
            } else {
                suspect.leaked = 0;
                suspect.calm += 1;
            }
            if suspect.reported && suspect.calm == OVER {
                let verdict =
                    report.verdicts.iter().find(|own| own.pool == suspect.pool && own.tag == suspect.tag);
                let now = verdict.map_or_else(|| suspect.tag.to_string(), |own| own.sentence(&self.zone));
                changes.push(Change::Over(format!("no longer called a leak: {now}")));
            }
        }
        self.suspects.retain(|suspect| suspect.calm < OVER);
        changes
    }
}

/// Whether it is worth an alarm: in the first hours, a steady leak is likely and not yet certain.
fn is_likely(verdict: &Verdict) -> bool {
    verdict.surely() >= Some(Level::Likely)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;
    use poolmon_model::{CounterWidth, Origin, Row, SourceKind};

    use super::*;

    /// A sample every five seconds: a busy tag, and one that leaks from `from` to `to`.
    fn changes(samples: u64, from: u64, to: u64) -> Vec<(u64, Change)> {
        let origin = Arc::new(Origin::new(SourceKind::Windows, &[Pool::Nonpaged]));
        let mut alarm = Alarm::new();
        let mut said = Vec::new();
        for n in 0..samples {
            let mut sample = Sample::new(Arc::clone(&origin), CounterWidth::Bits32);
            sample.time = Timestamp::from_second(1_800_000_000 + i64::try_from(n * 5).unwrap()).ok();
            let noise = 5_000 + (n * 7919) % 97;
            let lost = n.clamp(from, to) - from;
            let busy = (100_000 + n * 500, 100_000 + n * 500 - noise, noise * 256);
            sample.rows = vec![
                Row::windows(Tag::pool(*b"Busy"), Pool::Nonpaged, busy.0, busy.1, busy.2),
                Row::windows(
                    Tag::pool(*b"Leak"),
                    Pool::Nonpaged,
                    1_000 + lost * 50,
                    100,
                    (900 + lost * 50) * 1024,
                ),
            ];
            said.extend(alarm.push(&sample).into_iter().map(|change| (n, change)));
        }
        said
    }

    #[test]
    fn a_leak_is_told_once() {
        let said = changes(400, 0, 1000);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(
            matches!(&said[0].1, Change::Leaks(text) if text.contains("Leak (nonpaged) likely leaks")),
            "{said:?}"
        );
        assert!(said[0].0 < 240, "within twenty minutes: {said:?}");
    }

    #[test]
    fn nothing_is_said_of_noise() {
        assert_eq!(changes(400, 1000, 1000), []);
    }

    #[test]
    fn the_end_of_a_leak_is_told_too() {
        let said = changes(3000, 0, 300);
        let kinds: Vec<bool> = said.iter().map(|(_, change)| matches!(change, Change::Leaks(_))).collect();
        assert_eq!(kinds, [true, false], "{said:?}");
        assert!(matches!(&said[1].1, Change::Over(text) if text.contains("Leak (nonpaged)")), "{said:?}");
    }
}
