//! Little-endian numbers and short texts.

/// Appends.
pub trait Put {
    /// A number, lowest byte first.
    fn u16(&mut self, value: u16);
    /// A number, lowest byte first.
    fn u32(&mut self, value: u32);
    /// A number, lowest byte first.
    fn u64(&mut self, value: u64);
    /// A text: `u16` length in bytes, then UTF-8; a text that is unknown has the length 0xffff.
    fn text(&mut self, text: Option<&str>);
}

impl Put for Vec<u8> {
    fn u16(&mut self, value: u16) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn text(&mut self, text: Option<&str>) {
        let Some(text) = text else { return self.u16(u16::MAX) };
        let cut = text.floor_char_boundary(usize::from(u16::MAX) - 1);
        self.u16(u16::try_from(cut).unwrap_or(0));
        self.extend_from_slice(text.as_bytes().get(..cut).unwrap_or_default());
    }
}

/// Takes from the front; `None` if the bytes end too early.
#[derive(Clone, Copy, Debug)]
pub struct Take<'a>(pub &'a [u8]);

impl<'a> Take<'a> {
    /// So many bytes.
    pub fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    /// A byte.
    pub fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    /// A number.
    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// A number.
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// A number.
    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A signed number.
    pub fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    /// A text that may be unknown.
    #[expect(clippy::option_option, reason = "outer: the bytes ended early; inner: the text is unknown")]
    pub fn text(&mut self) -> Option<Option<String>> {
        let length = self.u16()?;
        if length == u16::MAX {
            return Some(None);
        }
        let bytes = self.bytes(length.into())?;
        Some(Some(String::from_utf8_lossy(bytes).into_owned()))
    }
}
