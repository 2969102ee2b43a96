//! Verdicts for the live screen: `poolmon-leak` over the samples as they come.

use std::sync::Arc;

use jiff::tz::TimeZone;
use poolmon_leak::{Analysis, AnalysisConfig, Verdict, VerdictKind};
use poolmon_model::units::human_rate;
use poolmon_model::{Gravity, RowVerdict, Sample};
use poolmon_tui::{LiveVerdicts, VerdictSource};

/// Keeps a bounded series of each row and judges it.
pub struct LiveJudge {
    analysis: Analysis,
    zone: TimeZone,
}

impl LiveJudge {
    /// Before the first sample.
    pub fn new() -> Self {
        Self { analysis: Analysis::new(AnalysisConfig::live()), zone: TimeZone::system() }
    }
}

impl VerdictSource for LiveJudge {
    fn push(&mut self, sample: &Sample) {
        self.analysis.push(sample);
    }

    fn judge(&mut self) -> LiveVerdicts {
        if let Some(left) = self.analysis.needs() {
            return LiveVerdicts { rows: Vec::new(), left: Some(left) };
        }
        let report = self.analysis.report();
        let reported = |verdict: &Verdict| {
            Some((verdict.tag.clone(), verdict.pool, Arc::new(row_verdict(verdict, &self.zone)?)))
        };
        LiveVerdicts { rows: report.verdicts.iter().filter_map(reported).collect(), left: None }
    }
}

/// What is in the row; `None` if there is nothing to show.
fn row_verdict(verdict: &Verdict, zone: &TimeZone) -> Option<RowVerdict> {
    let rate = || human_rate(verdict.bytes.per_hour);
    let (gravity, brief) = match verdict.kind {
        VerdictKind::Leaking => (Gravity::Leaking, format!("leaks {}", rate())),
        VerdictKind::Suspected => (Gravity::Growing, format!("suspect {}", rate())),
        VerdictKind::Growing => (Gravity::Growing, format!("grows {}", rate())),
        VerdictKind::WarmingUp => (Gravity::Explained, "levels off".to_owned()),
        VerdictKind::LoadDriven => (Gravity::Explained, "with the load".to_owned()),
        VerdictKind::Step => (Gravity::Explained, "one jump".to_owned()),
        VerdictKind::Steady | VerdictKind::TooLittleData => return None,
    };
    let lines = std::iter::once(verdict.sentence(zone)).chain(verdict.reasons.iter().cloned()).collect();
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and a rank is all it is for")]
    Some(RowVerdict { gravity, brief, lines, bytes_per_hour: verdict.bytes.per_hour as i64 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use poolmon_model::{CounterWidth, Origin, Pool, Row, SourceKind, Tag};

    #[test]
    fn says_how_much_longer_and_then_what_leaks() {
        let origin = Arc::new(Origin::new(SourceKind::Windows, &[Pool::Nonpaged]));
        let mut judge = LiveJudge::new();
        let mut left = Vec::new();
        let mut last = LiveVerdicts::default();
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
                last = judge.judge();
                left.push(last.left.map(|left| left.as_secs()));
            }
        }
        assert_eq!(left[..4], [Some(300), Some(200), Some(100), None], "{left:?}");
        let leak = last.rows.iter().find(|row| row.0 == Tag::pool(*b"Leak")).expect("a verdict on Leak");
        assert_eq!(leak.2.gravity, Gravity::Leaking, "{:?}", leak.2);
        assert!(leak.2.brief.starts_with("leaks ") && leak.2.lines[0].contains("Leak (nonpaged) leaks"));
        assert!(!last.rows.iter().any(|row| row.0 == Tag::pool(*b"Rest")));
    }
}
