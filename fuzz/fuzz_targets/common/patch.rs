//! Damages what follows the header of a dump.

/// The file with patches of four bytes: two of place, two of value or a lie about a length.
pub fn patched(sound: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut file = sound.to_vec();
    for patch in bytes.chunks_exact(4) {
        let at = 0x2000 + usize::from(u16::from_le_bytes([patch[0], patch[1]])) % 0x800;
        let value = match patch[2] {
            200.. => u64::MAX >> (patch[3] % 64),
            100.. => 1 << (patch[3] % 64),
            _ => u64::from(u16::from_le_bytes([patch[2], patch[3]])),
        };
        file[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
    file
}
