//! A dump of nothing but rubbish: header, run list, ELF, raw images.
#![no_main]

#[path = "../../crates/poolmon-dump/tests/common/exercise.rs"]
mod exercise;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut file = match bytes.first() {
        Some(0) => b"PAGEDU64".to_vec(),
        Some(1) => b"PAGEDUMP".to_vec(),
        Some(2) => b"\x7fELF\x02\x01\x01".to_vec(),
        _ => Vec::new(),
    };
    file.extend_from_slice(bytes.get(1..).unwrap_or_default());
    // Enough bytes for a header, a raw image and some pages.
    let length = if bytes.len() % 2 == 0 { 0x3000 } else { 1 << 20 };
    file.resize(file.len().max(length), 0);
    exercise::exercise(file);
});
