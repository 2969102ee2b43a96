//! Any bytes are read as a Linux module, packed or not, without a panic, and what is found can be reported.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolmon_owner::linux::ScannedModule;

fuzz_target!(|bytes: &[u8]| {
    let Ok(module) = ScannedModule::parse("fuzz.ko", bytes, 16 << 20) else { return };
    for row in &module.creations {
        assert!(!row.name.is_empty());
        assert!(!row.explain().is_empty());
        let _ = row.creates("ext4_inode_cache");
    }
});
