//! Samples from a stream, one after the other.

use std::borrow::Cow;
use std::io::{self, Read};

use jiff::Timestamp;
use poolmon_model::{Sample, SourceKind};

use super::below::{self, LineKind};
use super::build::TableScope;
use super::dates::FileDates;
use super::encoding::StartKind;
use super::frame::{self, Frame};
use super::input::{LineStep, Lines};
use super::moment;
use super::pool_header::HeaderTrust;
use super::row_times::RowTimes;
use super::state::{LineUse, TextLine, TextParser, has_rows};
use super::views;
use crate::clock::{FileClock, TimeNote};
use crate::format::known_formats;
use crate::{ReadError, Remark, Result, Samples};

/// Reads samples from a stream, one after the other, in bounded memory.
///
/// It reads one sample ahead: a list that is of the same moment belongs to the sample before it.
pub struct SampleReader {
    lines: Lines,
    state: TextParser,
    /// What surrounds the lines; known once something was read.
    frame: Option<Frame>,
    row_times: RowTimes,
    stage: Stage,
    ahead: Option<ReadSample>,
    spare: Option<ReadSample>,
    /// Why there is nothing after the sample ahead.
    failed: Option<ReadError>,
    clock: FileClock,
    /// Some list of a part of the rows had other rows than the one before it.
    lists_differ: bool,
    /// Whether the pool sizes of its memory lines can be true.
    trust: HeaderTrust,
    /// Remarks on the sample given last.
    remarks: Vec<Remark>,
}

/// How far the reading is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing was read.
    New,
    /// No row was found.
    Searching,
    /// Rows were found.
    Found,
    /// Nothing follows the sample ahead.
    Done,
}

/// A sample, and what is to be said of it.
struct ReadSample {
    sample: Sample,
    remarks: Vec<Remark>,
    time_note: TimeNote,
    /// Nothing says that its rows are all there are.
    may_be_chosen: bool,
}

impl SampleReader {
    /// Reads from anything. `name` is in messages and in the sample's origin.
    pub fn new(name: &str, input: impl Read + Send + 'static) -> Self {
        Self {
            lines: Lines::new(Box::new(input)),
            state: TextParser::new(name),
            frame: None,
            row_times: RowTimes::default(),
            stage: Stage::New,
            ahead: None,
            spare: None,
            failed: None,
            clock: FileClock::default(),
            lists_differ: false,
            trust: HeaderTrust::default(),
            remarks: Vec::new(),
        }
    }

    /// In which order its dates are written.
    pub(super) fn with_dates(mut self, dates: FileDates) -> Self {
        self.state.builder.doubt.clone_from(&dates.doubt);
        self.state.dates = dates;
        self
    }

    /// Whether the pool sizes of its memory lines can be true.
    pub(super) fn with_trust(mut self, trust: HeaderTrust) -> Self {
        self.trust = trust;
        self
    }

    /// Fills `sample` with the next snapshot and uses its memory again; `false` at the end, with `sample` as it was.
    ///
    /// # Errors
    /// The input is empty, is not text, holds no row at all, or cannot be read. After an error there is nothing more.
    pub fn next_into(&mut self, sample: &mut Sample) -> Result<bool> {
        if self.stage == Stage::New {
            self.stage = Stage::Searching;
            self.fetch();
        }
        let Some(mut now) = self.ahead.take() else { return self.failed.take().map_or(Ok(false), Err) };
        self.fetch();
        let unsure = now.time_note.coarse || self.clock.comes_twice(&now.sample, now.time_note);
        while let Some(next) =
            self.ahead.take_if(|next| views::is_same_moment(&now.sample, &next.sample, unsure))
        {
            views::join(&mut now.sample, &next.sample);
            for remark in next
                .remarks
                .iter()
                .filter(|remark| !now.remarks.contains(remark))
                .cloned()
                .collect::<Vec<_>>()
            {
                now.remarks.push(remark);
            }
            self.spare = Some(next);
            self.fetch();
        }
        self.mark_cut(&mut now);
        let next = self.ahead.as_ref().map(|next| &next.sample);
        if let Some(remark) = self.trust.check(&mut now.sample, next) {
            now.sample.remarks.push(remark.text.clone());
            now.remarks.push(remark);
        }
        if now.sample.origin.kind == SourceKind::TableFile && self.clock.begins_again(&now.sample) {
            (self.stage, self.ahead, self.failed) = (Stage::Done, None, None);
            return Err(self.malformed(
                &format!("line {}", now.time_note.line),
                "the times begin again here, with other rows: the table is not sorted by time",
                "sort its rows by time",
            ));
        }
        if let Some(remark) = self.clock.correct(&mut now.sample, now.time_note) {
            now.sample.remarks.push(remark.text.clone());
            now.remarks.push(remark);
        }
        std::mem::swap(sample, &mut now.sample);
        std::mem::swap(&mut self.remarks, &mut now.remarks);
        self.spare = Some(now);
        Ok(true)
    }

