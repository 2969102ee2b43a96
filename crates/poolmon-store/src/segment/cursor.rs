//! Frames → samples and marks, with damaged frames brought back where parity allows.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read, Seek};
use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use poolmon_holder::Digest;
use poolmon_model::units::counted;
use poolmon_model::{Counters, Origin, Pool, Sample, Tag};

use super::frame::{
    AFTER_KEY, FrameHead, FrameKind, HEAD, HeadError, MAX_HEAD, NO_TIME, SegmentHead, time_of,
};
use super::holders::{self, Holders};
use super::index::{Index, KeyEntry, totals};
use super::marks::{Gap, GapKind, RecordedMark, TimedMark};
use super::parity::Parity;
use super::scan::{Frame, Scan, Step, frame_at, scan, step, stored_index};
use super::shift::Shifts;
use super::window::Window;
use crate::codec::{CodecState, KnownLayout};

/// What comes next in a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A sample; the cursor holds it.
    Sample {
        /// Wall time, if known.
        time: Option<Timestamp>,
    },
    /// Something that happened.
    Mark(TimedMark),
}

/// What a cursor could not read until now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Losses {
    /// Damaged bytes.
    pub bytes: u64,
    /// Frames brought back by parity.
    pub rescued: u64,
    /// Samples lost.
    pub samples: u64,
    /// Bytes at the end that are no whole frame.
    pub torn: u64,
}

impl Losses {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes + other.bytes,
            rescued: self.rescued + other.rescued,
            samples: self.samples + other.samples,
            torn: self.torn + other.torn,
        }
    }
}

impl Losses {
    /// What is missing next to the samples that were `read`, in words; `None` if nothing is known to be.
    pub fn in_words(&self, read: u64) -> Option<String> {
        let rest = if read == 0 { "none can be read" } else { "the rest can be read" };
        let lost =
            (self.samples > 0).then(|| format!("{} lost to damage, {rest}", counted(self.samples, "sample")));
        let torn = (self.torn > 0).then(|| {
            let bytes = counted(self.torn, "byte");
            format!(
                "it is cut at its end ({bytes} of a record that is not whole): later samples may be missing"
            )
        });
        let words: Vec<String> = lost.into_iter().chain(torn).collect();
        (!words.is_empty()).then(|| words.join("; "))
    }
}

/// Reads one segment forward from any key.
#[derive(Debug)]
pub struct SegmentCursor<R> {
    window: Window<R>,
    head: Result<SegmentHead, HeadError>,
    first: u64,
    offset: u64,
    state: Option<CodecState>,
    /// Number of the sample in `state`.
    at: Option<u32>,
    time: i64,
    /// No delta was read since the key.
    fresh: bool,
    /// Reading began at the first frame: samples before the first one read are lost, not skipped.
    from_start: bool,
    expected: Option<u32>,
    queue: VecDeque<Frame>,
    rescued: BTreeMap<u32, Vec<u8>>,
    /// Up to here, parity has said what it can.
    searched: u64,
    losses: Losses,
    /// Number of the last sample that was handed out.
    last: Option<u32>,
    /// The list of holders, as far as frames were read for it.
    holders: Option<Holders>,
    /// What is added to wall times, and that of the last frame.
    shifts: Shifts,
    shift: i64,
    /// The rows of the key that was read last: those of the next are mostly the same.
    pub known: KnownLayout,
}

impl<R: Read + Seek> SegmentCursor<R> {
    /// Opens a segment. A damaged head loses nothing but itself: keys say where samples come from.
    ///
    /// `Err(HeadError::Version)` is the caller's to report.
    pub fn open(file: R) -> io::Result<Self> {
        let mut window = Window::new(file)?;
        let (head, first) = match SegmentHead::parse(window.get(0, MAX_HEAD)?) {
            Ok((head, length)) => (Ok(head), length as u64),
            Err(error) => (Err(error), 0),
        };
        let mut cursor = Self {
            window,
            head,
            first,
            offset: first,
            state: None,
            at: None,
            time: NO_TIME,
            fresh: false,
            from_start: true,
            expected: None,
            queue: VecDeque::new(),
            rescued: BTreeMap::new(),
            searched: 0,
            losses: Losses::default(),
            last: None,
            holders: None,
            shifts: Shifts::default(),
            shift: 0,
            known: KnownLayout::default(),
        };
        cursor.rewind();
        Ok(cursor)
    }

