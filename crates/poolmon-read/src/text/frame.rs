//! What people and programs put around the lines of a table: quote marks, time stamps, indentation, Markdown, HTML.
//!
//! It is found once, at the table's column line: what precedes `Tag` there precedes every row. A table as its tool wrote
//! it has no frame, and costs nothing.

use std::borrow::Cow;

use super::input::{LineStep, Lines};
use super::{delimited, heading, windbg};

/// Lines in which a column line is looked for.
const LINES: usize = 2000;
/// Longest prefix: a log daemon's date, host, program and process.
const LONGEST: usize = 160;

/// What surrounds the lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// What precedes a line, as it was at the column line.
    prefix: Vec<u8>,
    /// Cells between `|`.
    cells: bool,
    /// A line of cells ends with a bar: one that does not was cut.
    closed: bool,
    /// A page: elements and entities.
    html: bool,
}

/// The frame of a text, by its beginning; `None` if there is none.
pub(super) fn survey(start: &[u8]) -> Option<Frame> {
    let mut lines = Lines::new(Box::new(std::io::Cursor::new(start.to_vec())));
    let mut html = false;
    for _ in 0..LINES {
        match lines.advance() {
            Ok(LineStep::Line) => {}
            Ok(LineStep::TooLong) => continue,
            Ok(LineStep::End) | Err(_) => break,
        }
        let line = lines.line();
        html |= ["<pre", "<html", "<code", "&nbsp;"]
            .iter()
            .any(|mark| line.windows(mark.len()).any(|part| part.eq_ignore_ascii_case(mark.as_bytes())));
        let line = if html { without_html(line) } else { Cow::Borrowed(line) };
        let line = without_boxes(line);
        if let Some((prefix, cells)) = at_column_line(&line) {
            let closed =
                cells && line.get(prefix.len()..).is_some_and(|line| line.trim_ascii().starts_with(b"|"));
            let frame = Frame { prefix: prefix.to_vec(), cells, closed, html };
            return (frame.html || frame.cells || !frame.prefix.is_empty()).then_some(frame);
        }
    }
    html.then_some(Frame { prefix: Vec::new(), cells: false, closed: false, html })
}

/// What precedes a column line, and whether it is one of cells; `None` if the line is none.
fn at_column_line(line: &[u8]) -> Option<(&[u8], bool)> {
    if line.len() > 4096 {
        return None;
    }
    let tag = (0..line.len().saturating_sub(2).min(LONGEST)).find(|&at| {
        let rest = line.get(at..).unwrap_or_default();
        let begins =
            !at.checked_sub(1).and_then(|before| line.get(before)).is_some_and(u8::is_ascii_alphanumeric);
        begins
            && rest.get(..3).is_some_and(|word| word.eq_ignore_ascii_case(b"tag"))
            && (heading::columns(rest).is_some() || windbg::columns(rest).is_some())
    });
    if let Some(at) = tag {
        if delimited::columns(line.get(at..)?).is_some() {
            return Some((line.get(..at)?, false));
        }
        // The blank before `Tag` is PoolMon's own margin.
        let margin = usize::from(at > 0 && line.get(at - 1) == Some(&b' '));
        return Some((line.get(..at - margin)?, false));
    }
    if memchr::memchr_iter(b'|', line).count() >= 3 {
        // The last bar before the first name is the table's own edge; what precedes it quotes the table.
        let first = memchr::memchr(b'|', line)?;
        let stamped =
            line.get(..first).filter(|before| before.iter().any(u8::is_ascii_digit)).map_or(0, <[u8]>::len);
        let quotes = line.iter().skip(stamped).take_while(|&&b| is_quote(b)).count() + stamped;
        let edge = line.get(..quotes)?.iter().rposition(|&b| b == b'|').unwrap_or(0);
        let prefix = line.get(..edge)?;
        let table = cells(line.get(prefix.len()..)?);
        return delimited::columns(&table).is_some().then_some((prefix, true));
    }
    let quotes = line.iter().take_while(|&&b| is_quote(b)).count();
    let whole = delimited::columns(line).or_else(|| delimited::columns(line.get(quotes..)?));
    // A time stamp before a table of fields hides the name of its first column.
    let stamped = (1..line.len().min(LONGEST)).find(|&at| {
        line.get(at - 1) == Some(&b' ')
            && line.get(at).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'"')
            && line.get(..at).is_some_and(|before| before.iter().any(u8::is_ascii_digit))
            && line
                .get(at..)
                .and_then(delimited::columns)
                .is_some_and(|columns| whole.as_ref().is_none_or(|whole| columns.names_more_than(whole)))
    });
    let prefix = stamped.or(whole.map(|_| quotes))?;
    Some((line.get(..prefix)?, false))
}

