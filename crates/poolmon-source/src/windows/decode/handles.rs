//! Classes 64 and 16: every open handle, counted by process and type of object.
//!
//! Layouts: `SYSTEM_HANDLE_INFORMATION_EX` and `SYSTEM_HANDLE_INFORMATION` of `phnt`; the latter is `SYSTEM_HANDLE_ENTRY` of
//! mingw-w64's `winternl.h`, whose 32-bit owner is two fields of 16 bits. Where objects are is not used: Windows withholds it from
//! programs without rights.

use rustc_hash::FxHashMap;

use super::{BufferLayout, DecodeError, Decoded, at, counted, limited, u16_in, u32_in, u64_in};

/// `SystemExtendedHandleInformation`, since XP.
pub const CLASS_EX: u32 = 64;
/// `SystemHandleInformation`: ids of processes are cut to 16 bits.
pub const CLASS: u32 = 16;

/// Handles of a process (its id) to objects of a type (its index).
pub type HandleCounts = FxHashMap<(u32, u16), u64>;

/// Decodes class 64: handles are added to `counts`.
///
/// # Errors
///
/// The header is cut.
pub fn handles_ex(
    buffer: &[u8],
    layout: BufferLayout,
    counts: &mut HandleCounts,
) -> Result<Decoded, DecodeError> {
    match layout {
        BufferLayout::X64 => {
            let header: [u8; 16] = at(CLASS_EX, "the header", buffer, 0)?;
            let promised = u32::try_from(u64_in(&header, 0)).unwrap_or(u32::MAX);
            let (decoded, entries) = limited::<0x28>(promised, buffer.get(16..).unwrap_or_default());
            add(counts, entries, |entry| (u32_in(entry, 8), u16_in(entry, 0x1e)));
            Ok(decoded)
        }
        BufferLayout::X86 => {
            let header: [u8; 8] = at(CLASS_EX, "the header", buffer, 0)?;
            let (decoded, entries) = limited::<0x1c>(u32_in(&header, 0), buffer.get(8..).unwrap_or_default());
            add(counts, entries, |entry| (u32_in(entry, 4), u16_in(entry, 0x12)));
            Ok(decoded)
        }
    }
}

/// Decodes class 16: handles are added to `counts`, under the low 16 bits of their process's id.
///
/// # Errors
///
/// The header is cut.
pub fn handles(
    buffer: &[u8],
    layout: BufferLayout,
    counts: &mut HandleCounts,
) -> Result<Decoded, DecodeError> {
    let key = |entry: &[u8]| (u16_in(entry, 0).into(), u16::from(entry.get(4).copied().unwrap_or(0)));
    match layout {
        BufferLayout::X64 => {
            let (decoded, entries) = counted::<0x18>(CLASS, buffer, layout)?;
            add(counts, entries, key);
            Ok(decoded)
        }
        BufferLayout::X86 => {
            let (decoded, entries) = counted::<0x10>(CLASS, buffer, layout)?;
            add(counts, entries, key);
            Ok(decoded)
        }
    }
}

fn add<const N: usize>(counts: &mut HandleCounts, entries: &[[u8; N]], key: impl Fn(&[u8]) -> (u32, u16)) {
    // Handles of one process are in a row: the map is asked once for each run.
    let mut run: Option<((u32, u16), u64)> = None;
    for entry in entries {
        let key = key(entry);
        match &mut run {
            Some((last, count)) if *last == key => *count += 1,
            _ => {
                if let Some((last, count)) = run.replace((key, 1)) {
                    *counts.entry(last).or_default() += count;
                }
            }
        }
    }
    if let Some((last, count)) = run {
        *counts.entry(last).or_default() += count;
    }
}