    /// Marks lists that leave out now this row, now that.
    fn mark_cut(&mut self, now: &mut ReadSample) {
        if let Some(next) = &mut self.ahead {
            let chosen = now.may_be_chosen && next.may_be_chosen;
            if views::are_cut(&now.sample, &next.sample)
                || (chosen && views::loses_rows(&now.sample, &next.sample))
            {
                now.sample.coverage = now.sample.coverage.partial();
                next.sample.coverage = next.sample.coverage.partial();
                self.lists_differ = true;
            }
        }
        if self.lists_differ && now.sample.coverage.is_partial() {
            let remark = views::cut_remark(&now.sample);
            now.sample.remarks.push(remark.text.clone());
            now.remarks.push(remark);
        }
    }

    /// Reads the sample ahead.
    fn fetch(&mut self) {
        if self.stage == Stage::Done {
            return;
        }
        let empty = || ReadSample {
            sample: Sample::empty(),
            remarks: Vec::new(),
            time_note: TimeNote::default(),
            may_be_chosen: false,
        };
        let mut next = self.spare.take().unwrap_or_else(empty);
        match self.read(&mut next.sample) {
            Ok(true) => {
                self.stage = Stage::Found;
                std::mem::swap(&mut next.remarks, &mut self.state.builder.remarks);
                next.time_note = self.state.builder.time_note;
                next.may_be_chosen = self.state.builder.table == TableScope::Rows;
                self.ahead = Some(next);
                return;
            }
            Ok(false) if self.stage == Stage::Searching => self.failed = Some(self.nothing()),
            Ok(false) => {}
            Err(error) => self.failed = Some(error),
        }
        self.stage = Stage::Done;
    }

    /// Judges the beginning of the input: an empty or binary one is an error at once.
    pub(super) fn check(&mut self) -> Result<()> {
        let verdict = self.lines.verdict().map_err(|error| self.failed(error))?;
        match verdict {
            StartKind::Text => Ok(()),
            StartKind::Empty => Err(self.malformed(
                "offset 0",
                "the file is empty",
                "check how it was saved, and save it again",
            )),
            StartKind::Binary(what, "") => Err(self.malformed("offset 0", what, &known_formats())),
            StartKind::Binary(what, remedy) => Err(self.malformed("offset 0", what, remedy)),
        }
    }