fn is_quote(byte: u8) -> bool {
    matches!(byte, b'>' | b'|' | b'#' | b'*' | b'%' | b' ' | b'\t')
}

impl Frame {
    /// A frame of nothing but what precedes each line.
    pub(super) fn before(prefix: &[u8]) -> Self {
        Self { prefix: prefix.to_vec(), cells: false, closed: false, html: false }
    }

    /// Whether the lines are cells between bars.
    pub(super) fn has_cells(&self) -> bool {
        self.cells
    }

    /// What precedes a line: where time stamps are.
    pub(super) fn stamp<'a>(&self, line: &'a [u8]) -> &'a [u8] {
        line.get(..self.length(line)).unwrap_or_default()
    }

    /// The line without its frame.
    pub(super) fn clean<'a>(&self, line: &'a [u8]) -> Cow<'a, [u8]> {
        let line = if self.html { without_html(line) } else { Cow::Borrowed(line) };
        let line = if self.cells { without_boxes(line) } else { line };
        let from = self.length(&line);
        let bare = match line {
            Cow::Borrowed(line) => Cow::Borrowed(line.get(from..).unwrap_or_default()),
            Cow::Owned(line) => Cow::Owned(line.get(from..).unwrap_or_default().to_vec()),
        };
        let cut = self.closed && !bare.trim_ascii_end().ends_with(b"|");
        if self.cells && !cut { Cow::Owned(cells(&bare)) } else { bare }
    }

    /// Length of what precedes this line.
    fn length(&self, line: &[u8]) -> usize {
        if self.prefix.iter().all(|&b| is_blank(b)) {
            // Indentation, which people make uneven.
            return line.iter().take(self.prefix.len()).take_while(|&&b| is_blank(b)).count();
        }
        let alike = self.prefix.iter().zip(line).all(|(a, b)| is_alike(*a, *b));
        if alike && line.len() >= self.prefix.len() {
            return self.prefix.len();
        }
        // An empty line has lost the blanks at its end.
        if alike && line.len() >= self.prefix.trim_ascii_end().len() {
            return line.len();
        }
        self.by_words(line).unwrap_or(0)
    }

    /// The length by its words, if a number in it became longer: `9.5s` and `10.2s`.
    fn by_words(&self, line: &[u8]) -> Option<usize> {
        let words = |text: &[u8]| text.split(|&b| is_blank(b)).filter(|word| !word.is_empty()).count();
        let blanks = self.prefix.iter().rev().take_while(|&&b| is_blank(b)).count();
        let mut at = 0;
        for number in 0..words(&self.prefix) {
            at += line.get(at..)?.iter().take_while(|&&b| is_blank(b)).count();
            let word = self.prefix.split(|&b| is_blank(b)).filter(|word| !word.is_empty()).nth(number)?;
            let length = line.get(at..)?.iter().take_while(|&&b| !is_blank(b)).count();
            let other = line.get(at..at + length)?;
            let has_digit = |text: &[u8]| text.iter().any(u8::is_ascii_digit);
            if has_digit(word) != has_digit(other) || (!has_digit(word) && word.len() != other.len()) {
                return None;
            }
            at += length;
        }
        let after = line.get(at..)?.iter().take(blanks).take_while(|&&b| is_blank(b)).count();
        Some(at + after)
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Whether two bytes of a prefix mean the same: other digits, another month.
fn is_alike(a: u8, b: u8) -> bool {
    let number = |byte: u8| byte.is_ascii_digit() || byte == b' ';
    a == b || (number(a) && number(b)) || (a.is_ascii_alphabetic() && b.is_ascii_alphabetic())
}

/// The cells of a line as fields with tabs between them; nothing for a rule.
fn cells(line: &[u8]) -> Vec<u8> {
    let text = line.trim_ascii();
    if text.iter().all(|b| b"-+|:= ".contains(b)) {
        return Vec::new();
    }
    let text = text.strip_prefix(b"|").unwrap_or(text);
    let text = text.strip_suffix(b"|").filter(|text| !text.ends_with(b"\\")).unwrap_or(text);
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    loop {
        let mut end = 0;
        while let Some(at) = memchr::memchr(b'|', rest.get(end..).unwrap_or_default()) {
            end += at;
            if end == 0 || rest.get(end - 1) != Some(&b'\\') {
                break;
            }
            end += 1;
        }
        let last = rest.get(end) != Some(&b'|');
        let cell = if last { rest } else { rest.get(..end).unwrap_or_default() };
        push_cell(cell, &mut out);
        if last {
            return out;
        }
        out.push(b'\t');
        rest = rest.get(end + 1..).unwrap_or_default();
    }
}

/// A cell without the marks of code and of bold type.
fn push_cell(cell: &[u8], out: &mut Vec<u8>) {
    let mut text = cell.trim_ascii();
    for mark in [&b"**"[..], b"`"] {
        if let Some(inner) = text.strip_prefix(mark).and_then(|text| text.strip_suffix(mark)) {
            text = inner;
        }
    }
    let mut bytes = text.iter().peekable();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\\' if bytes.peek() == Some(&&b'|') => {}
            b'\t' => out.push(b' '),
            _ => out.push(byte),
        }
    }
}

