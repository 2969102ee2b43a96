//! Which encoding a saved text has, and UTF-16 made into UTF-8 as it streams in.

use std::borrow::Cow;

use crate::looks::{BINARIES, KNOWN_FORMATS};

/// How the bytes are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextEncoding {
    /// One byte a character: ASCII, UTF-8, Latin-1 or an OEM code page. Tags are raw bytes, so nothing is converted.
    Bytes,
    /// UTF-16, low byte first.
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
}

/// What the beginning of the input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StartKind {
    /// Text.
    Text,
    /// Nothing at all.
    Empty,
    /// Not text; what it is, in words, and what helps.
    Binary(&'static str, &'static str),
}

/// Judges the first bytes; tells the encoding and the length of its mark too.
pub(super) fn judge(first: &[u8]) -> (StartKind, TextEncoding, usize) {
    match first {
        [] => return (StartKind::Empty, TextEncoding::Bytes, 0),
        [0xef, 0xbb, 0xbf, ..] => return (StartKind::Text, TextEncoding::Bytes, 3),
        // PowerShell's `>` and Notepad's "Unicode".
        [0xff, 0xfe, ..] => return (StartKind::Text, TextEncoding::Utf16Le, 2),
        [0xfe, 0xff, ..] => return (StartKind::Text, TextEncoding::Utf16Be, 2),
        _ => {}
    }
    // A line of single bytes: what follows of another encoding is noticed where it begins.
    let first_line = first.split(|&b| b == b'\n').next().unwrap_or_default();
    let begins_plain =
        first_line.len() > 1 && first_line.len() < first.len() && first_line.iter().all(|&b| is_text(b));
    // UTF-16 without a mark: logs joined with `copy /b`, or cut at the front.
    let units = first.len() / 2;
    let nuls = |at: usize| first.iter().skip(at).step_by(2).filter(|&&b| b == 0).count();
    let (even, odd) = (nuls(0), nuls(1));
    if units >= 2 && !begins_plain {
        if odd * 10 >= units * 7 && even * 20 <= units {
            return (StartKind::Text, TextEncoding::Utf16Le, 0);
        }
        // PoolMonX writes a NUL behind each cell.
        if odd * 20 >= units * 19 && even * 5 <= units * 2 {
            return (StartKind::Text, TextEncoding::Utf16Le, 0);
        }
        if even * 10 >= units * 7 && odd * 20 <= units {
            return (StartKind::Text, TextEncoding::Utf16Be, 0);
        }
    }
    // PowerShell's `>>` appends UTF-16 to single bytes: a NUL behind or before a letter does not mean a binary file.
    let letter = |at: Option<usize>| at.and_then(|at| first.get(at)).is_some_and(|&b| is_text(b));
    let harmless = |at: usize, b: u8| b == 0 && (letter(at.checked_sub(1)) || letter(Some(at + 1)));
    let control = first.iter().enumerate().filter(|&(at, &b)| is_control(b) && !harmless(at, b)).count();
    if let Some((_, what, remedy)) = BINARIES.iter().find(|(magic, ..)| first.starts_with(magic))
        && control > 0
    {
        return (StartKind::Binary(what, remedy), TextEncoding::Bytes, 0);
    }
    // Tags may hold control bytes; a text that is more than a few of them is none.
    if control * 100 > first.len() * 8 {
        return (StartKind::Binary("this is not text", KNOWN_FORMATS), TextEncoding::Bytes, 0);
    }
    (StartKind::Text, TextEncoding::Bytes, 0)
}

fn is_control(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x08 | 0x0c | 0x1a | 0x1b)
}

/// How many characters in a row have to look like two ASCII bytes each before they are taken for that.
const ASCII_RUN: usize = 16;
/// How many characters of UTF-16 in a row have to be ASCII inside of a line of single bytes, and at its beginning.
const WIDE_RUN: usize = 16;
const WIDE_RUN_OF_LINE: usize = 4;

