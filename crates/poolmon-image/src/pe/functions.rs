//! Where functions begin, by the exception table.

use super::{Pe, directory};
use crate::Machine;
use crate::bytes::u32_at;

/// RVAs where functions begin, sorted, each once; empty if the image does not say.
///
/// A row of x64 has begin, end and unwind data; one of ARM64 begin and unwind data. 32-bit images have no such table.
/// A compiler also gives rows to parts of a function: on x64 such a row refers to another row, or its unwind data is
/// chained to that of another (`UNW_FLAG_CHAININFO`); on ARM64 its packed data say that it has no prologue. A part
/// begins no function. Source: "x64 exception handling" and "ARM64 exception handling" of Microsoft's documentation.
pub fn starts(pe: &Pe<'_>) -> Vec<u32> {
    let row = match pe.machine {
        Machine::X64 => 12,
        Machine::Arm64 => 8,
        Machine::X86 | Machine::Other(_) => return Vec::new(),
    };
    let Some((table, size)) = pe.directory(directory::EXCEPTION) else { return Vec::new() };
    let Some(at) = pe.offset(table) else { return Vec::new() };
    let end = at.saturating_add(size as usize).min(pe.bytes.len());
    let rows = pe.bytes.get(at..end).unwrap_or_default().chunks_exact(row);
    let begins = |row: &&[u8]| match pe.machine {
        Machine::X64 => !u32_at(row, 8).is_some_and(|unwind| is_chained(pe, unwind)),
        _ => u32_at(row, 4).is_none_or(|unwind| unwind & 3 != ARM64_FRAGMENT),
    };
    let starts = rows.filter(begins).filter_map(|row| u32_at(row, 0));
    let mut starts: Vec<u32> = starts.filter(|&rva| rva != 0).collect();
    starts.sort_unstable();
    starts.dedup();
    starts
}

/// Packed unwind data of a part without a prologue.
const ARM64_FRAGMENT: u32 = 2;

/// Whether unwind data of x64 belong to a part of a function that begins elsewhere.
fn is_chained(pe: &Pe<'_>, unwind: u32) -> bool {
    const CHAIN: u8 = 4;
    // Version in the low three bits, flags above.
    let flags = || pe.offset(unwind).and_then(|at| pe.bytes.get(at)).map(|byte| byte >> 3);
    unwind & 1 == 1 || flags().is_some_and(|flags| flags & CHAIN != 0)
}
