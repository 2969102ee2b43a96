//! A file that begins before the one that precedes it ends: rotated logs share their ends, and logs of two machines cover the same
//! time. Counters show which it is.

use jiff::Timestamp;
use poolmon_model::Sample;
use poolmon_model::delta::RowIndex;

use crate::counted::rises;
use crate::part::Part;
use crate::{Holds, Remark, RemarkKind};

/// The end of what was read, where the next file begins before it.
struct Joint {
    /// The last sample before this file.
    last: Sample,
    until: Timestamp,
    /// The file that it is from.
    before: String,
    /// Samples of this file that were skipped.
    skipped: u64,
    /// Something shows that this file is of the same machine.
    is_same: bool,
}

/// Where the files of a series meet.
#[derive(Default)]
pub(crate) struct Joints {
    /// The latest time so far.
    latest: Option<Timestamp>,
    /// The last sample, once it is later than the next file begins.
    last: Option<Sample>,
    joint: Option<Joint>,
    /// What was said already: a series may be read several times.
    said: Vec<String>,
}

impl Joints {
    /// The series begins again.
    pub(crate) fn rewind(&mut self) {
        (self.latest, self.last, self.joint) = (None, None, None);
    }

    /// A file, `before`, ended or is left out, and another one follows.
    pub(crate) fn turn(&mut self, before: &str, next: Option<&Part>) -> Option<Remark> {
        let mut before = before.to_owned();
        let mut said = None;
        if let Some(joint) = self.joint.take() {
            said = if before.is_empty() { None } else { self.skipped(&joint, &before) };
            before = joint.before;
            self.last = Some(joint.last);
        }
        let begins = next.filter(|part| may_overlap(part)).and_then(|part| part.start);
        let overlaps = begins.zip(self.latest).is_some_and(|(begins, latest)| begins < latest);
        if let Some((until, last)) = self.latest.zip(self.last.take()).filter(|_| overlaps) {
            self.joint = Some(Joint::new(last, until, before));
        }
        said
    }

    /// Judges the next sample of `file`, and says what was skipped before it, or that the file is left out. The next file begins at
    /// `next`.
    pub(crate) fn judge(
        &mut self,
        sample: &Sample,
        file: &str,
        next: Option<Timestamp>,
    ) -> (AtJoint, Option<Remark>) {
        let at = self.joint.as_mut().map_or(AtJoint::GoesOn, |joint| joint.judge(sample));
        let said = match at {
            AtJoint::Earlier => None,
            AtJoint::GoesOn => {
                self.latest = self.latest.max(sample.time);
                if next.zip(self.latest).is_some_and(|(next, latest)| next < latest) {
                    self.last.get_or_insert_with(Sample::empty).clone_from(sample);
                }
                self.joint.take().and_then(|joint| self.skipped(&joint, file))
            }
            AtJoint::Other => {
                let before = self.joint.as_ref().map(|joint| joint.before.clone()).unwrap_or_default();
                self.say(format!(
                    "left out: {file}: it begins before {before} ends, and its figures do not go on from there, as those of \
                        another machine; read it alone"
                ))
            }
        };
        (at, said)
    }

    fn skipped(&mut self, joint: &Joint, file: &str) -> Option<Remark> {
        let (are, before) = (if joint.skipped == 1 { "sample is" } else { "samples are" }, &joint.before);
        let text = format!("{file}: {} {are} left out: not later than those of {before}", joint.skipped);
        if joint.skipped == 0 { None } else { self.say(text) }
    }

    fn say(&mut self, text: String) -> Option<Remark> {
        if self.said.contains(&text) {
            return None;
        }
        self.said.push(text.clone());
        Some(Remark::new(RemarkKind::FileLeftOut, text))
    }
}

/// What a sample at a joint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtJoint {
    /// It is not later than what was read.
    Earlier,
    /// It goes on where the other file ended.
    GoesOn,
    /// It is of another machine, or nothing shows that it is of the same.
    Other,
}

impl Joint {
    fn new(last: Sample, until: Timestamp, before: String) -> Self {
        Self { last, until, before, skipped: 0, is_same: false }
    }

