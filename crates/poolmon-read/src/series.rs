//! Several files as one series of samples, in the order of time.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use poolmon_model::{CacheMaker, Pool, Sample, Summary};
use poolmon_store::{Losses, Recording, TimedMark};

use crate::formats::recording::{RecordedSamples, earlier_by};
use crate::memory::MemoryTape;
use crate::mixed;
use crate::moment::When;
use crate::overlap::{self, AtJoint, Joints};
use crate::{numbered, part};

use crate::part::is_zone_assumed;
pub use crate::part::{Part, TimeFrom};
use crate::samples::{Earlier, SamplePair};
use crate::{Holds, Input, ReadError, ReadOptions, Remark, RemarkKind, Result, Samples, Tape};

/// Looks for damage, which takes as long as reading everything: in one line what is wrong, if anything.
pub type DamageCheck = Box<dyn FnOnce() -> Option<String> + Send>;

/// A series of samples, oldest first; one of them is in memory at a time.
pub struct SampleSeries {
    pub(crate) name: String,
    pub(crate) parts: Vec<Part>,
    /// Parts without rows, if others have some.
    totals: Vec<Part>,
    pub(crate) options: ReadOptions,
    /// Index of the part that is read.
    at: usize,
    complete: bool,
    remarks: Vec<Remark>,
    /// Of parts that were read to their end.
    losses: Losses,
    joints: Joints,
}

impl SampleSeries {
    /// Opens what the paths name; a folder of files stands for its files, `-` for standard input. Several files are put
    /// in the order of time if each has one, else they stay in the order given.
    ///
    /// # Errors
    /// A file that is named cannot be read, nothing in a folder can, or they are of several machines that cannot be separated.
    pub fn open(paths: &[PathBuf], options: ReadOptions) -> Result<Self> {
        let mut remarks = Vec::new();
        let parts = part::open_all(paths, &options, &mut remarks)?;
        Self::made_of(parts, name(paths), options, remarks)
    }

    /// As [`SampleSeries::open`], of one path that was opened as `input`.
    ///
    /// # Errors
    /// As [`SampleSeries::open`].
    pub fn of(input: Input, path: &Path, options: ReadOptions) -> Result<Self> {
        let mut remarks = Vec::new();
        let mut parts = Vec::new();
        part::open_into(&mut parts, input, path, &options, &mut remarks)?;
        Self::made_of(parts, name(&[path.to_path_buf()]), options, remarks)
    }

    fn made_of(
        mut parts: Vec<Part>,
        name: String,
        options: ReadOptions,
        mut remarks: Vec<Remark>,
    ) -> Result<Self> {
        let mut totals = Vec::new();
        if !parts.iter().all(mixed::is_total) {
            (totals, parts) = parts.into_iter().partition(mixed::is_total);
        }
        let all = parts.len();
        mixed::leave_one_kind(&mut parts, &mut remarks);
        if let Some(host) = mixed::host(&parts) {
            mixed::leave_host(&mut totals, &host, &mut remarks);
        } else {
            mixed::leave_one_kind(&mut totals, &mut remarks);
        }
        let name = if parts.len() < all { name_of(&parts) } else { name };
        for parts in [&mut parts, &mut totals] {
            if parts.len() > 1 {
                remarks.extend(part::date_by_names(parts, &options));
                remarks.extend(part::leave_dateless(parts));
                remarks.extend(numbered::arrange(parts)?);
            } else if options.keep_undated {
                parts.iter_mut().for_each(Part::forget_date);
            }
            remarks.extend(part::where_times_come_from(parts));
            remarks.extend(part::doubt_pool_sizes(parts));
        }
        Ok(Self::with(name, parts, totals, options, remarks))
    }

    fn with(
        name: String,
        parts: Vec<Part>,
        totals: Vec<Part>,
        options: ReadOptions,
        remarks: Vec<Remark>,
    ) -> Self {
        Self {
            name,
            parts,
            totals,
            options,
            at: 0,
            complete: true,
            remarks,
            losses: Losses::default(),
            joints: Joints::default(),
        }
    }

    /// What it is called in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is made of, in the order of time.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The part that the last sample came from.
    pub fn part(&self) -> Option<&Part> {
        self.parts.get(self.at)
    }

