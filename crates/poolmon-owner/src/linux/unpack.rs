//! Files as they lie on disk: plain, or packed with gzip, xz or zstd, reported by their first bytes.

use std::borrow::Cow;
use std::io::Read;

use super::ModuleError;

/// Memory that an xz file may ask for its dictionary, in KiB: what `xz -9` takes, twice.
const XZ_MEMORY_KIB: u32 = 128 << 10;

/// Bytes that a zstd file may ask for its window: `zstd --ultra --long=27`, more than kernels are packed with.
const ZSTD_WINDOW: u64 = 128 << 20;

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Gzip,
    Xz,
    Zstd,
}

/// By the first bytes; none if it is plain.
pub(crate) fn packing(bytes: &[u8]) -> Option<Packing> {
    if bytes.starts_with(b"\x1f\x8b\x08") {
        Some(Packing::Gzip)
    } else if bytes.starts_with(b"\xfd7zXZ\0") {
        Some(Packing::Xz)
    } else if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Some(Packing::Zstd)
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
    };
    let name = match packing {
        Packing::Gzip => "gzip",
        Packing::Xz => "xz",
        Packing::Zstd => "zstd",
    };
    if let Err(error) = read {
        return Err(ModuleError::Unpack(name, error.to_string()));
    }
    if out.len() as u64 > limit {
        return Err(ModuleError::TooLarge { limit });
    }
    Ok(Cow::Owned(out))
}
