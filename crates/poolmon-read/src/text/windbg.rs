//! WinDbg's `!poolused`: one row for each tag, nonpaged and paged figures side by side.
//!
//! Its allocations are those outstanding. A description follows the last figure, in old versions without a blank.

use poolmon_model::{Pool, PoolTag, Tag};

use super::poolmon::number;

impl PoolUsedHalf {
    fn outstanding(live: u64, bytes: u64) -> Self {
        Self { allocs: None, frees: None, live, bytes }
    }

    /// The tag has nothing in this pool: there is no row.
    pub(super) fn is_nothing(&self) -> bool {
        [self.allocs.unwrap_or(0), self.frees.unwrap_or(0), self.live, self.bytes] == [0; 4]
    }
}

/// Where the figures of a table are: their right edges, from its column line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PoolUsedColumns {
    widths: Vec<usize>,
    /// Allocs, Frees, Diff, Used for each pool (the verbose form) instead of Allocs, Used.
    verbose: bool,
}

impl Default for PoolUsedColumns {
    /// The old layout, for tables whose column line was not copied.
    fn default() -> Self {
        Self { widths: vec![9, 9, 10, 9], verbose: false }
    }
}

/// One pool's half of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PoolUsedHalf {
    pub(super) allocs: Option<u64>,
    pub(super) frees: Option<u64>,
    /// Outstanding allocations.
    pub(super) live: u64,
    pub(super) bytes: u64,
}

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PoolUsedLine<'a> {
    /// A row: tag, nonpaged and paged half, what is after them.
    Row(Tag, [PoolUsedHalf; 2], &'a [u8]),
    /// The line of totals.
    Total([PoolUsedHalf; 2]),
    /// A row of which too little is left.
    Broken,
    /// No row.
    Other,
}

/// Whether a table begins here.
pub(super) fn starts(line: &[u8]) -> bool {
    let text = line.trim_ascii();
    text.len() < 1024
        && (text.starts_with(b"Pool Used:") || memchr::memmem::find(text, b"!poolused").is_some())
}

/// The pool that a list is sorted by: ` Sorting by NonPaged Pool Consumed`.
pub(super) fn sorted_by(text: &[u8]) -> Option<Pool> {
    let by = text.trim_ascii().strip_prefix(b"Sorting by")?.trim_ascii_start();
    let names = |name: &[u8]| by.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
    match () {
        () if names(b"nonpaged") => Some(Pool::Nonpaged),
        () if names(b"paged") => Some(Pool::Paged),
        () => None,
    }
}

/// The column line: ` Tag    Allocs     Used    Allocs     Used`.
pub(super) fn columns(line: &[u8]) -> Option<PoolUsedColumns> {
    if line.len() > 1024 {
        return None;
    }
    let mut words = Vec::new();
    let mut at = 0;
    for word in line.split(u8::is_ascii_whitespace) {
        if !word.is_empty() {
            words.push((word, at + word.len()));
        }
        at += word.len() + 1;
    }
    let verbose = match words.iter().map(|(word, _)| *word).collect::<Vec<_>>().as_slice() {
        [b"Tag", b"Allocs", b"Used", b"Allocs", b"Used"] => false,
        [b"Tag", b"Allocs", b"Frees", b"Diff", b"Used", b"Allocs", b"Frees", b"Diff", b"Used"] => true,
        _ => return None,
    };
    // A tag ends at column 5; what lies between two right edges is the width of a figure.
    let edges: Vec<usize> = words.iter().skip(1).map(|(_, end)| *end).collect();
    let mut last = 5;
    let widths =
        edges.into_iter().map(|edge| edge.saturating_sub(std::mem::replace(&mut last, edge))).collect();
    Some(PoolUsedColumns { widths, verbose })
}

/// Whether a line is the beginning of a column line, and not all of it.
pub(super) fn is_part_of_titles(text: &[u8]) -> bool {
    let words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let begins = |titles: &[&[u8]]| {
        let mut left = titles.iter();
        let fits = words.clone().all(|word| left.next().is_some_and(|title| title.starts_with(word)));
        fits && words.clone().nth(1).is_some() && words.clone().ne(titles.iter().copied())
    };
    begins(&[b"Tag", b"Allocs", b"Used", b"Allocs", b"Used"])
        || begins(&[b"Tag", b"Allocs", b"Frees", b"Diff", b"Used", b"Allocs", b"Frees", b"Diff", b"Used"])
}

