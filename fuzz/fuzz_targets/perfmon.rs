//! Any bytes as a Perfmon log.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolmon_read::perfmon::{Options, PerfmonReader};

fuzz_target!(|data: &[u8]| {
    let options = Options { bias: None, positions: vec![(1, "pool_paged".into())] };
    let Ok(mut reader) = PerfmonReader::new(data, std::path::Path::new("log.csv"), &options) else { return };
    while let Ok(Some(_)) = reader.next_sample() {}
});
