//! The cheap question: do these bytes hold the tag at all.

use std::ops::Range;

use memchr::memmem::Finder;
use poolmon_image::Machine;
use poolmon_model::PoolTag;

use super::api;
use super::masks::{self, APART};

/// Finds a tag's four bytes, with or without the bit of protected pool, and the halves that ARM64 code builds it from.
pub(crate) struct Literal {
    tag: [u8; 4],
    /// Three bytes: the fourth may carry the bit.
    first: Finder<'static>,
    /// `movk wN, #high, lsl #16`, of a short tag `movz wN, #low`, without its first byte, which holds the register.
    half: Finder<'static>,
    half_low: u8,
}

/// Bytes that two pieces of a file must share so that nothing is lost between them.
pub(crate) const OVERLAP: usize = APART + 16;

impl Literal {
    pub fn new(tag: PoolTag) -> Self {
        let [a, b, c, d] = tag.unprotected().0;
        let high = u32::from(u16::from_le_bytes([c, d]));
        // A short tag has no upper half to put in: `movz wN, #low` is all of it.
        let built = if high == 0 {
            0x5280_0000 | u32::from(u16::from_le_bytes([a, b])) << 5
        } else {
            0x72a0_0000 | high << 5
        };
        let [low, b1, b2, b3] = built.to_le_bytes();
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

    /// Could an image for this processor take the tag from these bytes, of which `code` is code.
    pub fn may_be_in(&self, bytes: &[u8], machine: Machine, code: &[Range<usize>]) -> bool {
        self.is_in(bytes) || self.may_be_computed(bytes, machine, code)
    }

    /// Could code in these bytes compute it, or be charged for it without naming it.
    pub fn may_be_computed(&self, bytes: &[u8], machine: Machine, code: &[Range<usize>]) -> bool {
        if self.tag == api::CHARGED.0 && memchr::memmem::find(bytes, b"ExAllocatePool").is_some() {
            return true;
        }
        match machine {
            Machine::X64 | Machine::X86 => {
                let mut code =
                    code.iter().filter_map(|range| bytes.get(range.start..range.end.min(bytes.len())));
                code.any(|code| !self.added(code).is_empty())
            }
            Machine::Arm64 => self.is_built_in(bytes),
            Machine::Other(_) => false,
        }
    }

    /// Offsets of numbers that x86 code may add to a masked one to get the tag: the second of two tags that differ by
    /// the mask (`sbb r, r; and r, mask; add r, number`), or the same with `lea`.
    pub fn added(&self, bytes: &[u8]) -> Vec<usize> {
        masks::added(bytes, u32::from_le_bytes(self.tag))
    }

    /// Could ARM64 code in these bytes build the tag.
    fn is_built_in(&self, bytes: &[u8]) -> bool {
        let low = |at: &usize| {
            at.checked_sub(1)
                .and_then(|at| bytes.get(at))
                .is_some_and(|byte| byte & 0xe0 == self.half_low & 0xe0)
        };
        self.half.find_iter(bytes).any(|at| low(&at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arm64_code_builds_a_short_tag_with_one_instruction() {
        // movz w2, #'rx'
        let code = (0x5280_0000_u32 | 0x7872 << 5 | 2).to_le_bytes();
        assert!(Literal::new(PoolTag(*b"rx\0\0")).may_be_in(&code, Machine::Arm64, &[]));
        assert!(!Literal::new(PoolTag(*b"ry\0\0")).may_be_in(&code, Machine::Arm64, &[]));
    }

    #[test]
    fn a_tag_that_is_a_mask_and_a_number_is_found_at_the_number() {
        // sbb r8d, r8d; and r8d, 'p' - 'c' in the last byte; add r8d, 'RxSc'
        let code =
            [&[0x45, 0x1b, 0xc0, 0x41, 0x81, 0xe0, 0, 0, 0, 13, 0x41, 0x81, 0xc0][..], b"RxSc"].concat();
        let literal = Literal::new(PoolTag(*b"RxSp"));
        assert_eq!(literal.added(&code), [13]);
        let whole = 0..code.len();
        let all = std::slice::from_ref(&whole);
        assert!(
            literal.may_be_in(&code, Machine::X64, all) && !literal.may_be_in(&code, Machine::Arm64, all)
        );
        assert!(!literal.may_be_in(&code, Machine::X64, &[]), "data computes nothing");
        assert!(!Literal::new(PoolTag(*b"RxSq")).may_be_in(&code, Machine::X64, all));
        // One byte: and eax, 2; add eax, 'AAAA'.
        let code = [&[0x83, 0xe0, 2, 0x05][..], b"AAAA"].concat();
        assert!(Literal::new(PoolTag(*b"CAAA")).may_be_in(
            &code,
            Machine::X86,
            std::slice::from_ref(&(0..code.len()))
        ));
    }
}
