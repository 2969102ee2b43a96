//! Any bytes are read as a driver without a panic, and what is found lies inside them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolmon_model::PoolTag;
use poolmon_owner::scan::DriverImage;

fuzz_target!(|bytes: &[u8]| {
    // The same bytes as an image in memory, whose slots hold addresses of pool functions.
    let export = |address: u64| address.is_multiple_of(3).then(|| "ExAllocatePoolWithTag".to_owned());
    if let Ok(image) = DriverImage::parse_mapped("fuzz.sys", bytes, 0xffff_f800_0000_0000, &export) {
        assert!(image.evidence().iter().all(|row| row.offset < bytes.len() as u64));
        let _ = image.info();
    }
    let Ok(image) = DriverImage::parse("fuzz.sys", bytes) else { return };
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