/// Reads a line of a table.
pub(super) fn line<'a>(line: &'a [u8], columns: &PoolUsedColumns) -> PoolUsedLine<'a> {
    if let Some(rest) = line.trim_ascii_start().strip_prefix(b"TOTAL") {
        return match halves(rest, columns, true) {
            Some((halves, _)) => PoolUsedLine::Total(halves),
            None => PoolUsedLine::Other,
        };
    }
    let (tag, rest, placed) = match line {
        [b' ', a, b, c, d, rest @ ..] if ends_word(rest) || fills_column(rest) => {
            (PoolTag([*a, *b, *c, *d]), rest, true)
        }
        // The margin was cut off.
        [a, b, c, d, rest @ ..] if *a > b' ' && ends_word(rest) => (PoolTag([*a, *b, *c, *d]), rest, false),
        // Moved to the right, by hand or by a page.
        [b' ' | b'\t', ..] => match line.trim_ascii_start() {
            [a, b, c, d, rest @ ..] if ends_word(rest) => (PoolTag([*a, *b, *c, *d]), rest, false),
            _ => return PoolUsedLine::Other,
        },
        _ => return PoolUsedLine::Other,
    };
    let first = rest.trim_ascii_start();
    if !first.first().is_some_and(u8::is_ascii_digit) {
        return if super::poolmon::is_cut(first) { PoolUsedLine::Broken } else { PoolUsedLine::Other };
    }
    let Some((halves, text)) = halves(rest, columns, false) else {
        return if placed { PoolUsedLine::Broken } else { PoolUsedLine::Other };
    };
    PoolUsedLine::Row(real_tag(text).unwrap_or(tag).into(), halves, text.trim_ascii())
}

/// What is known of the last figure of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FigureEnd {
    /// It ends at the edge of its column, with blanks before it: it is all there.
    Whole,
    /// It fills its column, or the columns are not where they were: it may go on.
    Perhaps,
    /// It ends before the edge of its column: the line was cut within it.
    Cut,
}

/// How a line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RowEnd {
    /// Figures that it has.
    pub(super) figures: usize,
    /// The last of them.
    pub(super) last: FigureEnd,
    /// Whether each figure is where WinDbg prints it.
    pub(super) aligned: bool,
}

/// Blanks before a figure that does not fill its column: WinDbg itself prints one.
const PADDED: usize = 2;

/// How the figures of a row end.
pub(super) fn end(line: &[u8], columns: &PoolUsedColumns) -> RowEnd {
    let mut found =
        RowEnd { figures: 0, last: FigureEnd::Perhaps, aligned: matches!(line, [b' ', a, ..] if *a > b' ') };
    let mut at = 5;
    for &width in &columns.widths {
        let rest = line.get(at..).unwrap_or_default();
        let blanks = rest.iter().take_while(|&&b| b == b' ').count();
        let digits = rest.iter().skip(blanks).take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 {
            break;
        }
        let length = blanks + digits;
        found.figures += 1;
        // In today's layout, the first name is a column to the right of its figures.
        let width = if at == 5 && length + 1 == width { length } else { width };
        // One that is wider than its column has a blank or two before it; of ten digits, it touches the tag.
        let fits = length == width || (length > width && blanks <= PADDED && (blanks > 0 || at == 5));
        found.last = match () {
            () if !found.aligned => FigureEnd::Perhaps,
            () if length < width => FigureEnd::Cut,
            () if fits && blanks >= PADDED => FigureEnd::Whole,
            () => FigureEnd::Perhaps,
        };
        found.aligned &= fits;
        at += length;
    }
    found
}

impl PoolUsedColumns {
    /// Figures of a row.
    pub(super) fn figures(&self) -> usize {
        self.widths.len()
    }
}

/// Whether a line is a row that ends with a figure, though a description follows its last one: the next line may be its rest.
pub(super) fn is_open(line: &[u8], columns: &PoolUsedColumns) -> bool {
    let text = line.trim_ascii_end();
    let has_tag = match text {
        [b' ', _, _, _, _, rest @ ..] => ends_word(rest) && text.len() > 5,
        [a, b, c, d, rest @ ..] => {
            [a, b, c, d].iter().all(|b| **b > b' ') && ends_word(rest) && text.len() > 4
        }
        _ => false,
    } || matches!(self::line(line, columns), PoolUsedLine::Row(_, _, b""));
    let figures = text.get(5..).unwrap_or_default();
    has_tag
        && text.last().is_some_and(u8::is_ascii_digit)
        && !text.trim_ascii_start().starts_with(b"TOTAL")
        && figures.iter().all(|b| b.is_ascii_digit() || *b == b' ')
}

