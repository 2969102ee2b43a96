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
    layout: &'static TriageLayout,
    /// Where its tables and blocks end, if that is behind the file's end.
    pub(crate) reaches: Option<u64>,
}

/// Where things are. The 64-bit form was seen on x64 (build 19041) and ARM64 (build 22000).
///
/// Folklore: the 32-bit form has the same fields in the same order with pointers of four bytes; no real file was at
/// hand, so a list of drivers counts only if its addresses are the kernel's.
#[derive(Debug)]
struct TriageLayout {
    /// Of the header: the debugger block, the blocks of memory, and its end.
    debugger: usize,
    blocks: usize,
    end: usize,
    /// Of a driver: its entry, base, size, checksum and timestamp.
    driver: usize,
    base: usize,
    size: usize,
    checksum: usize,
    timestamp: usize,
    /// Of an unloaded driver: the list's head, an entry (a counted name of at most twelve characters, whose pointer is
    /// 0 and whose characters follow it, start and end), the characters, start and end.
    unloaded_head: usize,
    unloaded: usize,
    name: usize,
    start: usize,
    stop: usize,
}

static WIDE: TriageLayout = TriageLayout {
    debugger: 0x70,
    blocks: 0x78,
    end: 0x80,
    driver: 0x90,
    base: 0x38,
    size: 0x48,
    checksum: 0x80,
    timestamp: 0x88,
    unloaded_head: 8,
    unloaded: 0x38,
    name: 0x10,
    start: 0x28,
    stop: 0x30,
};
static NARROW: TriageLayout = TriageLayout {
    debugger: 0x58,
    blocks: 0x60,
    end: 0x68,
    driver: 0x4c,
    base: 0x1c,
    size: 0x24,
    checksum: 0x44,
    timestamp: 0x48,
    unloaded_head: 4,
    unloaded: 0x28,
    name: 8,
    start: 0x20,
    stop: 0x24,
};
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
        let layout = if header.is_64 { &WIDE } else { &NARROW };
        let table = file.get(at..at + layout.end).ok_or_else(cut)?;
        let field = |at| u32_at(table, at).map(|value| value as usize).ok_or_else(cut);
        let mut triage = Self {
            blocks: Vec::new(),
            debugger_data: None,
            drivers: (field(0x30)?, field(0x34)?.min(MOST_DRIVERS)),
            unloaded: field(0x18)?,
            is_64: header.is_64,
            layout,
            reaches: None,
        };
        let mut reaches = triage.drivers.0.saturating_add(triage.drivers.1.saturating_mul(layout.driver));
        let (data, size) = (field(layout.debugger)?, field(layout.debugger + 4)?);
        if data != 0 && file.get(data..).is_some_and(|rest| rest.len() >= size.max(0x20)) {
            triage.debugger_data = Some((data, size));
            triage.blocks.push(TriageBlock { address: header.debugger_data, offset: data, size });
        }
        if data != 0 {
            reaches = reaches.max(data.saturating_add(size));
        }
        let (start, count) = (field(layout.blocks)?, field(layout.blocks + 4)?);
        reaches = reaches.max(start.saturating_add(count.saturating_mul(16)));
        let list = file.get(start..).unwrap_or_default();
        for entry in list.chunks_exact(16).take(count) {
            let (Some(address), Some(offset), Some(size)) =
                (u64_at(entry, 0), u32_at(entry, 8), u32_at(entry, 12))
            else {
                break;
            };
            let address = if header.is_64 { address } else { address & 0xffff_ffff };
            let (offset, size) = (offset as usize, size as usize);
            reaches = reaches.max(offset.saturating_add(size));
            if offset < file.len() && size > 0 {
                triage.blocks.push(TriageBlock { address, offset, size: size.min(file.len() - offset) });
            }
        }
        triage.blocks.sort_by_key(|block| block.address);
        triage.reaches = (reaches > file.len()).then_some(reaches as u64);
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
        let ((start, count), layout) = (self.drivers, self.layout);
        let malformed = |problem: String| DumpError::Malformed {
            what: "driver list",
            offset: start as u64,
            problem,
            remedy: COPY_AGAIN,
        };
        let list = file.get(start..).unwrap_or_default();
        let mut modules = Vec::new();
        for entry in list.chunks_exact(layout.driver).take(count) {
            let figures = || {
                Some((
                    u32_at(entry, 0)?,
                    self.pointer(entry, layout.base)?,
                    u32_at(entry, layout.size)?,
                    u32_at(entry, layout.checksum)?,
                    u32_at(entry, layout.timestamp)?,
                ))
            };
            let Some((name, base, size, checksum, timestamp)) = figures() else { break };
            if !self.is_64 && base < 0x8000_0000 {
                return Err(malformed(format!("a driver at {base:#x} is not in the kernel's half")));
            }
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

    fn pointer(&self, bytes: &[u8], at: usize) -> Option<u64> {
        if self.is_64 { u64_at(bytes, at) } else { u32_at(bytes, at).map(u64::from) }
    }

    /// Drivers that were unloaded before the crash.
    pub(crate) fn unloaded(&self, file: &[u8]) -> Vec<UnloadedDriver> {
        let mut list = Vec::new();
        let layout = self.layout;
        let Some(bytes) = file.get(self.unloaded..).filter(|_| self.unloaded != 0) else {
            return list;
        };
        let count = u32_at(bytes, 0).unwrap_or(0) as usize;
        let rows = bytes.get(layout.unloaded_head..).unwrap_or_default();
        for entry in rows.chunks_exact(layout.unloaded).take(count.min(64)) {
            let length = usize::from(u16_at(entry, 0).unwrap_or(0)).min(24);
            let name = utf16(entry.get(layout.name..layout.name + length).unwrap_or_default());
            let pointer = |at| self.pointer(entry, at).unwrap_or(0);
            let (start, end) = (pointer(layout.start), pointer(layout.stop));
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
