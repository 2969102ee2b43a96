//! Records of a buffer, with every decoder, and unpacking.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolmon_etl::stack::StackRecord;
use poolmon_etl::{PoolRecord, Records, Session, xpress};

fuzz_target!(|bytes: &[u8]| {
    for record in Records::new(bytes).filter_map(Result::ok) {
        let _ = (PoolRecord::decode(&record), StackRecord::decode(&record), Session::read(&record));
    }
    let mut out = Vec::new();
    let unpacked = xpress::unpack(bytes, 1 << 16, &mut out);
    assert!(out.len() <= 1 << 16 && (unpacked.is_err() || out.len() == 1 << 16));
});
