//! Code of x86 that masks a number and adds another to it, found without decoding: the cheap question for tags that no
//! four bytes of a file hold.
//!
//! `sbb r, r; and r, mask; add r, number` is what compilers make of a choice between two tags, `mask` apart. Most pieces
//! of code hold no `and` with a number at all, so blocks are asked for one at the speed of memory first.

use poolmon_image::bytes::u32_at;

use super::value::like_a_tag;

/// Instructions that mask and add a number are at most this many bytes apart.
pub(super) const APART: usize = 32;
/// Bytes that are asked at once.
const BLOCK: usize = 64;

/// Offsets of numbers that code may add to a masked one to get `wanted`: each is a tag of its own.
pub(super) fn added(code: &[u8], wanted: u32) -> Vec<usize> {
    let mut found = Vec::new();
    masks(code, |at| {
        let Some(mask) = Mask::read(code, at) else { return };
        // A mask of zero leaves the tag itself.
        let other = wanted.wrapping_sub(mask.number);
        if other != wanted && like_a_tag(other) {
            found.extend(adds(code, at + mask.length, at + APART, other));
        }
    });
    found
}

/// An `and` of a register with a number.
struct Mask {
    number: u32,
    length: usize,
}

impl Mask {
    /// Its opcode is at this offset.
    fn read(code: &[u8], at: usize) -> Option<Self> {
        let (number, length) = match *code.get(at..at + 3)? {
            [0x25, ..] => (u32_at(code, at + 1)?, 5),
            [0x81, ..] => (u32_at(code, at + 2)?, 6),
            [_, _, byte] => (i32::from(byte.cast_signed()).cast_unsigned(), 3),
            _ => return None,
        };
        Some(Self { number, length })
    }
}

/// Offsets of this number in an `add` or a `lea` whose opcode is in a range.
fn adds(code: &[u8], from: usize, to: usize, number: u32) -> impl Iterator<Item = usize> + '_ {
    let number = number.to_le_bytes();
    let near = code.get(from..(to + 6).min(code.len())).unwrap_or_default();
    let places = near.windows(4).enumerate().filter(move |(_, bytes)| **bytes == number);
    places.map(move |(at, _)| from + at).filter(move |&place| {
        let opcode = |before: usize| {
            let at = place.checked_sub(before).filter(|at| (from..=to).contains(at));
            at.and_then(|at| code.get(at)).copied()
        };
        let form = || code.get(place - 1).copied().unwrap_or(0);
        match (opcode(1), opcode(2)) {
            (Some(0x05), _) => true,
            (_, Some(0x81)) => form() & 0xf8 == 0xc0,
            (_, Some(0x8d)) => form() & 0xc0 == 0x80 && form() & 7 != 4,
            _ => false,
        }
    })
}

/// Calls with the offset of the opcode of each `and` of a register with a number.
fn masks(code: &[u8], mut found: impl FnMut(usize)) {
    let forms = code.get(1..).unwrap_or_default();
    let (blocks, _) = code.as_chunks::<BLOCK>();
    let (next, _) = forms.as_chunks::<BLOCK>();
    let mut done = 0;
    for (opcodes, forms) in blocks.iter().zip(next) {
        let words = flags(opcodes, forms);
        if words.iter().fold(0, |any, word| any | word) != 0 {
            for (at, mut word) in (done..).step_by(8).zip(words) {
                while word != 0 {
                    found(at + word.trailing_zeros() as usize / 8);
                    word &= word - 1;
                }
            }
        }
        done += BLOCK;
    }
    let rest = code.iter().zip(forms).enumerate().skip(done);
    for (at, (&opcode, &form)) in rest {
        if is_mask(opcode, form) {
            found(at);
        }
    }
}

/// One for each place of a block where an `and` may be: eight places in each number, a byte each.
fn flags(opcodes: &[u8; BLOCK], forms: &[u8; BLOCK]) -> [u64; BLOCK / 8] {
    // Without a branch, so that a compiler does many bytes at once.
    let mut flags = [0_u8; BLOCK];
    for (flag, (&opcode, &form)) in flags.iter_mut().zip(opcodes.iter().zip(forms)) {
        *flag = u8::from(is_mask(opcode, form));
    }
    let mut words = [0; BLOCK / 8];
    for (word, bytes) in words.iter_mut().zip(flags.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    words
}

#[inline]
#[expect(
    clippy::needless_bitwise_bool,
    reason = "a branch would keep a compiler from doing many bytes at once"
)]
fn is_mask(opcode: u8, form: u8) -> bool {
    (opcode == 0x25) | ((opcode & 0xfd == 0x81) & (form & 0xf8 == 0xe0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mask_is_found_wherever_it_is_in_a_block() {
        let all = |code: &[u8]| {
            let mut found = Vec::new();
            masks(code, |at| found.push(at));
            found
        };
        for at in 0..200 {
            let mut code = vec![0x90_u8; 202];
            code[at..at + 2].copy_from_slice(&[0x83, 0xe1]);
            assert_eq!(all(&code), [at]);
            code[at] = 0x82;
            assert_eq!(all(&code), [0; 0]);
            code[at] = 0x25;
            assert_eq!(all(&code), [at]);
        }
    }

    #[test]
    fn a_number_counts_within_reach_of_its_mask_and_in_an_addition() {
        let wanted = u32::from_le_bytes(*b"RxSp");
        // and r8d, 'p' - 'c' in the last byte; then a run of bytes; then add r8d, 'RxSc'
        let code = |between: usize, add: [u8; 2]| {
            let gap = vec![0x90; between];
            [&[0x41, 0x81, 0xe0, 0, 0, 0, 13][..], &gap, &add, b"RxSc", &[0x90; 80]].concat()
        };
        assert_eq!(added(&code(0, [0x81, 0xc0]), wanted), [9]);
        assert_eq!(added(&code(26, [0x81, 0xc0]), wanted), [35]);
        assert!(added(&code(27, [0x81, 0xc0]), wanted).is_empty(), "too far");
        assert_eq!(added(&code(3, [0x90, 0x05]), wanted), [12]);
        assert_eq!(added(&code(0, [0x8d, 0x88]), wanted), [9]);
        for no_addition in [[0x81, 0xc8], [0x8d, 0x8c], [0x8d, 0x08], [0x90, 0x90]] {
            assert!(added(&code(0, no_addition), wanted).is_empty(), "{no_addition:x?}");
        }
        assert!(added(&code(0, [0x81, 0xc0]), wanted + 1).is_empty());
        // The mask of zero.
        let code = [&[0x83, 0xe0, 0, 0x05][..], b"RxSp"].concat();
        assert!(added(&code, wanted).is_empty());
    }
}
