//! Classes 11 and 77: the kernel and its loaded drivers.

use super::{BufferLayout, DecodeError, Decoded, at, counted, u16_in, u32_in, u64_in};

/// `SystemModuleInformation`.
pub const CLASS: u32 = 11;
/// `SystemModuleInformationEx`.
pub const CLASS_EX: u32 = 77;

/// The kernel or a driver in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// File name (`ntfs.sys`).
    pub name: String,
    /// Path as the kernel reports it (`\SystemRoot\System32\drivers\ntfs.sys`).
    pub path: String,
    /// Where it starts; `None` if Windows withheld it (11 24H2 and later, without `SeDebugPrivilege`).
    pub base: Option<u64>,
    /// Its size in bytes.
    pub size: u32,
    /// Checksum of the image, if the class reports it (77).
    pub checksum: Option<u32>,
    /// Link time of the image, or the hash that a reproducible build puts there, if the class reports it (77).
    pub timestamp: Option<u32>,
}

/// Decodes class 11: modules are appended to `found`.
pub fn modules(buffer: &[u8], layout: BufferLayout, found: &mut Vec<Module>) -> Result<Decoded, DecodeError> {
    match layout {
        BufferLayout::X64 => {
            let (decoded, entries) = counted::<0x128>(CLASS, buffer, layout)?;
            found.extend(entries.iter().map(|entry| module(entry, layout)));
            Ok(decoded)
        }
        BufferLayout::X86 => {
            let (decoded, entries) = counted::<0x11c>(CLASS, buffer, layout)?;
            found.extend(entries.iter().map(|entry| module(entry, layout)));
            Ok(decoded)
        }
    }
}

/// Decodes class 77: modules are appended to `found`. Those that were decoded before an error stay there.
///
/// The class has no count: entries are chained, and an empty one, which may be cut to its first two bytes, ends them.
pub fn modules_ex(
    buffer: &[u8],
    layout: BufferLayout,
    found: &mut Vec<Module>,
) -> Result<Decoded, DecodeError> {
    let mut total = Decoded::default();
    let mut offset = 0;
    loop {
        let next = usize::from(u16::from_le_bytes(at(CLASS_EX, "a module's distance", buffer, offset)?));
        let entry = match layout {
            BufferLayout::X64 => {
                at::<0x140>(CLASS_EX, "a module", buffer, offset).map(|entry| extended(&entry, layout))
            }
            BufferLayout::X86 => {
                at::<0x12c>(CLASS_EX, "a module", buffer, offset).map(|entry| extended(&entry, layout))
            }
        };
        if next == 0 {
            // Either the empty end mark or, in recorded buffers, a last module without a follower.
            if let Ok(last) = entry
                && !last.path.is_empty()
            {
                found.push(last);
                total.promised += 1;
                total.read += 1;
            }
            return Ok(total);
        }
        total.promised += 1;
        found.push(entry?);
        total.read += 1;
        let least = match layout {
            BufferLayout::X64 => 0x140,
            BufferLayout::X86 => 0x12c,
        };
        let most = buffer.len().saturating_sub(offset).saturating_sub(2);
        if !(least..=most).contains(&next) {
            return Err(DecodeError::Chain { class: CLASS_EX, offset, next, least, most });
        }
        offset += next;
    }
}

/// `RTL_PROCESS_MODULE_INFORMATION_EX`.
fn extended(entry: &[u8], layout: BufferLayout) -> Module {
    let (inner, checksum) = match layout {
        BufferLayout::X64 => (8, 0x130),
        BufferLayout::X86 => (4, 0x120),
    };
    Module {
        checksum: Some(u32_in(entry, checksum)),
        timestamp: Some(u32_in(entry, checksum + 4)),
        ..module(entry.get(inner..).unwrap_or_default(), layout)
    }
}

/// `RTL_PROCESS_MODULE_INFORMATION`.
fn module(entry: &[u8], layout: BufferLayout) -> Module {
    let (base, size, name_offset, path) = match layout {
        BufferLayout::X64 => (u64_in(entry, 0x10), u32_in(entry, 0x18), u16_in(entry, 0x26), 0x28),
        BufferLayout::X86 => (u32_in(entry, 0x08).into(), u32_in(entry, 0x0c), u16_in(entry, 0x1a), 0x1c),
    };
    let path = entry.get(path..).and_then(<[u8]>::first_chunk::<256>).map_or(&[] as &[u8], |path| path);
    let path = path.split(|&byte| byte == 0).next().unwrap_or_default();
    let name = path.get(usize::from(name_offset)..).filter(|name| !name.is_empty()).unwrap_or(path);
    Module {
        name: String::from_utf8_lossy(name).into_owned(),
        path: String::from_utf8_lossy(path).into_owned(),
        base: (base != 0).then_some(base),
        size,
        checksum: None,
        timestamp: None,
    }
}
