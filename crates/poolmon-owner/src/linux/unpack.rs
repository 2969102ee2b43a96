//! Files as they lie on disk: plain, or packed with gzip, xz, zstd or lz4 (its old format, in which kernels are), reported by their first bytes.

use std::borrow::Cow;
use std::io::Read;

use super::ModuleError;

/// Memory that an xz file may ask for its dictionary, in KiB: what `xz -9` takes, twice.
const XZ_MEMORY_KIB: u32 = 128 << 10;

/// Bytes that a zstd file may ask for its window: `zstd --ultra --long=27`, more than kernels are packed with.
const ZSTD_WINDOW: u64 = 128 << 20;

/// Before the blocks of lz4's old format.
const LZ4: &[u8] = &[0x02, 0x21, 0x4c, 0x18];

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Gzip,
    Xz,
    Zstd,
    Lz4,
}

/// By the first bytes; none if it is plain.
pub(crate) fn packing(bytes: &[u8]) -> Option<Packing> {
    if bytes.starts_with(b"\x1f\x8b\x08") {
        Some(Packing::Gzip)
    } else if bytes.starts_with(b"\xfd7zXZ\0") {
        Some(Packing::Xz)
    } else if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Some(Packing::Zstd)
    } else if bytes.starts_with(LZ4) {
        Some(Packing::Lz4)
    } else {
        None
    }
}

/// The file's content: borrowed if it is plain, else unpacked up to `limit` bytes.
pub(crate) fn unpack(bytes: &[u8], limit: u64) -> Result<Cow<'_, [u8]>, ModuleError> {
    let Some(packing) = packing(bytes) else { return Ok(Cow::Borrowed(bytes)) };
    let mut out = Vec::new();
    // One byte more than allowed distinguishes a file that is too large from one that just fits.
    let most = limit.saturating_add(1);
    let read = match packing {
        Packing::Gzip => flate2::read::MultiGzDecoder::new(bytes).take(most).read_to_end(&mut out),
        Packing::Xz => {
            lzma_rust2::XzReader::new_mem_limit(bytes, false, XZ_MEMORY_KIB).take(most).read_to_end(&mut out)
        }
        Packing::Zstd => ruzstd::decoding::StreamingDecoder::new_with_max_window_size(bytes, ZSTD_WINDOW)
            .map_err(|error| ModuleError::Unpack("zstd", error.to_string()))?
            .take(most)
            .read_to_end(&mut out),
        Packing::Lz4 => lz4(bytes, most, &mut out),
    };
    let name = match packing {
        Packing::Gzip => "gzip",
        Packing::Xz => "xz",
        Packing::Zstd => "zstd",
        Packing::Lz4 => "lz4",
    };
    if let Err(error) = read {
        return Err(ModuleError::Unpack(name, error.to_string()));
    }
    if out.len() as u64 > limit {
        return Err(ModuleError::TooLarge { limit });
    }
    Ok(Cow::Owned(out))
}

/// Blocks of lz4's old format, each behind its length; stops at `most` bytes. Behind the blocks of a kernel is its size, which is no
/// block: nothing follows it.
fn lz4(bytes: &[u8], most: u64, out: &mut Vec<u8>) -> std::io::Result<usize> {
    let cut = || std::io::Error::new(std::io::ErrorKind::InvalidData, "a block is cut or damaged");
    let mut rest = bytes.get(LZ4.len()..).unwrap_or_default();
    while let Some((length, behind)) = rest.split_at_checked(4).filter(|(_, behind)| !behind.is_empty()) {
        let length = poolmon_image::bytes::u32_at(length, 0).unwrap_or(0) as usize;
        let (block, behind) = behind.split_at_checked(length).ok_or_else(cut)?;
        lz4_block(block, most, out).ok_or_else(cut)?;
        rest = behind;
    }
    Ok(out.len())
}

/// One block: literals and copies of what is already there, in turns.
fn lz4_block(block: &[u8], most: u64, out: &mut Vec<u8>) -> Option<()> {
    fn length(nibble: u8, rest: &mut std::slice::Iter<'_, u8>) -> Option<usize> {
        let mut length = usize::from(nibble);
        if nibble == 15 {
            loop {
                let more = *rest.next()?;
                length = length.checked_add(usize::from(more))?;
                if more != 255 {
                    break;
                }
            }
        }
        Some(length)
    }
    let begin = out.len();
    let mut rest = block.iter();
    while let Some(&token) = rest.next() {
        let count = length(token >> 4, &mut rest)?;
        let (literals, behind) = rest.as_slice().split_at_checked(count)?;
        out.extend_from_slice(literals);
        rest = behind.iter();
        // The last sequence has no copy.
        let Some((distance, behind)) = rest.as_slice().split_first_chunk::<2>() else {
            return rest.as_slice().is_empty().then_some(());
        };
        rest = behind.iter();
        let from = out.len().checked_sub(usize::from(u16::from_le_bytes(*distance)))?;
        let mut count = length(token & 15, &mut rest)?.checked_add(4)?;
        if from < begin || from == out.len() {
            return None;
        }
        // More than was asked for: the caller sees that, and a bomb goes no further.
        if out.len() as u64 >= most {
            return Some(());
        }
        // What is copied may reach into its own copy, and then repeats.
        while count > 0 {
            let part = count.min(out.len() - from);
            out.extend_from_within(from..from + part);
            count -= part;
            if out.len() as u64 >= most {
                return Some(());
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file in lz4's old format, of blocks that are given.
    fn file(blocks: &[&[u8]]) -> Vec<u8> {
        let mut file = LZ4.to_vec();
        for block in blocks {
            file.extend(u32::try_from(block.len()).unwrap().to_le_bytes());
            file.extend(*block);
        }
        file
    }

    #[test]
    fn literals_and_copies_of_lz4() {
        // "abc", then 4 + 2 bytes from 3 back; "xy" as the last literals.
        let block = [0x32, b'a', b'b', b'c', 3, 0, 0x20, b'x', b'y'];
        let packed = file(&[&block, &[0x10, b'z']]);
        assert_eq!(unpack(&packed, 99).unwrap().as_ref(), b"abcabcabcxyz");
        assert_eq!(
            unpack(&[&packed[..], &12_u32.to_le_bytes()].concat(), 99).unwrap().as_ref(),
            b"abcabcabcxyz"
        );
        // A long run: 1 literal, copied 4 + 15 + 255 + 1 times.
        let run = file(&[&[0x1f, b'r', 1, 0, 255, 1, 0x00]]);
        assert_eq!(unpack(&run, 999).unwrap().as_ref(), [b'r'; 276]);
        assert_eq!(unpack(&run, 100), Err(ModuleError::TooLarge { limit: 100 }));
        for damaged in [&[0x32, b'a', b'b'][..], &[0x10, b'a', 2, 0], &[0x10, b'a', 0, 0], &[0x10, b'a', 1]] {
            let error = unpack(&file(&[damaged]), 99).unwrap_err().to_string();
            assert_eq!(error, "does not unpack as lz4: a block is cut or damaged", "{damaged:?}");
        }
        assert!(unpack(&packed[..12], 99).is_err());
    }
}
