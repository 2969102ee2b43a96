//! Saved lists of Linux and its tools: the first line decides which one is tried, the rest is anything.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolmon_model::Sample;
use poolmon_read::{Input, ReadOptions, identify};

const FIRST: [&str; 8] = [
    "slabinfo - version: 2.1\n",
    "> slabinfo - version: 2.1\n",
    "  OBJS ACTIVE  USE OBJ SIZE  SLABS OBJ/SLAB CACHE SIZE NAME\n",
    "Cache Num Total Size Pages\n",
    "CACHE OBJSIZE ALLOCATED TOTAL SLABS SSIZE NAME\n",
    "allocinfo - version: 2.0\n",
    "SUnreclaim: 1 kB\n",
    "0x1-0x2 8192 f+0x1/0x2 pages=1 vmalloc\n",
];

fuzz_target!(|data: (u8, &[u8])| {
    let first = FIRST[usize::from(data.0) % FIRST.len()];
    let input = Input::from_bytes("a.txt", [first.as_bytes(), data.1].concat());
    let Ok(format) = identify(&input) else { return };
    let Ok(mut samples) = (format.open)(&input, &ReadOptions::default()) else { return };
    let mut sample = Sample::empty();
    while let Ok(true) = samples.next_into(&mut sample) {
        assert!(!sample.rows.is_empty() || !sample.header.is_empty());
    }
});
