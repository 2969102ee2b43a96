//! Debugger block, lists, pool tables and other kernel data, damaged.
#![no_main]

#[path = "../../crates/poolmon-dump/tests/common/exercise.rs"]
mod exercise;

use std::sync::LazyLock;

use poolmon_synth::dump::{Arch, Built, Form, Spec, build};

static SOUND: LazyLock<[Built; 3]> = LazyLock::new(|| {
    [(Arch::Amd64, 26_100), (Arch::I386Pae, 19_041), (Arch::Aarch64, 22_000)]
        .map(|(arch, number)| build(&Spec::new(arch, number).tiny()))
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((first, patches)) = bytes.split_first() else { return };
    let mut built = SOUND[usize::from(*first) % 3].clone();
    let pages: Vec<u64> = built.memory.pages.keys().copied().collect();
    let mapped: Vec<u64> = built.mapping.truth.keys().copied().collect();
    for patch in patches.chunks_exact(8) {
        let number = |at: usize| u64::from(u16::from_le_bytes([patch[at], patch[at + 1]]));
        let pick = |list: &[u64], at: usize| list[number(at) as usize % list.len()];
        let value = match patch[6] % 6 {
            0 => pick(&pages, 4) << 12 | u64::from(patch[7]),
            1 => pick(&pages, 4) << 12 | 0x63,
            2 => pick(&mapped, 4) | u64::from(patch[7]) << 4,
            3 => u64::MAX >> (patch[7] % 64),
            4 => number(4),
            _ => 1 << (patch[7] % 64),
        };
        let place = match patch[7] % 3 {
            0 => built.block + number(0) % 0x380,
            1 => built.kernel + 0x23000 + number(0) % 0x20 * 0x1000 + number(2),
            _ => pick(&mapped, 0) + number(2),
        };
        let Some(page) = built.mapping.truth.get(&(place & !0xfff)) else { continue };
        let place = page | place & 0xff8;
        if !built.memory.pages.contains_key(&(place >> 12)) {
            continue;
        }
        built.memory.write(place, &value.to_le_bytes());
    }
    exercise::exercise(built.bytes(Form::BitmapKernel));
});
