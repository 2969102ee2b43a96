//! Samples from a stream, one after the other.

use std::io::{self, Read};
use std::path::PathBuf;

use poolmon_model::Sample;

use super::encoding::StartKind;
use super::input::{LineStep, Lines};
use super::state::{LineUse, TextLine, TextParser, has_rows};
use crate::format::known_formats;
use crate::{ReadError, Remark, Result, Samples};

/// Reads samples from a stream, one after the other, in bounded memory.
pub struct SampleReader {
    lines: Lines,
    state: TextParser,
    done: bool,
    found: bool,
}

impl SampleReader {
    /// Reads from anything. `name` is in messages and in [`Origin::file`].
    pub fn new(name: &str, input: impl Read + Send + 'static) -> Self {
        Self { lines: Lines::new(Box::new(input)), state: TextParser::new(name), done: false, found: false }
    }

    /// Fills `sample` with the next snapshot and uses its memory again; `false` at the end.
    ///
    /// # Errors
    /// The input is empty, is not text, holds no row at all, or cannot be read. After an error there is nothing more.
    pub fn next_into(&mut self, sample: &mut Sample) -> Result<bool> {
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
        self.state.builder.start(sample);
        self.state.opened = false;
        loop {
            match self.lines.advance().map_err(|error| self.failed(error))? {
                LineStep::End => break,
                LineStep::TooLong => self.state.builder.noticed.long.add(self.lines.number(), b""),
                LineStep::Line => {
                    let at = TextLine {
                        line: self.lines.line(),
                        number: self.lines.number(),
                        ended: self.lines.ended(),
                    };
                    if self.state.take(at, sample) == LineUse::Next {
                        self.lines.unread();
                        break;
                    }
                }
            }
        }
        if has_rows(sample) {
            self.state.builder.finish(sample);
            return Ok(true);
        }
        Ok(false)
    }

    fn nothing(&self) -> ReadError {
        let lines = self.lines.number();
        let mut problem = String::from("no row of a pool table was found");
        let mut said = Vec::new();
        self.state.builder.noticed.say(false, &mut said);
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
        ReadError::Io { action: "read", path: PathBuf::from(self.state.builder.file()), source }
    }
}

impl Samples for SampleReader {
    fn next_into(&mut self, sample: &mut Sample) -> Result<bool> {
        SampleReader::next_into(self, sample)
    }

    fn remarks(&self) -> &[Remark] {
        &self.state.builder.remarks
    }
}
