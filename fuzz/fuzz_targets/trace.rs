//! Any bytes as a saved trace, with right checksums; read, folded and judged within small limits, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolmon_trace::{Answer, Limits, file};

fuzz_target!(|data: &[u8]| {
    let limits = Limits { stacks: 64, frames: 16, objects: 1_000, waiting: 500 };
    let mut bytes = b"PMTRACE\x01".to_vec();
    let mut chunk = |kind: u8, payload: &[u8]| {
        bytes.push(kind);
        bytes.extend(u32::try_from(payload.len()).unwrap_or(0).to_le_bytes());
        bytes.extend(crc32fast::hash(payload).to_le_bytes());
        bytes.extend(payload);
    };
    chunk(b'H', b"{}");
    // The first byte of a piece chooses its kind.
    for piece in data.split(|&byte| byte == 0xfe) {
        if let Some((kind, payload)) = piece.split_first() {
            chunk(b"SETX"[usize::from(kind % 4)], payload);
        }
    }
    for bytes in [&bytes[..], data] {
        if let Ok(read) = file::read(bytes, limits) {
            let answer = Answer::new(read.about, read.ending, read.summary);
            let _ = (answer.explained(), answer.lost_share(), answer.accused().count());
        }
    }
});
