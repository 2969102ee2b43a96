//! Limits of bytes, over a series of samples: what exceeds one is reported once, until it holds less again.

use std::collections::BTreeSet;

use poolmon_model::limit::Excess;
use poolmon_model::{Limit, Sample, Tag};

#[derive(Debug, Default)]
pub struct Limits {
    limits: Vec<Limit>,
    /// Number of the limit, and what exceeded it in the last sample.
    exceeded: BTreeSet<(usize, Tag)>,
}

impl Limits {
    pub fn new(limits: Vec<Limit>) -> Self {
        Self { limits, exceeded: BTreeSet::new() }
    }

    /// What exceeds a limit and did not in the sample before.
    pub fn push(&mut self, sample: &Sample) -> Vec<Excess> {
        let mut now = BTreeSet::new();
        let mut new = Vec::new();
        for (number, limit) in self.limits.iter().enumerate() {
            for excess in limit.excesses(sample) {
                let key = (number, excess.tag.clone());
                if !self.exceeded.contains(&key) && !now.contains(&key) {
                    new.push(excess);
                }
                now.insert(key);
            }
        }
        self.exceeded = now;
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use poolmon_model::{Pool, Row};

    #[test]
    fn an_excess_is_reported_once_until_it_is_over() {
        let mut limits = Limits::new(vec!["Leak>1KiB".parse().unwrap(), "*>1MiB".parse().unwrap()]);
        let reported: Vec<usize> = [0, 2048, 2049, 1024, 4096, 2 << 20]
            .map(|bytes| {
                let mut sample = Sample::empty();
                sample.rows = vec![Row::windows(Tag::pool(*b"Leak"), Pool::Paged, 1, 0, bytes)];
                limits.push(&sample).len()
            })
            .into();
        assert_eq!(reported, [0, 1, 0, 0, 1, 1]);
    }
}
