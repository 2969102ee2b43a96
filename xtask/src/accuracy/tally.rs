//! Sums over hosts: of all, by length, by mechanism.

use std::collections::BTreeMap;

use poolmon_synth::mechanisms::{Length, Mechanism};

use crate::baselines::METHODS;
use crate::judge::LEVELS;
use crate::score::{Scored, Wanted, Worth};

/// How many of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Hits.
    pub hits: usize,
    /// Cases.
    pub of: usize,
}

impl Share {
    pub fn add(&mut self, hit: bool) {
        self.hits += usize::from(hit);
        self.of += 1;
    }

    /// 0 to 1; `None` without a case.
    pub fn value(self) -> Option<f64> {
        (self.of > 0).then(|| self.hits as f64 / self.of as f64)
    }
}

/// A method without a judge.
#[derive(Clone, Copy, Debug, Default)]
pub struct MethodTally {
    /// Its first row belongs to the worst leak.
    pub top: Share,
    /// Leaks found in as many rows as there are leaks.
    pub in_first: Share,
    /// Rows claimed that leak.
    pub precision: Share,
}

/// Sums over hosts of one length, or over all.
#[derive(Clone, Debug, Default)]
pub struct Sums {
    /// Hosts.
    pub hosts: usize,
    /// The first line is about the worst wanted leak.
    pub top: Share,
    /// Leaks found in as many lines as there are leaks.
    pub in_first: Share,
    /// Wanted leaks named, at each level or a more certain one.
    pub recall: [Share; LEVELS.len()],
    /// Lines that are right, at each level or a more certain one.
    pub precision: [Share; LEVELS.len()],
    /// Lines that are neither right nor wrong, at each level or a more certain one.
    pub neutral: [usize; LEVELS.len()],
    /// The culprit is named, of leaks that have several rows and are named.
    pub culprit: Share,
    /// Intervals that hold the true rate, of lines at each level alone.
    pub inside: [Share; LEVELS.len()],
    /// Errors of the rates, as a part of the true ones.
    pub rate_errors: Vec<f64>,
    /// Errors of the onsets, as a part of the recording.
    pub onset_errors: Vec<f64>,
    /// Methods without a judge, in the order of [`METHODS`].
    pub methods: [MethodTally; METHODS.len()],
}

impl Sums {
    fn add(&mut self, scored: &Scored) {
        self.hosts += 1;
        if let Some(top) = scored.top {
            self.top.add(top);
        }
        for wanted in &scored.wanted {
            self.in_first.add(wanted.in_first);
            add_recall(&mut self.recall, wanted);
            if let Some(right) = wanted.culprit {
                self.culprit.add(right);
            }
            for (method, found) in self.methods.iter_mut().zip(&wanted.by_method) {
                method.in_first.add(*found);
            }
        }
        for line in &scored.lines {
            for level in line.level..LEVELS.len() {
                match line.worth {
                    Worth::Neutral => self.neutral[level] += 1,
                    worth => self.precision[level].add(worth == Worth::True),
                }
            }
            if let Some(inside) = line.inside {
                self.inside[line.level].add(inside);
            }
            self.rate_errors.extend(line.rate_error);
            self.onset_errors.extend(line.onset_error);
        }
        for (sum, method) in self.methods.iter_mut().zip(&scored.methods) {
            if scored.top.is_some() {
                sum.top.add(method.top);
            }
            if let Some((right, wrong)) = method.claimed {
                sum.precision.hits += right;
                sum.precision.of += right + wrong;
            }
        }
    }
}

fn add_recall(recall: &mut [Share; LEVELS.len()], wanted: &Wanted) {
    for (level, share) in recall.iter_mut().enumerate() {
        share.add(wanted.level.is_some_and(|named| named <= level));
    }
}

/// Sums over leaks or rows of one mechanism.
#[derive(Clone, Debug, Default)]
pub struct ByMechanism {
    /// Wanted leaks named, at each level or a more certain one.
    pub recall: [Share; LEVELS.len()],
    /// Wanted leaks named at any level, by length.
    pub by_length: BTreeMap<Length, Share>,
    /// Wrong lines at each level alone.
    pub wrong: [usize; LEVELS.len()],
    /// Neutral lines at each level alone.
    pub neutral: [usize; LEVELS.len()],
}

/// Bins of the reliability diagram.
pub const BINS: usize = 10;

/// Rows by stated confidence, in tenths.
#[derive(Clone, Debug, Default)]
pub struct Reliability {
    /// Sum of the confidences, rows that leak, rows; one for each tenth.
    pub bins: [(f64, usize, usize); BINS],
}

impl Reliability {
    fn add(&mut self, confidence: f64, leaks: bool) {
        let bin = ((confidence * BINS as f64).floor().max(0.0) as usize).min(BINS - 1);
        self.bins[bin].0 += confidence;
        self.bins[bin].1 += usize::from(leaks);
        self.bins[bin].2 += 1;
    }

    /// Mean distance between stated and true share, weighted by rows; the lowest bin, which holds nearly all rows, is left out.
    pub fn error(&self) -> Option<f64> {
        let bins = self.bins.iter().skip(1);
        let rows: usize = bins.clone().map(|bin| bin.2).sum();
        let off: f64 = bins.map(|bin| (bin.0 - bin.1 as f64).abs()).sum();
        (rows > 0).then(|| off / rows as f64)
    }
}

/// Sums over all hosts.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Of all lengths.
    pub all: Sums,
    /// By length.
    pub lengths: BTreeMap<Length, Sums>,
    /// By mechanism.
    pub mechanisms: BTreeMap<Mechanism, ByMechanism>,
    /// By stated confidence.
    pub reliability: Reliability,
}

impl Tally {
    /// Adds a host.
    pub fn add(&mut self, scored: Scored) {
        self.all.add(&scored);
        self.lengths.entry(scored.length).or_default().add(&scored);
        for wanted in &scored.wanted {
            let sums = self.mechanisms.entry(wanted.mechanism).or_default();
            add_recall(&mut sums.recall, wanted);
            sums.by_length.entry(scored.length).or_default().add(wanted.level.is_some());
        }
        for line in &scored.lines {
            let sums = self.mechanisms.entry(line.mechanism).or_default();
            match line.worth {
                Worth::False => sums.wrong[line.level] += 1,
                Worth::Neutral => sums.neutral[line.level] += 1,
                Worth::True => {}
            }
        }
        for (confidence, leaks) in scored.confidences {
            self.reliability.add(confidence, leaks);
        }
    }
}

/// The value below which this share of all values is.
pub fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted: Vec<f64> = values.iter().map(|value| value.abs()).collect();
    sorted.sort_by(f64::total_cmp);
    let at = ((sorted.len() as f64 - 1.0) * share).round().max(0.0) as usize;
    sorted.get(at).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidences_that_hold_have_no_error() {
        let mut good = Reliability::default();
        let mut bad = Reliability::default();
        for row in 0..100 {
            good.add(0.75, row < 75);
            bad.add(0.95, row < 45);
        }
        assert!(good.error().unwrap() < 1e-9);
        assert!((bad.error().unwrap() - 0.5).abs() < 1e-9);
        assert_eq!(Reliability::default().error(), None);
    }

    #[test]
    fn quantiles_are_of_sizes() {
        assert_eq!(quantile(&[-3.0, 1.0, 2.0], 0.5), Some(2.0));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