/// Turns UTF-16 into UTF-8, block by block, also where only a part of the text is UTF-16: PowerShell's `>>` appends it to any file,
/// and `cmd` appends bytes to what PowerShell began.
pub(super) struct Decoder {
    encoding: TextEncoding,
    /// Bytes that could not be decoded before more of them are there.
    kept: Vec<u8>,
    /// First half of a pair of surrogates.
    high: Option<u16>,
    /// The last character ended a line.
    at_line: bool,
}

/// Whether bytes around a NUL are UTF-16.
enum Wide {
    /// It begins at this offset, with a mark of this many bytes.
    Begins(usize, usize, TextEncoding),
    /// More bytes will tell.
    Perhaps,
    No,
}

impl Decoder {
    pub(super) fn new(encoding: TextEncoding) -> Self {
        Self { encoding, kept: Vec::new(), high: None, at_line: true }
    }

    /// Whether bytes wait for others.
    pub(super) fn has_kept(&self) -> bool {
        !self.kept.is_empty()
    }

    /// How the rest of the input is read.
    pub(super) fn encoding(&self) -> TextEncoding {
        self.encoding
    }

    /// Decodes what can be decoded. May take back up to three bytes of the line that `out` ends with.
    pub(super) fn decode(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut whole = std::mem::take(&mut self.kept);
        if self.encoding == TextEncoding::Bytes && whole.is_empty() {
            // A letter or a mark, whose NUL comes now.
            let letters = out.iter().rev().take(3).take_while(|&&b| b != b'\n').count();
            whole = out.split_off(out.len() - letters);
        }
        whole.extend_from_slice(bytes);
        self.run(&whole, false, out);
    }

    /// Decodes what was kept: no more comes.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        let kept = std::mem::take(&mut self.kept);
        self.run(&kept, true, out);
        if self.high.take().is_some() {
            push(char::REPLACEMENT_CHARACTER, out);
        }
    }

    fn run(&mut self, mut bytes: &[u8], last: bool, out: &mut Vec<u8>) {
        while !bytes.is_empty() {
            bytes = match self.encoding {
                TextEncoding::Bytes => self.plain(bytes, last, out),
                TextEncoding::Utf16Le | TextEncoding::Utf16Be => self.wide(bytes, last, out),
            };
        }
    }

    /// Takes single bytes up to where UTF-16 begins; gives what follows.
    fn plain<'a>(&mut self, bytes: &'a [u8], last: bool, out: &mut Vec<u8>) -> &'a [u8] {
        let mut from = 0;
        while let Some(at) = memchr::memchr(0, bytes.get(from..).unwrap_or_default()) {
            match wide_around(bytes, from + at, last) {
                Wide::Begins(start, mark, encoding) => {
                    out.extend_from_slice(bytes.get(..start).unwrap_or_default());
                    self.encoding = encoding;
                    self.at_line = true;
                    return bytes.get(start + mark..).unwrap_or_default();
                }
                Wide::Perhaps => {
                    let keep = (from + at).saturating_sub(4);
                    out.extend_from_slice(bytes.get(..keep).unwrap_or_default());
                    self.kept = bytes.get(keep..).unwrap_or_default().to_vec();
                    return &[];
                }
                Wide::No => from += at + 1,
            }
        }
        out.extend_from_slice(bytes);
        &[]
    }

    /// Takes UTF-16 up to where single bytes begin; gives what follows.
    fn wide<'a>(&mut self, mut bytes: &'a [u8], last: bool, out: &mut Vec<u8>) -> &'a [u8] {
        while let [first, second, rest @ ..] = bytes {
            let (low, high) =
                if self.encoding == TextEncoding::Utf16Be { (*second, *first) } else { (*first, *second) };
            if high == 0 && low < 0x80 && self.high.is_none() {
                out.push(low);
                self.at_line = low == b'\n';
                bytes = rest;
                continue;
            }
            // A script wrote the date with PowerShell (UTF-16), then PoolMon appended its bytes to the same file.
            if self.at_line && !last && bytes.len() < 3 && b"\xef\xbb".starts_with(bytes) {
                break;
            }
            let (mark, text) = match bytes.strip_prefix(b"\xef\xbb\xbf") {
                Some(text) if self.at_line => (3, text),
                _ => (0, bytes),
            };
            if mark > 0 || (is_text(high) && is_text(low)) {
                let length = text.iter().take(2 * ASCII_RUN).take_while(|&&b| is_text(b)).count();
                if length == text.len() && length < 2 * ASCII_RUN && !last {
                    break;
                }
                let line = text.get(..length).unwrap_or_default().contains(&b'\n');
                if length == 2 * ASCII_RUN || (last && length == text.len()) || (self.at_line && line) {
                    self.encoding = TextEncoding::Bytes;
                    return text;
                }
            }
            self.unit(u16::from_be_bytes([high, low]), out);
            self.at_line = false;
            bytes = rest;
        }
        if last && let [single] = bytes {
            out.push(*single);
        } else if !last {
            self.kept = bytes.to_vec();
        }
        &[]
    }

    fn unit(&mut self, unit: u16, out: &mut Vec<u8>) {
        let high = self.high.take();
        if let (Some(high), 0xdc00..0xe000) = (high, unit) {
            let c = char::decode_utf16([high, unit]).next().and_then(Result::ok);
            return push(c.unwrap_or(char::REPLACEMENT_CHARACTER), out);
        }
        if high.is_some() {
            push(char::REPLACEMENT_CHARACTER, out);
        }
        if (0xd800..0xdc00).contains(&unit) {
            self.high = Some(unit);
        } else {
            push(char::from_u32(unit.into()).unwrap_or(char::REPLACEMENT_CHARACTER), out);
        }
    }
}

