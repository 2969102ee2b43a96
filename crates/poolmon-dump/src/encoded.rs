//! The debugger block of a running 64-bit Windows 8 or later, which the kernel keeps encoded.
//!
//! Word for word: exclusive or with one key, rotation left by the same key, exclusive or with an address, reversal of
//! the bytes, exclusive or with a second key. The difference of two words therefore depends on the rotation alone,
//! and two words of the block are known: the kernel's base and the head of its list of modules. They find both the
//! block and the rotation; the keys are not needed.

use poolmon_image::bytes::u64_at;

use crate::kdbg::{KernelData, MAGIC, USED};
use crate::memory::Memory;
use crate::scan;

/// Offsets of the words that are known, and of the tag with the size, which proves them.
const TAG: usize = 0x10;
const BASE: usize = 0x18;
const LIST: usize = 0x48;

/// Finds and decodes the block in the kernel's data.
pub(crate) fn find(memory: &Memory, base: u64, list: u64) -> Option<KernelData> {
    if memory.is_narrow() || list == 0 {
        return None;
    }
    let difference = base ^ list;
    let mut found = None;
    let mut bytes = [0; USED];
    scan::words(memory, base, &mut |place, word| {
        // The word is taken for the encoded base.
        let Ok(other) = memory.array::<8>(place.wrapping_add((LIST - BASE) as u64)) else { return true };
        let encoded = word ^ u64::from_le_bytes(other);
        // Neither rotation nor reversal changes the number of bits.
        if encoded.count_ones() != difference.count_ones() || encoded == difference {
            return true;
        }
        let start = place.wrapping_sub(BASE as u64);
        for rotation in (0..64).filter(|&by| encoded.rotate_left(by).swap_bytes() == difference) {
            if memory.read(start, &mut bytes).is_ok()
                && let Some(plain) = decode(&bytes, base, rotation)
                && let Some(data) = KernelData::parse(&plain).filter(|data| data.module_list == list)
            {
                found = Some(data);
                return false;
            }
        }
        true
    });
    found
}

/// Decodes a whole block by its one known word and the rotation; `None` if its tag is not there.
fn decode(encoded: &[u8; USED], base: u64, rotation: u32) -> Option<[u8; USED]> {
    let known = u64_at(encoded, BASE)?;
    let mut plain = [0; USED];
    for (to, from) in plain.chunks_exact_mut(8).zip(encoded.chunks_exact(8)) {
        let word = base ^ (u64_at(from, 0)? ^ known).rotate_left(rotation).swap_bytes();
        to.copy_from_slice(&word.to_le_bytes());
    }
    (plain.get(TAG..TAG + 4)? == MAGIC).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the kernel encodes.
    fn encode(word: u64, never: u64, always: u64, address: u64) -> u64 {
        let turned = (word ^ always).swap_bytes() ^ address;
        turned.rotate_right((never & 0xff) as u32) ^ never
    }

    #[test]
    fn every_rotation_is_undone_without_the_keys() {
        let base = 0xffff_f803_4a00_0000;
        for rotation in 0..256_u64 {
            let never = 0x1d3b_77aa_9e40_1200 | rotation;
            let mut plain = [0; USED];
            for (at, to) in plain.chunks_exact_mut(8).enumerate() {
                to.copy_from_slice(&(base + 0x1234 * at as u64).to_le_bytes());
            }
            plain[TAG..TAG + 4].copy_from_slice(MAGIC);
            plain[BASE..BASE + 8].copy_from_slice(&base.to_le_bytes());
            let mut encoded = plain;
            for word in encoded.chunks_exact_mut(8) {
                let value = encode(u64_at(word, 0).unwrap(), never, 0x7766_5544_3322_1100, base + 0x1234);
                word.copy_from_slice(&value.to_le_bytes());
            }
            assert_eq!(decode(&encoded, base, (rotation % 64) as u32), Some(plain), "{rotation}");
        }
    }
}
