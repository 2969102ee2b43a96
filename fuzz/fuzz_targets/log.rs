//! Any bytes are read without a panic, and the same whether they come at once or in small pieces.
#![no_main]

use std::io::Read;

use libfuzzer_sys::fuzz_target;
use poolmon_model::Sample;
use poolmon_read::text::SampleReader;

/// Gives a few bytes at a time.
struct Pieces {
    bytes: Vec<u8>,
    at: usize,
    step: usize,
}

impl Read for Pieces {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.len().min(buf.len()).min(self.step);
        buf[..length].copy_from_slice(&rest[..length]);
        self.at += length;
        Ok(length)
    }
}

fn read(bytes: &[u8], step: usize) -> Vec<Result<Sample, String>> {
    let mut reader = SampleReader::new("fuzz", Pieces { bytes: bytes.to_vec(), at: 0, step });
    let mut samples = Vec::new();
    loop {
        let mut sample = Sample::empty();
        match reader.next_into(&mut sample) {
            Ok(true) => {
                assert!(
                    sample.reported_deltas.is_empty() || sample.reported_deltas.len() == sample.rows.len()
                );
                assert!(!sample.rows.is_empty() || !sample.sessions.is_empty());
                assert!(sample.disagreeing <= bytes.len());
                samples.push(Ok(sample));
            }
            Ok(false) => return samples,
            Err(error) => samples.push(Err(error.to_string())),
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    assert_eq!(read(bytes, usize::MAX), read(bytes, 1 + bytes.len() % 13));
});
