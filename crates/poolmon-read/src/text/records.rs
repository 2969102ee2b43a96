//! Lines of CSV and TSV whose quoted fields may hold line ends, as text in UTF-8.

use std::borrow::Cow;
use std::io::{self, Read};

use super::encoding::decoded;
use super::fields::Fields;
use super::frame::Frame;
use super::input::{LineStep, Lines};

/// Longest record that is read, in bytes: Perfmon writes one column for each counter.
const LONGEST: usize = 16 << 20;

/// The lines of a text, for readers that need nothing else.
pub(crate) struct TextLines(Lines);

impl TextLines {
    /// Reads from the start of a file.
    pub(crate) fn over(input: Box<dyn Read + Send>) -> Self {
        Self(Lines::new(input))
    }

    /// The next line in UTF-8 or one byte a character; `None` at the end. Lines that are too long are skipped.
    pub(crate) fn next_line(&mut self) -> io::Result<Option<&[u8]>> {
        loop {
            match self.0.advance()? {
                LineStep::End => return Ok(None),
                LineStep::TooLong => {}
                LineStep::Line => return Ok(Some(self.0.line())),
            }
        }
    }

    /// Number of the current line, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.0.number()
    }

    /// Whether the current line has an end; without one, it may be cut.
    pub(crate) fn ended(&self) -> bool {
        self.0.ended()
    }
}

/// Reads records: fields in quotes may hold separators, quotes (doubled) and line ends.
pub(crate) struct Records {
    lines: Lines,
    record: Vec<u8>,
    /// What precedes each line and is no part of it.
    frame: Option<Frame>,
}

impl Records {
    /// Reads from the start of a file.
    pub(crate) fn new(input: Box<dyn Read + Send>) -> Self {
        Self { lines: Lines::with_limit(input, LONGEST), record: Vec::new(), frame: None }
    }

    /// From now on, takes this off the front of each line.
    pub(crate) fn without(&mut self, quotes: &[u8]) {
        self.frame = (!quotes.is_empty()).then(|| Frame::before(quotes));
    }

    /// Line of the last record's end, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.lines.number()
    }

    /// The last record as it is in the file.
    pub(crate) fn record(&self) -> &[u8] {
        &self.record
    }

    /// The next record; `false` at the end of the file. Empty lines and those that are too long are skipped.
    pub(crate) fn next_record(&mut self, separator: u8, fields: &mut Vec<String>) -> io::Result<bool> {
        self.record.clear();
        loop {
            match self.lines.advance()? {
                LineStep::End if self.record.is_empty() => return Ok(false),
                LineStep::End => break,
                LineStep::TooLong => continue,
                LineStep::Line => {}
            }
            let line = self.lines.line();
            let line = self.frame.as_ref().map_or(Cow::Borrowed(line), |frame| frame.clean(line));
            if self.record.is_empty() && line.trim_ascii().is_empty() {
                continue;
            }
            if !self.record.is_empty() {
                self.record.push(b'\n');
            }
            self.record.extend_from_slice(&line);
            // An odd number of quotes: a field goes on in the next line.
            let quotes = memchr::memchr_iter(b'"', &self.record).count();
            if quotes.is_multiple_of(2) || self.record.len() >= LONGEST {
                break;
            }
        }
        fields.clear();
        fields.extend(Fields::new(&self.record, separator).map(|field| decoded(&field).into_owned()));
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<Vec<String>> {
        let mut records = Records::new(Box::new(io::Cursor::new(bytes.to_vec())));
        let mut out = Vec::new();
        let mut fields = Vec::new();
        while records.next_record(b',', &mut fields).unwrap() {
            out.push(fields.clone());
        }
        out
    }

    #[test]
    fn quotes_blanks_and_line_ends() {
        assert_eq!(all(b"a,\"b,\"\"c\"\"\",\" \"\r\n\r\nd,,\n"), [["a", "b,\"c\"", " "], ["d", "", ""]]);
        assert_eq!(all(b"\"x\ny\",z"), [["x\ny", "z"]]);
        assert_eq!(all(b"caf\xe9,1"), [["café", "1"]]);
    }

    #[test]
    fn utf_16_of_both_orders() {
        let text = "é,\"Ċ\"\r\n1,2\r\n";
        let le: Vec<u8> =
            [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        let be: Vec<u8> =
            [0xfe, 0xff].into_iter().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect();
        for bytes in [le, be] {
            assert_eq!(all(&bytes), [["é", "Ċ"], ["1", "2"]]);
        }
    }
}
