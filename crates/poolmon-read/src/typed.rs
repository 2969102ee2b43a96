//! Facts that files do not contain, as people type them.

use jiff::tz::Offset;

/// A column and its figure, as `1=pool_nonpaged`.
///
/// # Errors
/// The text is neither.
pub fn position(text: &str) -> Result<(usize, String), String> {
    let parts = text.split_once('=').and_then(|(at, figure)| Some((at.trim().parse().ok()?, figure.trim())));
    match parts {
        Some((at, figure)) if at > 0 && !figure.is_empty() => Ok((at, figure.into())),
        _ => Err(format!("`{text}` is not a column and a figure; write 1=pool_nonpaged")),
    }
}

/// An offset from UTC: `+01:00`, `-5`, `Z`.
///
/// # Errors
/// The text is none.
pub fn offset(text: &str) -> Result<Offset, String> {
    let wrong = || format!("`{text}` is not an offset from UTC; write +01:00, -05:30 or Z");
    if text.eq_ignore_ascii_case("z") || text.eq_ignore_ascii_case("utc") {
        return Ok(Offset::UTC);
    }
    let sign = match text.chars().next() {
        Some('-') => -1,
        Some('+') => 1,
        _ => return Err(wrong()),
    };
    let rest = text.get(1..).unwrap_or_default();
    let (hours, minutes) = match rest.split_once(':') {
        Some(parts) => parts,
        None if rest.len() == 4 && rest.is_ascii() => rest.split_at(2),
        None => (rest, "0"),
    };
    let number = |text: &str| text.parse::<u8>().ok().map(i32::from);
    let (Some(hours), Some(minutes @ 0..60)) = (number(hours), number(minutes)) else { return Err(wrong()) };
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_and_columns() {
        assert_eq!(offset("+01:00").unwrap().seconds(), 3600);
        assert_eq!(offset("-0530").unwrap().seconds(), -19_800);
        assert_eq!(offset("-5").unwrap().seconds(), -18_000);
        assert_eq!(offset("Z").unwrap().seconds(), 0);
        for wrong in ["", "1", "+", "+1:75", "+99:00", "+é:0", "CET"] {
            assert!(offset(wrong).unwrap_err().contains("+01:00"), "{wrong}");
        }
        assert_eq!(position("2=pool_paged"), Ok((2, "pool_paged".into())));
        for wrong in ["", "2", "0=commit", "x=commit", "1="] {
            assert!(position(wrong).is_err(), "{wrong}");
        }
    }
}
