//! Any bytes as a Perfmon log.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolmon_model::Sample;
use poolmon_read::{FORMATS, Input, ReadOptions};

fuzz_target!(|data: &[u8]| {
    let input = Input::from_bytes("log.csv", data);
    let Some(format) = FORMATS.iter().find(|format| format.id == "perfmon") else { return };
    let options = ReadOptions { columns: vec![(1, "pool_paged".into())], ..ReadOptions::default() };
    let Ok(mut samples) = (format.open)(&input, &options) else { return };
    let mut sample = Sample::empty();
    while let Ok(true) = samples.next_into(&mut sample) {}
});
