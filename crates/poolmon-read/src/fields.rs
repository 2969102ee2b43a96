//! Lines of CSV and TSV.

use std::io::{self, BufRead};

/// Longest line that is read, in bytes: Perfmon writes one column for each counter.
const LONGEST: usize = 16 << 20;

/// How the text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    /// UTF-8, or one byte a character where it is not.
    Bytes,
    Utf16Le,
    Utf16Be,
}

/// Reads records: fields in quotes may hold separators, quotes (doubled) and line ends.
#[derive(Debug)]
pub struct Records<R> {
    input: R,
    encoding: Option<Encoding>,
    line: usize,
}

impl<R: BufRead> Records<R> {
    /// Reads from the start of a file.
    pub fn new(input: R) -> Self {
        Self { input, encoding: None, line: 0 }
    }

    /// Line of the last record's end, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The byte-order mark, where there is one, says how the text is written.
    fn begin(&mut self) -> io::Result<Encoding> {
        if let Some(encoding) = self.encoding {
            return Ok(encoding);
        }
        let start = self.input.fill_buf()?;
        let (encoding, skip) = match start {
            [0xff, 0xfe, ..] => (Encoding::Utf16Le, 2),
            [0xfe, 0xff, ..] => (Encoding::Utf16Be, 2),
            [0xef, 0xbb, 0xbf, ..] => (Encoding::Bytes, 3),
            _ => (Encoding::Bytes, 0),
        };
        self.input.consume(skip);
        self.encoding = Some(encoding);
        Ok(encoding)
    }

    /// One line with its end; `None` at the end of the file.
    fn raw_line(&mut self) -> io::Result<Option<String>> {
        let encoding = self.begin()?;
        let mut bytes = Vec::new();
        let wide = encoding != Encoding::Bytes;
        loop {
            let before = bytes.len();
            let left = (LONGEST - bytes.len()) as u64;
            let read = io::Read::take(&mut self.input, left).read_until(b'\n', &mut bytes)?;
            if read == 0 || bytes.len() >= LONGEST {
                break;
            }
            if !wide {
                break;
            }
            if encoding == Encoding::Utf16Le {
                // The other half of the line feed; a 0x0a that is half of another character ends no line.
                let odd = bytes.len() % 2 == 1;
                if odd {
                    let mut half = [0];
                    if io::Read::read(&mut self.input, &mut half)? == 1 {
                        bytes.push(half.into_iter().next().unwrap_or(0));
                    }
                }
                if odd && bytes.last() == Some(&0) {
                    break;
                }
            } else if bytes.len() % 2 == 0 && bytes.get(bytes.len().wrapping_sub(2)) == Some(&0) {
                break;
            }
            debug_assert!(bytes.len() > before, "each turn reads something");
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        self.line += 1;
        let units = |join: fn([u8; 2]) -> u16| -> Vec<u16> {
            bytes.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).map(join).collect()
        };
        Ok(Some(match encoding {
            Encoding::Bytes => String::from_utf8(bytes).unwrap_or_else(|wrong| {
                // ANSI: digits, names of counters and separators are ASCII.
                wrong.as_bytes().iter().copied().map(char::from).collect()
            }),
            Encoding::Utf16Le => String::from_utf16_lossy(&units(u16::from_le_bytes)),
            Encoding::Utf16Be => String::from_utf16_lossy(&units(u16::from_be_bytes)),
        }))
    }

    /// The next record; `None` at the end of the file. Empty lines are passed over.
    pub fn next_record(&mut self, separator: char, fields: &mut Vec<String>) -> io::Result<bool> {
        loop {
            let Some(mut text) = self.raw_line()? else { return Ok(false) };
            if text.trim().is_empty() {
                continue;
            }
            // An odd number of quotes: a field goes on in the next line.
            while text.matches('"').count() % 2 == 1 && text.len() < LONGEST {
                let Some(more) = self.raw_line()? else { break };
                text.push_str(&more);
            }
            split(text.trim_end_matches(['\n', '\r']), separator, fields);
            return Ok(true);
        }
    }
}

/// Splits one record.
pub fn split(text: &str, separator: char, fields: &mut Vec<String>) {
    fields.clear();
    let mut field = String::new();
    let mut quoted = false;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' if quoted && rest.peek() == Some(&'"') => {
                rest.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            c if c == separator && !quoted => fields.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    fields.push(field);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<Vec<String>> {
        let mut records = Records::new(bytes);
        let mut out = Vec::new();
        let mut fields = Vec::new();
        while records.next_record(',', &mut fields).unwrap() {
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
