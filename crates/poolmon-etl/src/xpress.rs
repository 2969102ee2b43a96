//! MS-XCA plain LZ77 ("Xpress" without Huffman codes), as buffers of traces are packed with.
//!
//! Source: \[MS-XCA\], sections 2.3 and 2.4, as published in Microsoft's Open Specifications.

use poolmon_image::bytes::{u16_at, u32_at};

/// The shortest match.
const SHORTEST: usize = 3;

/// Packed bytes that cannot be unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("packed byte {at}: {problem}")]
pub struct XpressError {
    /// Where in the packed bytes.
    pub at: usize,
    /// What is wrong there.
    pub problem: &'static str,
}

/// Unpacks `packed` into `out`, which is emptied first; `size` is the exact number of bytes that are expected.
///
/// # Errors
/// The packed bytes end early, refer to bytes before the beginning, or hold more than `size` bytes. `out` then holds what
/// was unpacked up to there: what is at its beginning is valid.
pub fn unpack(packed: &[u8], size: usize, out: &mut Vec<u8>) -> Result<(), XpressError> {
    out.clear();
    let mut reader = Reader { packed, at: 0, nibble: None };
    let mut flags = 0_u32;
    let mut left = 0;
    while out.len() < size {
        if left == 0 {
            flags = reader.u32()?;
            left = 32;
        }
        left -= 1;
        if flags >> left & 1 == 0 {
            out.push(reader.u8()?);
            continue;
        }
        let at = reader.at;
        let (distance, length) = reader.match_of()?;
        let start = out.len().checked_sub(distance);
        let start = start.ok_or(XpressError { at, problem: "a match begins before the first byte" })?;
        if length > size - out.len() {
            return Err(XpressError { at, problem: "more bytes than the buffer's header says" });
        }
        copy(out, start, length);
    }
    Ok(())
}

/// Appends `length` bytes from `start` on, which may run into the bytes that are appended.
fn copy(out: &mut Vec<u8>, start: usize, length: usize) {
    let mut left = length;
    while left > 0 {
        // What is there may be copied at once; each round doubles it.
        let part = left.min(out.len() - start);
        out.extend_from_within(start..start + part);
        left -= part;
    }
}

struct Reader<'a> {
    packed: &'a [u8],
    at: usize,
    /// Where the byte is whose upper half is the next short length.
    nibble: Option<usize>,
}

impl Reader<'_> {
    const fn ended(&self) -> XpressError {
        XpressError { at: self.at, problem: "the packed bytes end early" }
    }

    fn u8(&mut self) -> Result<u8, XpressError> {
        let byte = *self.packed.get(self.at).ok_or_else(|| self.ended())?;
        self.at += 1;
        Ok(byte)
    }

    fn u16(&mut self) -> Result<u16, XpressError> {
        let value = u16_at(self.packed, self.at).ok_or_else(|| self.ended())?;
        self.at += 2;
        Ok(value)
    }

    fn u32(&mut self) -> Result<u32, XpressError> {
        let value = u32_at(self.packed, self.at).ok_or_else(|| self.ended())?;
        self.at += 4;
        Ok(value)
    }

    /// Distance (1 and more) and length of a match.
    fn match_of(&mut self) -> Result<(usize, usize), XpressError> {
        let word = usize::from(self.u16()?);
        let distance = (word >> 3) + 1;
        let mut length = word & 7;
        if length == 7 {
            length += usize::from(self.half()?);
            if length == 7 + 15 {
                length = self.long()?;
            }
        }
        Ok((distance, length + SHORTEST))
    }

    /// The next half byte: two lengths share a byte, which is at the place of the first of them.
    fn half(&mut self) -> Result<u8, XpressError> {
        if let Some(at) = self.nibble.take() {
            return self.packed.get(at).map(|byte| byte >> 4).ok_or_else(|| self.ended());
        }
        self.nibble = Some(self.at);
        self.u8().map(|byte| byte & 15)
    }

    /// A length of 22 and more.
    fn long(&mut self) -> Result<usize, XpressError> {
        let at = self.at;
        let byte = self.u8()?;
        if byte < 255 {
            return Ok(22 + usize::from(byte));
        }
        let length = match self.u16()? {
            0 => usize::try_from(self.u32()?).unwrap_or(usize::MAX - SHORTEST),
            length => length.into(),
        };
        // Shorter lengths have shorter forms.
        if length < 22 { Err(XpressError { at, problem: "a long length below 22" }) } else { Ok(length) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The two examples of \[MS-XCA\] 3.1.
    #[test]
    fn the_specifications_own_examples() {
        let packed = b"\x3f\0\0\0abcdefghijklmnopqrstuvwxyz";
        let mut out = Vec::new();
        unpack(packed, 26, &mut out).unwrap();
        assert_eq!(out, b"abcdefghijklmnopqrstuvwxyz");
        let packed = [0xff, 0xff, 0xff, 0x1f, b'a', b'b', b'c', 0x17, 0, 0x0f, 0xff, 0x26, 0x01];
        unpack(&packed, 300, &mut out).unwrap();
        assert_eq!(out, b"abc".repeat(100));
    }

    #[test]
    fn two_short_lengths_share_a_byte() {
        // a; 10 + 3 + … : matches of 12 and 14 bytes at distance 1.
        let flags = 0b0110_u32 << 28;
        let mut packed = flags.to_le_bytes().to_vec();
        packed.extend([b'a', 7, 0, 0x42, 7, 0, b'z']);
        let mut out = Vec::new();
        unpack(&packed, 1 + 12 + 14 + 1, &mut out).unwrap();
        assert_eq!(out, [vec![b'a'; 27], vec![b'z']].concat());
    }

    #[test]
    fn what_is_cut_keeps_its_beginning() {
        let packed = b"\0\0\0\0abcdefgh";
        let mut out = Vec::new();
        let error = unpack(packed, 26, &mut out).unwrap_err();
        assert_eq!((error.at, out.as_slice()), (12, &b"abcdefgh"[..]));
    }

    #[test]
    fn lies_are_refused() {
        let mut out = Vec::new();
        let match_first = [0, 0, 0, 0x80, 0, 0];
        assert_eq!(
            unpack(&match_first, 9, &mut out).unwrap_err().problem,
            "a match begins before the first byte"
        );
        let too_long = [0, 0, 0, 0x40, b'a', 7, 0, 15, 255, 0, 0, 255, 255, 255, 255];
        assert_eq!(
            unpack(&too_long, 9, &mut out).unwrap_err().problem,
            "more bytes than the buffer's header says"
        );
        let too_short = [0, 0, 0, 0x40, b'a', 7, 0, 15, 255, 21, 0];
        assert_eq!(unpack(&too_short, 90, &mut out).unwrap_err().problem, "a long length below 22");
    }
}
