//! Plays a tape: motions in, moments out. It runs in the thread that reads.
//!
//! It holds some samples around the shown one, so that steps to either side rarely read, and so that the table, the
//! changes and the trends of a moment are the same on whatever way a person came to it.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use poolmon_model::{CounterWidth, Origin, Pool, Sample, SourceKind, Tag};

use poolmon_source::Fact;

use poolmon_read::tape::{Place, RowPoint, Tape, Timeline};

use crate::history::Point;
use crate::holders::HolderRun;

/// Result of winding; the error is text for a person.
pub type Result<T> = std::result::Result<T, String>;

/// Samples up to the shown one that trends are made of.
pub const LEAD: usize = 16;
/// Steps back that one reading is good for.
const SPARE: usize = 12;
/// Samples held.
const HELD: usize = 48;
/// Reading on is quicker than jumping as long as the target is near.
const NEAR: usize = 64;

/// After every sample: 2200-01-01.
const FAR: i64 = 7_258_118_400;

/// Where to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Motion {
    /// To the first sample.
    Start,
    /// To the last sample.
    End,
    /// One sample on.
    Next,
    /// One sample back.
    Previous,
    /// To the last sample at or before this time.
    To(Timestamp),
    /// To the last sample at or before this time, one sample on at least.
    Forward(Timestamp),
    /// To the last sample at or before this time, one sample back at least.
    Back(Timestamp),
    /// To the first sample at or after the next mark, or (false) the one before.
    Mark(bool),
    /// To the moment that a person typed.
    Said(String),
    /// Nowhere; what was recorded meanwhile is looked at.
    Look,
}

/// What is shown after a motion.
#[derive(Clone, Debug)]
pub struct DeckMoment {
    /// Samples up to the shown one, which is the last; the one before it is what it is compared with.
    pub run: Vec<Arc<Sample>>,
    /// Time of the sample after it.
    pub next: Option<Timestamp>,
    /// There is no sample before it.
    pub at_start: bool,
    /// The tape at a glance, where that was looked at again.
    pub timeline: Option<Timeline>,
}

/// A point of a chart.
fn point(point: &RowPoint) -> Point {
    #[expect(clippy::cast_possible_truncation, reason = "a chart needs no more")]
    Point {
        at: point.time.as_millisecond(),
        bytes: point.counters.bytes.map(|bytes| bytes as f64 as f32),
        diff: point.counters.diff(point.width).map(|diff| diff as f32),
    }
}

struct HeldSample {
    place: Place,
    sample: Arc<Sample>,
}

/// A tape and the samples around the shown one.
pub struct Deck {
    tape: Box<dyn Tape>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    held: VecDeque<HeldSample>,
    at: usize,
    /// Place of the tape's first sample, once it was met.
    first: Option<Place>,
    timeline: Timeline,
    scratch: Sample,
}

impl Deck {
    /// What the tape knows of a row besides its figures: the other names of a merged slab cache.
    pub fn facts(&mut self, tag: &Tag) -> Vec<Fact> {
        let Tag::Name(name) = tag else { return Vec::new() };
        // What cannot be read is left out: the row itself is shown all the same.
        let groups = self.tape.merged().unwrap_or_default();
        let Some(group) = groups.into_iter().find(|group| group.iter().any(|one| **one == **name)) else {
            return Vec::new();
        };
        let others: Vec<String> = group.into_iter().filter(|one| **one != **name).collect();
        vec![Fact { title: "Aliases".into(), value: others.join(", ") }]
    }

    /// Who held objects at the counts up to a moment, for the view of holders.
    ///
    /// # Errors
    /// Where the tape cannot be read.
    pub fn holders(&mut self, to: Timestamp) -> Result<HolderRun> {
        let first = (self.at + 1).saturating_sub(LEAD);
        let from = self.time_at(first).unwrap_or(to);
        let earlier = |by| from.checked_sub(jiff::SignedDuration::from_mins(by)).unwrap_or(from);
        // Counts may be further apart than samples.
        for from in [from, earlier(10), earlier(60)] {
            let mut counts = Vec::new();
            self.tape
                .holders(Some(from), Some(to), &mut |_, digest| counts.push(Arc::new(digest.census())))?;
            if counts.len() > 1 || from == earlier(60) {
                counts.drain(..counts.len().saturating_sub(LEAD));
                return Ok(HolderRun { counts, replaces: true });
            }
        }
        Ok(HolderRun { counts: Vec::new(), replaces: true })
    }

