//! A kernel as a boot loader gets it (`vmlinuz`, x86 boot protocol): finds the packed kernel within, and unpacks it.

use std::borrow::Cow;

use poolmon_image::bytes::{u16_at, u32_at};

use super::ModuleError;
use super::unpack;

/// Does it begin as a kernel for a boot loader.
pub(crate) fn is_boot_image(bytes: &[u8]) -> bool {
    bytes.get(0x202..0x206) == Some(b"HdrS") && !bytes.starts_with(b"\x7fELF")
}

/// The kernel within: an ELF file.
pub(crate) fn unpack(bytes: &[u8], limit: u64) -> Result<Cow<'_, [u8]>, ModuleError> {
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
            "its kernel is not compressed with gzip, xz or zstd; use the uncompressed vmlinux instead".into(),
        ));
    }
    unpack::unpack(payload, limit)
}
