//! Recordings: folders of segments that `poolmon record` writes, or one segment.

use jiff::{SignedDuration, Timestamp};
use poolmon_holder::Digest;
use poolmon_model::units::span;
use poolmon_model::{CacheMaker, Sample, Summary};
use poolmon_store::MAGIC;
use poolmon_store::{Changed, Cursor, Losses, Recording, Stretch, TimedMark, folder};

use crate::recorded_tape::RecordedTimeline;
use crate::remark::{Remark, RemarkKind};
use crate::samples::{Earlier, SamplePair};
use crate::{FileFormat, FormatGroup, Holds, Input, Result, Samples};

pub(crate) static FORMAT: FileFormat = FileFormat {
    id: "recording",
    title: "a recording",
    about: "A recording of `poolmon record`: a folder of .plog files, or one of them",
    group: FormatGroup::Any,
    holds: Holds::Recording,
    recognise,
    open: |input, _| Ok(Box::new(RecordedSamples::new(Recording::open(input.file()?)?))),
};

fn recognise(input: &Input) -> bool {
    let is_segment = |path: &std::path::PathBuf| path.extension().is_some_and(|end| end == folder::ENDING);
    match input.files() {
        Some(files) => files.iter().any(is_segment),
        None => input.start().starts_with(&MAGIC) || input.has_ending(&[folder::ENDING]),
    }
}

/// A recording, read sample by sample.
pub(crate) struct RecordedSamples {
    pub(crate) recording: Recording,
    pub(crate) cursor: Cursor,
    changed: Option<Vec<u32>>,
    /// What `changed` was; its memory is used again.
    spare: Vec<u32>,
    pub(crate) timeline: RecordedTimeline,
    /// By how much the last sample's time is moved.
    pub(crate) shift: Option<i64>,
    remarks: Vec<Remark>,
}

impl RecordedSamples {
    pub(crate) fn new(recording: Recording) -> Self {
        Self {
            cursor: recording.cursor(),
            timeline: RecordedTimeline::new(&recording),
            recording,
            changed: None,
            spare: Vec::new(),
            shift: None,
            remarks: Vec::new(),
        }
    }

    /// Looks for segments that a recorder began meanwhile.
    pub(crate) fn refresh(&mut self) -> Result<()> {
        self.recording.refresh()?;
        self.cursor.extend(&self.recording);
        Ok(())
    }

    /// Says that the clock was set before this sample, if it was.
    fn mind_clock(&mut self, sample: &mut Sample) {
        self.say_set(self.cursor.shift(), sample);
    }

    /// The same, where the time of this sample is moved by so much.
    fn say_set(&mut self, shift: i64, sample: &mut Sample) {
        self.remarks.clear();
        let set = self.shift.replace(shift).map_or(0, |before| before.saturating_sub(shift));
        // Time servers move clocks by milliseconds all the time, which no figure shows.
        if let Some(time) = sample.time.filter(|_| set.unsigned_abs() >= 1_000_000_000) {
            let way = if set > 0 { "forward" } else { "back" };
            let by = span(std::time::Duration::from_nanos(set.unsigned_abs()));
            let at = time.strftime("%Y-%m-%d %H:%M:%S UTC");
            let text = format!(
                "the clock was set {way} by {by} before {at}: times before that are shown as by the new clock, and rates are those of \
                 the time that passed"
            );
            sample.remarks.push(text.clone());
            self.remarks.push(Remark::new(RemarkKind::Time, text));
        }
    }

    fn forget_changes(&mut self) {
        if let Some(rows) = self.changed.take() {
            self.spare = rows;
        }
    }
}

/// Keeps the rows that changed, in the memory of an earlier list.
fn keep(changed: Changed<'_>, spare: &mut Vec<u32>) -> Option<Vec<u32>> {
    let Changed::Rows(rows) = changed else { return None };
    let mut kept = std::mem::take(spare);
    kept.clear();
    kept.extend_from_slice(rows);
    Some(kept)
}

impl Samples for RecordedSamples {
    fn next_into(&mut self, sample: &mut Sample) -> Result<bool> {
        self.forget_changes();
        if let Some(changed) = self.cursor.next_changed(sample)? {
            self.changed = keep(changed, &mut self.spare);
            self.mind_clock(sample);
            return Ok(true);
        }
        // A recorder may have begun another segment.
        self.refresh()?;
        let Some(changed) = self.cursor.next_changed(sample)? else { return Ok(false) };
        self.changed = keep(changed, &mut self.spare);
        self.mind_clock(sample);
        Ok(true)
    }

