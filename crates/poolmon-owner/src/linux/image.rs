//! A kernel as a boot loader gets it: `vmlinuz` of the x86 boot protocol, or of EFI with its own unpacker (zboot). Finds the packed
//! kernel within, and unpacks it.

use std::borrow::Cow;

use poolmon_image::bytes::{text_at, u16_at, u32_at};

use super::ModuleError;
use super::unpack;

/// Bytes that show what kind of image a file is.
pub(crate) const HEAD: usize = 0x206;

/// Does it begin as a kernel for a boot loader that contains a packed one.
pub(crate) fn is_boot_image(bytes: &[u8]) -> bool {
    is_x86(bytes) || is_zboot(bytes)
}

fn is_x86(bytes: &[u8]) -> bool {
    bytes.get(0x202..HEAD) == Some(b"HdrS") && !bytes.starts_with(b"\x7fELF")
}

fn is_zboot(bytes: &[u8]) -> bool {
    bytes.starts_with(b"MZ") && bytes.get(4..8) == Some(b"zimg")
}

/// The kernel within: an ELF file, or an `Image`.
pub(crate) fn unpack(bytes: &[u8], limit: u64) -> Result<Cow<'_, [u8]>, ModuleError> {
    if is_zboot(bytes) { zboot(bytes, limit) } else { x86(bytes, limit) }
}

/// EFI: where the packed kernel is and how long, and the name of its compression.
fn zboot(bytes: &[u8], limit: u64) -> Result<Cow<'_, [u8]>, ModuleError> {
    let beyond = || ModuleError::Damaged("the compressed kernel extends past the end of the file", 8);
    let at = |place| u32_at(bytes, place).map(|value| value as usize).ok_or_else(beyond);
    let (start, length) = (at(8)?, at(12)?);
    let payload = bytes.get(start..start.checked_add(length).ok_or_else(beyond)?).ok_or_else(beyond)?;
    if unpack::packing(payload).is_none() {
        let name = text_at(bytes, 24, 31).unwrap_or_default();
        let how: String = name.iter().map(|&b| char::from(b)).filter(char::is_ascii_alphanumeric).collect();
        return Err(ModuleError::Unsupported(format!(
            "its kernel is compressed with {how}; use the uncompressed kernel instead"
        )));
    }
    unpack::unpack(payload, limit)
}

fn x86(bytes: &[u8], limit: u64) -> Result<Cow<'_, [u8]>, ModuleError> {
    let cut = || ModuleError::Damaged("the kernel's boot header is cut", 0x1f1);
    let version = u16_at(bytes, 0x206).ok_or_else(cut)?;
    if version < 0x208 {
        return Err(ModuleError::Unsupported(format!("its boot protocol {version:#x} is older than 2.08")));
    }
    // 0 stands for 4 sectors; one more is the boot sector itself.
    let setup = match bytes.get(0x1f1).ok_or_else(cut)? {
        0 => 5,
        &sectors => usize::from(sectors) + 1,
    };
    let offset = u32_at(bytes, 0x248).ok_or_else(cut)? as usize;
    let length = u32_at(bytes, 0x24c).ok_or_else(cut)? as usize;
    let start = (setup * 512).checked_add(offset).ok_or_else(cut)?;
    let beyond = || ModuleError::Damaged("the compressed kernel extends past the end of the file", 0x248);
    let payload = bytes.get(start..start.checked_add(length).ok_or_else(beyond)?).ok_or_else(beyond)?;
    if unpack::packing(payload).is_none() && !payload.starts_with(b"\x7fELF") {
        return Err(ModuleError::Unsupported(
            "its kernel is not compressed with gzip, xz, zstd or lz4; use the uncompressed vmlinux instead"
                .into(),
        ));
    }
    unpack::unpack(payload, limit)
}
