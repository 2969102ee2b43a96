//! Archives: tar, plain or packed with gzip, xz or zstd, known by their first bytes.

use std::io::{Cursor, Read};

use super::tar;
use crate::{Input, ReadError, Result};

/// Memory that an xz file may ask for its dictionary, in KiB: what `xz -9` takes, twice.
const XZ_MEMORY_KIB: u32 = 128 << 10;
/// Bytes that a zstd file may ask for its window: `zstd --ultra --long=27`.
const ZSTD_WINDOW: u64 = 128 << 20;
/// What is unpacked of one archive at most: a larger one is no report.
const LIMIT: u64 = 64 << 30;

/// How an archive is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Gzip,
    Xz,
    Zstd,
    /// For which there is no decoder here.
    Bzip2,
}

impl Packing {
    fn of(start: &[u8]) -> Option<Self> {
        const STARTS: [(&[u8], Packing); 4] = [
            (b"\x1f\x8b\x08", Packing::Gzip),
            (b"\xfd7zXZ\0", Packing::Xz),
            (&[0x28, 0xb5, 0x2f, 0xfd], Packing::Zstd),
            (b"BZh", Packing::Bzip2),
        ];
        STARTS.iter().find(|(bytes, _)| start.starts_with(bytes)).map(|(_, packing)| *packing)
    }

    fn reader(self, bytes: Box<dyn Read + Send>) -> std::io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Self::Gzip => Box::new(flate2::read::MultiGzDecoder::new(bytes)),
            Self::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(bytes, true, XZ_MEMORY_KIB)),
            Self::Zstd => Box::new(
                ruzstd::decoding::StreamingDecoder::new_with_max_window_size(bytes, ZSTD_WINDOW).map_err(
                    |error| std::io::Error::new(std::io::ErrorKind::InvalidData, error.to_string()),
                )?,
            ),
            Self::Bzip2 => return Err(std::io::ErrorKind::Unsupported.into()),
        })
    }
}

/// Whether the first bytes are those of a tar archive, once they are unpacked. Of bzip2 the file's name decides.
pub(super) fn is_archive(input: &Input) -> bool {
    let start = input.start();
    match Packing::of(start) {
        None => tar::is_header(start),
        Some(Packing::Bzip2) => {
            let name = input.name().to_ascii_lowercase();
            [".tar.bz2", ".tbz", ".tbz2", ".tb2"].iter().any(|ending| name.ends_with(ending))
        }
        Some(packing) => {
            let mut header = Vec::new();
            let unpacked = packing.reader(Box::new(Cursor::new(start.to_vec())));
            // The end is missing, so that an error behind the header says nothing.
            let _ = unpacked.map(|reader| reader.take(tar::BLOCK as u64).read_to_end(&mut header));
            tar::is_header(&header)
        }
    }
}

/// The archive's bytes, unpacked.
pub(super) fn reader(input: &Input) -> Result<Box<dyn Read + Send>> {
    let Some(packing) = Packing::of(input.start()) else { return Ok(Box::new(input.reader()?.take(LIMIT))) };
    if packing == Packing::Bzip2 {
        let remedy = format!("unpack it, and name what comes out: bunzip2 -k {}", input.name());
        return Err(ReadError::unsuitable(
            input.name(),
            "an archive packed with bzip2, which is not read",
            remedy,
        ));
    }
    let unpacked = packing.reader(input.reader()?).map_err(|error| ReadError::read(input.name(), error))?;
    Ok(Box::new(unpacked.take(LIMIT)))
}
