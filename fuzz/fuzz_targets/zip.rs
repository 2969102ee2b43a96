//! A zip archive: any directory and any members, before an end that fits them or does not.
#![no_main]

use std::io::{Cursor, Read};

use libfuzzer_sys::fuzz_target;
use poolmon_image::zip;

fuzz_target!(|data: (bool, &[u8], &[u8])| {
    let (has_end, members, directory) = data;
    let mut archive = [b"PK\x03\x04", members].concat();
    let start = archive.len() as u32;
    archive.extend_from_slice(b"PK\x01\x02");
    archive.extend_from_slice(directory);
    if has_end {
        archive.extend_from_slice(b"PK\x05\x06\0\0\0\0\xff\xff\xff\xff");
        archive.extend_from_slice(&(4 + directory.len() as u32).to_le_bytes());
        archive.extend_from_slice(&start.to_le_bytes());
        archive.extend_from_slice(&[0, 0]);
    }
    let mut file = Cursor::new(archive);
    let listed = zip::directory(&mut file).ok().flatten().unwrap_or_default();
    for member in listed.iter().chain(&zip::first(&mut file).ok()) {
        if let Ok(reader) = zip::reader(file.clone(), member) {
            let _ = reader.take(1 << 20).read_to_end(&mut Vec::new());
        }
    }
});
