//! Rows of PoolMon's layouts: narrow and wide logs, screens with changes in brackets, pasted text.
//!
//! A tag is four characters at a fixed place and may hold blanks; the type word behind it is what a row is known by.
//! [`aligned`] reads rows as the program wrote them; [`pasted`] reads what people made of them.

use poolmon_model::{Pool, PoolTag, Tag};

use super::windbg::FigureEnd;

/// A row as PoolMon wrote it: figures in the order Allocs, Frees, Diff, Bytes, Per Alloc; then the owner's text.
pub(super) type Aligned<'a> = (PoolTag, Pool, [u64; 5], &'a [u8]);

/// Reads a row with everything at its place, five plain figures, and nothing unusual: nearly all rows of all logs.
#[inline]
pub(super) fn aligned(line: &[u8]) -> Option<Aligned<'_>> {
    let [b' ', a, b, c, d, b' ', rest @ ..] = line else { return None };
    let (pool, mut rest) = match rest {
        [b'N', b'o', b'n', b'p', rest @ ..] => (Pool::Nonpaged, rest),
        [b'P', b'a', b'g', b'e', b'd', rest @ ..] => (Pool::Paged, rest),
        _ => return None,
    };
    let mut figures = [0; 5];
    for figure in &mut figures {
        (*figure, rest) = plain(rest)?;
    }
    Some((PoolTag([*a, *b, *c, *d]), pool, figures, after_blanks(rest)))
}

/// What follows the blanks, eight of them at a time: half of a wide log is blanks.
#[inline]
fn after_blanks(mut rest: &[u8]) -> &[u8] {
    while let Some((eight, after)) = rest.split_first_chunk::<8>() {
        let other = u64::from_le_bytes(*eight) ^ u64::from_le_bytes([b' '; 8]);
        if other != 0 {
            let blanks = other.trailing_zeros() / 8;
            return rest.get(blanks as usize..).unwrap_or_default();
        }
        rest = after;
    }
    while let [b' ', after @ ..] = rest {
        rest = after;
    }
    rest
}

/// Blanks, then at most 19 digits, then a blank or the end.
#[inline]
fn plain(mut rest: &[u8]) -> Option<(u64, &[u8])> {
    let [b' ', after @ ..] = rest else { return None };
    rest = after_blanks(after);
    let length = rest.len();
    let mut value = 0_u64;
    while let [digit @ b'0'..=b'9', after @ ..] = rest {
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        rest = after;
    }
    (matches!(length - rest.len(), 1..=19) && matches!(rest, [] | [b' ', ..])).then_some((value, rest))
}

/// Figures that could be read after the type word.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RowFigures<'a> {
    /// Allocs, Frees, Diff, Bytes, Per Alloc, Used. `-` is not known.
    pub(super) values: [Option<i128>; 6],
    /// The change in brackets after each.
    pub(super) deltas: [Option<i64>; 6],
    /// How many of them are there.
    pub(super) count: usize,
    /// What follows.
    pub(super) rest: &'a [u8],
    /// A figure that is not whole ended them.
    pub(super) cut: bool,
}

impl RowFigures<'_> {
    /// In narrow logs a large Bytes fills its column and touches Diff: of what is one number then, Diff is what Allocs and Frees leave,
    /// if Bytes and Diff fit Per Alloc.
    fn part_touching(&mut self) {
        let [Some(allocs), Some(frees), Some(both), Some(per_alloc), None, None] = self.values else {
            return;
        };
        let (diff, both) = ((allocs - frees).to_string(), both.to_string());
        let bytes = both.strip_prefix(&diff).filter(|bytes| !bytes.starts_with('0'));
        let (Ok(diff @ 1..), Some(bytes)) =
            (diff.parse::<i128>(), bytes.and_then(|bytes| bytes.parse().ok()))
        else {
            return;
        };
        if self.count == 4 && bytes / diff == per_alloc {
            self.values = [Some(allocs), Some(frees), Some(diff), Some(bytes), Some(per_alloc), None];
            let [allocs, frees, bytes, per_alloc, ..] = self.deltas;
            self.deltas = [allocs, frees, None, bytes, per_alloc, None];
            self.count = 5;
        }
    }
}