    /// What a person has to know: files left out, where times come from. Empty afterwards; which files overlap is known once they
    /// were read.
    pub fn take_remarks(&mut self) -> Vec<Remark> {
        self.remarks.extend(mixed::without_rows(&std::mem::take(&mut self.totals)));
        std::mem::take(&mut self.remarks)
    }

    /// False if a part that was read lacks some of its figures, as a dump may.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Whether each part holds exactly one moment by its nature: dumps.
    pub fn holds_one_moment(&self) -> bool {
        self.parts.len() == 1 && self.parts.iter().all(|part| part.format.holds == Holds::OneMoment)
    }

    /// Whether the time of each part is the date of its file, which a copy changes.
    pub fn is_dated_by_files(&self) -> bool {
        self.parts.iter().all(|part| part.time_from == TimeFrom::FileDate)
    }

    /// Whether there are machine-wide figures and no rows.
    pub fn holds_only_totals(&self) -> bool {
        self.parts.iter().all(|part| part.format.holds == Holds::Totals)
    }

    /// Splits off the parts that hold machine-wide figures and no rows, which are left out otherwise. `None` if there are none,
    /// or nothing else.
    pub fn split_totals(&mut self) -> Option<Self> {
        let totals = std::mem::take(&mut self.totals);
        if totals.is_empty() {
            return None;
        }
        self.name = name_of(&self.parts);
        let name = name_of(&totals);
        Some(Self::with(name, totals, Vec::new(), self.options.clone(), Vec::new()))
    }

    /// Back to the first sample.
    pub fn rewind(&mut self) {
        self.parts.iter_mut().for_each(Part::rewind);
        self.at = 0;
        self.losses = Losses::default();
        self.joints.rewind();
    }

    /// The recording, if it is one and nothing else.
    ///
    /// # Errors
    /// The recording cannot be read.
    pub fn recording(&self) -> Result<Option<Recording>> {
        match self.parts.as_slice() {
            [part] if part.format.holds == Holds::Recording => Ok(Some(Recording::open(part.input.file()?)?)),
            _ => Ok(None),
        }
    }

    /// What looks for damage in a recording, as it reads all of it, later and elsewhere: in one line what is wrong, if anything. `None` if this
    /// is no recording; of a large one, nothing is read and nothing found.
    ///
    /// # Errors
    /// The recording cannot be read.
    pub fn damage_check(&self) -> Result<Option<DamageCheck>> {
        let name = self.name().to_owned();
        Ok(self.recording()?.map(|recording| -> DamageCheck {
            Box::new(move || {
                let found = recording.verify_if_small().ok()??;
                let damage = found.in_words(recording.is_being_written())?;
                Some(format!("{name}: {damage}; poolmon verify shows where"))
            })
        }))
    }

    /// Fills `sample` with the next one and uses its memory again; `false` at the end.
    ///
    /// `sample` has to be as the last call left it.
    ///
    /// # Errors
    /// A part cannot be read.
    pub fn next_into(&mut self, sample: &mut Sample) -> Result<bool> {
        self.advance(sample, |reader, sample| reader.next_into(sample))
    }

    fn advance(
        &mut self,
        sample: &mut Sample,
        mut read: impl FnMut(&mut dyn Samples, &mut Sample) -> Result<bool>,
    ) -> Result<bool> {
        while self.at < self.parts.len() {
            let next = overlap::begin(self.parts.get(self.at + 1..).unwrap_or_default());
            let Some(part) = self.parts.get_mut(self.at) else { break };
            let reader = part.reader(&self.options)?;
            if read(reader, sample)? {
                self.complete &= reader.is_complete();
                let assumed = is_zone_assumed(reader);
                if part.format.holds == Holds::Totals {
                    // It has no rows: what a tag holds is unknown.
                    sample.coverage = sample.coverage.partial();
                }
                part.correct(sample);
                self.options.move_time(assumed, sample);
                let (at_joint, said) = self.joints.judge(sample, part.input.name(), next);
                self.remarks.extend(said);
                match at_joint {
                    AtJoint::GoesOn => return Ok(true),
                    AtJoint::Earlier => continue,
                    AtJoint::Other => {}
                }
                part.rewind();
                self.parts.remove(self.at);
                self.joints.turn("", self.parts.get(self.at));
                continue;
            }
            self.losses = self.losses.plus(reader.losses());
            part.rewind();
            let name = part.input.name().to_owned();
            self.at += 1;
            self.remarks.extend(self.joints.turn(&name, self.parts.get(self.at)));
        }
        Ok(false)
    }

