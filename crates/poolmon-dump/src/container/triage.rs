//! Small memory dumps (type 4): blocks of virtual memory, the driver list and the kernel debugger block, no pages.

use poolmon_image::bytes::{index, u16_at, u32_at, u64_at, utf16};

use super::header::DumpHeader;
use crate::error::{COPY_AGAIN, DumpError, Result};
use crate::modules::{LoadedModule, UnloadedDriver};

/// A stretch of virtual memory in the file.
#[derive(Clone, Copy, Debug)]
struct TriageBlock {
    address: u64,
    offset: usize,
    size: usize,
}

/// The tables of a triage dump.
#[derive(Debug)]
pub(crate) struct Triage {
    blocks: Vec<TriageBlock>,
    /// Offset and size of the kernel debugger block.
    pub(crate) debugger_data: Option<(usize, usize)>,
    drivers: (usize, usize),
    unloaded: usize,
    is_64: bool,
}

/// Bytes of a driver entry in the 64-bit form, seen on x64 (build 19041) and ARM64 (build 22000).
const DRIVER_ENTRY: usize = 0x90;
/// Bytes of an entry of the list of unloaded drivers, seen on build 19041: a counted name of at most twelve characters
/// (the pointer in it is 0, the characters follow it), start and end.
const UNLOADED_ENTRY: usize = 0x38;
/// No machine loads more drivers.
const MOST_DRIVERS: usize = 1 << 14;

impl Triage {
    /// Reads the tables' places. Counts are checked against the file's size.
    pub(crate) fn parse(file: &[u8], header: &DumpHeader) -> Result<Self> {
        let at = index(header.size());
        let cut = || DumpError::Malformed {
            what: "triage dump header",
            offset: header.size(),
            problem: "the file ends inside it".into(),
            remedy: COPY_AGAIN,
        };
        let table = file.get(at..at + 0x80).ok_or_else(cut)?;
        let field = |at| u32_at(table, at).map(|value| value as usize).ok_or_else(cut);
        let mut triage = Self {
            blocks: Vec::new(),
            debugger_data: None,
            drivers: (field(0x30)?, field(0x34)?.min(MOST_DRIVERS)),
            unloaded: field(0x18)?,
            is_64: header.is_64,
        };
        if !header.is_64 {
            // The 32-bit form packs these fields otherwise; header and bugcheck are still reported.
            return Ok(triage);
        }
        let (data, size) = (field(0x70)?, field(0x74)?);
        if data != 0 && file.get(data..).is_some_and(|rest| rest.len() >= size.max(0x20)) {
            triage.debugger_data = Some((data, size));
            triage.blocks.push(TriageBlock { address: header.debugger_data, offset: data, size });
        }
        let (start, count) = (field(0x78)?, field(0x7c)?);
        let list = file.get(start..).unwrap_or_default();
        for entry in list.chunks_exact(16).take(count) {
            let (Some(address), Some(offset), Some(size)) =
                (u64_at(entry, 0), u32_at(entry, 8), u32_at(entry, 12))
            else {
                break;
            };
            let (offset, size) = (offset as usize, size as usize);
            if offset < file.len() && size > 0 {
                triage.blocks.push(TriageBlock { address, offset, size: size.min(file.len() - offset) });
            }
        }
        triage.blocks.sort_by_key(|block| block.address);
        Ok(triage)
    }

    /// The bytes from a virtual address to the end of its block.
    pub(crate) fn slice<'a>(&self, file: &'a [u8], address: u64) -> Option<&'a [u8]> {
        let end = self.blocks.partition_point(|block| block.address <= address);
        // Blocks overlap now and then; the nearest that reaches is taken.
        self.blocks.get(..end)?.iter().rev().take(64).find_map(|block| {
            let within = index(address - block.address);
            let start = block.offset.checked_add(within)?;
            (within < block.size).then(|| file.get(start..block.offset + block.size)).flatten()
        })
    }

    /// Loaded drivers, in the order of the list.
    pub(crate) fn modules(&self, file: &[u8]) -> Result<Vec<LoadedModule>> {
        if !self.is_64 {
            return Err(DumpError::Unanswerable {
                what: "loaded modules",
                why: "the driver list of 32-bit triage dumps is not supported".into(),
                remedy: crate::error::WANT_KERNEL_DUMP,
            });
        }
        let (start, count) = self.drivers;
        let malformed = |problem: String| DumpError::Malformed {
            what: "driver list",
            offset: start as u64,
            problem,
            remedy: COPY_AGAIN,
        };
        let list = file.get(start..).unwrap_or_default();
        let mut modules = Vec::new();
        for entry in list.chunks_exact(DRIVER_ENTRY).take(count) {
            let figures = || {
                Some((
                    u32_at(entry, 0)?,
                    u64_at(entry, 0x38)?,
                    u32_at(entry, 0x48)?,
                    u32_at(entry, 0x80)?,
                    u32_at(entry, 0x88)?,
                ))
            };
            let Some((name, base, size, checksum, timestamp)) = figures() else { break };
            let path = counted_text(file, name as usize).unwrap_or_default();
            modules.push(LoadedModule::new(base, size, &path, checksum, Some(timestamp)));
        }
        if modules.len() < count {
            return Err(malformed(format!(
                "the header lists {count} drivers, the file contains {}",
                modules.len()
            )));
        }
        Ok(modules)
    }

    /// Drivers that were unloaded before the crash.
    pub(crate) fn unloaded(&self, file: &[u8]) -> Vec<UnloadedDriver> {
        let mut list = Vec::new();
        let Some(bytes) = file.get(self.unloaded..).filter(|_| self.is_64 && self.unloaded != 0) else {
            return list;
        };
        let count = u32_at(bytes, 0).unwrap_or(0) as usize;
        for entry in bytes.get(8..).unwrap_or_default().chunks_exact(UNLOADED_ENTRY).take(count.min(64)) {
            let length = usize::from(u16_at(entry, 0).unwrap_or(0)).min(24);
            let name = utf16(entry.get(0x10..0x10 + length).unwrap_or_default());
            let (start, end) = (u64_at(entry, 0x28).unwrap_or(0), u64_at(entry, 0x30).unwrap_or(0));
            if start != 0 && end >= start {
                list.push(UnloadedDriver { name: name.as_str().into(), start, end, time: None });
            }
        }
        list
    }
}

/// Text with a count of characters before it.
fn counted_text(file: &[u8], at: usize) -> Option<String> {
    let count = u32_at(file, at)? as usize;
    let start = at.checked_add(4)?;
    let bytes = file.get(start..start.checked_add(count.min(1024) * 2)?)?;
    Some(utf16(bytes))
}
