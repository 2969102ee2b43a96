//! Tar archives, read from front to back: the POSIX header, long names of GNU and pax.
//!
//! Only plain files that are wanted are held. Nothing follows a link, and no path is ever opened.

use std::io::{self, Read};

use super::wanted::{Found, LARGEST, MOST, of_path};

/// Size of a header, and what content is padded to.
pub(super) const BLOCK: usize = 512;
/// Longest name that is read.
const LONGEST_NAME: u64 = 64 << 10;

/// Whether a block is a header: its checksum is right.
pub(super) fn is_header(block: &[u8]) -> bool {
    let Some(block) = block.get(..BLOCK) else { return false };
    let Some(reported) = block.get(148..156).and_then(octal) else { return false };
    // The checksum counts its own field as blanks.
    let sum = block
        .iter()
        .enumerate()
        .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) });
    sum.sum::<u64>() == reported
}

/// The wanted files of an archive. What follows a damaged header is left out.
pub(super) fn find(mut archive: impl Read) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    let mut long_name: Option<String> = None;
    let mut block = [0; BLOCK];
    while read_block(&mut archive, &mut block)? && is_header(&block) {
        let Some(size) = block.get(124..136).and_then(size) else { break };
        let kind = block.get(156).copied().unwrap_or_default();
        let name = long_name.take().unwrap_or_else(|| name(&block));
        let padded = size.checked_next_multiple_of(BLOCK as u64).unwrap_or(u64::MAX);
        let mut content = (&mut archive).take(padded);
        match kind {
            b'L' | b'x' => {
                let mut text = Vec::new();
                (&mut content).take(size.min(LONGEST_NAME)).read_to_end(&mut text)?;
                long_name = if kind == b'L' { Some(until_nul(&text)) } else { pax_path(&text) };
            }
            b'0' | 0 => {
                if let Some((wanted, root)) = of_path(&name).filter(|_| found.len() < MOST) {
                    let mut bytes = Vec::new();
                    (&mut content).take(size.min(LARGEST)).read_to_end(&mut bytes)?;
                    found.push(Found { wanted, root: root.to_owned(), name: name.clone(), bytes });
                }
            }
            _ => {}
        }
        io::copy(&mut content, &mut io::sink())?;
    }
    Ok(found)
}

/// Fills a block; false at the end of the archive, which may lack its closing blocks.
fn read_block(archive: &mut impl Read, block: &mut [u8; BLOCK]) -> io::Result<bool> {
    match archive.read_exact(block) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// The name of a header, with its prefix.
fn name(block: &[u8]) -> String {
    let field = |range: std::ops::Range<usize>| until_nul(block.get(range).unwrap_or_default());
    let name = field(0..100);
    let is_posix = block.get(257..263) == Some(b"ustar\0");
    let prefix = if is_posix { field(345..500) } else { String::new() };
    if prefix.is_empty() { name } else { format!("{prefix}/{name}") }
}

fn until_nul(bytes: &[u8]) -> String {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

/// A number in octal digits with blanks or NULs around them.
fn octal(field: &[u8]) -> Option<u64> {
    let text = until_nul(field);
    u64::from_str_radix(text.trim(), 8).ok()
}

/// A size: octal, or binary for files of 8 GiB and more.
fn size(field: &[u8]) -> Option<u64> {
    match field {
        [0x80, rest @ ..] => {
            let (high, low) = rest.split_at_checked(rest.len().checked_sub(8)?)?;
            let low = u64::from_be_bytes(low.try_into().ok()?);
            (high.iter().all(|byte| *byte == 0)).then_some(low)
        }
        _ => octal(field),
    }
}

/// The path of a pax header: records of `LENGTH KEY=VALUE\n`.
fn pax_path(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    text.lines().find_map(|line| {
        let (_, record) = line.split_once(' ')?;
        record.strip_prefix("path=").map(str::to_owned)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A header of POSIX and its padded content.
    fn member(name: &str, kind: u8, content: &[u8]) -> Vec<u8> {
        let mut block = [0_u8; BLOCK];
        block[..name.len().min(100)].copy_from_slice(&name.as_bytes()[..name.len().min(100)]);
        block[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        block[156] = kind;
        block[257..263].copy_from_slice(b"ustar\0");
        block[148..156].fill(b' ');
        let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        let mut bytes = block.to_vec();
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        bytes
    }

    fn names(archive: &[u8]) -> Vec<(String, usize)> {
        find(archive).unwrap().into_iter().map(|found| (found.name, found.bytes.len())).collect()
    }

    #[test]
    fn wanted_files_alone_with_long_names_and_links() {
        let long = format!("{}/proc/meminfo", "r".repeat(150));
        let pax = format!("{} path={long}\n", long.len() + 10);
        let archive = [
            member("root/proc/slabinfo", b'0', b"abc"),
            member("root/other", b'0', &[b'x'; 5000]),
            member("root/date", b'2', b""),
            member("././@LongLink", b'L', format!("{long}\0").as_bytes()),
            member("cut", b'0', b"1234"),
            member("PaxHeaders/x", b'x', pax.as_bytes()),
            member("cut", b'0', b"12345"),
            vec![0; 1024],
        ]
        .concat();
        assert!(is_header(&archive));
        assert_eq!(names(&archive), [("root/proc/slabinfo".into(), 3), (long.clone(), 4), (long, 5)]);
        assert_eq!(
            names(&archive[..600]),
            [("root/proc/slabinfo".into(), 3)],
            "cut within the content's padding"
        );
        assert!(!is_header(&archive[1..]) && !is_header(b"short") && !is_header(&[0; BLOCK]));
    }

    #[test]
    fn sizes_that_are_claims() {
        let mut archive = member("root/proc/slabinfo", b'0', b"abc");
        archive[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        archive[148..156].fill(b' ');
        let sum: u64 = archive[..BLOCK].iter().map(|byte| u64::from(*byte)).sum();
        archive[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        assert_eq!(names(&archive), [("root/proc/slabinfo".into(), BLOCK)]);
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..3000), at in 0..1500_usize, byte: u8) {
            let _ = find(&bytes[..]);
            let mut archive = [member("root/proc/slabinfo", b'0', &[7; 600]), member("root/date", b'0', b"x")].concat();
            archive[at] = byte;
            let _ = find(&archive[..]);
        }
    }
}