    /// What damage has cost until now.
    pub fn losses(&self) -> Losses {
        self.losses.plus(self.part().map(Part::losses).unwrap_or_default())
    }

    /// Remarks on the last sample; their texts are in [`Sample::remarks`], too.
    pub fn remarks(&self) -> &[Remark] {
        self.part().map_or(&[], Part::remarks)
    }

    /// Skips what is earlier than `time`, if that costs nothing. Samples before it may still come.
    ///
    /// # Errors
    /// A part cannot be read.
    pub fn skip_before(&mut self, time: Timestamp) -> Result<()> {
        match self.parts.as_mut_slice() {
            [part] if self.at == 0 => part.reader(&self.options)?.skip_before(time),
            _ => Ok(()),
        }
    }

    /// As [`SampleSeries::next_into`], of which only one per `every` is wanted after the one that `sample` holds: of
    /// a recording those that can be read without the ones before them.
    ///
    /// # Errors
    /// A part cannot be read.
    pub fn next_in_steps(&mut self, every: Option<SignedDuration>, sample: &mut Sample) -> Result<bool> {
        let at = |steps: i32| sample.time?.checked_add(every?.checked_mul(steps)?).ok();
        let (Some(time), Some(until)) = (at(1), at(2)) else { return self.next_into(sample) };
        while self.advance(sample, |reader, sample| reader.next_after(time, until, sample))? {
            // A time that comes from the file's name is known only here.
            if sample.time.is_none_or(|now| now >= time) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Number of stretches from one moment to another of which a recording, if it is one alone, holds summaries.
    ///
    /// # Errors
    /// The recording cannot be read.
    pub fn summaries(&mut self, from: Option<Timestamp>, to: Option<Timestamp>) -> Result<usize> {
        match self.parts.as_mut_slice() {
            [part] => part.opened(&self.options)?.summaries(from, to),
            _ => Ok(0),
        }
    }

    /// As [`SampleSeries::next_into`]; where a recording holds a summary of a stretch that begins here and ends by `until`,
    /// the last sample of it comes at once, with its summary.
    ///
    /// # Errors
    /// A part cannot be read.
    pub fn next_stretch(
        &mut self,
        until: Option<Timestamp>,
        sample: &mut Sample,
        summary: &mut Option<Box<Summary>>,
    ) -> Result<bool> {
        self.advance(sample, |reader, sample| reader.next_stretch(until, sample, summary))
    }

    /// Indices of the rows that changed with the last sample, ascending, if that is known and nothing else changed.
    pub fn changed(&self) -> Option<&[u32]> {
        self.part()?.changed()
    }

    /// Notes, gaps and module changes of all parts, oldest first.
    ///
    /// # Errors
    /// A part cannot be read.
    pub fn marks(&mut self) -> Result<Vec<TimedMark>> {
        let mut marks = Vec::new();
        for part in self.parts.iter_mut().filter(|part| part.format.holds == Holds::Recording) {
            marks.extend(part.opened(&self.options)?.marks()?);
        }
        marks.sort_by_key(|mark| mark.time);
        Ok(marks)
    }

    /// Names of slab caches that share one cache, in groups, as the last recording has them.
    ///
    /// # Errors
    /// A part cannot be read.
    pub fn merged(&mut self) -> Result<Vec<Vec<String>>> {
        for part in self.parts.iter_mut().rev().filter(|part| part.format.holds == Holds::Recording) {
            let groups = part.opened(&self.options)?.merged()?;
            if !groups.is_empty() {
                return Ok(groups);
            }
        }
        Ok(Vec::new())
    }

    /// Which modules made which slab caches, as the last recording has it.
    ///
    /// # Errors
    /// A part cannot be read.
    pub fn makers(&mut self) -> Result<Vec<CacheMaker>> {
        for part in self.parts.iter_mut().rev().filter(|part| part.format.holds == Holds::Recording) {
            let makers = part.opened(&self.options)?.makers()?;
            if !makers.is_empty() {
                return Ok(makers);
            }
        }
        Ok(Vec::new())
    }

    /// Times of the earliest and the latest sample; `None` if no sample has one. Unless it is a recording, everything is
    /// read once, and the series begins again at its first sample.
    ///
    /// # Errors
    /// A part cannot be read.
    pub fn span(&mut self) -> Result<Option<(Timestamp, Timestamp)>> {
        if let [part] = self.parts.as_mut_slice()
            && let Some(span) = part.opened(&self.options)?.span()?
        {
            return Ok(Some(span));
        }
        self.rewind();
        let mut sample = Sample::empty();
        let mut ends: Option<(Timestamp, Timestamp)> = None;
        while self.next_into(&mut sample)? {
            if let Some(time) = sample.time {
                ends = Some(ends.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
            }
        }
        self.rewind();
        Ok(ends)
    }

    /// The last sample at or before a moment (the very last one if none is named) and an earlier one to compare it with.
    ///
    /// # Errors
    /// A part cannot be read, there is no sample, or its samples have no times and a moment is asked for.
    pub fn at(&mut self, when: Option<When>, earlier: Earlier) -> Result<SamplePair> {
        let by = match earlier {
            Earlier::By(span) => Some(span),
            Earlier::Previous => None,
        };
        let known = match self.parts.as_mut_slice() {
            [part] => part.opened(&self.options)?.span()?,
            _ => None,
        };
        if when.is_none() && by.is_none() && known.is_none() {
            return self.last_until(Timestamp::MAX);
        }
        let span = if known.is_some() { known } else { self.timed_span()? };
        let (first, last) = span.ok_or_else(|| self.no_sample())?;
        let zone = TimeZone::system();
        let time = when.map_or(last, |when| when.until(first, last, &zone));
        let outside = when.and_then(|when| when.outside(first, last, &zone));
        if known.is_some()
            && let [part] = self.parts.as_mut_slice()
            && let Some(pair) = part.reader(&self.options)?.at(time, earlier)?
        {
            return Ok(SamplePair { outside, ..pair });
        }
        let pair = SamplePair { outside, ..self.last_until(time)? };
        let then = by.and_then(|span| earlier_by(pair.now.time?, span));
        let Some(then) = then else { return Ok(pair) };
        if then < first {
            return Ok(SamplePair { before: None, too_early: Some(first), ..pair });
        }
        let earlier = self.last_until(then)?;
        let alike = |sample: &Sample| comparable(sample, &pair.now);
        let before = Some(earlier.now).filter(alike).or(earlier.before.filter(alike));
        Ok(SamplePair { before, ..pair })
    }

    /// The series as a tape that can be wound to and fro: a recording as it is, anything else in memory.
    ///
    /// # Errors
    /// The files cannot be read, or are too large to be held in memory.
    pub fn into_tape(self) -> Result<Box<dyn Tape>> {
        Ok(match self.recording()? {
            Some(recording) => Box::new(RecordedSamples::new(recording)),
            None => Box::new(MemoryTape::read(self)?),
        })
    }

    fn timed_span(&mut self) -> Result<Option<(Timestamp, Timestamp)>> {
        self.rewind();
        let mut sample = Sample::empty();
        let mut ends: Option<(Timestamp, Timestamp)> = None;
        while self.next_into(&mut sample)? {
            let Some(time) = sample.time else {
                let problem = "its snapshots have no times, so no snapshot matches a given time";
                let mut remedy = "leave out --at and --over for the last one".to_owned();
                if self.parts.iter().all(|part| part.input.path().is_some()) {
                    remedy.extend([", or look at all of them: `poolmon replay ", &self.name, "`"]);
                }
                return Err(ReadError::unsuitable(&self.name, problem, remedy));
            };
            ends = Some(ends.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
        }
        Ok(ends)
    }

    /// The last sample at or before a time and the one before it that lists the same pools; the first of all if every one
    /// is later.
    fn last_until(&mut self, time: Timestamp) -> Result<SamplePair> {
        self.rewind();
        let mut held = LastOfEach::default();
        let mut now = Sample::empty();
        if !self.next_into(&mut now)? {
            return Err(self.no_sample());
        }
        let mut next = Sample::empty();
        while self.next_into(&mut next)? && next.time.is_none_or(|next| next <= time) {
            let spare = held.keep(now);
            now = std::mem::replace(&mut next, spare);
        }
        let before = held.0.into_iter().rev().find(|before| comparable(before, &now));
        Ok(SamplePair { before, now, too_early: None, outside: None })
    }

    /// The first and the last sample, and how many there are; `None` if there are fewer than two. If snapshots of one pool
    /// come in turn, rows of a pool that the first or last one leaves out come from the nearest one that lists it.
    ///
    /// # Errors
    /// A part cannot be read.
    pub fn ends(&mut self) -> Result<std::result::Result<(Sample, Sample), u64>> {
        self.rewind();
        let mut first = Sample::empty();
        if !self.next_into(&mut first)? {
            return Ok(Err(0));
        }
        let mut held = LastOfEach::default();
        let (mut next, mut number) = (Sample::empty(), 1);
        let mut clock: Vec<String> = Vec::new();
        while self.next_into(&mut next)? {
            let times = self.remarks().iter().filter(|remark| remark.kind == RemarkKind::Time);
            clock.extend(times.map(|remark| remark.text.clone()));
            add_pools(&mut first, &next);
            next = held.keep(std::mem::replace(&mut next, Sample::empty()));
            number += 1;
        }
        let Some(mut last) = held.0.pop() else { return Ok(Err(number)) };
        held.0.iter().rev().for_each(|other| add_pools(&mut last, other));
        // The time between the two depends on what was assumed on the way.
        clock.retain(|text| !last.remarks.contains(text));
        clock.dedup();
        last.remarks.extend(clock);
        Ok(Ok((first, last)))
    }

    fn no_sample(&self) -> ReadError {
        if let Ok(Some(recording)) = self.recording() {
            return recording.no_sample().into();
        }
        ReadError::unsuitable(
            &self.name,
            "there is no sample in it",
            "name a file with a pool table, or a recording with samples",
        )
    }
}

/// The last sample of each kind of list, oldest first.
#[derive(Default)]
struct LastOfEach(Vec<Sample>);

impl LastOfEach {
    /// Keeps a sample, and gives the one that it replaces, to use its memory again.
    fn keep(&mut self, sample: Sample) -> Sample {
        let same = self.0.iter().position(|held| held.coverage == sample.coverage);
        let spare = same.map_or_else(Sample::empty, |at| self.0.remove(at));
        self.0.push(sample);
        spare
    }
}

/// Whether two samples list a pool in common.
fn comparable(before: &Sample, now: &Sample) -> bool {
    before.coverage.overlaps(now.coverage, &now.origin.pools)
}

/// Adds the rows of pools that a sample leaves out, from another one of the same boot.
pub fn add_pools(sample: &mut Sample, from: &Sample) {
    if sample.coverage.is_complete() || sample.origin.boot != from.origin.boot || sample.width != from.width {
        return;
    }
    let missing = |pool: &&Pool| !sample.coverage.has(**pool) && from.coverage.has(**pool);
    for &pool in from.origin.pools.iter().filter(missing).collect::<Vec<_>>() {
        sample.rows.extend(from.rows.iter().filter(|row| row.pool == pool).cloned());
        sample.coverage = sample.coverage.with(pool);
    }
}

/// The paths that parts were named by.
fn name_of(parts: &[Part]) -> String {
    let mut given: Vec<PathBuf> = parts.iter().map(|part| part.given.clone()).collect();
    given.dedup();
    name(&given)
}

/// One path, or the first of them and how many more there are.
fn name(paths: &[PathBuf]) -> String {
    let shown = |path: &Path| {
        if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() }
    };
    match paths {
        [one] => shown(one),
        [first, rest @ ..] => format!("{} and {} more", shown(first), rest.len()),
        [] => String::new(),
    }
}

/// The span that an [`Earlier`] stands for.
impl From<Option<Duration>> for Earlier {
    fn from(over: Option<Duration>) -> Self {
        over.map_or(Self::Previous, Self::By)
    }
}