    fn remarks(&self) -> &[Remark] {
        &self.remarks
    }

    fn changed(&self) -> Option<&[u32]> {
        self.changed.as_deref()
    }

    fn rewind(&mut self) -> bool {
        self.forget_changes();
        self.cursor = self.recording.cursor();
        self.shift = None;
        true
    }

    fn losses(&self) -> Losses {
        let mut losses = self.cursor.losses();
        // A recorder may be in the middle of a write.
        if losses.torn > 0 && self.recording.is_being_written() {
            losses.torn = 0;
        }
        losses
    }

    fn marks(&mut self) -> Result<Vec<TimedMark>> {
        Ok(self.recording.marks(None, None)?)
    }

    fn makers(&mut self) -> Result<Vec<CacheMaker>> {
        Ok(self.recording.makers()?)
    }

    fn merged(&mut self) -> Result<Vec<Vec<String>>> {
        Ok(self.recording.merged()?)
    }

    fn holders(
        &mut self,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
        each: &mut dyn FnMut(Timestamp, &Digest),
    ) -> Result<u64> {
        Ok(self.recording.holders(from, to, each)?)
    }

    fn span(&mut self) -> Result<Option<(Timestamp, Timestamp)>> {
        let info = self.recording.info()?;
        Ok(info.first.zip(info.last))
    }

    fn at(&mut self, time: Timestamp, earlier: Earlier) -> Result<Option<SamplePair>> {
        let (mut now, mut before) = (Sample::empty(), Sample::empty());
        if !self.cursor.seek(time, &mut now)? {
            return Err(self.recording.no_sample().into());
        }
        let mut too_early = None;
        let shift = self.cursor.shift();
        let found = match earlier {
            Earlier::Previous => self.cursor.previous_sample(&mut before)?,
            Earlier::By(span) => {
                let then = now.time.and_then(|now| earlier_by(now, span));
                let first = self.recording.info()?.first;
                let reached = then.is_some_and(|then| first.is_none_or(|first| then >= first));
                too_early = first.filter(|_| !reached);
                match then.filter(|_| reached) {
                    Some(then) => self.cursor.seek(then, &mut before)?,
                    None => false,
                }
            }
        };
        self.forget_changes();
        if found {
            self.shift = Some(self.cursor.shift());
            self.say_set(shift, &mut now);
        }
        Ok(Some(SamplePair { before: found.then_some(before), now, too_early, outside: None }))
    }

    fn skip_before(&mut self, time: Timestamp) -> Result<()> {
        let mut sample = Sample::empty();
        let before = earlier_by(time, std::time::Duration::from_nanos(1)).unwrap_or(time);
        if self.cursor.seek(before, &mut sample)? && sample.time.is_none_or(|held| held >= time) {
            self.cursor.rewind();
        }
        Ok(())
    }

    fn next_after(&mut self, time: Timestamp, until: Timestamp, sample: &mut Sample) -> Result<bool> {
        self.forget_changes();
        Ok(self.cursor.next_between(time, until, sample)?)
    }

    fn summaries(&mut self, from: Option<Timestamp>, to: Option<Timestamp>) -> Result<usize> {
        // Without summaries, the samples are read instead.
        Ok(self.recording.summaries(from, to).unwrap_or(0))
    }

    fn next_stretch(
        &mut self,
        until: Option<Timestamp>,
        sample: &mut Sample,
        summary: &mut Option<Box<Summary>>,
    ) -> Result<bool> {
        *summary = None;
        self.forget_changes();
        match self.cursor.next_stretch(until, sample)? {
            None => return Ok(false),
            Some(Stretch::Summary(stretch)) => *summary = Some(stretch),
            Some(Stretch::Sample(changed)) => self.changed = keep(changed, &mut self.spare),
        }
        self.mind_clock(sample);
        Ok(true)
    }
}

/// The moment that is `span` before another one.
pub(crate) fn earlier_by(time: Timestamp, span: std::time::Duration) -> Option<Timestamp> {
    time.checked_sub(SignedDuration::try_from(span).ok()?).ok()
}
