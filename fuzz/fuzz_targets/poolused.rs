//! Texts of WinDbg, tables and logs of other tools: the first line decides which reader is tried, the rest is anything.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolmon_model::Sample;
use poolmon_read::{Input, ReadOptions, identify};

const FIRST: [&str; 7] = [
    " Tag          Allocs           Used         Allocs           Used\n",
    "> 0: kd> !poolused 2\n",
    "| Tag | Type | Allocs | Frees | Diff | Bytes |\n|---|---|--:|--:|--:|--:|\n",
    "Tag,Paged Allocs,Paged Frees,Paged Diff,Paged Usage,NPaged Allocs,NPaged Frees,NPaged Diff,NPaged Usage\n",
    "Tag name;Non-paged current (total);Paged current (total)\n",
    "Date;Tst1;Tst2\n",
    "<pre> Tag  Type     Allocs            Frees            Diff   Bytes       Per Alloc\n",
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