/// What a line is, read with patience.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "lives for one line on the stack; a box would cost an allocation a row"
)]
pub(super) enum PastedLine<'a> {
    /// A row.
    Row(Tag, Pool, RowFigures<'a>),
    /// A row of which too little is left.
    Broken,
    /// No row.
    Other,
}

/// How far into a line the type word is looked for: Linux names push it to the right.
const TYPE_WITHIN: usize = 512;

/// Reads a row whose columns collapsed, became tabs, were pushed by escaped tags, or hold changes in brackets.
pub(super) fn pasted(line: &[u8], used_column: bool) -> PastedLine<'_> {
    let Some((at, pool, rest)) = type_word(line) else { return PastedLine::Other };
    let before = line.get(..at).unwrap_or_default();
    let fixed = at == 6 && matches!(line, [b' ', _, _, _, _, b' ', ..]);
    let aligned = rest.starts_with(b"  ") || rest.windows(3).any(|three| three == b"   ");
    let Some(tag) = tag_before(before, pool, aligned) else { return PastedLine::Other };
    let figures = figures(rest, if used_column { 6 } else { 5 });
    let whole = |at: usize| figures.values.get(at).copied().flatten().is_none_or(|value| value >= 0);
    if figures.count >= 4 && [0, 1, 3, 4, 5].into_iter().all(whole) {
        PastedLine::Row(tag, pool, figures)
    } else if fixed || figures.cut || figures.rest.is_empty() || is_cut(figures.rest) {
        PastedLine::Broken
    } else {
        PastedLine::Other
    }
}

/// Whether a text begins with what people put where they left something out.
pub(super) fn is_cut(text: &[u8]) -> bool {
    let marks: [&[u8]; 6] = [b"...", b"[snip", b"<snip", b"[...", "…".as_bytes(), b"(snip"];
    // A driver may be called so: `[snipping.sys - ...]`.
    let is_name = |text: &[u8]| text.iter().take_while(|byte| !is_blank(**byte)).any(|byte| *byte == b'.');
    marks.iter().any(|mark| {
        text.get(..mark.len()).is_some_and(|head| head.eq_ignore_ascii_case(mark))
            && !(mark.ends_with(b"snip") && text.get(mark.len()..).is_some_and(is_name))
    })
}

/// The first type word that has something before it and a figure or a cut after it.
fn type_word(line: &[u8]) -> Option<(usize, Pool, &[u8])> {
    // Allocs of ten digits fill their column in narrow logs, and touch the longer type.
    if let [b' ', _, _, _, _, b' ', b'P', b'a', b'g', b'e', b'd', rest @ ..] = line
        && rest.first().is_some_and(u8::is_ascii_digit)
    {
        return Some((6, Pool::Paged, rest));
    }
    let mut at = 0;
    for word in line.get(..line.len().min(TYPE_WITHIN))?.split(|&b| is_blank(b)) {
        if at > 0
            && !word.is_empty()
            && line.get(..at).is_some_and(|before| before.iter().any(|&b| b != b'\t'))
            && let Some(pool) = pool(word)
        {
            let rest = line.get(at + word.len()..)?;
            let text = skip(rest);
            if matches!(text, [b'0'..=b'9', ..] | [b'-'] | [b'-', b' ' | b'\t' | b'0'..=b'9', ..])
                || is_cut(text)
            {
                return Some((at, pool, rest));
            }
        }
        at += word.len() + 1;
    }
    None
}

fn pool(word: &[u8]) -> Option<Pool> {
    match word {
        b"Nonp" => Some(Pool::Nonpaged),
        b"Paged" => Some(Pool::Paged),
        // poolmon's own words for Linux; in prose they mean other things, so their case counts.
        b"Recl" => Some(Pool::Reclaimable),
        b"Unrec" => Some(Pool::Unreclaimable),
        b"Vmall" => Some(Pool::Vmalloc),
        b"Site" => Some(Pool::CallSite),
        _ if word.eq_ignore_ascii_case(b"nonp") || word.eq_ignore_ascii_case(b"nonpaged") => {
            Some(Pool::Nonpaged)
        }
        _ if word.eq_ignore_ascii_case(b"paged") => Some(Pool::Paged),
        _ => None,
    }
}

