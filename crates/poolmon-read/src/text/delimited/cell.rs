//! The figure of one cell.

use super::super::numbers::FileNumbers;
use super::super::poolmon::number;
use super::RowTrouble;

/// Whether a cell holds a figure: `12`, `-1,024.5`, `1 024`, `8.58 GB`, `12 %`.
pub(super) fn looks_like_figure(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    let digits = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    let end = digits.iter().rposition(|b| !b.is_ascii_alphabetic() && *b != b'%').map_or(0, |at| at + 1);
    let (number, unit) = digits.split_at_checked(end).unwrap_or_default();
    number.first().is_some_and(u8::is_ascii_digit)
        && unit.len() <= 5
        && number.iter().all(|b| b.is_ascii_digit() || b".,' ".contains(b) || !b.is_ascii())
}

/// A whole number of 32 bits; `None` if there is none.
pub(super) fn whole(text: &[u8]) -> Result<Option<u32>, Nonsense> {
    value(text, &mut (FileNumbers::default(), &mut RowTrouble::default()))?
        .map(u32::try_from)
        .transpose()
        .map_err(|_| Nonsense)
}

/// `-`, nothing and the like: the figure is unknown.
pub(super) fn is_unknown(text: &[u8]) -> bool {
    let words: [&[u8]; 6] = [b"", b"-", b"n/a", b"na", b"null", b"unknown"];
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Neither a number nor left out.
pub(super) struct Nonsense;

/// How a row's numbers are read, and what was not right with them.
pub(super) type Numbers<'a> = (FileNumbers, &'a mut RowTrouble);

/// A figure; `None` where it is not reported.
pub(super) fn value(text: &[u8], (numbers, trouble): &mut Numbers<'_>) -> Result<Option<i128>, Nonsense> {
    let text = text.trim_ascii();
    if is_unknown(text) {
        return Ok(None);
    }
    let text = text.strip_prefix(b"+").unwrap_or(text);
    let cell = numbers.cell(text);
    if let Some((value, rest)) = number(&cell)
        && rest.is_empty()
    {
        return Ok(Some(value));
    }
    let (value, is_exact) = in_unit(text, *numbers).ok_or(Nonsense)?;
    trouble.unit |= !is_exact;
    Ok(Some(value))
}

/// `0 B`, `8996000 KB`, `8.58 GB`: the bytes, and whether they are exact.
pub(super) fn in_unit(text: &[u8], numbers: FileNumbers) -> Option<(i128, bool)> {
    const UNITS: [(&[u8], u32); 12] = [
        (b"kib", 10),
        (b"mib", 20),
        (b"gib", 30),
        (b"tib", 40),
        (b"kb", 10),
        (b"mb", 20),
        (b"gb", 30),
        (b"tb", 40),
        (b"k", 10),
        (b"m", 20),
        (b"g", 30),
        (b"b", 0),
    ];
    let end = text.iter().rposition(|b| !b.is_ascii_alphabetic())? + 1;
    let unit = text.get(end..)?.to_ascii_lowercase();
    let (_, shift) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let figure = text.get(..end)?.trim_ascii_end();
    if let Some((value, b"")) = number(&numbers.cell(figure)) {
        return Some((value.checked_shl(*shift)?, *shift == 0 || value == 0));
    }
    fraction(figure, *shift, 3, numbers)
}

/// A cell with a fraction in a column of this unit. Three places may be thousands, which no unit next to them contradicts.
pub(super) fn in_units(text: &[u8], shift: u32, numbers: FileNumbers) -> Option<(i128, bool)> {
    let text = text.trim_ascii();
    // Where a full stop is between thousands, the comma of `361,60` is decimal; elsewhere both are.
    (numbers == FileNumbers::default() || text.contains(&b','))
        .then(|| fraction(text, shift, 2, numbers))
        .flatten()
}

/// A number with up to `most` decimal places: more are nothing that a person reads.
fn fraction(figure: &[u8], shift: u32, most: usize, numbers: FileNumbers) -> Option<(i128, bool)> {
    let at = figure.iter().rposition(|b| b".,".contains(b))?;
    let (whole, places) = (figure.get(..at)?, figure.get(at + 1..)?);
    // The same mark does not separate both.
    let mixed = whole.contains(figure.get(at)?);
    let cell = numbers.cell(whole);
    let (whole, parts) = (number(&cell)?, number(places)?);
    if mixed
        || !whole.1.is_empty()
        || !parts.1.is_empty()
        || !(1..=most).contains(&places.len())
        || parts.0 < 0
    {
        return None;
    }
    let scale = 10_i128.checked_pow(u32::try_from(places.len()).ok()?)?;
    Some((((whole.0 * scale + parts.0) << shift) / scale, false))
}
