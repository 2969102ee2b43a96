//! A tar file (POSIX ustar) of whole files, and gzip around it.
//!
//! Users, groups and times are fixed, so the same files make the same bytes.

use std::io::Write as _;

use flate2::{Compression, GzBuilder};

use super::Packed;

const BLOCK: usize = 512;

/// A tar file, its folders and files in the given order, all of root's.
pub fn tar(files: &[Packed], made: u64) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    for file in files {
        let long = || format!("{}: too long a path for this format", file.path);
        // Up to 100 bytes, and up to 155 of the folders before them.
        let split = file.path.len().saturating_sub(101);
        let (mut prefix, mut name) = ("", file.path.as_str());
        if split > 0 {
            let at = name.get(split..).and_then(|rest| rest.find('/')).ok_or_else(long)? + split;
            (prefix, name) = (&file.path[..at], &file.path[at + 1..]);
        }
        if name.len() > 100 || prefix.len() > 155 {
            return Err(long());
        }
        let mut head = [0; BLOCK];
        let mut put = |at: usize, text: &[u8]| head[at..at + text.len()].copy_from_slice(text);
        put(0, name.as_bytes());
        put(100, format!("{:07o}\0{:07o}\0{:07o}\0", file.mode, 0, 0).as_bytes());
        put(124, format!("{:011o}\0{made:011o}\0", file.bytes.len()).as_bytes());
        put(148, b"        ");
        put(156, if file.is_folder() { b"5" } else { b"0" });
        put(257, b"ustar\x0000root\0");
        put(297, b"root\0");
        put(345, prefix.as_bytes());
        let sum: u32 = head.iter().map(|&byte| u32::from(byte)).sum();
        head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out.extend(head);
        out.extend(&file.bytes);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
    }
    out.resize(out.len() + 2 * BLOCK, 0);
    Ok(out)
}

/// The same bytes, packed, without a time and a name of their own.
pub fn gzipped(bytes: &[u8]) -> Result<Vec<u8>, String> {
    // 3: Unix, whatever this is built on.
    let mut packed = GzBuilder::new().operating_system(3).write(Vec::new(), Compression::best());
    packed.write_all(bytes).and_then(|()| packed.finish()).map_err(|error| error.to_string())
}
