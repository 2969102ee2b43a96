//! Any bytes are read as a driver without a panic, and what is found lies inside them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pool_model::PoolTag;
use pool_owner::scan::Image;

fuzz_target!(|bytes: &[u8]| {
    let Ok(image) = Image::parse("fuzz.sys", bytes) else { return };
    let _ = image.info();
    let all = image.evidence();
    for row in &all {
        assert!(row.offset < bytes.len() as u64);
        assert!(!row.explain().is_empty());
    }
    // The cheap search beforehand loses nothing that the whole reading finds.
    let tag = all.first().map_or(PoolTag(*b"Test"), |row| row.tag);
    let one = image.evidence_for(tag);
    for row in all.iter().filter(|row| row.tag == tag) {
        assert!(one.contains(row));
    }
});
