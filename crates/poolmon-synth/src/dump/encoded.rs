//! The debugger block as a running 64-bit Windows 8 or later keeps it.

use super::Dice;

/// Encodes word for word with two random keys and the address of the flag that says so.
pub(super) fn encode(block: &mut [u8], flag: u64, dice: &mut Dice) {
    let (never, always) = (dice.next(), dice.next());
    for word in block.chunks_exact_mut(8) {
        let plain = u64::from_le_bytes(word.try_into().expect("eight bytes"));
        let mixed = (plain ^ always).swap_bytes() ^ flag;
        word.copy_from_slice(&(mixed.rotate_right((never & 0xff) as u32) ^ never).to_le_bytes());
    }
}
