//! The cheap question: do these bytes hold the tag at all.

use memchr::memmem::Finder;
use poolmon_model::PoolTag;

/// Finds a tag's four bytes, with or without the bit of protected pool, and the halves that ARM64 code builds it from.
pub(crate) struct Literal {
    tag: [u8; 4],
    /// Three bytes: the fourth may carry the bit.
    first: Finder<'static>,
    /// `movk wN, #high, lsl #16` without its first byte, which holds the register.
    half: Finder<'static>,
    half_low: u8,
}

/// Bytes that two pieces of a file must share so that nothing is lost between them.
pub(crate) const OVERLAP: usize = 7;

impl Literal {
    pub fn new(tag: PoolTag) -> Self {
        let [a, b, c, d] = tag.unprotected().0;
        let high = u32::from(u16::from_le_bytes([c, d]));
        let [low, b1, b2, b3] = (0x72a0_0000 | high << 5).to_le_bytes();
        Self {
            tag: [a, b, c, d],
            first: Finder::new(&[a, b, c]).into_owned(),
            half: Finder::new(&[b1, b2, b3]).into_owned(),
            half_low: low,
        }
    }

    /// Offsets of the four bytes.
    pub fn find<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
        let last = |at: &usize| bytes.get(at + 3).is_some_and(|byte| byte & 0x7f == self.tag[3]);
        self.first.find_iter(bytes).filter(last)
    }

    /// Is the tag in these bytes.
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        self.find(bytes).next().is_some()
    }

    /// Could ARM64 code in these bytes build the tag.
    pub fn is_built_in(&self, bytes: &[u8]) -> bool {
        let low = |at: &usize| {
            at.checked_sub(1)
                .and_then(|at| bytes.get(at))
                .is_some_and(|byte| byte & 0xe0 == self.half_low & 0xe0)
        };
        self.half.find_iter(bytes).any(|at| low(&at))
    }
}
