//! A tar archive of a support report: headers with right checksums around any sizes, kinds, names and contents.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolmon_model::Sample;
use poolmon_read::{Input, ReadOptions, identify};

const NAMES: [&str; 8] = [
    "sos/proc/slabinfo",
    "sos/date",
    "sos/proc/meminfo",
    "sos/sos_commands/memory/slabtop_-o",
    "scc/memory.txt",
    "scc/basic-environment.txt",
    "./sos/proc/vmallocinfo",
    "",
];

const FIRST: [&str; 3] = [
    "slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize>\n",
    "#==[ Command ]======================================#\n# /bin/cat /proc/slabinfo\nslabinfo - version: 2.1\n",
    "",
];

fuzz_target!(|files: Vec<(u8, u8, Option<u64>, u8, Vec<u8>, Vec<u8>)>| {
    let mut archive = Vec::new();
    for (name, kind, size, first, own, content) in files {
        let mut block = [0_u8; 512];
        let known = NAMES[usize::from(name) % NAMES.len()];
        let name = if known.is_empty() { &own[..own.len().min(100)] } else { known.as_bytes() };
        block[..name.len()].copy_from_slice(name);
        let content = [FIRST[usize::from(first) % FIRST.len()].as_bytes(), &content].concat();
        let size = format!("{:011o}", size.unwrap_or(content.len() as u64) & 0x1_ffff_ffff);
        block[124..135].copy_from_slice(size.as_bytes());
        block[156] = [b'0', b'L', b'x', b'2', b'5'][usize::from(kind) % 5];
        block[257..262].copy_from_slice(b"ustar");
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        archive.extend_from_slice(&block);
        archive.extend_from_slice(&content);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    let input = Input::from_bytes("report.tar", archive);
    let Ok(format) = identify(&input) else { return };
    let Ok(mut samples) = (format.open)(&input, &ReadOptions::default()) else { return };
    let mut sample = Sample::empty();
    while let Ok(true) = samples.next_into(&mut sample) {}
});