/// A row and its rest as one line; `None` if they do not fit, or if it is unclear how.
pub(super) fn joined(row: &[u8], rest: &[u8], columns: &PoolUsedColumns) -> Option<Vec<u8>> {
    let is_row = |line: &[u8]| matches!(self::line(line, columns), PoolUsedLine::Row(..));
    let before = end(row, columns);
    let all = columns.figures();
    let direct = [row, rest.trim_ascii_end()].concat();
    let after = end(&direct, columns);
    // A wrap at a column, within a figure or before its blanks: then everything is where it was.
    let goes_on = before.last == FigureEnd::Cut || rest.first() == Some(&b' ');
    if after.figures == all && after.aligned && goes_on && is_row(&direct) {
        return Some(direct);
    }
    // A wrap between two figures, where blanks were lost.
    if before.last != FigureEnd::Whole || before.figures >= all {
        return None;
    }
    let spaced = [row, b" ", rest.trim_ascii()].concat();
    let ends_with_text = spaced.last().is_some_and(|b| !b.is_ascii_digit());
    (end(&spaced, columns).figures == all && ends_with_text && is_row(&spaced)).then_some(spaced)
}

/// The figures of both pools.
fn halves<'a>(
    mut rest: &'a [u8],
    columns: &PoolUsedColumns,
    total: bool,
) -> Option<([PoolUsedHalf; 2], &'a [u8])> {
    let mut figures = [0_u64; 8];
    let count = if columns.verbose { 8 } else { 4 };
    for (at, figure) in figures.iter_mut().take(count).enumerate() {
        let digits = rest.trim_ascii_start();
        let blanks = rest.len() - digits.len();
        if blanks == 0 && at > 0 {
            return None;
        }
        let mut length = digits.iter().take_while(|b| b.is_ascii_digit()).count();
        // ` ohci … 0        01394 OHCI host controller driver`: the description begins with digits right behind the
        // last figure. The column's width shows where; a figure that fills its column has one blank before it.
        let width = columns.widths.get(at).copied().unwrap_or(usize::MAX);
        if at + 1 == count && !total && blanks > 1 && blanks < width {
            length = length.min(width - blanks);
        }
        let (value, _) = number(digits.get(..length)?)?;
        *figure = u64::try_from(value).ok()?;
        rest = digits.get(length..)?;
        if at + 1 < count && !matches!(rest, [b' ' | b'\t', ..]) {
            return None;
        }
    }
    let halves = if columns.verbose {
        let (nonpaged, paged) = figures.split_at(4);
        [verbose(nonpaged)?, verbose(paged)?]
    } else {
        let [nonpaged, nonpaged_bytes, paged, paged_bytes, ..] = figures;
        [PoolUsedHalf::outstanding(nonpaged, nonpaged_bytes), PoolUsedHalf::outstanding(paged, paged_bytes)]
    };
    Some((halves, rest))
}

fn verbose(figures: &[u64]) -> Option<PoolUsedHalf> {
    let [allocs, frees, live, bytes] = figures else { return None };
    Some(PoolUsedHalf { allocs: Some(*allocs), frees: Some(*frees), live: *live, bytes: *bytes })
}

fn ends_word(rest: &[u8]) -> bool {
    rest.first().is_none_or(|byte| matches!(byte, b' ' | b'\t'))
}

/// A first figure of ten digits or more touches the tag (` Io  4294967306 4294967291 …`): `Allocs` of a machine that
/// ran for months.
fn fills_column(rest: &[u8]) -> bool {
    rest.iter().take(10).filter(|byte| byte.is_ascii_digit()).count() == 10
}

const BINARY: &[u8] = b", Binary:";
const UNKNOWN: &[u8] = b"UNKNOWN pooltag '";