/// The tag that is before the type word; `aligned` reports that the row's columns still are.
fn tag_before(before: &[u8], pool: Pool, aligned: bool) -> Option<Tag> {
    let windows = matches!(pool, Pool::Nonpaged | Pool::Paged);
    if windows {
        // One blank, the tag, one blank: the tag may be escaped, and its own blanks count.
        if let [b' ', text @ .., b' '] = before
            && let Some(tag) = exact(text)
        {
            return Some(tag.into());
        }
        // Without the first blank: pasted where the margin was cut off.
        if aligned
            && let [text @ .., b' '] = before
            && let Some(tag) = exact(text)
        {
            return Some(tag.into());
        }
    }
    let text = before.trim_ascii();
    // Totals: poolmon's ` TOTAL Nonp`, and whatever PoolMon's /e writes.
    if text.eq_ignore_ascii_case(b"total") || text.eq_ignore_ascii_case(b"totals") {
        return None;
    }
    tag_text(text, pool)
}

/// A tag or name from a text of its own. `None` if it is empty, or too long for a tag of Windows.
pub(super) fn tag_text(text: &[u8], pool: Pool) -> Option<Tag> {
    if matches!(pool, Pool::Nonpaged | Pool::Paged) {
        return short(text).map(Tag::from);
    }
    (!text.is_empty()).then(|| Tag::name(&String::from_utf8_lossy(text)))
}

/// A tag of one to four bytes, padded with blanks.
pub(super) fn short(text: &[u8]) -> Option<PoolTag> {
    let (bytes, length) = unescaped(text)?;
    (length > 0).then(|| PoolTag::padded(bytes.get(..length)?)).flatten()
}

/// A tag of exactly four bytes.
fn exact(text: &[u8]) -> Option<PoolTag> {
    unescaped(text).and_then(|(bytes, length)| (length == 4).then_some(PoolTag(bytes)))
}

/// At most four bytes; `\xNN` is one byte, and so is a character up to U+00FF in a text that became UTF-8.
fn unescaped(mut rest: &[u8]) -> Option<([u8; 4], usize)> {
    let mut bytes = [b' '; 4];
    let mut length = 0;
    while let [first, after @ ..] = rest {
        let (byte, after) = match rest {
            [b'\\', b'x', high, low, after @ ..] => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, after),
                _ => (*first, rest.get(1..)?),
            },
            [lead @ 0xc2..=0xc3, next @ 0x80..=0xbf, after @ ..] => ((lead & 3) << 6 | (next & 0x3f), after),
            // U+FFFD: PowerShell could not read the byte.
            [0xef, 0xbf, 0xbd, after @ ..] => (b'?', after),
            _ => (*first, after),
        };
        *bytes.get_mut(length)? = byte;
        length += 1;
        rest = after;
    }
    Some((bytes, length))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn skip(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    text
}

/// Figures with changes in brackets, up to `limit` of them.
fn figures(mut text: &[u8], limit: usize) -> RowFigures<'_> {
    let mut found = RowFigures::default();
    loop {
        text = skip(text);
        if let [b'(', inside @ ..] = text
            && let Some((change, after)) = bracket(inside)
            && let Some(delta) = found.count.checked_sub(1).and_then(|last| found.deltas.get_mut(last))
        {
            *delta = Some(change);
            text = after;
            continue;
        }
        if found.count == limit {
            break;
        }
        let (value, after) = match text {
            [b'-'] | [b'-', b' ' | b'\t', ..] => (None, text.get(1..).unwrap_or_default()),
            [b'-' | b'0'..=b'9', ..] => {
                let Some((value, after)) = number(text).filter(|(_, after)| ends_figure(after)) else {
                    found.cut = true;
                    break;
                };
                (Some(value), after)
            }
            _ => break,
        };
        if let Some(place) = found.values.get_mut(found.count) {
            *place = value;
        }
        found.count += 1;
        text = after;
    }
    found.rest = text.trim_ascii_end();
    found.part_touching();
    found
}

