//! Archives of reports: a tar archive with one wanted file, some of whose bytes are anything.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolmon_model::Sample;
use poolmon_read::{Input, ReadOptions, identify};

/// A tar header with the right checksum.
fn header(name: &str, kind: u8, size: usize) -> [u8; 512] {
    let mut block = [0; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    block[156] = kind;
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block
}

fuzz_target!(|data: (u8, &[u8], &[u8])| {
    let (kind, content, rest) = data;
    let kind = b"0xL2"[usize::from(kind) % 4];
    let mut archive = header("r/proc/slabinfo", kind, content.len()).to_vec();
    archive.extend_from_slice(content);
    archive.resize(archive.len().next_multiple_of(512), 0);
    archive.extend_from_slice(rest);
    let input = Input::from_bytes("a.tar", archive);
    let Ok(format) = identify(&input) else { return };
    let Ok(mut samples) = (format.open)(&input, &ReadOptions::default()) else { return };
    let mut sample = Sample::empty();
    while let Ok(true) = samples.next_into(&mut sample) {}
});
