//! Class 5: every process, with what it is charged for.
//!
//! Layout: `SYSTEM_PROCESS_INFORMATION` on learn.microsoft.com (`NtQuerySystemInformation`), whose reserved fields mingw-w64's
//! `winternl.h` and `phnt` name. A compiler was asked for the offsets.

use super::{BufferLayout, DecodeError, Decoded, at, u16_in, u32_in, u64_in};

/// `SystemProcessInformation`.
pub const CLASS: u32 = 5;

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its id; 0 = the idle process.
    pub pid: u32,
    /// Its parent's id, which may be another process's by now.
    pub parent: u32,
    /// File name of its program; empty for the idle process.
    pub name: String,
    /// When it was created: 100 ns since 1601.
    pub created: u64,
    /// Its threads.
    pub threads: u32,
    /// Its handles.
    pub handles: u32,
    /// Its Terminal Services session.
    pub session: u32,
    /// Bytes of paged pool that it is charged for.
    pub paged_quota: u64,
    /// Bytes of nonpaged pool that it is charged for.
    pub nonpaged_quota: u64,
}

/// Decodes class 5: processes are appended to `found`, and those before an error stay there. `base`: the address at which the kernel
/// filled the buffer, as names are pointers into it; a name elsewhere is left empty.
///
/// # Errors
///
/// An entry is cut, or the chain leaves the buffer.
pub fn processes(
    buffer: &[u8],
    base: u64,
    layout: BufferLayout,
    found: &mut Vec<Process>,
) -> Result<Decoded, DecodeError> {
    let mut total = Decoded::default();
    let mut offset = 0;
    loop {
        let (process, next, least) = match layout {
            BufferLayout::X64 => {
                let entry: [u8; 0x100] = at(CLASS, "a process", buffer, offset)?;
                (x64(&entry, buffer, base), u32_in(&entry, 0), entry.len())
            }
            BufferLayout::X86 => {
                let entry: [u8; 0xb8] = at(CLASS, "a process", buffer, offset)?;
                (x86(&entry, buffer, base), u32_in(&entry, 0), entry.len())
            }
        };
        found.push(process);
        total.promised += 1;
        total.read += 1;
        let next = usize::try_from(next).unwrap_or(usize::MAX);
        if next == 0 {
            return Ok(total);
        }
        let most = buffer.len().saturating_sub(offset).saturating_sub(least);
        if !(least..=most).contains(&next) {
            return Err(DecodeError::Chain { class: CLASS, offset, next, least, most });
        }
        offset += next;
    }
}

fn x64(entry: &[u8; 0x100], buffer: &[u8], base: u64) -> Process {
    Process {
        pid: u32_in(entry, 0x50),
        parent: u32_in(entry, 0x58),
        name: text(buffer, base, u16_in(entry, 0x38), u64_in(entry, 0x40)),
        created: u64_in(entry, 0x20),
        threads: u32_in(entry, 4),
        handles: u32_in(entry, 0x60),
        session: u32_in(entry, 0x64),
        paged_quota: u64_in(entry, 0xa0),
        nonpaged_quota: u64_in(entry, 0xb0),
    }
}

fn x86(entry: &[u8; 0xb8], buffer: &[u8], base: u64) -> Process {
    Process {
        pid: u32_in(entry, 0x44),
        parent: u32_in(entry, 0x48),
        name: text(buffer, base, u16_in(entry, 0x38), u32_in(entry, 0x3c).into()),
        created: u64_in(entry, 0x20),
        threads: u32_in(entry, 4),
        handles: u32_in(entry, 0x4c),
        session: u32_in(entry, 0x50),
        paged_quota: u32_in(entry, 0x70).into(),
        nonpaged_quota: u32_in(entry, 0x78).into(),
    }
}

/// A `UNICODE_STRING` whose characters are in the buffer; empty if they are not.
pub(super) fn text(buffer: &[u8], base: u64, bytes: u16, pointer: u64) -> String {
    let characters = || {
        let start = usize::try_from(pointer.checked_sub(base)?).ok()?;
        buffer.get(start..start.checked_add(usize::from(bytes))?)
    };
    let units = characters().unwrap_or_default().as_chunks().0.iter().map(|unit| u16::from_le_bytes(*unit));
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}
