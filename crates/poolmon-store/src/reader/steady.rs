//! The time of a recording, as a clock that no one sets would show it.
//!
//! A wall clock is set forward and back, and a machine may start with a wrong date. The recorder has a clock of its own and marks
//! each such step ([`GapKind::ClockJump`]). Readers take the steps off again, so that the time between two samples is the time
//! that passed. The newest samples keep their times, as the last setting of a clock is the most likely to be right; earlier ones are
//! moved, as far back as the same recorder ran, or another one within the same boot, which the system's uptime shows. What
//! is before keeps its times, unless it would then end after what follows.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use poolmon_model::Sample;

use super::open_segment;
use crate::error::{Result, StoreError};
use crate::folder::SegmentFile;
use crate::segment::cursor::SegmentCursor;
use crate::segment::frame::{FrameKind, NO_TIME, wall_of};
use crate::segment::index::Index;
use crate::segment::marks::{GapKind, RecordedMark};
use crate::segment::scan::Frame;
use crate::segment::shift::Shifts;

/// Shifts of all segments of a recording. They are found from the newest segment back, as far as someone asks.
#[derive(Debug, Default)]
pub(crate) struct Steady(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    files: Vec<PathBuf>,
    places: HashMap<PathBuf, usize>,
    /// The newest segment when the recording was opened: its end is not shifted, whatever comes later.
    anchor: Option<PathBuf>,
    shifts: HashMap<PathBuf, (Shifts, u64)>,
}

/// What is looked at in a segment.
#[derive(Debug)]
struct Facts {
    steps: Vec<(u64, i64)>,
    /// Where its first sample is in the file.
    first_key: u64,
    /// Wall times of the first and the last sample.
    span: Option<(i64, i64)>,
    /// No recorder ran before, or another boot.
    begins_run: bool,
    length: u64,
    boot: Option<String>,
    interval: i64,
}

impl Steady {
    pub(super) fn new(files: &[SegmentFile]) -> Self {
        let steady = Self::default();
        steady.set(files);
        steady.known().anchor = files.last().map(|file| file.path.clone());
        steady
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up segments that came or went.
    pub(super) fn set(&self, files: &[SegmentFile]) {
        let mut known = self.known();
        known.files = files.iter().map(|file| file.path.clone()).collect();
        known.places = known.files.iter().cloned().enumerate().map(|(at, path)| (path, at)).collect();
        let Known { places, shifts, .. } = &mut *known;
        shifts.retain(|path, _| places.contains_key(path));
    }

    /// The shifts of a segment.
    pub(super) fn shifts(&self, path: &Path) -> Result<Shifts> {
        Ok(self.known().find(path)?.0)
    }

    /// The shift of the first sample of a segment.
    pub(super) fn began(&self, path: &Path) -> Result<i64> {
        let (shifts, first_key) = self.known().find(path)?;
        Ok(shifts.before(first_key))
    }
}

impl Known {
    fn find(&mut self, path: &Path) -> Result<(Shifts, u64)> {
        let Some(&at) = self.places.get(path) else { return Ok(Default::default()) };
        if let Some((shifts, first_key)) = self.shifts.get(path) {
            let length = std::fs::symlink_metadata(path).map_or(0, |about| about.len());
            if length <= shifts.known {
                return Ok((shifts.clone(), *first_key));
            }
            // A recorder wrote more: where it begins stays as it is.
            let facts = self.facts(at)?;
            let grown = Shifts { start: shifts.start, steps: facts.steps, known: facts.length };
            self.shifts.insert(path.into(), (grown.clone(), facts.first_key));
            return Ok((grown, facts.first_key));
        }
        let last = self.files.len().saturating_sub(1);
        let anchor = self.anchor.as_ref().and_then(|anchor| self.places.get(anchor)).copied();
        let anchor = anchor.unwrap_or(last);
        if at <= anchor {
            self.back_to(at, anchor)?;
        } else {
            self.on_to(at, anchor)?;
        }
        Ok(self.shifts.get(path).cloned().unwrap_or_default())
    }

    fn path(&self, at: usize) -> PathBuf {
        self.files.get(at).cloned().unwrap_or_default()
    }

    fn keep(&mut self, at: usize, facts: &Facts, end: i64) -> i64 {
        let start = facts.steps.iter().fold(end, |shift, step| shift.saturating_add(step.1));
        let shifts = Shifts { start, steps: facts.steps.clone(), known: facts.length };
        let began = shifts.before(facts.first_key);
        self.shifts.insert(self.path(at), (shifts, facts.first_key));
        began
    }

    /// From the newest segment back: each ends where the next one begins.
    fn back_to(&mut self, at: usize, anchor: usize) -> Result<()> {
        let known = (at..=anchor)
            .find(|&place| self.files.get(place).is_some_and(|path| self.shifts.contains_key(path)));
        let (from, mut next) = match known {
            Some(place) => (place, Some(self.facts(place)?)),
            None => (anchor + 1, None),
        };
        let mut began = match known {
            Some(place) => {
                let path = self.path(place);
                self.shifts.get(&path).map_or(0, |(shifts, first)| shifts.before(*first))
            }
            None => 0,
        };
        for place in (at..from).rev() {
            let facts = self.facts(place)?;
            let end = match &next {
                None => 0,
                // What is set between two segments of a run is said at the start of the second.
                Some(next) if !next.begins_run => {
                    let initial = next.steps.iter().take_while(|step| step.0 < next.first_key);
                    initial.fold(began, |shift, step| shift.saturating_add(step.1))
                }
                Some(next) => self.end_before(place, &facts, next, began)?,
            };
            began = self.keep(place, &facts, end);
            next = Some(facts);
        }
        Ok(())
    }