    /// A deck that shows its first sample. Samples outside `from..=to` are not gone to.
    ///
    /// # Errors
    /// Where the tape cannot be read, or has no sample there.
    pub fn new(tape: Box<dyn Tape>, from: Option<Timestamp>, to: Option<Timestamp>) -> Result<Self> {
        let origin = Arc::new(Origin::new(SourceKind::Recording, &[]));
        let mut deck = Self {
            tape,
            from,
            to,
            held: VecDeque::with_capacity(HELD + 1),
            at: 0,
            first: None,
            timeline: Timeline {
                first: Timestamp::UNIX_EPOCH,
                last: Timestamp::UNIX_EPOCH,
                totals: Vec::new(),
                marks: Vec::new(),
                interval: std::time::Duration::ZERO,
                growing: false,
                numbered: false,
            },
            scratch: Sample::new(origin, CounterWidth::default()),
        };
        deck.look()?;
        deck.start()?;
        let shown = deck.time();
        if deck.from.is_some_and(|from| shown < from) || deck.to.is_some_and(|to| shown > to) {
            return Err(format!("{}: no sample in this range", deck.tape.name()));
        }
        Ok(deck)
    }

    /// About `count` points of one row in `from..=to`, for a chart.
    ///
    /// # Errors
    /// Where the tape cannot be read.
    pub fn row(
        &mut self,
        row: &(Tag, Pool),
        from: Timestamp,
        to: Timestamp,
        count: u32,
    ) -> Result<Vec<Point>> {
        Ok(self.tape.row(row, from, to, count)?.iter().map(point).collect())
    }

    /// The tape at a glance, within the range.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Goes somewhere and reports what is there. Where nothing lies in that direction, nothing moves.
    ///
    /// # Errors
    /// Where the tape cannot be read or the moment not be understood; what was shown stays.
    pub fn go(&mut self, motion: &Motion) -> Result<DeckMoment> {
        let mut looked = false;
        match motion {
            Motion::Start => self.start()?,
            Motion::End => {
                self.look()?;
                looked = true;
                self.seek(Timestamp::from_second(FAR).unwrap_or_default())?;
                while self.to.is_none() && self.forward()? {}
            }
            Motion::Next => drop(self.forward()?),
            Motion::Previous => drop(self.backward()?),
            Motion::To(time) => self.seek(*time)?,
            Motion::Mark(on) => {
                let mark = self.mark(*on)?;
                self.seek_from(mark)?;
            }
            Motion::Forward(time) => self.run_to(*time)?,
            Motion::Back(time) => {
                if self.backward()? && self.time() > *time {
                    self.seek(*time)?;
                }
            }
            Motion::Said(text) => {
                let time = self.tape.moment(text, self.time())?;
                self.seek(time)?;
            }
            Motion::Look => {
                self.look()?;
                looked = true;
            }
        }
        self.moment(looked)
    }

    fn seek_from(&mut self, time: Timestamp) -> Result<()> {
        self.seek(time)?;
        if self.time() < time {
            self.forward()?;
        }
        Ok(())
    }

    /// The mark after the shown sample, or before it. A mark is shown by the first sample after it: one that is not later
    /// than the sample before lies further back.
    fn mark(&self, on: bool) -> Result<Timestamp> {
        let mut marks = self.timeline.marks.iter().map(|mark| mark.at);
        let found = if on {
            marks.find(|&mark| mark > self.time())
        } else {
            let before = self.at.checked_sub(1).and_then(|before| self.time_at(before));
            marks.rfind(|&mark| before.is_some_and(|before| mark <= before))
        };
        let way = if on { "after" } else { "before" };
        found.ok_or_else(|| format!("There is no mark {way} this sample."))
    }

    /// What is shown.
    ///
    /// # Errors
    /// Where the tape cannot be read.
    pub fn moment(&mut self, with_timeline: bool) -> Result<DeckMoment> {
        let next = self.peek()?;
        let first = (self.at + 1).saturating_sub(LEAD);
        let run = self.held.range(first..=self.at).map(|held| Arc::clone(&held.sample)).collect();
        let at_start = self.at == 0 || self.is_before_range(self.at - 1);
        Ok(DeckMoment { run, next, at_start, timeline: with_timeline.then(|| self.timeline.clone()) })
    }