    fn judge(&mut self, sample: &Sample) -> AtJoint {
        let Some(time) = sample.time else { return AtJoint::GoesOn };
        if time > self.until {
            let goes_on = fits(&self.last, sample).unwrap_or(self.is_same);
            return if goes_on { AtJoint::GoesOn } else { AtJoint::Other };
        }
        self.skipped += 1;
        if time == self.until && self.last.rows == sample.rows {
            self.is_same = true;
        } else if fits(sample, &self.last) == Some(false) {
            return AtJoint::Other;
        }
        AtJoint::Earlier
    }
}

/// When the first of these files begins that may overlap those before it.
pub(crate) fn begin(parts: &[Part]) -> Option<Timestamp> {
    parts.iter().find(|part| may_overlap(part))?.start
}

fn may_overlap(part: &Part) -> bool {
    matches!(part.format.holds, Holds::Rows | Holds::Totals)
}

/// Whether the counts of allocations of one sample can be those of the machine after the other; `None` if no row has both.
fn fits(before: &Sample, after: &Sample) -> Option<bool> {
    let mut index = RowIndex::default();
    rises(before.rows.iter().enumerate().filter_map(|(at, row)| {
        let now = index.find(&after.rows, row, at).and_then(|(_, now)| now.counters.allocs);
        row.counters.allocs.zip(now)
    }))
}

#[cfg(test)]
mod tests {
    use poolmon_model::{Pool, Row, Tag};

    use super::*;

    fn sample(seconds: i64, allocs: [u64; 3]) -> Sample {
        let mut sample = Sample::empty();
        sample.time = Timestamp::from_second(seconds).ok();
        sample.rows = allocs
            .iter()
            .zip([*b"Tst1", *b"Tst2", *b"Tst3"])
            .map(|(allocs, tag)| Row::windows(Tag::pool(tag), Pool::Paged, *allocs, 0, 16))
            .collect();
        sample
    }

    fn joint() -> Joint {
        Joint::new(sample(100, [1000, 2000, 3000]), Timestamp::from_second(100).unwrap(), "a.log".into())
    }

    #[test]
    fn a_rotated_log_goes_on() {
        let mut joint = joint();
        assert_eq!(joint.judge(&sample(90, [900, 1900, 2900])), AtJoint::Earlier);
        assert_eq!(joint.judge(&sample(100, [1000, 2000, 3000])), AtJoint::Earlier);
        assert_eq!(joint.judge(&sample(110, [1100, 2100, 3100])), AtJoint::GoesOn);
        assert_eq!(joint.skipped, 2);
    }

    #[test]
    fn another_machine_has_counted_more_or_less() {
        assert_eq!(joint().judge(&sample(90, [50_000, 60_000, 70_000])), AtJoint::Other);
        let mut joint = joint();
        assert_eq!(joint.judge(&sample(90, [9, 19, 29])), AtJoint::Earlier);
        assert_eq!(joint.judge(&sample(110, [10, 20, 30])), AtJoint::Other);
    }

    #[test]
    fn without_counters_only_the_same_sample_shows_the_machine() {
        let bare = |seconds, bytes| {
            let mut sample = sample(seconds, [1, 1, 1]);
            for row in &mut sample.rows {
                (row.counters.allocs, row.counters.bytes) = (None, Some(bytes));
            }
            sample
        };
        let joint = || Joint::new(bare(100, 64), Timestamp::from_second(100).unwrap(), "a.log".into());
        assert_eq!(joint().judge(&bare(110, 64)), AtJoint::Other);
        let mut joint = joint();
        assert_eq!(joint.judge(&bare(100, 64)), AtJoint::Earlier);
        assert_eq!(joint.judge(&bare(110, 96)), AtJoint::GoesOn);
    }

    #[test]
    fn counts_of_32_bits_begin_again() {
        let last = sample(100, [u64::from(u32::MAX) - 5, 2000, 3000]);
        let mut joint = Joint::new(last, Timestamp::from_second(100).unwrap(), "a.log".into());
        assert_eq!(joint.judge(&sample(110, [7, 2001, 3001])), AtJoint::GoesOn);
    }
}
