//! Samples from one or several texts.

use std::io::{self, Read};
use std::path::PathBuf;

use jiff::Timestamp;
use poolmon_model::Sample;

use super::super::encoding::StartKind;
use super::super::input::{LineStep, Lines};
use super::parser::{LineUse, LinuxParser};
use crate::{ReadError, Remark, Result, Samples};

/// One text.
pub(crate) struct LinuxSource {
    /// Its name in messages.
    pub(crate) name: String,
    /// It begins another sample; otherwise it adds to the one before.
    pub(crate) begins: bool,
    /// Its content.
    pub(crate) bytes: Box<dyn Read + Send>,
}

/// Reads samples in bounded memory.
pub(crate) struct LinuxReader {
    name: String,
    waiting: std::vec::IntoIter<LinuxSource>,
    /// The text being read, and its name.
    lines: Option<(Lines, String)>,
    /// The next text begins another sample, which waits for this one to be returned.
    next: Option<LinuxSource>,
    parser: LinuxParser,
    /// Said with the first sample.
    first: Vec<Remark>,
    found: bool,
    done: bool,
}

impl LinuxReader {
    /// Reads texts in this order. `rows`: samples without rows are left out.
    pub(crate) fn new(name: &str, sources: Vec<LinuxSource>, rows: bool) -> Self {
        Self {
            name: name.to_owned(),
            waiting: sources.into_iter(),
            lines: None,
            next: None,
            parser: LinuxParser::new(name, rows, Timestamp::now()),
            first: Vec::new(),
            found: false,
            done: false,
        }
    }

    /// The texts are parts of a report that holds many other things, of which nothing is said. `remarks` are said first.
    pub(crate) fn of_report(mut self, remarks: Vec<Remark>) -> Self {
        self.parser.is_report = true;
        self.first = remarks;
        self
    }

    fn read(&mut self, sample: &mut Sample) -> Result<bool> {
        loop {
            self.parser.start(sample);
            let more = self.fill(sample)?;
            if self.parser.finish(sample) {
                let said = self.first.drain(..);
                self.parser.remarks.splice(0..0, said);
                sample.remarks.clear();
                sample.remarks.extend(self.parser.remarks.iter().map(ToString::to_string));
                return Ok(true);
            }
            if !more {
                return Ok(false);
            }
        }
    }

    /// Takes the lines of one sample; false at the end of everything.
    fn fill(&mut self, sample: &mut Sample) -> Result<bool> {
        loop {
            if self.lines.is_none() && !self.open(sample)? {
                return Ok(self.next.is_some());
            }
            let Some((lines, file)) = &mut self.lines else { return Ok(false) };
            let failed = |source: io::Error| ReadError::read(file, source);
            match lines.advance().map_err(failed)? {
                LineStep::End => {
                    self.parser.end_of_text(sample);
                    self.lines = None;
                }
                LineStep::TooLong => self.parser.noticed.long.add(lines.number(), b""),
                LineStep::Line => {
                    match self.parser.take(lines.line(), (lines.number(), lines.ended()), sample) {
                        LineUse::Taken => {}
                        LineUse::Next => {
                            lines.unread();
                            return Ok(true);
                        }
                        LineUse::Refused(problem, remedy) => {
                            return Err(ReadError::line(file, lines.number(), problem.into(), remedy));
                        }
                    }
                }
            }
        }
    }

    /// Opens the next text; false if there is none, or if it begins another sample.
    fn open(&mut self, sample: &Sample) -> Result<bool> {
        while let Some(source) = self.next.take().or_else(|| self.waiting.next()) {
            if source.begins && self.parser.has_content(sample) {
                self.next = Some(LinuxSource { begins: false, ..source });
                self.parser.forget_time();
                return Ok(false);
            }
            let mut lines = Lines::new(source.bytes);
            let verdict = lines.verdict().map_err(|source_error| ReadError::Io {
                action: "read",
                path: PathBuf::from(&source.name),
                source: source_error,
            })?;
            if verdict == StartKind::Text {
                self.parser.dates_below = self.parser.surveys_below(&lines);
                self.lines = Some((lines, source.name));
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn nothing(&self) -> ReadError {
        let (problem, command) = self.parser.why_nothing();
        let remedy = format!("save it again, with whole lines: {command}");
        ReadError::unsuitable(&self.name, problem, remedy)
    }
}

impl Samples for LinuxReader {
    fn next_into(&mut self, sample: &mut Sample) -> Result<bool> {
        if self.done {
            return Ok(false);
        }
        let result = self.read(sample);
        match result {
            Ok(true) => self.found = true,
            _ => self.done = true,
        }
        match result {
            Ok(false) if !self.found => Err(self.nothing()),
            result => result,
        }
    }

    fn reported_time(&self) -> Option<Timestamp> {
        self.parser.clock.reported()
    }

    fn remarks(&self) -> &[Remark] {
        &self.parser.remarks
    }
}