/// `UNKNOWN pooltag '  rx', please update pooltag.txt` names the tag with its blanks, where the row shows `rx..`.
fn real_tag(text: &[u8]) -> Option<PoolTag> {
    match text.trim_ascii_start().strip_prefix(UNKNOWN)? {
        [a, b, c, d, b'\'', ..] => Some(PoolTag([*a, *b, *c, *d])),
        _ => None,
    }
}

/// Whether the text behind a row names its tag.
pub(super) fn names_tag(text: &[u8]) -> bool {
    real_tag(text).is_some()
}

/// The description as PoolMon would print it: `[acpi.sys - ACPI Pooltags]`. Nothing for an unknown tag.
pub(super) fn owner(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.trim_ascii();
    // Cut or whole.
    if text.is_empty() || text.starts_with(UNKNOWN) || (text.len() > 2 && UNKNOWN.starts_with(text)) {
        return None;
    }
    let (about, binary) = match memchr::memmem::rfind(text, BINARY) {
        Some(at) => (text.get(..at)?.trim_ascii(), text.get(at + BINARY.len()..)?.trim_ascii()),
        None => (text, &b""[..]),
    };
    let parts: &[&[u8]] = match (binary, about) {
        (b"", about) => &[b"[", about, b"]"],
        (binary, b"") => &[b"[", binary, b"]"],
        (binary, about) => &[b"[", binary, b" - ", about, b"]"],
    };
    Some(parts.concat())
}

/// Whether a line is the rest of a description that a mail program wrapped.
pub(super) fn continues_owner(text: &[u8], rest: &[u8]) -> bool {
    let unknown = text.get(..3).is_some_and(|start| UNKNOWN.starts_with(start));
    text.ends_with(b",") || rest.starts_with(BINARY) || (unknown && !text.ends_with(b"pooltag.txt"))
}

