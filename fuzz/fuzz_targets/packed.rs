//! Any bytes as a packed log: behind the first bytes of gzip, xz and zstd.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolmon_model::Sample;
use poolmon_read::{Input, ReadOptions, identify};

const FIRST: [&[u8]; 4] = [
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
    b"\xfd7zXZ\x00\x00\x04\xe6\xd6\xb4\x46\x02\x00\x21\x01",
    &[0x28, 0xb5, 0x2f, 0xfd],
    b"",
];

fuzz_target!(|data: (u8, &[u8])| {
    let first = FIRST[usize::from(data.0) % FIRST.len()];
    let input = Input::from_bytes("log.gz", [first, data.1].concat());
    let Ok(format) = identify(&input) else { return };
    if format.id == "dump" {
        return;
    }
    let Ok(mut samples) = (format.open)(&input, &ReadOptions::default()) else { return };
    let mut sample = Sample::empty();
    while let Ok(true) = samples.next_into(&mut sample) {}
});
