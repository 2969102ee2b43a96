//! Verdicts for the live screen.

use poolmon_holder::Census;
use poolmon_model::Sample;
use poolmon_tui::{LiveVerdicts, VerdictSource};

/// Judges the samples that the screen shows.
pub struct LiveJudge(pub poolmon_watch::LiveJudge);

impl VerdictSource for LiveJudge {
    fn push(&mut self, sample: &Sample) {
        self.0.push(sample);
    }

    fn push_past(&mut self, sample: &Sample) {
        self.0.push_past(sample);
    }

    fn holders(&mut self) -> Option<Census> {
        self.0.holders()
    }

    fn judge(&mut self) -> LiveVerdicts {
        let left = self.0.needs();
        let rows = if left.is_some() { Vec::new() } else { self.0.in_short(&self.0.report()) };
        LiveVerdicts { rows, left }
    }
}
