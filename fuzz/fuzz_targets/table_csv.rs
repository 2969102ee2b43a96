//! Any bytes as an exported CSV or TSV.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolmon_read::table::TableReader;

fuzz_target!(|data: &[u8]| {
    let Ok(mut reader) = TableReader::new(data, std::path::Path::new("table.csv")) else { return };
    while let Ok(Some(_)) = reader.next_sample() {}
});
