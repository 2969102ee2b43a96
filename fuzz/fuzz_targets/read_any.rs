//! Any bytes as whatever format they are recognised as, dumps and recordings aside, which have targets of their own.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolmon_model::Sample;
use poolmon_read::{Input, ReadOptions, identify};

fuzz_target!(|data: &[u8]| {
    let input = Input::from_bytes("table.csv", data);
    let Ok(format) = identify(&input) else { return };
    let Ok(mut samples) = (format.open)(&input, &ReadOptions::default()) else { return };
    let mut sample = Sample::empty();
    while let Ok(true) = samples.next_into(&mut sample) {}
});
