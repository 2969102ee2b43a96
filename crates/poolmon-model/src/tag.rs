//! Names of what holds memory: a Windows pool tag (four raw bytes) or a Linux name.

use crate::hidden::is_hidden;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Bit 31 of a tag: `PROTECTED_POOL`. Drivers OR it in; the kernel's own tables strip it, pool headers keep it.
pub const PROTECTED: u32 = 0x8000_0000;

/// A Windows pool tag: four raw bytes, in the order in which they are shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PoolTag(pub [u8; 4]);

impl PoolTag {
    /// The tag as the kernel holds it: a little-endian `ULONG` whose low byte is shown first.
    pub const fn from_u32(raw: u32) -> Self {
        Self(raw.to_le_bytes())
    }

    /// The `ULONG` behind the tag (`0x74736554` for `Test`).
    pub const fn to_u32(self) -> u32 {
        u32::from_le_bytes(self.0)
    }

    /// Pads a shorter name with spaces, as drivers and pooltag.txt do; `None` if it is longer than four bytes.
    pub fn padded(name: &[u8]) -> Option<Self> {
        let mut bytes = [b' '; 4];
        bytes.get_mut(..name.len())?.copy_from_slice(name);
        Some(Self(bytes))
    }

    /// True where the protection bit is set.
    pub const fn is_protected(self) -> bool {
        self.to_u32() & PROTECTED != 0
    }

    /// The tag without its protection bit: what the kernel's pool table, WinDbg and pooltag.txt call it.
    #[must_use]
    pub const fn unprotected(self) -> Self {
        Self::from_u32(self.to_u32() & !PROTECTED)
    }

    /// True where all four bytes are printable ASCII, as documented for tags.
    pub fn is_printable(self) -> bool {
        self.0.iter().all(|b| (0x20..0x7f).contains(b))
    }
}

impl fmt::Display for PoolTag {
    /// As PoolMon shows it (trailing spaces kept); bytes that do not print become `\xNN`.
    ///
    /// A backslash is escaped only where it is before an `x`, so that every tag can be read back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        for (at, &byte) in self.0.iter().enumerate() {
            let ambiguous = byte == b'\\' && self.0.get(at + 1) == Some(&b'x');
            if (0x20..0x7f).contains(&byte) && !ambiguous {
                f.write_char(char::from(byte))?;
            } else {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for PoolTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PoolTag({self})")
    }
}

/// Why a text is not a pool tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotATag(String);

impl fmt::Display for NotATag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a pool tag: one to four characters (\\xNN for a non-printing byte)", self.0)
    }
}

impl std::error::Error for NotATag {}

impl FromStr for PoolTag {
    type Err = NotATag;

    /// Reads what [`Display`](fmt::Display) writes; shorter names are padded with spaces.
    fn from_str(text: &str) -> Result<Self, NotATag> {
        let wrong = || NotATag(text.to_owned());
        let mut bytes = [0_u8; 4];
        let mut length = 0;
        let mut rest = text.as_bytes();
        while let Some((&first, after)) = rest.split_first() {
            let (byte, after) = match rest {
                [b'\\', b'x', high, low, after @ ..] => match (hex(*high), hex(*low)) {
                    (Some(high), Some(low)) => (high << 4 | low, after),
                    _ => (first, after_one(rest)),
                },
                _ => (first, after),
            };
            *bytes.get_mut(length).ok_or_else(wrong)? = byte;
            length += 1;
            rest = after;
        }
        if length == 0 {
            return Err(wrong());
        }
        Self::padded(bytes.get(..length).unwrap_or_default()).ok_or_else(wrong)
    }
}

fn after_one(rest: &[u8]) -> &[u8] {
    rest.get(1..).unwrap_or_default()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

/// Who holds the memory of a row.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tag {
    /// A Windows pool tag.
    Pool(PoolTag),
    /// A slab cache, a vmalloc caller or a call site on Linux. Shared, so that a clone never allocates.
    Name(Arc<str>),
}

impl Tag {
    /// A Windows tag from four bytes.
    pub const fn pool(bytes: [u8; 4]) -> Self {
        Self::Pool(PoolTag(bytes))
    }

    /// A Linux name.
    pub fn name(name: &str) -> Self {
        Self::Name(name.into())
    }

    /// The Windows tag, if it is one.
    pub const fn as_pool(&self) -> Option<PoolTag> {
        match self {
            Self::Pool(tag) => Some(*tag),
            Self::Name(_) => None,
        }
    }
}

impl From<PoolTag> for Tag {
    fn from(tag: PoolTag) -> Self {
        Self::Pool(tag)
    }
}

impl fmt::Display for Tag {
    /// A name's control characters and those that show nothing are escaped as `\u{..}`: a cache name must not drive the terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pool(tag) => tag.fmt(f),
            Self::Name(name) if name.contains(is_hidden) => {
                for c in name.chars() {
                    if is_hidden(c) {
                        write!(f, "{}", c.escape_unicode())?;
                    } else {
                        write!(f, "{c}")?;
                    }
                }
                Ok(())
            }
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shows_like_poolmon() {
        assert_eq!(PoolTag(*b"Irp ").to_string(), "Irp ");
        assert_eq!(PoolTag(*b"  rx").to_string(), "  rx");
        assert_eq!(PoolTag(*b"a\0\x7f\xe3").to_string(), "a\\x00\\x7f\\xe3");
        assert_eq!(PoolTag(*b"\\x41").to_string(), "\\x5cx41");
        assert_eq!(PoolTag(*b"a\\b ").to_string(), "a\\b ");
    }

    #[test]
    fn the_ulong_is_reversed() {
        assert_eq!(PoolTag(*b"Test").to_u32(), 0x7473_6554);
        assert_eq!(PoolTag::from_u32(0x4666_744e), PoolTag(*b"NtfF"));
    }

    #[test]
    fn protection_bit_is_the_last_bytes_top_bit() {
        let raw = PoolTag(*b"Pro\xe3");
        assert!(raw.is_protected());
        assert_eq!(raw.unprotected(), PoolTag(*b"Proc"));
        assert!(!raw.unprotected().is_protected());
    }

    #[test]
    fn short_tags_are_padded_and_long_ones_refused() {
        assert_eq!("Irp".parse(), Ok(PoolTag(*b"Irp ")));
        assert!("".parse::<PoolTag>().is_err());
        assert!("Leaks".parse::<PoolTag>().unwrap_err().to_string().contains("Leaks"));
    }

    #[test]
    fn control_characters_in_a_name_do_not_reach_the_terminal() {
        assert_eq!(Tag::name("a\x1b[2Jb").to_string(), "a\\u{1b}[2Jb");
        assert_eq!(Tag::name("a\u{202e}b").to_string(), "a\\u{202e}b");
    }

    proptest! {
        #[test]
        fn every_tag_reads_back(bytes: [u8; 4]) {
            let tag = PoolTag(bytes);
            prop_assert_eq!(tag.to_string().parse(), Ok(tag));
        }
    }
}
