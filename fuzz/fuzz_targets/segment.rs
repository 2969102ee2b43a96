//! Any bytes as a segment: read, sought, scanned; never a panic. Frames in it are given right checksums first, so
//! that the payloads are reached, too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolmon_model::Sample;
use poolmon_store::internal::{
    FrameHead, HEAD, SegmentCursor, checksum, parse_summary, read_summary, write_summary,
};

fuzz_target!(|data: &[u8]| {
    let mut bytes = data.to_vec();
    let mut at = 0;
    while at + HEAD <= bytes.len() {
        let Some((head, _)) = FrameHead::parse(&bytes[at..]) else {
            at += 1;
            continue;
        };
        let end = (at + HEAD + head.length as usize).min(bytes.len());
        let sum = checksum(&bytes[at..at + HEAD], &bytes[at + HEAD..end]);
        bytes[at + HEAD - 4..at + HEAD].copy_from_slice(&sum.to_le_bytes());
        at = end;
    }
    let Ok(mut cursor) = SegmentCursor::open(std::io::Cursor::new(bytes)) else { return };
    let mut sample = Sample::empty();
    let mut left = 64;
    while let Ok(Some(_)) = cursor.next_entry() {
        cursor.sample_into(&mut sample);
        left -= 1;
        if left == 0 {
            break;
        }
    }
    let _ = cursor.scan(|_| {});
    if let Ok(index) = cursor.index() {
        let _ = cursor.seek(&index, 1_795_392_005_000_000_000);
        let _ = cursor.seek_number(&index, 3);
        for entry in index.summaries.iter().take(8) {
            let _ = cursor.seek_number(&index, entry.last);
            cursor.sample_into(&mut sample);
            let Ok(Some(frame)) = cursor.frame_at(entry.offset) else { continue };
            let Some((_, bits)) = parse_summary(&frame.payload) else { continue };
            if let Ok(summary) = read_summary(bits, &sample) {
                let again = write_summary(&summary, &sample);
                let again = read_summary(&again, &sample).expect("what was read can be written");
                assert_eq!(format!("{summary:?}"), format!("{again:?}"));
            }
        }
    }
});
