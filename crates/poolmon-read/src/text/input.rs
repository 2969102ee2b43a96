//! Lines of a file of any size and encoding, read in large blocks; nothing but the current block is held.

use std::io::{self, Read};

use super::encoding::{Decoder, StartKind, TextEncoding, judge};

/// How much is read at once: small enough to stay in the processor's cache.
const BLOCK: usize = 128 * 1024;
/// Longest line that is held; longer ones are skipped.
pub(super) const LONGEST: usize = 1024 * 1024;
/// A line that is longer is none of a text: what is nothing but long is not read to its end.
const ENDLESS: usize = 256 << 20;
/// How much has to be there before the text is judged (its encoding, what surrounds its lines, how it writes numbers), so
/// that a slow pipe is judged like a file.
const SIGHT: usize = 64 * 1024;

/// What [`Lines::advance`] met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineStep {
    /// A line; [`Lines::line`] gives it.
    Line,
    /// A line longer than [`LONGEST`], skipped.
    TooLong,
    /// The end.
    End,
}

/// The error of a line without end; its number.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("line {0} is longer than 256 MiB")]
pub(crate) struct EndlessLine(pub(crate) u64);

/// The lines of an input.
pub(super) struct Lines {
    input: Box<dyn Read + Send>,
    decoder: Decoder,
    verdict: Option<StartKind>,
    raw: Vec<u8>,
    buf: Vec<u8>,
    filled: usize,
    line: (usize, usize),
    next: usize,
    number: u64,
    ended: bool,
    at_end: bool,
    longest: usize,
    /// The byte that ends a line: a carriage return in texts that have nothing else, as old Macs wrote them.
    ending: u8,
    /// There are escape sequences.
    coloured: bool,
    /// The current line without its escape sequences, if it has some.
    plain: Option<Vec<u8>>,
}

impl Lines {
    pub(super) fn new(input: Box<dyn Read + Send>) -> Self {
        Self::with_limit(input, LONGEST)
    }

    /// Lines of up to `longest` bytes are held.
    pub(super) fn with_limit(input: Box<dyn Read + Send>, longest: usize) -> Self {
        Self {
            input,
            decoder: Decoder::new(TextEncoding::Bytes),
            verdict: None,
            raw: Vec::new(),
            buf: Vec::new(),
            filled: 0,
            line: (0, 0),
            next: 0,
            number: 0,
            ended: true,
            at_end: false,
            longest,
            ending: b'\n',
            coloured: false,
            plain: None,
        }
    }

    /// What the first block looks like.
    pub(super) fn verdict(&mut self) -> io::Result<StartKind> {
        if let Some(verdict) = self.verdict {
            return Ok(verdict);
        }
        let mut first = vec![0; SIGHT];
        let mut length = 0;
        while length < SIGHT {
            match read(&mut *self.input, first.get_mut(length..).unwrap_or_default())? {
                0 => {
                    self.at_end = true;
                    break;
                }
                more => length += more,
            }
        }
        first.truncate(length);
        let (verdict, encoding, mark) = judge(&first);
        self.decoder = Decoder::new(encoding);
        let text = first.get(mark..).unwrap_or_default();
        self.decoder.decode(text, &mut self.buf);
        if self.at_end {
            self.decoder.finish(&mut self.buf);
        }
        self.filled = self.buf.len();
        self.coloured = memchr::memchr(ESCAPE, &self.buf).is_some();
        if memchr::memchr(b'\n', &self.buf).is_none()
            && memchr::memchr_iter(b'\r', &self.buf).nth(1).is_some()
        {
            self.ending = b'\r';
        }
        self.verdict = Some(verdict);
        Ok(verdict)
    }

    /// What is there of the text before its first line was read.
    pub(super) fn start(&self) -> &[u8] {
        self.buf.get(self.next..self.filled).unwrap_or_default()
    }

    /// Whether that is all of it.
    pub(super) fn start_is_all(&self) -> bool {
        self.at_end
    }

    /// Goes to the next line.
    pub(super) fn advance(&mut self) -> io::Result<LineStep> {
        self.verdict()?;
        let mut searched = self.next;
        let (mut passing, mut passed) = (false, 0);
        loop {
            let unseen = self.buf.get(searched..self.filled).unwrap_or_default();
            if let Some(at) = memchr::memchr(self.ending, unseen) {
                return Ok(self.found(searched + at, true, passing));
            }
            searched = self.filled;
            if searched - self.next > self.longest {
                passing = true;
                passed += searched - self.next;
                self.next = searched;
                if passed > ENDLESS {
                    let endless = EndlessLine(self.number + 1);
                    return Err(io::Error::new(io::ErrorKind::InvalidData, endless));
                }
            }
            if self.at_end {
                if self.next == self.filled && !passing {
                    self.line = (self.filled, self.filled);
                    return Ok(LineStep::End);
                }
                return Ok(self.found(self.filled, false, passing));
            }
            let moved = self.fill()?;
            // The last bytes may have been decoded again.
            searched = (searched - moved).saturating_sub(3);
        }
    }

