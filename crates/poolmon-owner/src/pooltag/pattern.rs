//! A tag of pooltag.txt: four bytes, or a wildcard.

use std::fmt;

use poolmon_model::PoolTag;

/// A tag of one to four characters; `?` stands for exactly one character, `*` for any number.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TagPattern {
    bytes: [u8; 4],
    length: u8,
}

impl TagPattern {
    /// Reads a tag; `None` if it is empty, longer than four characters or not in Latin-1.
    pub fn new(text: &str) -> Option<Self> {
        let mut bytes = [b' '; 4];
        let mut length = 0;
        for c in text.chars() {
            *bytes.get_mut(length)? = u8::try_from(c).ok()?;
            length += 1;
        }
        (length > 0).then_some(Self { bytes, length: u8::try_from(length).ok()? })
    }

    /// The characters as the file has them, not padded.
    fn written(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// The tag, padded with spaces, where this is no wildcard. The kernel's table has no protection bit: nor has this.
    pub fn exact(&self) -> Option<PoolTag> {
        (!self.bytes.iter().any(|b| matches!(b, b'?' | b'*'))).then(|| PoolTag(self.bytes).unprotected())
    }

    /// Whether a tag fits. A pattern shorter than the tag fits its unpadded form too (`Io?` fits `Iox `).
    pub fn matches(&self, tag: PoolTag) -> bool {
        let plain = tag.unprotected();
        match self.exact() {
            Some(exact) => exact == plain,
            None => [plain, tag]
                .iter()
                .any(|tag| glob(self.written(), &tag.0) || glob(self.written(), tag.0.trim_ascii_end())),
        }
    }

    /// How specific it is: literal characters, then the fewest `*`.
    pub fn specificity(&self) -> (usize, std::cmp::Reverse<usize>) {
        let literals = self.written().iter().filter(|b| !matches!(b, b'?' | b'*')).count();
        let stars = self.written().split(|&b| b == b'*').count() - 1;
        (literals, std::cmp::Reverse(stars))
    }
}

/// The pattern has at most four characters, and so the recursion is at most that deep.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), None) => glob(rest, text),
        (Some((b'*', rest)), Some((_, tail))) => glob(rest, text) || glob(pattern, tail),
        (Some((b'?', rest)), Some((_, tail))) => glob(rest, tail),
        (Some((a, rest)), Some((b, tail))) => a == b && glob(rest, tail),
        _ => false,
    }
}

impl fmt::Display for TagPattern {
    /// As the file has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for &byte in self.written() {
            if (0x20..0x7f).contains(&byte) {
                write!(f, "{}", char::from(byte))?;
            } else {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for TagPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TagPattern({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, tag: [u8; 4]) -> bool {
        TagPattern::new(pattern).unwrap().matches(PoolTag(tag))
    }

    #[test]
    fn wildcards() {
        assert!(fits("Bu*", *b"BuFi") && fits("Bu*", *b"Bu  "));
        assert!(fits("Lr??", *b"LrXx") && !fits("Lr??", *b"lrXx"));
        assert!(fits("Io?", *b"Iox ") && !fits("Io?", *b"Ioxy"));
        assert!(fits("Irp", *b"Irp ") && !fits("Irp", *b"IrpX"));
        assert!(fits("Proc", *b"Pro\xe3"), "the protection bit does not count");
        assert!(fits("*x", *b"  rx"));
    }

    #[test]
    fn four_characters_at_most() {
        assert_eq!(TagPattern::new("Leaks"), None);
        assert_eq!(TagPattern::new(""), None);
        assert_eq!(TagPattern::new("a€"), None);
        assert_eq!(TagPattern::new("Bu*").unwrap().to_string(), "Bu*");
    }
}