    fn time(&self) -> Timestamp {
        self.time_at(self.at).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// A sample without a time has that of the first.
    fn time_at(&self, at: usize) -> Option<Timestamp> {
        self.held.get(at).map(|held| held.sample.time.unwrap_or(self.timeline.first))
    }

    fn is_before_range(&self, at: usize) -> bool {
        self.from.is_some_and(|from| self.time_at(at).is_some_and(|time| time < from))
    }

    fn look(&mut self) -> Result<()> {
        let mut timeline = self.tape.timeline()?;
        if let Some(from) = self.from {
            timeline.first = timeline.first.max(from).min(timeline.last);
        }
        if let Some(to) = self.to {
            timeline.growing &= timeline.last <= to;
            timeline.last = timeline.last.min(to).max(timeline.first);
        }
        let within = timeline.first..=timeline.last;
        timeline.totals.retain(|point| within.contains(&point.0));
        if self.from.is_some() || self.to.is_some() {
            timeline.marks.retain(|mark| within.contains(&mark.at));
        }
        self.timeline = timeline;
        Ok(())
    }

    fn start(&mut self) -> Result<()> {
        match self.from {
            Some(from) => self.seek_from(from),
            None => self.seek(Timestamp::UNIX_EPOCH),
        }
    }

    fn seek(&mut self, time: Timestamp) -> Result<()> {
        let time = self.to.map_or(time, |to| time.min(to));
        let time = self.from.map_or(time, |from| time.max(from));
        if !self.tape.seek(time, &mut self.scratch)? {
            return Err(format!("{}: there is no sample in it yet", self.tape.name()));
        }
        let target = self.tape.place();
        self.settle(target, LEAD)?;
        // The first sample of the range may be later than its start.
        if self.is_before_range(self.at) {
            self.forward()?;
        }
        Ok(())
    }

    /// Holds the sample at `target` and those before it; the tape stands `count` before what is to be held first.
    fn settle(&mut self, target: Place, count: usize) -> Result<()> {
        let mut held = VecDeque::with_capacity(HELD + 1);
        if !self.tape.back(u32::try_from(count).unwrap_or(u32::MAX), &mut self.scratch)? {
            self.first = Some(self.tape.place());
        }
        loop {
            let place = self.tape.place();
            held.push_back(HeldSample { place, sample: Arc::new(self.scratch.clone()) });
            if place >= target || !self.tape.next_into(&mut self.scratch)? {
                break;
            }
            if held.len() > HELD {
                held.pop_front();
            }
        }
        self.at = held.len() - 1;
        self.held = held;
        Ok(())
    }

    /// Reads one sample more behind those held. False at the end of the range.
    fn pull(&mut self) -> Result<bool> {
        // Beyond the range the tape would move and nothing be held.
        if let (Some(to), Some(last)) =
            (self.to, self.held.len().checked_sub(1).and_then(|n| self.time_at(n)))
            && last >= to
        {
            return Ok(false);
        }
        if !self.tape.next_into(&mut self.scratch)? {
            return Ok(false);
        }
        self.held.push_back(HeldSample { place: self.tape.place(), sample: Arc::new(self.scratch.clone()) });
        if self.held.len() > HELD {
            self.held.pop_front();
            self.at = self.at.saturating_sub(1);
        }
        Ok(true)
    }

    /// Time of the sample after the shown one, within the range.
    fn peek(&mut self) -> Result<Option<Timestamp>> {
        if self.at + 1 >= self.held.len() && !self.pull()? {
            return Ok(None);
        }
        let next = self.time_at(self.at + 1);
        Ok(next.filter(|&next| self.to.is_none_or(|to| next <= to)))
    }

    fn forward(&mut self) -> Result<bool> {
        let more = self.peek()?.is_some();
        self.at += usize::from(more);
        Ok(more)
    }

    fn backward(&mut self) -> Result<bool> {
        let Some(before) = self.at.checked_sub(1).filter(|&before| !self.is_before_range(before)) else {
            return Ok(false);
        };
        let from_start = self.held.front().is_some_and(|held| Some(held.place) == self.first);
        match self.held.get(before) {
            Some(target) if before < LEAD && !from_start => {
                let (target, behind) = (target.place, self.held.len() - self.at);
                self.settle(target, behind + LEAD + SPARE)?;
            }
            _ => self.at = before,
        }
        Ok(true)
    }

    fn run_to(&mut self, time: Timestamp) -> Result<()> {
        for _ in 0..NEAR {
            if !self.forward()? || self.peek()?.is_none_or(|next| next > time) {
                return Ok(());
            }
        }
        let here = self.held.get(self.at).map(|held| held.place).unwrap_or_default();
        self.seek(time)?;
        // A clock that was set back would lead back again and again: on from there to where we were.
        if self.held.get(self.at).is_some_and(|held| held.place < here) {
            while self.held.get(self.at).is_some_and(|held| held.place < here) && self.forward()? {}
        }
        Ok(())
    }
}