    fn found(&mut self, end: usize, ended: bool, passing: bool) -> LineStep {
        self.line = (self.next, end);
        self.next = if ended { end + 1 } else { end };
        self.ended = ended;
        self.number += 1;
        self.plain = None;
        if self.coloured && !passing {
            let line = self.buf.get(self.line.0..self.line.1).unwrap_or_default();
            self.plain = without_escapes(line);
        }
        if passing || end.saturating_sub(self.line.0) > self.longest {
            LineStep::TooLong
        } else {
            LineStep::Line
        }
    }

    /// Reads one more block; says by how much what is held moved to the front.
    fn fill(&mut self) -> io::Result<usize> {
        let moved = self.next;
        self.buf.copy_within(moved..self.filled, 0);
        self.filled -= moved;
        self.next = 0;
        if self.decoder.encoding() == TextEncoding::Bytes && !self.decoder.has_kept() {
            if self.buf.len() < self.filled + BLOCK {
                self.buf.resize(self.filled + BLOCK, 0);
            }
            let free = self.filled..self.filled + BLOCK;
            let more = read(&mut *self.input, self.buf.get_mut(free).unwrap_or_default())?;
            self.at_end = more == 0;
            let block = self.buf.get(self.filled..self.filled + more).unwrap_or_default();
            let odd = memchr::memchr2(0, ESCAPE, block);
            self.coloured |= odd.is_some() && memchr::memchr(ESCAPE, block).is_some();
            if odd.is_none() || memchr::memchr(0, block).is_none() {
                self.filled += more;
                return Ok(moved);
            }
            self.raw.clear();
            self.raw.extend_from_slice(block);
        } else {
            self.raw.resize(BLOCK, 0);
            let more = read(&mut *self.input, &mut self.raw)?;
            self.raw.truncate(more);
            self.at_end = more == 0;
        }
        self.buf.truncate(self.filled);
        self.decoder.decode(&self.raw, &mut self.buf);
        if self.at_end {
            self.decoder.finish(&mut self.buf);
        }
        let block = self.buf.get(self.filled..).unwrap_or_default();
        self.coloured |= memchr::memchr(ESCAPE, block).is_some();
        self.filled = self.buf.len();
        Ok(moved)
    }

    /// The current line without its line end, a carriage return, or the 0x1A that old editors end a file with; without the mark
    /// of an encoding (files that were joined), colours and other escape sequences.
    pub(super) fn line(&self) -> &[u8] {
        let raw = self.buf.get(self.line.0..self.line.1).unwrap_or_default();
        let mut line = self.plain.as_deref().unwrap_or(raw);
        if let [0xef, 0xbb, 0xbf, rest @ ..] = line {
            line = rest;
        }
        while let [rest @ .., b'\r' | 0x1a] = line {
            line = rest;
        }
        line
    }

    /// Number of the current line, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Whether the current line had a line end; one without may be cut short.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// Goes back, so that the next [`Lines::advance`] gives the current line again.
    pub(super) fn unread(&mut self) {
        self.next = self.line.0;
        self.number = self.number.saturating_sub(1);
    }
}

const ESCAPE: u8 = 0x1b;

