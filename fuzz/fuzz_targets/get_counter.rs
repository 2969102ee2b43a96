//! What `Get-Counter` prints: the first lines are those of a list, the rest is anything.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolmon_model::Sample;
use poolmon_read::{Input, ReadOptions, identify};

const FIRST: [&str; 3] = [
    "3/13/2026 9:59:58 PM      \\\\srv1\\memory\\pool nonpaged bytes :\n  500000000\n",
    "Readings  : \\\\srv1\\memory\\pool nonpaged bytes :\n  500000000\nTimestamp : 13.03.2026 21:59:58\n",
    "Path : \\\\srv1\\memory\\pool paged bytes\nCookedValue : 5\nTimestamp : 3/13/2026 9:59:58 PM\n",
];

fuzz_target!(|data: (u8, &[u8])| {
    let first = FIRST[usize::from(data.0) % FIRST.len()];
    let input = Input::from_bytes("counters.txt", [first.as_bytes(), data.1].concat());
    let Ok(format) = identify(&input) else { return };
    let options = ReadOptions { columns: vec![(1, "pool_paged".into())], ..ReadOptions::default() };
    let Ok(mut samples) = (format.open)(&input, &options) else { return };
    let mut sample = Sample::empty();
    let mut count = 0;
    while let Ok(true) = samples.next_into(&mut sample) {
        count += 1;
        assert!(count <= data.1.len() + 2);
    }
});
