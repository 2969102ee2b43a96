//! Numbers and words out of the kernel's text, without a copy.

/// The next word of `rest`, and `rest` moved behind it; `None` at the end.
pub fn word<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let text = rest.trim_ascii_start();
    let end = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
    let (word, after) = text.split_at_checked(end)?;
    *rest = after;
    (!word.is_empty()).then_some(word)
}

/// The last word of `rest`, and `rest` cut before it; `None` at the start.
pub fn last_word<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let text = rest.trim_ascii_end();
    let start = text.iter().rposition(u8::is_ascii_whitespace).map_or(0, |at| at + 1);
    let (before, word) = text.split_at_checked(start)?;
    *rest = before;
    (!word.is_empty()).then_some(word)
}

/// A decimal number: digits only, and no more than 64 bits.
pub fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |sum, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        sum.checked_mul(10)?.checked_add(digit.into())
    })
}

/// The next word as a number.
pub fn next_number(rest: &mut &[u8]) -> Option<u64> {
    number(word(rest)?)
}

/// The last word as a number.
pub fn last_number(rest: &mut &[u8]) -> Option<u64> {
    number(last_word(rest)?)
}

/// Lines without their line feeds.
pub fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let (line, after) = rest.split_at_checked(end)?;
        rest = after.get(1..).unwrap_or_default();
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_plain_digits_are_a_number() {
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        for text in ["", "-1", "+1", "1.5", "0x10", "18446744073709551616", "１"] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn words_from_both_ends_are_those_of_the_library(text in "[ \ta-c0-9]{0,40}") {
            let (mut front, mut back) = (text.as_bytes(), text.as_bytes());
            let mut forward: Vec<_> = std::iter::from_fn(|| word(&mut front)).collect();
            let backward: Vec<_> = std::iter::from_fn(|| last_word(&mut back)).collect();
            let wanted: Vec<_> = text.split_ascii_whitespace().map(str::as_bytes).collect();
            prop_assert_eq!(&forward, &wanted);
            forward.reverse();
            prop_assert_eq!(forward, backward);
        }

        #[test]
        fn lines_are_those_of_the_library(text in "[a\n]{0,20}") {
            let ours: Vec<_> = lines(text.as_bytes()).collect();
            let theirs: Vec<_> = text.lines().map(str::as_bytes).collect();
            prop_assert_eq!(ours, theirs);
        }
    }
}
