//! Little-endian numbers and texts out of byte slices; `None` if the slice is too short.

/// `N` bytes at an offset.
pub fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// A `u16`.
pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

/// A `u32`.
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

/// A `u64`.
pub fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}

/// A file offset as an index; a 32-bit build simply finds nothing beyond 4 GiB.
pub fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

/// The bytes up to the next zero; `None` if there is none within `max` bytes.
pub fn text_at(bytes: &[u8], at: usize, max: usize) -> Option<&[u8]> {
    let rest = bytes.get(at..)?;
    let end = memchr::memchr(0, rest.get(..rest.len().min(max.saturating_add(1)))?)?;
    rest.get(..end)
}

/// UTF-16 text as far as the bytes go; what is not text becomes U+FFFD.
pub fn utf16(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes.chunks_exact(2).filter_map(|pair| u16_at(pair, 0)).collect();
    String::from_utf16_lossy(&units)
}

/// ASCII text up to the first zero, or to the end.
pub fn ascii(bytes: &[u8]) -> String {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_slices_give_nothing() {
        assert_eq!(u32_at(&[1, 2, 3], 0), None);
        assert_eq!(u32_at(&[1, 0, 0, 0], usize::MAX), None);
        assert_eq!(u64_at(&[1, 0, 0, 0, 0, 0, 0, 0, 2], 1), Some(2 << 56));
        assert_eq!(utf16(&[b'n', 0, b't', 0, 7]), "nt");
        assert_eq!((ascii(b"ab\0c"), ascii(b"ab")), ("ab".to_owned(), "ab".to_owned()));
    }

    #[test]
    fn texts_end_with_a_zero_within_their_limit() {
        assert_eq!(text_at(b"name\0x", 0, 4), Some(&b"name"[..]));
        assert_eq!(text_at(b"name\0x", 0, 3), None);
        assert_eq!(text_at(b"name\0x", 5, 255), None);
        assert_eq!(text_at(b"name\0x", 9, 255), None);
    }
}