/// Looks whether the NUL at `at` is one half of a character of UTF-16.
fn wide_around(bytes: &[u8], at: usize, last: bool) -> Wide {
    let before = bytes.get(..at).unwrap_or_default();
    if let [.., 0xff, 0xfe, _] = before {
        return Wide::Begins(at - 3, 2, TextEncoding::Utf16Le);
    }
    if let [.., 0xfe, 0xff] = before {
        return Wide::Begins(at - 2, 2, TextEncoding::Utf16Be);
    }
    let [line @ .., letter] = before else { return Wide::No };
    if !is_text(*letter) {
        return Wide::No;
    }
    let enough = if matches!(line, [] | [.., b'\n']) { WIDE_RUN_OF_LINE } else { WIDE_RUN };
    let mut pairs = bytes.get(at - 1..).unwrap_or_default().chunks(2).take(enough);
    match pairs.find(|pair| !matches!(pair, [letter, 0] if is_text(*letter))) {
        None if (bytes.len() - (at - 1)) / 2 >= enough => Wide::Begins(at - 1, 0, TextEncoding::Utf16Le),
        // Too few bytes.
        None | Some([_]) if !last => Wide::Perhaps,
        _ => Wide::No,
    }
}

/// Text of a field: UTF-8, or one byte a character (Latin-1) if it is not.
pub(crate) fn decoded(text: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(text) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(text.iter().map(|&byte| char::from(byte)).collect()),
    }
}

/// A text in the two code pages of Russian Windows and DOS (1251, 866).
pub(crate) fn cyrillic(text: &[u8]) -> [String; 2] {
    let letter =
        |first: u32, byte: u8, from: u8| char::from_u32(first + u32::from(byte - from)).unwrap_or('?');
    let windows = |byte: u8| match byte {
        0xc0.. => letter(0x410, byte, 0xc0),
        0xa8 => 'Ё',
        0xb8 => 'ё',
        _ => char::from(byte),
    };
    let dos = |byte: u8| match byte {
        0x80..=0xaf => letter(0x410, byte, 0x80),
        0xe0..=0xef => letter(0x440, byte, 0xe0),
        0xf0 => 'Ё',
        0xf1 => 'ё',
        _ => char::from(byte),
    };
    [text.iter().map(|&byte| windows(byte)).collect(), text.iter().map(|&byte| dos(byte)).collect()]
}

fn is_text(byte: u8) -> bool {
    (0x20..0x7f).contains(&byte) || matches!(byte, b'\t' | b'\n' | b'\r')
}

