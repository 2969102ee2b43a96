//! Where functions begin, by the exception table.

use super::{Pe, directory};
use crate::Machine;
use crate::bytes::u32_at;

/// RVAs where functions begin, sorted, each once; empty if the image does not say.
///
/// A row of x64 has begin, end and unwind data; one of ARM64 begin and unwind data. 32-bit images have no such table.
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
    let mut starts: Vec<u32> = rows.filter_map(|row| u32_at(row, 0)).filter(|&rva| rva != 0).collect();
    starts.sort_unstable();
    starts.dedup();
    starts
}