    /// The shift at the end of a run, where that of the next one's first sample is `began`.
    fn end_before(&self, place: usize, before: &Facts, next: &Facts, began: i64) -> Result<i64> {
        let (Some((_, last)), Some((first, _))) = (before.span, next.span) else { return Ok(0) };
        if let Some(set) = self.set_between(place, before, next)? {
            return Ok(began.saturating_add(set));
        }
        let between = first.saturating_sub(last).saturating_add(began);
        Ok(if between > 0 { 0 } else { between.saturating_sub(next.interval) })
    }

    /// Segments that came after the recording was opened.
    fn on_to(&mut self, at: usize, anchor: usize) -> Result<()> {
        let mut before: Option<(Facts, i64)> = None;
        for place in anchor..=at {
            let facts = self.facts(place)?;
            let path = self.path(place);
            let start = match &before {
                None => {
                    self.find(&path)?;
                    self.shifts.get(&path).map_or(0, |(shifts, _)| shifts.start)
                }
                Some((_, end)) if !facts.begins_run => *end,
                Some((before, end)) => {
                    match (before.span, facts.span, self.set_between(place - 1, before, &facts)?) {
                        (Some(_), Some(_), Some(set)) => end.saturating_sub(set),
                        (Some((_, last)), Some((first, _)), None) => {
                            let wall = first.saturating_sub(last);
                            if wall <= *end {
                                end.saturating_add(facts.interval).saturating_sub(wall)
                            } else {
                                0
                            }
                        }
                        _ => 0,
                    }
                }
            };
            let end = facts.steps.iter().fold(start, |shift, step| shift.saturating_sub(step.1));
            if place > anchor {
                self.keep(place, &facts, end);
            }
            before = Some((facts, end));
        }
        Ok(())
    }

    /// By how many nanoseconds the clock was set between two segments of one boot, whose uptime says how long that was.
    fn set_between(&self, place: usize, before: &Facts, next: &Facts) -> Result<Option<i64>> {
        if before.boot.is_none() || before.boot != next.boot {
            return Ok(None);
        }
        let sample = |place: usize, number: Option<u32>| -> Result<Option<(i64, Duration)>> {
            let path = self.path(place);
            let reading = || StoreError::io("read", &path);
            let mut segment = open_segment(&path)?;
            let index = segment.index().map_err(reading())?;
            let number = number.unwrap_or(index.samples.saturating_sub(1));
            let mut sample = Sample::empty();
            let held = segment.seek_number(&index, number).map_err(reading())?;
            let held = held && segment.sample_into(&mut sample);
            Ok(sample.uptime.filter(|_| held).map(|uptime| (wall_of(sample.time), uptime)))
        };
        let Some((from, to)) = sample(place, None)?.zip(sample(place + 1, Some(0))?) else { return Ok(None) };
        let passed = to.1.checked_sub(from.1).and_then(|passed| i64::try_from(passed.as_nanos()).ok());
        let is_timed = from.0 != NO_TIME && to.0 != NO_TIME;
        Ok(passed.filter(|&passed| passed > 0 && is_timed).map(|passed| to.0.saturating_sub(from.0) - passed))
    }

    fn facts(&self, place: usize) -> Result<Facts> {
        let path = self.path(place);
        let reading = || StoreError::io("read", &path);
        let mut segment = open_segment(&path)?;
        let length = segment.length();
        let mut steps = Vec::new();
        let mut ends = Vec::new();
        let mut gap = |frame: &Frame| {
            if let Some(RecordedMark::Gap(gap)) = RecordedMark::parse(frame.head.kind, &frame.payload) {
                match gap.kind {
                    GapKind::ClockJump => steps.push((frame.offset, gap.length_ns)),
                    GapKind::Stopped | GapKind::Reboot => ends.push(frame.offset),
                    _ => {}
                }
            }
        };
        let index = match segment.stored_index().map_err(reading())? {
            Some(index) => {
                read_marks(&mut segment, &index, &mut gap).map_err(reading())?;
                index
            }
            None => segment.scan(&mut gap).map_err(reading())?.index,
        };
        let first_key = index.keys.first().map_or(length, |key| key.offset);
        let begins_run = ends.iter().any(|&offset| offset < first_key);
        if begins_run {
            // Between two runs, the times themselves and the uptime say what there is to know.
            steps.retain(|step| step.0 > first_key);
        }
        let head = segment.head().ok();
        Ok(Facts {
            steps,
            first_key,
            span: index.span.filter(|span| span.0 != NO_TIME && span.1 != NO_TIME),
            begins_run,
            length,
            boot: head.and_then(|head| head.origin.boot.clone()),
            interval: head.map_or(1, |head| i64::try_from(head.interval.as_nanos()).unwrap_or(1).max(1)),
        })
    }
}

/// Passes the marks of an index on; all frames, where damage hides one.
fn read_marks(
    segment: &mut SegmentCursor<std::fs::File>,
    index: &Index,
    each: &mut dyn FnMut(&Frame),
) -> std::io::Result<()> {
    let mut frames = Vec::new();
    for entry in &index.marks {
        if let Some(frame) = segment.frame_at(entry.offset)? {
            frames.push(frame);
            continue;
        }
        segment.rewind();
        while let Some(frame) = segment.next_raw()? {
            if frame.head.kind == FrameKind::Gap {
                each(&frame);
            }
        }
        return Ok(());
    }
    frames.iter().for_each(each);
    Ok(())
}
