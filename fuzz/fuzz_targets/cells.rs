//! Tables of cells: the column line decides which table it is, the rest is anything, in one encoding or several.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolmon_model::Sample;
use poolmon_read::{Input, ReadOptions, identify};

const FIRST: [&str; 9] = [
    "Tag,Type,Allocs,Frees,Diff,Bytes\n",
    "Tag,Type,Allocs,Frees,Diff,Byt\nes,Mapped_Driver\n",
    "sep=;\nTag;Pool;Bytes;Owner\n",
    "> Tag\tPaged Allocs\tPaged Usage\tNPaged Allocs\tNPaged Usage\n> ",
    "DateTime,Tag,NonPagedUsedBytes\n",
    "12:34:56 \"Time\",\"Host\",\"Boot\",\"Tag\",\"Pool\",\"Bytes\"\n",
    "| Tag | Type | Bytes |\n|---|---|---|\n",
    "\x1b[1mTag,Type,Bytes\x1b[0m\n",
    "> \"(PDH-CSV 4.0) (UTC)(0)\",\"\\\\srv1\\Memory\\P\n> ool Nonpaged Bytes\",\"\\\\srv1\\Memory\\Pool Paged Bytes\"\n",
];

fuzz_target!(|data: (u8, bool, &[u8], &[u8])| {
    let (kind, is_wide, first, last) = data;
    let mut text = FIRST[usize::from(kind) % FIRST.len()].as_bytes().to_vec();
    if is_wide {
        text = [0xff, 0xfe].into_iter().chain(text.iter().flat_map(|&byte| [byte, 0])).collect();
        text.extend(first.iter().flat_map(|&byte| [byte, 0]));
    } else {
        text.extend_from_slice(first);
    }
    text.extend_from_slice(last);
    let input = Input::from_bytes("table.csv", text);
    let Ok(format) = identify(&input) else { return };
    let Ok(mut samples) = (format.open)(&input, &ReadOptions::default()) else { return };
    let mut sample = Sample::empty();
    while let Ok(true) = samples.next_into(&mut sample) {
        assert!(sample.reported_deltas.is_empty() || sample.reported_deltas.len() == sample.rows.len());
    }
});