    /// Adds these to all times from now on. Before the first frame is read.
    pub fn set_shifts(&mut self, shifts: Shifts) {
        self.shift = shifts.before(self.offset);
        self.shifts = shifts;
    }

    /// What is added to the time of the last frame.
    pub fn shift(&self) -> i64 {
        self.shift
    }

    /// Back to the first frame.
    pub fn rewind(&mut self) {
        self.place(self.first);
        self.expected = Some(0);
        self.from_start = true;
    }

    fn place(&mut self, offset: u64) {
        self.offset = offset;
        (self.state, self.at, self.last, self.expected) = (None, None, None, None);
        (self.fresh, self.from_start, self.holders) = (false, false, None);
        self.queue.clear();
        self.rescued.clear();
        self.searched = 0;
        self.shift = self.shifts.before(offset);
    }

    /// The head, where it is whole.
    pub fn head(&self) -> Result<&SegmentHead, HeadError> {
        self.head.as_ref().map_err(|error| *error)
    }

    /// What could not be read until now.
    pub fn losses(&self) -> Losses {
        self.losses
    }

    /// Bytes of the file.
    pub fn length(&self) -> u64 {
        self.window.length()
    }

    /// Looks for frames written since the end was reached.
    pub fn refresh(&mut self) -> io::Result<()> {
        let before = self.window.length();
        self.window.refresh()?;
        if self.window.length() > before {
            self.losses.torn = 0;
        }
        Ok(())
    }

    /// The stored index, else one made by reading the whole segment (which moves nothing).
    pub fn index(&mut self) -> io::Result<Index> {
        if let Some(index) = self.stored_index()? {
            return Ok(index);
        }
        let mut sums = BTreeMap::new();
        let mut steps = Vec::new();
        let mut index = self
            .scan(|frame| {
                steps.extend(clock_step(frame).map(|by| (frame.offset, by)));
                if frame.head.kind == FrameKind::Key
                    && let Ok(state) = CodecState::read_key(&frame.payload)
                {
                    sums.insert(frame.offset, totals(&state.to_sample()));
                }
            })?
            .index;
        for key in &mut index.keys {
            key.totals = sums.get(&key.offset).copied().unwrap_or_default();
        }
        // What a recorder has written since the shifts were found.
        let known = self.shifts.known;
        self.shifts.steps.extend(steps.into_iter().filter(|step| known > 0 && step.0 >= known));
        if known > 0 {
            self.shifts.known = known.max(self.window.length());
        }
        self.steady(&mut index);
        Ok(index)
    }

    /// The stored index; `None` if the segment was not closed.
    pub fn stored_index(&mut self) -> io::Result<Option<Index>> {
        let mut index = stored_index(&mut self.window)?;
        if let Some(index) = &mut index {
            self.steady(index);
        }
        Ok(index)
    }

    /// Shifts the times of an index.
    fn steady(&self, index: &mut Index) {
        if self.shifts.is_none() {
            return;
        }
        let shifted = |wall: i64, offset| shift(wall, self.shifts.at(offset));
        let first = index.keys.first().map_or(self.first, |key| key.offset);
        index.span = index.span.map(|(from, to)| (shifted(from, first), shift(to, self.shifts.end())));
        for key in &mut index.keys {
            key.wall = shifted(key.wall, key.offset);
        }
        for mark in &mut index.marks {
            mark.wall = shifted(mark.wall, mark.offset);
        }
    }

    /// The frame at a place, where a whole one is there. Nothing moves.
    pub fn frame_at(&mut self, offset: u64) -> io::Result<Option<Frame>> {
        frame_at(&mut self.window, offset)
    }

