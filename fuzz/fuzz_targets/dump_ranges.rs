//! The page ranges of a debugger's dump, damaged.
#![no_main]

#[path = "../../crates/pool-dump/tests/common/exercise.rs"]
mod exercise;

use std::sync::LazyLock;

use pool_synth::dump::{Arch, Form, Spec, build};

static SOUND: LazyLock<Vec<u8>> =
    LazyLock::new(|| build(&Spec::new(Arch::Amd64, 26_100).tiny()).bytes(Form::RangesFull));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // Patches of four bytes: two of place, two of value or a lie about a length.
    let mut file = SOUND.clone();
    for patch in bytes.chunks_exact(4) {
        let at = 0x2000 + usize::from(u16::from_le_bytes([patch[0], patch[1]])) % 0x800;
        let value = match patch[2] {
            200.. => u64::MAX >> (patch[3] % 64),
            100.. => 1 << (patch[3] % 64),
            _ => u64::from(u16::from_le_bytes([patch[2], patch[3]])),
        };
        file[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
    exercise::exercise(file);
});
