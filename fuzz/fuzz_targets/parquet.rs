//! A Parquet file that poolmon exported, with other bytes in some places and a cut end. Without its checksums, half of the time: behind
//! them, every number has to be doubted.
#![no_main]

use std::sync::{Arc, OnceLock};

use libfuzzer_sys::fuzz_target;
use poolmon_model::{CounterWidth, Origin, Pool, Row, Sample, SourceKind, Tag};
use poolmon_read::{Input, ReadOptions, identify};
use poolmon_store::{Recorder, RecorderConfig, Recording, export};

fn exported() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("poolmon-fuzz-parquet-{}", std::process::id()));
        let origin = Arc::new(Origin::new(SourceKind::Windows, &[Pool::Nonpaged, Pool::Paged]));
        let (mut recorder, _) = Recorder::open(&folder, RecorderConfig::default()).expect("a recorder");
        for n in 0..40_u64 {
            let mut sample = Sample::new(Arc::clone(&origin), CounterWidth::Bits64);
            sample.time = jiff::Timestamp::from_second(1_800_000_000 + n as i64 * 60).ok();
            for tag in 0..12 {
                let name = Tag::pool([b'T', b'0' + tag, b'x', b' ']);
                sample.rows.push(Row::windows(name, Pool::Paged, n * u64::from(tag), n, n << tag));
            }
            recorder.record_past(&sample).expect("a sample");
        }
        recorder.close().expect("the end");
        let file = folder.join("a.parquet");
        let recording = Recording::open(&folder).expect("a recording");
        export::write_parquet(&recording, &export::ExportOptions::default(), &file).expect("a file");
        let bytes = std::fs::read(&file).expect("its bytes");
        let _ = std::fs::remove_dir_all(&folder);
        bytes
    })
}

fuzz_target!(|data: (bool, u16, Vec<(u16, u8)>)| {
    let (is_summed, cut, edits) = data;
    let mut bytes = exported().to_vec();
    if !is_summed {
        // By another name, a checksum is not looked at.
        for at in 0..bytes.len().saturating_sub(11) {
            if bytes[at..].starts_with(b"poolmon.sum") {
                bytes[at + 10] = b'x';
            }
        }
    }
    let length = bytes.len();
    for (at, byte) in edits {
        // Half of them in what the end says of the file.
        let at = usize::from(at);
        let at = if at % 2 == 0 { at % length } else { length - 1 - (at % 4096) % length };
        bytes[at] = byte;
    }
    if cut > 0xff00 {
        bytes.truncate(length.saturating_sub(usize::from(cut & 0xff)));
    }
    let input = Input::from_bytes("a.parquet", bytes);
    let Ok(format) = identify(&input) else { return };
    let Ok(mut samples) = (format.open)(&input, &ReadOptions::default()) else { return };
    let mut sample = Sample::empty();
    while let Ok(true) = samples.next_into(&mut sample) {}
});