fn push(c: char, out: &mut Vec<u8>) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn le(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    fn decoded(bytes: &[u8], encoding: TextEncoding, step: usize) -> String {
        let mut decoder = Decoder::new(encoding);
        let mut out = Vec::new();
        for block in bytes.chunks(step) {
            decoder.decode(block, &mut out);
        }
        decoder.finish(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn marks_and_content_tell_the_encoding() {
        assert_eq!(judge(b"\xff\xfeT\0"), (StartKind::Text, TextEncoding::Utf16Le, 2));
        assert_eq!(judge(b"\xfe\xff\0T"), (StartKind::Text, TextEncoding::Utf16Be, 2));
        assert_eq!(judge(&le(" Tag  Type")), (StartKind::Text, TextEncoding::Utf16Le, 0));
        assert_eq!(judge(b"\0 \0T\0a\0g"), (StartKind::Text, TextEncoding::Utf16Be, 0));
        assert_eq!(judge(b" Tag"), (StartKind::Text, TextEncoding::Bytes, 0));
        assert_eq!(judge(b"").0, StartKind::Empty);
        assert!(
            matches!(judge(b"PAGEDU64\x0f\0\0\0").0, StartKind::Binary(what, _) if what.contains("crash dump"))
        );
        assert!(matches!(judge(&[0; 64]).0, StartKind::Binary(..)));
        let bits: Vec<u8> =
            (0..4096_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]).collect();
        assert!(matches!(judge(&bits).0, StartKind::Binary(..)));
        // A log may well begin with a tag that looks like a file's magic.
        assert_eq!(judge(b"PAGE Nonp 1 1 0 0").0, StartKind::Text);
    }

    #[test]
    fn surrogates_split_between_blocks() {
        let text = "a\u{1f600}\u{e9}b";
        assert_eq!(decoded(&le(text), TextEncoding::Utf16Le, 3), text);
        assert_eq!(decoded(&[0x00, 0xd8, b'x', 0], TextEncoding::Utf16Le, 1), "\u{fffd}x");
        assert_eq!(decoded(&[0x00, 0xd8], TextEncoding::Utf16Le, 1), "\u{fffd}");
    }

    #[test]
    fn bytes_appended_to_utf16_are_read_as_bytes() {
        // Seen in support scripts: `Get-Date > FILE` in PowerShell, then `poolmon -n FILE`.
        let mut bytes = le("date\r\n");
        bytes.extend_from_slice(b" Tag  Type     Allocs            Frees\r\n");
        for step in [1, 7, 1000] {
            let text = decoded(&bytes, TextEncoding::Utf16Le, step);
            assert_eq!(text, "date\r\n Tag  Type     Allocs            Frees\r\n");
        }
    }

    #[test]
    fn texts_of_both_kinds_after_each_other() {
        let (wide, plain) = ("Tag Pool\r\nA 1\r\n", "10:00:00\r\nB 2\r\n");
        let mark = [0xff, 0xfe];
        for parts in [
            [plain.as_bytes().to_vec(), le(wide), plain.as_bytes().to_vec()].concat(),
            [plain.as_bytes(), &mark, &le(wide), b"\xef\xbb\xbf", plain.as_bytes()].concat(),
        ] {
            let expected = format!("{plain}{wide}{plain}");
            assert_eq!(judge(&parts).1, TextEncoding::Bytes);
            for step in [1, 7, 1000] {
                assert_eq!(decoded(&parts, TextEncoding::Bytes, step), expected, "{step}");
            }
        }
        let three = [&le(wide)[..], plain.as_bytes(), &mark, &le(wide)].concat();
        for step in [1, 7, 1000] {
            assert_eq!(
                decoded(&three, TextEncoding::Utf16Le, step),
                format!("{wide}{plain}{wide}"),
                "{step}"
            );
        }
        // A tag of NULs is one.
        let row = b"a\n \0\0\0\0 Nonp 1\n \0a\0b Nonp 1\n";
        assert_eq!(decoded(row, TextEncoding::Bytes, 1000).as_bytes(), row);
    }

    proptest! {
        #[test]
        fn utf16_reads_back(text in "[ -~\n\u{e9}\u{1f600}]{0,80}", step in 1_usize..9) {
            prop_assert_eq!(decoded(&le(&text), TextEncoding::Utf16Le, step), text);
        }
    }
}
