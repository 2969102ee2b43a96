//! The judge's answer, as the cases ask about it.

use jiff::tz::TimeZone;
use poolmon_leak::{Analysis, AnalysisConfig, Report, Verdict, VerdictKind};
use poolmon_model::Sample;
use poolmon_report::words;

/// A judged history.
pub struct Judged {
    report: Report,
    samples: Vec<Sample>,
}

impl Judged {
    /// Judges samples as `poolmon leaks` does.
    pub fn of(samples: Vec<Sample>) -> Self {
        let mut analysis = Analysis::new(AnalysisConfig::default());
        for sample in &samples {
            analysis.push(sample);
        }
        Self { report: analysis.report(), samples }
    }

    fn verdict(&self, tag: &str) -> &Verdict {
        let found = self.report.verdicts.iter().find(|verdict| name(verdict) == tag);
        found.unwrap_or_else(|| panic!("no row {tag}"))
    }

    /// Tags in the order of the lines that name them: leaks first, then what grows.
    pub fn lines(&self) -> Vec<String> {
        let named = self.report.ranked(&[VerdictKind::Leaking, VerdictKind::Suspected], |_| true);
        let lines = named.into_iter().chain(self.report.ranked(&VerdictKind::UNEXPLAINED, |_| true));
        lines.map(name).collect()
    }

    /// Tags of the lines that are called leaks.
    pub fn leaks(&self) -> Vec<String> {
        self.report.causes(VerdictKind::Leaking, |_| true).into_iter().map(name).collect()
    }

    /// Tags of the lines that are called leaks or suspects.
    pub fn suspects(&self) -> Vec<String> {
        let kinds = [VerdictKind::Leaking, VerdictKind::Suspected];
        self.report.ranked(&kinds, |_| true).into_iter().map(name).collect()
    }

    /// Everything that is said of a row.
    pub fn said(&self, tag: &str) -> String {
        let verdict = self.verdict(tag);
        format!("{}\n{}", verdict.sentence(&TimeZone::UTC), verdict.reasons.join("\n"))
    }

    /// What is said of the pools.
    pub fn pools(&self) -> String {
        words::pools(&self.report)
    }

    /// The lower end of a row's rate, bytes an hour.
    pub fn low(&self, tag: &str) -> f64 {
        self.verdict(tag).bytes.low
    }

    /// The rate of a row's lockstep group, or its own, bytes an hour.
    pub fn group_rate(&self, tag: &str) -> f64 {
        let verdict = self.verdict(tag);
        self.report.group_of(verdict).map_or(verdict.bytes.per_hour, |group| group.bytes_per_hour)
    }

    /// Tags of a row's lockstep group, sorted; empty if it is in none.
    pub fn group(&self, tag: &str) -> Vec<String> {
        let group = self.report.group_of(self.verdict(tag));
        let members = group.map(|group| group.members.as_slice()).unwrap_or_default();
        let mut tags: Vec<String> = members.iter().map(|&at| name(&self.report.verdicts[at])).collect();
        tags.sort();
        tags
    }

    /// The culprit of a row's group.
    pub fn culprit(&self, tag: &str) -> Option<String> {
        let group = self.report.group_of(self.verdict(tag))?;
        self.report.verdicts.get(group.culprit).map(name)
    }

    /// How often the outstanding allocations of a row fell from sample to sample.
    pub fn falls(&self, tag: &str) -> usize {
        let held = |sample: &Sample| {
            let row = sample.rows.iter().find(|row| row.tag.to_string() == tag)?;
            row.counters.diff(sample.width)
        };
        self.samples.windows(2).filter(|pair| held(&pair[1]) < held(&pair[0])).count()
    }
}

fn name(verdict: &Verdict) -> String {
    verdict.tag.to_string()
}