    /// The mark at a place, where a whole one is there.
    pub fn mark_at(&mut self, offset: u64) -> io::Result<Option<TimedMark>> {
        let Some(frame) = frame_at(&mut self.window, offset)? else { return Ok(None) };
        let time = time_of(shift(frame.head.wall, self.shifts.at(offset)));
        let mark = RecordedMark::parse(frame.head.kind, &frame.payload);
        Ok(mark.map(|mark| TimedMark { time, mark }))
    }

    /// Reads every frame and says what is damaged.
    pub fn scan(&mut self, each: impl FnMut(&Frame)) -> io::Result<Scan> {
        scan(&mut self.window, self.first, each)
    }

    /// What comes next; `None` at the end of what is written.
    pub fn next_entry(&mut self) -> io::Result<Option<Entry>> {
        while let Some(frame) = self.next_frame()? {
            if let Some(entry) = self.take(&frame) {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// Reads on to the next list of holders, into `digest`, and gives its time; samples between are not read. `None` where none begins
    /// before `end`, a place in the file.
    pub fn next_holders(&mut self, end: u64, digest: &mut Digest) -> io::Result<Option<Option<Timestamp>>> {
        while !self.queue.is_empty() || self.offset < end {
            let Some(frame) = self.next_frame()? else { break };
            match (frame.head.kind, &mut self.holders) {
                (FrameKind::Holders, _) if frame.head.flags & holders::COMPLETE != 0 => {
                    self.holders = Holders::parse(&frame.payload);
                }
                (FrameKind::Holders, Some(list)) => {
                    if list.apply(&frame.payload).is_none() {
                        self.holders = None;
                    }
                }
                // Who has the list can do without.
                (FrameKind::HoldersAgain, None) => self.holders = Holders::parse(&frame.payload),
                _ => continue,
            }
            if let Some(list) = &self.holders {
                list.digest_into(digest);
                return Ok(Some(frame.head.time()));
            }
        }
        Ok(None)
    }

    /// Places the cursor behind a key, or at the start where that is the first.
    pub fn place_behind(&mut self, key: &KeyEntry) {
        if key.sample == 0 { self.rewind() } else { self.place(key.offset) }
    }

    fn next_frame(&mut self) -> io::Result<Option<Frame>> {
        let mut frame = self.next_raw()?;
        if let Some(frame) = &mut frame {
            if let Some(by) = clock_step(frame) {
                let is_known = frame.offset < self.shifts.known;
                self.shift = if is_known { self.shifts.at(frame.offset) } else { self.step_back(by) };
            }
            frame.head.wall = shift(frame.head.wall, self.shift);
        }
        Ok(frame)
    }

    /// The shift behind a step that no one knew when the recording was opened. Without shifts, times stay as they are.
    fn step_back(&self, by: i64) -> i64 {
        if self.shifts.known > 0 { self.shift.saturating_sub(by) } else { 0 }
    }

    /// The next frame, with the time that is written in it.
    pub fn next_raw(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.queue.pop_front() {
                return Ok(Some(frame));
            }
            match step(&mut self.window, self.offset)? {
                Step::Frame(frame) => {
                    self.offset = frame.end();
                    self.enqueue(frame);
                }
                Step::Damage { from, to } => {
                    self.losses.bytes += to - from;
                    self.rescue(from..to)?;
                    self.offset = to;
                }
                Step::End { torn } => {
                    self.losses.torn = torn;
                    return Ok(None);
                }
            }
        }
    }

    /// Puts a frame into the queue, and rescued ones that are missing before it.
    fn enqueue(&mut self, frame: Frame) {
        let number = frame.head.number;
        // The parity of a single frame holds that frame as it is: it shows where the parity's own head is damaged.
        if self.expected.is_some_and(|expected| number < expected) {
            return;
        }
        if let Some(expected) = self.expected.filter(|&expected| expected < number) {
            let missing: Vec<u32> = self.rescued.range(expected..number).map(|(&number, _)| number).collect();
            for number in missing {
                let Some(bytes) = self.rescued.remove(&number) else { continue };
                let Some((head, _)) = FrameHead::parse(&bytes) else { continue };
                let payload = bytes.get(HEAD..).unwrap_or_default().to_vec();
                self.losses.rescued += 1;
                self.queue.push_back(Frame { offset: frame.offset, head, payload });
            }
        }
        self.expected = Some(number.saturating_add(1));
        self.queue.push_back(frame);
    }

    fn take(&mut self, frame: &Frame) -> Option<Entry> {
        let head = frame.head;
        match head.kind {
            FrameKind::Key => {
                if let Ok(state) = CodecState::read_key_after(&frame.payload, &mut self.known) {
                    self.state = Some(state);
                    self.fresh = true;
                    self.at = Some(head.sample);
                    return self.hand_out(head);
                }
                None
            }
            FrameKind::Delta => {
                let before = head.sample.checked_sub(1);
                if before.is_none() || self.at != before {
                    return None;
                }
                let state = self.state.as_mut()?;
                if head.flags & AFTER_KEY != 0 && !self.fresh {
                    // The key between is damaged: what it held is known.
                    let (again, _) = CodecState::key(&state.to_sample(), state.clock()).ok()?;
                    *state = again;
                }
                self.fresh = false;
                if state.read_delta(&frame.payload).is_err() {
                    (self.state, self.at) = (None, None);
                    return None;
                }
                self.at = Some(head.sample);
                self.hand_out(head)
            }
            FrameKind::Gap | FrameKind::Note | FrameKind::Modules => {
                let mark = RecordedMark::parse(head.kind, &frame.payload)?;
                Some(Entry::Mark(TimedMark { time: head.time(), mark }))
            }
            FrameKind::End => {
                // Samples behind the last one that could be read.
                let written = Index::parse(&frame.payload).map_or(0, |index| index.samples);
                let read = self.last.map_or(0, |last| last.saturating_add(1));
                if self.from_start {
                    self.losses.samples += u64::from(written.saturating_sub(read));
                }
                None
            }
            FrameKind::Parity
            | FrameKind::Padding
            | FrameKind::Summary
            | FrameKind::Merged
            | FrameKind::Holders
            | FrameKind::HoldersAgain
            | FrameKind::Other(_) => None,
        }
    }

    /// A key repeats a sample that was handed out already, unless that one was lost.
    fn hand_out(&mut self, head: FrameHead) -> Option<Entry> {
        if self.last == Some(head.sample) {
            return None;
        }
        if let Some(last) = self.last {
            self.losses.samples += u64::from(head.sample.saturating_sub(last).saturating_sub(1));
        } else if self.from_start {
            self.losses.samples += u64::from(head.sample);
        }
        self.last = Some(head.sample);
        self.time = head.wall;
        Some(Entry::Sample { time: head.time() })
    }

    /// Brings back what the next parity frame can of this damage and others in its group.
    fn rescue(&mut self, damage: Range<u64>) -> io::Result<()> {
        if damage.start < self.searched {
            return Ok(());
        }
        let mut at = damage.end;
        let mut holes = vec![damage];
        loop {
            match step(&mut self.window, at)? {
                Step::Frame(frame) => {
                    at = frame.end();
                    self.searched = at;
                    let parity = (frame.head.kind == FrameKind::Parity).then_some(&frame.payload);
                    if let Some(parity) = parity.and_then(|payload| Parity::parse(payload)) {
                        let group = &parity.group;
                        let touches = |hole: &Range<u64>| hole.start < group.end && group.start < hole.end;
                        if holes.iter().any(touches) {
                            let length = usize::try_from(group.end - group.start).unwrap_or(usize::MAX);
                            let bytes = self.window.get(group.start, length)?.to_vec();
                            parity.recover(bytes, &holes, &mut self.rescued);
                        }
                        return Ok(());
                    }
                }
                Step::Damage { from, to } => {
                    holes.push(from..to);
                    at = to;
                }
                Step::End { .. } => return Ok(()),
            }
        }
    }

    /// The sample that was handed out last, in `sample`, whose memory is used again.
    pub fn sample_into(&self, sample: &mut Sample) -> bool {
        let Some(state) = &self.state else { return false };
        state.sample_into(sample);
        sample.time = time_of(self.time);
        true
    }

    /// As [`SegmentCursor::sample_into`], where `sample` holds the sample before: only what changed is touched. Gives
    /// the places of the rows that did; `None`, and nothing done, where more than figures changed.
    pub fn changes_into(&self, sample: &mut Sample) -> Option<&[u32]> {
        // A key that repeats the sample handed out last knows of no changes.
        if self.fresh {
            return None;
        }
        let changed = self.state.as_ref()?.changes_into(sample)?;
        sample.time = time_of(self.time);
        Some(changed)
    }

    /// Number in the segment of the sample that was handed out last.
    pub fn number(&self) -> Option<u32> {
        self.last
    }

    /// Figures of one row of that sample, without building the others.
    pub fn counters(&self, tag: &Tag, pool: Pool) -> Option<Counters> {
        self.state.as_ref()?.counters(tag, pool)
    }

    /// Where the samples come from and how wide their counters are, once a sample was handed out.
    pub fn origin(&self) -> Option<&Arc<Origin>> {
        self.state.as_ref().map(CodecState::origin)
    }

    /// Places the cursor so that the sample of this number is held, or the last one before it that can be read.
    pub fn seek_number(&mut self, index: &Index, number: u32) -> io::Result<bool> {
        match index.keys.iter().rfind(|key| key.sample <= number) {
            Some(key) => self.place(key.offset),
            None => self.rewind(),
        }
        let mut held = false;
        while self.last.is_none_or(|last| last < number) {
            if held && self.peek()?.is_none_or(|(_, next)| next.is_some_and(|next| next > number)) {
                break;
            }
            match self.next_entry()? {
                Some(Entry::Sample { .. }) => held = true,
                Some(Entry::Mark(_)) => {}
                None => break,
            }
        }
        Ok(held)
    }

    /// Places the cursor so that the last sample at or before `wall` is held; the first one where all are later.
    /// Returns false if the segment has no sample.
    pub fn seek(&mut self, index: &Index, wall: i64) -> io::Result<bool> {
        match index.key_before(wall) {
            Some(key) => self.place(key.offset),
            None => self.rewind(),
        }
        let mut held = false;
        loop {
            if held && self.peek()?.is_none_or(|(next, _)| next > wall) {
                return Ok(true);
            }
            match self.next_entry()? {
                Some(Entry::Sample { .. }) => held = true,
                Some(Entry::Mark(_)) => {}
                None => return Ok(held),
            }
        }
    }

    /// Wall time and number of the next sample frame, as far as its head can be trusted. Nothing moves.
    fn peek(&mut self) -> io::Result<Option<(i64, Option<u32>)>> {
        if let Some(frame) = self.queue.front() {
            return Ok(Some((shift(frame.head.wall, self.shift), None)));
        }
        let mut at = self.offset;
        let mut moved = self.shift;
        loop {
            let Some((head, _)) = FrameHead::parse(self.window.get(at, HEAD)?) else {
                // Damage: going on is the way to find out. The end of the file is the end.
                return Ok((at < self.window.length()).then_some((NO_TIME, None)));
            };
            let sample =
                matches!(head.kind, FrameKind::Key | FrameKind::Delta) && self.last != Some(head.sample);
            if sample {
                return Ok(Some((shift(head.wall, moved), Some(head.sample))));
            }
            if head.kind == FrameKind::Gap
                && let Some(by) = frame_at(&mut self.window, at)?.as_ref().and_then(clock_step)
            {
                moved = if at < self.shifts.known { self.shifts.at(at) } else { self.step_back(by) };
            }
            at += (HEAD + head.length as usize) as u64;
        }
    }
}

/// By how much the clock was set, where a frame says so.
fn clock_step(frame: &Frame) -> Option<i64> {
    if frame.head.kind != FrameKind::Gap {
        return None;
    }
    match RecordedMark::parse(frame.head.kind, &frame.payload)? {
        RecordedMark::Gap(Gap { kind: GapKind::ClockJump, length_ns, .. }) => Some(length_ns),
        _ => None,
    }
}

/// A time in the file, shifted.
fn shift(wall: i64, by: i64) -> i64 {
    if wall == NO_TIME { wall } else { wall.saturating_add(by) }
}