    fn read(&mut self, sample: &mut Sample) -> Result<bool> {
        self.check()?;
        if self.lines.number() == 0 {
            self.frame = frame::survey(self.lines.start());
            if let Some(frame) = &self.frame {
                self.row_times = RowTimes::survey(self.lines.start(), frame);
            }
            self.state.cells.barred = self.frame.as_ref().is_some_and(Frame::has_cells);
            self.state.numbers = super::numbers::survey(self.lines.start());
            self.state.cut_table =
                super::cut_table::survey(self.lines.start(), self.lines.start_is_all(), self.frame.as_ref());
            self.state.dates_below = self.dates_are_below();
        }
        self.state.builder.start(sample);
        self.state.opened = false;
        self.state.listed.clear();
        self.state.seen.start();
        self.row_times.start();
        let mut titled = false;
        loop {
            match self.lines.advance().map_err(|error| self.failed(error))? {
                LineStep::End => break,
                LineStep::TooLong => self.state.builder.noticed.long.add(self.lines.number(), b""),
                LineStep::Line => {
                    let whole = self.lines.line();
                    let line = self.frame.as_ref().map_or(Cow::Borrowed(whole), |frame| frame.clean(whole));
                    if let Some(frame) = &self.frame {
                        if self.state.opened && !std::mem::replace(&mut titled, true) {
                            self.row_times.titled();
                        }
                        let now = (frame.stamp(whole), &*line);
                        if self.row_times.begin_next(now, self.state.used_column, sample, |front| {
                            self.state.time_of(front, self.lines.number())
                        }) {
                            self.lines.unread();
                            break;
                        }
                    }
                    let at = TextLine { line: &line, number: self.lines.number(), ended: self.lines.ended() };
                    if self.state.take(at, sample) == LineUse::Next {
                        self.lines.unread();
                        break;
                    }
                    if let Some(refused) = self.state.refused.take() {
                        let place = format!("line {}", refused.line);
                        return Err(self.malformed(&place, &refused.problem, refused.remedy));
                    }
                    if self.frame.is_some() && (self.state.opened || has_rows(sample)) {
                        self.stamp();
                    }
                }
            }
        }
        self.state.flush(sample);
        if has_rows(sample) {
            self.state.builder.finish(sample);
            return Ok(true);
        }
        Ok(false)
    }

    fn dates_are_below(&self) -> bool {
        let rule = self.state.dates.rule;
        below::survey(self.lines.start(), self.lines.start_is_all(), |line| {
            let line = self.frame.as_ref().map_or(Cow::Borrowed(line), |frame| frame.clean(line));
            let is_date = || {
                let found = moment::find(&line, rule);
                found.is_some_and(|found| found.alone || found.instant().is_some())
            };
            match () {
                () if super::layout(&line).is_some() => LineKind::Table,
                () if is_date() => LineKind::Date,
                () => LineKind::Other,
            }
        })
    }

    /// A time stamp before the column line is the time of the snapshot, unless the text says another.
    fn stamp(&mut self) {
        let stamp = self.frame.as_ref().map(|frame| frame.stamp(self.lines.line()));
        if let Some(stamp) = stamp.filter(|stamp| stamp.iter().any(u8::is_ascii_digit)) {
            self.state.prefix_time(stamp, self.lines.number());
        }
    }

    fn nothing(&mut self) -> ReadError {
        let lines = self.lines.number();
        let mut problem = String::from("no row of a pool table was found");
        let mut said = Vec::new();
        self.state.builder.noticed.say_of_none(&mut said);
        for remark in said {
            problem.push_str("; ");
            problem.push_str(&remark.text);
        }
        let place = if lines == 1 { "line 1".to_owned() } else { format!("lines 1 to {lines}") };
        self.malformed(&place, &problem, &known_formats())
    }

    fn malformed(&self, place: &str, problem: &str, remedy: &str) -> ReadError {
        ReadError::Malformed {
            path: self.state.builder.file().to_owned(),
            place: place.to_owned(),
            problem: problem.to_owned(),
            remedy: remedy.to_owned(),
        }
    }

    fn failed(&self, source: io::Error) -> ReadError {
        ReadError::read(self.state.builder.file(), source)
    }
}

impl Samples for SampleReader {
    fn next_into(&mut self, sample: &mut Sample) -> Result<bool> {
        SampleReader::next_into(self, sample)
    }

    fn reported_time(&self) -> Option<Timestamp> {
        self.clock.reported()
    }

    fn remarks(&self) -> &[Remark] {
        &self.remarks
    }
}