fn ends_figure(after: &[u8]) -> bool {
    matches!(after, [] | [b' ' | b'\t' | b'(', ..])
}

/// The inside of `( -184)`.
fn bracket(text: &[u8]) -> Option<(i64, &[u8])> {
    let text = skip(text);
    let (value, rest) = number(text.strip_prefix(b"+").unwrap_or(text))?;
    let rest = skip(rest).strip_prefix(b")")?;
    Some((i64::try_from(value).ok()?, rest))
}

/// A number with an optional minus and commas between thousands (or, as in India, between hundreds above them), that fits 64
/// bits.
pub(super) fn number(text: &[u8]) -> Option<(i128, &[u8])> {
    let (negative, mut rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let mut value = 0_i128;
    let mut digits = 0_u8;
    loop {
        rest = match rest {
            [digit @ b'0'..=b'9', after @ ..] => {
                value = value * 10 + i128::from(digit - b'0');
                digits = digits.saturating_add(1);
                after
            }
            [b',', after @ ..] if (1..=3).contains(&digits) && is_group(after) => {
                digits = 0;
                after
            }
            _ => break,
        };
        if value > i128::from(u64::MAX) {
            return None;
        }
    }
    (digits > 0).then_some((if negative { -value } else { value }, rest))
}

/// Three digits and no fourth, or two and another group.
fn is_group(text: &[u8]) -> bool {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    digits == 3 || (digits == 2 && text.get(2) == Some(&b',') && text.get(3..).is_some_and(is_group))
}

/// How far the right edges of figures are apart in a row that is as PoolMon wrote it (Allocs to Frees, Frees to Diff, Diff to
/// Bytes), and where Allocs ends: logs of today, narrow logs, screens.
const EDGES: [([usize; 3], std::ops::RangeInclusive<usize>); 3] =
    [([19, 18, 15], 29..=33), ([10, 10, 10], 20..=24), ([17, 16, 8], 20..=24)];

/// What is known of the last figure of a row with four of them, which a line ends with though PoolMon prints one more.
pub(super) fn last_of_four(line: &[u8]) -> FigureEnd {
    let Some([(_, allocs), (_, frees), (_, diff), (bytes_from, bytes)]) = places_of_four(line) else {
        return FigureEnd::Perhaps;
    };
    // A blank behind it: no edge is there.
    let padded = line.ends_with(b" ");
    let edges = EDGES.iter().find(|([to_frees, to_diff, _], from)| {
        from.contains(&allocs) && (frees - allocs, diff - frees) == (*to_frees, *to_diff)
    });
    match edges {
        Some(([.., to_bytes], _)) if bytes - diff < *to_bytes => FigureEnd::Cut,
        // One that fills its column may be wider.
        Some(([.., to_bytes], _)) if bytes - diff == *to_bytes && bytes_from - diff > 1 => FigureEnd::Whole,
        None if padded => FigureEnd::Whole,
        _ => FigureEnd::Perhaps,
    }
}

/// Whether each of four figures ends where a word of the column line does: a table with its columns to the right, as PowerShell
/// prints it. PoolMon's own titles are elsewhere.
pub(super) fn is_under(line: &[u8], titles: &[u8]) -> bool {
    let is_end = |at: usize| {
        titles.get(at.wrapping_sub(1)).is_some_and(|b| !is_blank(*b))
            && titles.get(at).is_none_or(|b| is_blank(*b))
    };
    places_of_four(line).is_some_and(|places| places.iter().all(|(_, end)| is_end(*end)))
}

/// Where the figures of a row begin and end; `None` if there are not four.
fn places_of_four(line: &[u8]) -> Option<[(usize, usize); 4]> {
    let line = line.trim_ascii_end();
    let mut figures: Vec<(usize, usize)> = Vec::with_capacity(4);
    let mut in_brackets = false;
    let mut start = None;
    for (at, &byte) in line.iter().enumerate().skip(12) {
        match byte {
            b'(' => in_brackets = true,
            b')' => in_brackets = false,
            _ => {}
        }
        if byte.is_ascii_digit() && !in_brackets {
            start = start.or(Some(at));
        }
        let goes_on = line.get(at + 1).is_some_and(|b| b.is_ascii_digit() || b",.'".contains(b));
        if let Some(from) = start.filter(|_| !goes_on) {
            figures.push((from, at + 1));
            start = None;
        }
    }
    figures.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(line: &str) -> Option<String> {
        match pasted(line.as_bytes(), false) {
            PastedLine::Row(tag, ..) => Some(tag.to_string()),
            _ => None,
        }
    }

    #[test]
    fn tags_at_their_place_and_elsewhere() {
        for (line, expected) in [
            (" Dh 1 Nonp          1 (   0)         0 (   0)     1      64 (     0)     64", "Dh 1"),
            ("   rx Nonp          3 (   0)         0 (   0)     3    1248 (     0)    416", "  rx"),
            ("  rx Nonp          3 (   0)         0 (   0)     3    1248 (     0)    416", "  rx"),
            ("Test   Paged    1473 (   0)    1002 (   0)    281 1972392", "Test"),
            ("Io Nonp 10 5 5 100 20", "Io  "),
            (" ObS Nonp 10 5 5 100 20", "ObS "),
            ("CM31 \tPaged \t169392( 0) \t153744( 0) \t15648 \t74838016( 0) \t4782", "CM31"),
            (
                " \\x00a\\xe3  Paged                  7                  7                 0           0                0",
                "\\x00a\\xe3 ",
            ),
            (" Nonp Nonp 10 5 5 100 20", "Nonp"),
            ("Nonp Nonp 10 5 5 100 20", "Nonp"),
            (" Pro\u{e3} Paged   10   5   5   100   20", "Pro\\xe3"),
            (" Big  Nonp 1,234,567 1,000,000 234,567 9,999,999 42", "Big "),
            ("Leak NonPaged 10 5 5 100", "Leak"),
        ] {
            assert_eq!(tag(line).as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn allocs_touch_the_type_in_narrow_logs() {
        let line = b" Irp  Paged4294967295 4294967290         5         4096        819";
        let PastedLine::Row(tag, Pool::Paged, figures) = pasted(line, false) else { panic!("no row") };
        assert_eq!((tag.to_string().as_str(), figures.values[0]), ("Irp ", Some(4_294_967_295)));
    }

    #[test]
    fn bytes_touch_diff_in_narrow_logs() {
        let line = b" CM25 Paged      9200 (   0)         0 (   0)     920037683200 (  64)   4096";
        let PastedLine::Row(_, _, figures) = pasted(line, false) else { panic!("no row") };
        assert_eq!(
            (figures.values[2..5].to_vec(), figures.count),
            (vec![Some(9200), Some(37_683_200), Some(4096)], 5)
        );
        assert_eq!(figures.deltas, [Some(0), Some(0), None, Some(64), None, None]);
        // Per Alloc does not fit: it may be Bytes.
        let line = b" CM25 Paged      9200 (   0)         0 (   0)     920037683200 (  64)   5000";
        let PastedLine::Row(_, _, figures) = pasted(line, false) else { panic!("no row") };
        assert_eq!((figures.values[2], figures.count), (Some(920_037_683_200), 4));
    }

    #[test]
    fn what_is_no_row() {
        for line in [
            " TOTAL Nonp            4288592            4288000               592         254683",
            " Tag  Type     Allocs            Frees            Diff   Bytes       Per Alloc",
            "the paged pool holds 12 MB",
            "Pool Paged 12 MB in use",
            "----------- Nonp",
            "[snip]",
            "Nonp 1 2 3 4 5",
        ] {
            assert!(matches!(pasted(line.as_bytes(), false), PastedLine::Other), "{line}");
        }
    }

    #[test]
    fn a_driver_that_is_called_as_a_cut_is() {
        for (text, cut) in [
            ("[snip]", true),
            ("[Snipped here]", true),
            ("...", true),
            ("[snip.sys  -  a]", false),
            ("[snipping.sys]", false),
        ] {
            assert_eq!(is_cut(text.as_bytes()), cut, "{text}");
        }
    }

    #[test]
    fn thousands() {
        for (text, expected) in [
            ("1,234,567 x", Some((1_234_567, " x"))),
            ("12,34,567", Some((1_234_567, ""))),
            ("1234,567", Some((1234, ",567"))),
            ("1,2345", Some((1, ",2345"))),
            ("12,34", Some((12, ",34"))),
            ("-1,000", Some((-1000, ""))),
            (",5", None),
        ] {
            let expected = expected.map(|(value, rest): (i128, &str)| (value, rest.as_bytes()));
            assert_eq!(number(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn figures_before_the_edge_of_their_column() {
        let row = " Tst1 Paged             7000000            5000000           2000000     1234567680              617";
        let end = |length: usize| last_of_four(&row.as_bytes()[..length]);
        assert_eq!([80, 82, 83].map(end), [FigureEnd::Cut, FigureEnd::Cut, FigureEnd::Whole]);
        let narrow = " EtwB Nonp       6394      4056      2338 163418368      69896";
        let end = |length: usize| last_of_four(&narrow.as_bytes()[..length]);
        assert_eq!([50, 51].map(end), [FigureEnd::Cut, FigureEnd::Perhaps], "it fills its column");
        let screen = " Wait Nonp    3971107 (   0)   3971077 (   0)       30    8456 (     0)    281";
        let end = |length: usize| last_of_four(&screen.as_bytes()[..length]);
        assert_eq!([61, 62].map(end), [FigureEnd::Cut, FigureEnd::Whole]);
        for line in [
            "Test Paged 7000000 5000000 2000000 1234567",
            " Tst1 Paged     7,000,000     5,000,000    2,000,000   1,234",
        ] {
            assert_eq!(last_of_four(line.as_bytes()), FigureEnd::Perhaps, "{line}");
        }
    }

    #[test]
    fn figures_that_end_below_their_titles() {
        let row = b"Tst1 Nonp    900000      400   899600   9211904000";
        assert!(is_under(row, b"Tag  Type    Allocs    Frees     Diff        Bytes"));
        assert!(is_under(row, b"Tag  Type    Allocs    Frees     Diff         (KB)"));
        assert!(!is_under(row, b"Tag  Type    Allocs    Frees  Diff           Bytes"));
        assert_eq!(last_of_four(row), FigureEnd::Perhaps);
        assert_eq!(last_of_four(&[row, &b" "[..]].concat()), FigureEnd::Whole, "a blank follows");
    }

    #[test]
    fn rows_cut_short_are_broken() {
        for line in [
            " Wait Nonp    3971107 (   0)   397...",
            " Wait Nonp ...",
            " Wait Nonp    3971107",
            " Wait Nonp    3971107 xx 30 8456 281",
            " Wait Nonp    -5 3 2 10 5",
            " Wait Nonp    99999999999999999999999 3 2 10 5",
        ] {
            assert!(matches!(pasted(line.as_bytes(), false), PastedLine::Broken), "{line}");
        }
    }

    #[test]
    fn changes_and_owner() {
        let line = b" MmSt Paged     673616 ( 16)  656049 ( 17)  17567  28286672 (-184)  1610 [nt!mm - x]";
        let PastedLine::Row(_, Pool::Paged, figures) = pasted(line, false) else { panic!("no row") };
        assert_eq!(figures.values[..5], [673_616, 656_049, 17_567, 28_286_672, 1610].map(Some));
        assert_eq!(figures.deltas, [Some(16), Some(17), None, Some(-184), None, None]);
        assert_eq!(figures.rest, b"[nt!mm - x]");
    }
}