/// The pool of each half.
pub(super) const POOLS: [Pool; 2] = [Pool::Nonpaged, Pool::Paged];

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str, columns: &PoolUsedColumns) -> (String, [u64; 4], String) {
        match line(text.as_bytes(), columns) {
            PoolUsedLine::Row(tag, [n, p], text) => {
                (tag.to_string(), [n.live, n.bytes, p.live, p.bytes], String::from_utf8_lossy(text).into())
            }
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn descriptions_touch_the_last_figure() {
        let old = columns(b" Tag    Allocs     Used    Allocs     Used").unwrap();
        assert_eq!(old, PoolUsedColumns::default());
        let (tag, figures, text) =
            row(" ohci        1      136         0        01394 OHCI host controller driver ", &old);
        assert_eq!(
            (tag.as_str(), figures, text.as_str()),
            ("ohci", [1, 136, 0, 0], "1394 OHCI host controller driver")
        );
        let (tag, figures, _) =
            row(" 8042        4     3944         0        0PS/2 kb and mouse , Binary: i8042prt.sys", &old);
        assert_eq!((tag.as_str(), figures), ("8042", [4, 3944, 0, 0]));
        // The last figure fills its column.
        assert_eq!(row(" Big         1        8         1 209120008Text", &old).1, [1, 8, 1, 209_120_008]);
    }

    #[test]
    fn a_figure_that_fills_its_column_touches_the_tag() {
        let verbose =
            columns(b" Tag    Allocs    Frees     Diff     Used    Allocs    Frees     Diff     Used")
                .unwrap();
        let text = " Io  4294967306 4294967291       15     4096         2        1        1       64Text";
        let (tag, figures, text) = row(text, &verbose);
        assert_eq!((tag.as_str(), figures, text.as_str()), ("Io  ", [15, 4096, 1, 64], "Text"));
    }

    #[test]
    fn dots_are_explained_by_the_text() {
        let (tag, ..) = row(
            " rx..       3     1248         0        0UNKNOWN pooltag '  rx', please update pooltag.txt",
            &PoolUsedColumns::default(),
        );
        assert_eq!(tag, "  rx");
    }

    #[test]
    fn todays_layout_has_a_tab() {
        let new = columns(b" Tag       Allocs         Used     Allocs         Used").unwrap();
        let (tag, figures, text) = row(
            " CIcr         0            0          8        35760\tCode Integrity allocations , Binary: ci.dll",
            &new,
        );
        assert_eq!((tag.as_str(), figures), ("CIcr", [0, 0, 8, 35_760]));
        assert_eq!(owner(text.as_bytes()).unwrap(), b"[ci.dll - Code Integrity allocations]");
    }

    #[test]
    fn the_verbose_form_tells_frees() {
        let verbose =
            columns(b" Tag    Allocs     Frees      Diff     Used    Allocs     Frees      Diff     Used")
                .unwrap();
        let PoolUsedLine::Row(_, [n, _], _) = line(
            b" Irp       100        60        40     4000         0         0         0        0 Io",
            &verbose,
        ) else {
            panic!("no row")
        };
        assert_eq!(n, PoolUsedHalf { allocs: Some(100), frees: Some(60), live: 40, bytes: 4000 });
    }

    #[test]
    fn figures_at_the_end_of_a_line() {
        let old = PoolUsedColumns::default();
        for (line, figures, last) in [
            (" Tst1      100  2400000         0        0", 4, FigureEnd::Whole),
            (" Tst1      100  2400000         0    24000", 4, FigureEnd::Whole),
            // Of 2400000 and of 123456789, cut.
            (" Tst1      100  2400000         0     2400", 4, FigureEnd::Whole),
            (" Tst1      100  2400000         0   2400", 4, FigureEnd::Cut),
            (" Tst1      100 12345678", 2, FigureEnd::Perhaps),
            (" Tst1      100 123456789         0   2400", 4, FigureEnd::Cut),
            (" Tst1 100 2400", 2, FigureEnd::Perhaps),
        ] {
            let end = end(line.as_bytes(), &old);
            assert_eq!((end.figures, end.last), (figures, last), "{line}");
        }
    }

    #[test]
    fn rows_and_their_rests() {
        let old = PoolUsedColumns::default();
        let join = |row: &str, rest: &str| {
            joined(row.as_bytes(), rest.as_bytes(), &old).map(|line| row_of(&line, &old))
        };
        // Cut within a figure, at a column.
        assert_eq!(
            join(" Tst1      100  2400000         0  2400", "000 Text"),
            Some([100, 2_400_000, 0, 2_400_000])
        );
        assert_eq!(join(" Tst1      100  24000", "00         0        0Text"), Some([100, 2_400_000, 0, 0]));
        // Between two figures.
        assert_eq!(join(" Tst1      100  2400000", "7 8 Text"), Some([100, 2_400_000, 7, 8]));
        // A figure that fills its column may go on, or not.
        assert_eq!(join(" Tst1      100 12345678", "9        7        8 Text"), None);
        assert_eq!(join(" Tst1      100  2400000         0        0", "1394 OHCI"), None);
    }

    fn row_of(line: &[u8], columns: &PoolUsedColumns) -> [u64; 4] {
        match super::line(line, columns) {
            PoolUsedLine::Row(_, [n, p], _) => [n.live, n.bytes, p.live, p.bytes],
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_no_row() {
        for text in
            ["0: kd> !poolused", "   Sorting by  Tag", "...", "", "            NonPaged            Paged"]
        {
            assert_eq!(line(text.as_bytes(), &PoolUsedColumns::default()), PoolUsedLine::Other, "{text}");
        }
        assert_eq!(line(b" AcpM        0        0 ", &PoolUsedColumns::default()), PoolUsedLine::Broken);
        let total = line(b" TOTAL     3570214 209120008     38769 13066104    ", &PoolUsedColumns::default());
        assert!(matches!(
            total,
            PoolUsedLine::Total([
                PoolUsedHalf { live: 3_570_214, .. },
                PoolUsedHalf { bytes: 13_066_104, .. }
            ])
        ));
    }

    #[test]
    fn owners() {
        assert_eq!(owner(b"TDI AcdObjectInfoG ").unwrap(), b"[TDI AcdObjectInfoG]");
        assert_eq!(owner(b"UNKNOWN pooltag 'AGP ', please update pooltag.txt"), None);
        assert_eq!((owner(b"UNKNO"), owner(b"UNKNOWN pooltag")), (None, None), "cut");
        for (text, rest, joins) in [
            ("UNKNOWN pooltag", "'Tst1', please update pooltag.txt", true),
            ("Test buffers ,", "Binary: test.sys", true),
            ("Test buffers", ", Binary: test.sys", true),
            ("Test buffers", "a line of its own", false),
        ] {
            assert_eq!(continues_owner(text.as_bytes(), rest.as_bytes()), joins, "{text}");
        }
        assert_eq!(owner(b", Binary: x.sys").unwrap(), b"[x.sys]");
    }
}