/// A line whose cells are between `|` instead of the characters that draw boxes; nothing for a line between rows.
fn without_boxes(line: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    // U+2500 to U+257F.
    let is_box = |bytes: &[u8]| matches!(bytes, [0xe2, 0x94 | 0x95, _, ..]);
    if !line.windows(3).any(is_box) {
        return line;
    }
    let mut out = Vec::with_capacity(line.len());
    let mut rest: &[u8] = &line;
    while let Some((&byte, after)) = rest.split_first() {
        rest = if is_box(rest) {
            let across = [&b"\xe2\x94\x80"[..], b"\xe2\x94\x81", b"\xe2\x95\x90"]
                .iter()
                .any(|line| rest.starts_with(line));
            out.push(if across { b'-' } else { b'|' });
            rest.get(3..).unwrap_or_default()
        } else {
            out.push(byte);
            after
        };
    }
    Cow::Owned(out)
}

/// A line without elements, and with the characters that entities stand for.
fn without_html(line: &[u8]) -> Cow<'_, [u8]> {
    const ENTITIES: [(&[u8], u8); 6] = [
        (b"&lt;", b'<'),
        (b"&gt;", b'>'),
        (b"&amp;", b'&'),
        (b"&quot;", b'"'),
        (b"&#39;", b'\''),
        (b"&nbsp;", b' '),
    ];
    if memchr::memchr2(b'<', b'&', line).is_none() {
        return Cow::Borrowed(line);
    }
    let mut out = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some(&byte) = rest.first() {
        let element =
            byte == b'<' && rest.get(1).is_some_and(|b| b.is_ascii_alphabetic() || b"/!".contains(b));
        if element && let Some(end) = memchr::memchr(b'>', rest) {
            rest = rest.get(end + 1..).unwrap_or_default();
            continue;
        }
        if let Some((entity, meant)) = ENTITIES.iter().find(|(entity, _)| rest.starts_with(entity)) {
            out.push(*meant);
            rest = rest.get(entity.len()..).unwrap_or_default();
            continue;
        }
        out.push(byte);
        rest = rest.get(1..).unwrap_or_default();
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TITLES: &str = " Tag  Type     Allocs         Frees    Diff   Bytes    Per Alloc";
    const ROW: &str = " Tst1 Nonp       20000      4000     16000  16384000       1024";

    fn cleaned(before: &str, row: &str) -> String {
        let frame = survey(format!("{before}{TITLES}\n").as_bytes()).expect(before);
        String::from_utf8(frame.clean(row.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn a_plain_table_has_no_frame() {
        for text in [
            format!("text\n{TITLES}\n{ROW}\n"),
            format!("{}\n", TITLES.trim_start()),
            " Tag    Allocs     Used    Allocs     Used\n".into(),
            "Bytes;FREES;Allocs;Type;TAG\n".into(),
            "tag\tpool\tbytes\n".into(),
            "nothing\n".into(),
        ] {
            assert_eq!(survey(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn what_precedes_the_titles_precedes_the_rows() {
        for before in [
            "> ",
            "| ",
            "> > ",
            "    ",
            "\t",
            "10:00:00 ",
            "[2026-03-01 10:00:00] ",
            "log.txt:12:",
            "1234.5s ",
        ] {
            assert_eq!(cleaned(before, &format!("{before}{ROW}")), ROW, "{before:?}");
        }
        let syslog = "Mar  9 10:00:00 host tool[812]: ";
        assert_eq!(cleaned(syslog, &format!("Apr 10 23:59:59 host tool[812]: {ROW}")), ROW);
        assert_eq!(cleaned(syslog, &format!("Apr 10 23:59:59 host tool[18128]: {ROW}")), ROW);
        assert_eq!(cleaned("9.5 ", &format!("10.25 {ROW}")), ROW);
        assert_eq!(cleaned("> ", ">"), "", "an empty line");
        assert_eq!(cleaned("> ", "free text"), "free text");
        assert_eq!(cleaned("        ", &format!("   {ROW}")), ROW.trim_start(), "uneven");
    }

    #[test]
    fn cells_of_markdown() {
        let text = "| Tag | Type | Bytes |\n|-----|:---:|---:|\n";
        for before in ["", "> "] {
            let quoted: String = text.lines().map(|line| [before, line, "\n"].concat()).collect();
            let frame = survey(quoted.as_bytes()).unwrap();
            let clean = |line: &str| {
                String::from_utf8(frame.clean(format!("{before}{line}").as_bytes()).into()).unwrap()
            };
            assert_eq!(clean("| `T 2 ` | Paged | **254,173** |"), "T 2 \tPaged\t254,173");
            assert_eq!(clean("| a\\|b | Paged | 5 |"), "a|b\tPaged\t5");
            assert_eq!(clean("|---|:-:|--:|"), "");
            assert_eq!(clean("| Tst1 | Paged | 25"), "| Tst1 | Paged | 25", "a line that was cut");
        }
        let frame = survey(b" Tag  | Type | Allocs | Bytes \n------+------\n").unwrap();
        assert_eq!(frame.clean(b" Tst1 | Nonp | 10 | 640 ").as_ref(), b"Tst1\tNonp\t10\t640");
    }

    #[test]
    fn boxes() {
        for bar in ["│", "┃", "║"] {
            let titles = "| Tag | Type | Bytes |".replace('|', bar);
            let frame = survey(format!("┌─────┬──────┬───────┐\n{titles}\n").as_bytes()).unwrap();
            let row = "| Tst1 | Nonp | 5 |".replace('|', bar);
            assert_eq!(frame.clean(row.as_bytes()).as_ref(), b"Tst1\tNonp\t5");
            assert_eq!(frame.clean("├─────┼──────┤".as_bytes()).as_ref(), b"");
        }
    }

    #[test]
    fn pages() {
        let frame = survey(format!("<p>x</p>\n<pre>{TITLES}\n").as_bytes()).unwrap();
        assert_eq!(
            frame.clean(format!("{ROW} [a &amp; b]</pre>").as_bytes()),
            format!("{ROW} [a & b]").as_bytes()
        );
    }

    #[test]
    fn fields_with_a_prefix() {
        let frame = survey(b"2026-03-01 10:00:00 Tag,Type,Bytes\n").unwrap();
        assert_eq!(frame.clean(b"2026-03-01 10:00:05 Tst1,Nonp,5").as_ref(), b"Tst1,Nonp,5");
        assert_eq!(frame.stamp(b"2026-03-01 10:00:05 Tst1,Nonp,5"), b"2026-03-01 10:00:05 ");
        let frame = survey(b"> tag,pool,bytes\n").unwrap();
        assert_eq!(frame.clean(b"> Tst1,nonpaged,5").as_ref(), b"Tst1,nonpaged,5");
    }
}