/// A line without the sequences that set colours, clear, or name a window; `None` if it has none.
fn without_escapes(line: &[u8]) -> Option<Vec<u8>> {
    memchr::memchr(ESCAPE, line)?;
    let mut out = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = memchr::memchr(ESCAPE, rest) {
        let (before, sequence) = rest.split_at_checked(at)?;
        out.extend_from_slice(before);
        let length = escape_length(sequence);
        if length == 0 {
            // A byte of a tag.
            out.push(ESCAPE);
        }
        rest = sequence.get(length.max(1)..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    Some(out)
}

/// Length of the escape sequence at the beginning; 0 if it is none.
fn escape_length(text: &[u8]) -> usize {
    match text {
        [_, b'[', rest @ ..] => {
            let parameters = rest.iter().take_while(|b| (0x20..0x40).contains(*b)).count();
            let ends = rest.get(parameters).is_some_and(|b| (0x40..0x7f).contains(b));
            if ends { parameters + 3 } else { 0 }
        }
        [_, b']', rest @ ..] => memchr::memchr(7, rest).map_or(0, |end| end + 3),
        [_, b'(' | b')', b'A'..=b'Z' | b'0', ..] => 3,
        [_, b'=' | b'>' | b'7' | b'8', ..] => 2,
        _ => 0,
    }
}

fn read(input: &mut dyn Read, buf: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(buf) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: Vec<u8>) -> Vec<(LineStep, Vec<u8>)> {
        let mut lines = Lines::new(Box::new(io::Cursor::new(bytes)));
        let mut seen = Vec::new();
        loop {
            match lines.advance().unwrap() {
                LineStep::End => return seen,
                LineStep::TooLong => seen.push((LineStep::TooLong, Vec::new())),
                LineStep::Line => seen.push((LineStep::Line, lines.line().to_vec())),
            }
        }
    }

    #[test]
    fn line_ends_of_all_kinds() {
        let got: Vec<_> = all(b"\xef\xbb\xbfa\r\n\nb\n\x1a".to_vec()).into_iter().map(|(_, l)| l).collect();
        assert_eq!(got, [&b"a"[..], b"", b"b", b""]);
        assert!(all(Vec::new()).is_empty());
        let got: Vec<_> = all(b"a\rb\r\rc".to_vec()).into_iter().map(|(_, l)| l).collect();
        assert_eq!(got, [&b"a"[..], b"b", b"", b"c"]);
    }

    #[test]
    fn colours_and_marks_inside() {
        let text =
            b"\x1b]0;title\x07\x1b[1;32m Tag\x1b[0m  Type\x1b(B\x1b[m\n\xef\xbb\xbf \x1bA1b Nonp\n\x1b[\n";
        let got: Vec<_> = all(text.to_vec()).into_iter().map(|(_, line)| line).collect();
        assert_eq!(got, [&b" Tag  Type"[..], b" \x1bA1b Nonp", b"\x1b["]);
    }

    /// PowerShell appends UTF-16 to a long file of single bytes, and the other way round.
    #[test]
    fn encodings_that_change_far_behind_the_beginning() {
        let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let plain: String =
            (0..20_000).flat_map(|n| ["row ".to_owned(), n.to_string(), " of it\n".to_owned()]).collect();
        let (first, last) = (plain.replace("row", "first"), plain.replace("row", "last"));
        let bytes = [first.as_bytes(), &[0xff, 0xfe], &wide(&plain), last.as_bytes()].concat();
        let expected = [first, plain, last].concat();
        let got: Vec<_> = all(bytes).into_iter().map(|(_, line)| String::from_utf8(line).unwrap()).collect();
        assert!(got.iter().map(String::as_str).eq(expected.lines()));
    }

    #[test]
    fn a_line_can_be_read_again() {
        let mut lines = Lines::new(Box::new(io::Cursor::new(b"one\ntwo\n".to_vec())));
        lines.advance().unwrap();
        lines.advance().unwrap();
        lines.unread();
        assert_eq!(lines.number(), 1);
        lines.advance().unwrap();
        assert_eq!((lines.line(), lines.number()), (&b"two"[..], 2));
    }

    #[test]
    fn a_line_without_end_is_an_error() {
        let bytes = b"Tag Type\n".chain(io::repeat(b'x'));
        let mut lines = Lines::new(Box::new(bytes));
        assert_eq!(lines.advance().unwrap(), LineStep::Line);
        let error = lines.advance().unwrap_err();
        assert!(error.to_string().starts_with("line 2 is longer"), "{error}");
        let error = crate::ReadError::read("x.log", error);
        assert!(error.to_string().starts_with("x.log: line 2: "), "{error}");
        assert!(poolmon_model::problem::Remedy::remedy(&error).is_some());
    }

    #[test]
    fn endless_lines_are_passed_over_in_bounded_memory() {
        let mut bytes = vec![b'x'; 5 * LONGEST];
        bytes.extend_from_slice(b"\nshort\n");
        bytes.extend(vec![b'y'; 2 * LONGEST]);
        let mut lines = Lines::new(Box::new(io::Cursor::new(bytes)));
        assert_eq!(lines.advance().unwrap(), LineStep::TooLong);
        assert_eq!(lines.advance().unwrap(), LineStep::Line);
        assert_eq!((lines.line(), lines.number()), (&b"short"[..], 2));
        assert_eq!(lines.advance().unwrap(), LineStep::TooLong);
        assert_eq!(lines.advance().unwrap(), LineStep::End);
        assert!(lines.buf.len() <= LONGEST + 3 * BLOCK, "{}", lines.buf.len());
    }
}
