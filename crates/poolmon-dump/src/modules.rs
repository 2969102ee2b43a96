//! Loaded modules and unloaded drivers.

use std::collections::HashSet;

use jiff::Timestamp;
use poolmon_image::bytes::{u16_at, u32_at, u64_at, utf16};
use poolmon_model::hidden::SafeString;

use crate::memory::Memory;

/// A loaded kernel module.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadedModule {
    /// First address.
    pub base: u64,
    /// Size in bytes.
    pub size: u32,
    /// Path as the kernel reports it.
    pub path: SafeString,
    /// Checksum of its PE header.
    pub checksum: u32,
    /// Timestamp of its PE header: seconds since 1970, or a hash where the build is reproducible.
    pub timestamp: Option<u32>,
}

impl LoadedModule {
    pub(crate) fn new(base: u64, size: u32, path: &str, checksum: u32, timestamp: Option<u32>) -> Self {
        Self { base, size, path: path.into(), checksum, timestamp }
    }

    /// First address behind it.
    pub const fn end(&self) -> u64 {
        self.base.saturating_add(self.size as u64)
    }

    /// Whether an address lies in it.
    pub const fn contains(&self, address: u64) -> bool {
        address >= self.base && address < self.end()
    }

    /// Name of the file (`ntoskrnl.exe`).
    pub fn file_name(&self) -> &str {
        self.path.rsplit(['\\', '/']).next().unwrap_or_default()
    }

    /// Name as debuggers say it: `nt` for the kernel, else the file name without its ending.
    pub fn name(&self) -> &str {
        let file = self.file_name();
        let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
        let kernel = ["ntoskrnl", "ntkrnlmp", "ntkrnlpa", "ntkrpamp"];
        if kernel.iter().any(|name| name.eq_ignore_ascii_case(stem)) { "nt" } else { stem }
    }

    /// Its folder in a symbol store: `ntoskrnl.exe/0D8333E61046000`.
    pub fn symbol_key(&self) -> Option<String> {
        Some(format!("{}/{:08X}{:x}", self.file_name(), self.timestamp?, self.size))
    }
}

/// A driver that was unloaded before the dump was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnloadedDriver {
    /// File name, often cut to twelve characters.
    pub name: SafeString,
    /// First address.
    pub start: u64,
    /// First address behind it.
    pub end: u64,
    /// When, if known.
    pub time: Option<Timestamp>,
}

/// No machine loads more drivers; a longer list is a damaged one.
const MOST: usize = 1 << 14;

/// Where the fields of a list entry are.
struct EntryLayout {
    size: usize,
    base: usize,
    image_size: usize,
    path: usize,
    name: usize,
    checksum: usize,
    timestamp: usize,
}

impl EntryLayout {
    const fn of(narrow: bool, build: u32) -> Self {
        if narrow {
            return Self {
                size: 0x48,
                base: 0x18,
                image_size: 0x20,
                path: 0x24,
                name: 0x2c,
                checksum: 0x40,
                timestamp: 0x44,
            };
        }
        // Folklore: Windows 10 moved the timestamp to the end of the entry; up to 8.1 it follows the checksum.
        let timestamp = if build >= 10_240 { 0x9c } else { 0x80 };
        Self { size: 0xa0, base: 0x30, image_size: 0x40, path: 0x48, name: 0x58, checksum: 0x78, timestamp }
    }
}

/// A pointer inside an entry.
fn pointer(bytes: &[u8], at: usize, narrow: bool) -> Option<u64> {
    if narrow { u32_at(bytes, at).map(u64::from) } else { u64_at(bytes, at) }
}

/// Whether a list starts at this address: the first entry points back.
pub(crate) fn is_list(memory: &Memory, head: u64) -> bool {
    let back = memory.pointer() as u64;
    let first = memory.pointer_at(head).ok().filter(|&first| memory.is_kernel(first));
    first.and_then(|first| memory.pointer_at(first.wrapping_add(back)).ok()) == Some(memory.address(head))
}

/// The first module of the list: the kernel.
pub(crate) fn first(memory: &Memory, head: u64) -> Option<LoadedModule> {
    let address = memory.pointer_at(head).ok()?;
    entry(memory, address, &EntryLayout::of(memory.is_narrow(), 0)).map(|(module, _)| module)
}

/// A list, and why it ended early where it did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModuleList {
    /// In the order of loading.
    pub modules: Vec<LoadedModule>,
    /// What is not as it should be.
    pub warnings: Vec<String>,
}

/// Walks the list of loaded modules.
pub(crate) fn list(memory: &Memory, head: u64, build: u32) -> ModuleList {
    let head = memory.address(head);
    let layout = EntryLayout::of(memory.is_narrow(), build);
    let mut list = ModuleList::default();
    let mut seen = HashSet::new();
    let mut at = match memory.pointer_at(head) {
        Ok(first) => first,
        Err(why) => {
            list.warnings
                .push(format!("the head of the module list, {head:#x}, cannot be read: {}", why.why()));
            return list;
        }
    };
    while at != head {
        let Some((module, next)) = entry(memory, at, &layout) else {
            list.warnings.push(format!("the module list breaks off at {at:#x}, which is not in the dump"));
            break;
        };
        if !seen.insert(at) || list.modules.len() >= MOST {
            list.warnings.push(format!("the module list runs in a circle at {at:#x}"));
            break;
        }
        if module.base != 0 {
            list.modules.push(module);
        }
        at = next;
    }
    list
}

fn entry(memory: &Memory, address: u64, layout: &EntryLayout) -> Option<(LoadedModule, u64)> {
    let narrow = memory.is_narrow();
    let bytes = memory.buffer(address, layout.size).ok()?;
    let next = pointer(&bytes, 0, narrow)?;
    let text = |at| unicode_string(memory, &bytes, at, narrow);
    let path = text(layout.path).or_else(|| text(layout.name)).unwrap_or_default();
    let module = LoadedModule::new(
        pointer(&bytes, layout.base, narrow)?,
        u32_at(&bytes, layout.image_size)?,
        &path,
        u32_at(&bytes, layout.checksum)?,
        u32_at(&bytes, layout.timestamp),
    );
    Some((module, next))
}

/// A `UNICODE_STRING` inside an entry, at most 1,024 bytes of it.
fn unicode_string(memory: &Memory, bytes: &[u8], at: usize, narrow: bool) -> Option<String> {
    let length = usize::from(u16_at(bytes, at)?).min(1024);
    let place = pointer(bytes, at + if narrow { 4 } else { 8 }, narrow)?;
    let text = memory.buffer(place, length).ok().filter(|_| length > 0)?;
    Some(utf16(&text))
}

/// Reads the list of unloaded drivers behind its variable: at most 50 slots, the oldest overwritten first.
pub(crate) fn unloaded(memory: &Memory, variable: u64) -> Vec<UnloadedDriver> {
    let narrow = memory.is_narrow();
    let (size, start_at, end_at, time_at) = if narrow { (24, 8, 12, 16) } else { (40, 0x10, 0x18, 0x20) };
    let mut list = Vec::new();
    let Ok(array) = memory.pointer_at(variable) else { return list };
    for slot in 0..50 {
        let Ok(bytes) = memory.buffer(array.wrapping_add(slot * size as u64), size) else { break };
        let figures = || {
            Some((
                pointer(&bytes, start_at, narrow)?,
                pointer(&bytes, end_at, narrow)?,
                u64_at(&bytes, time_at)?,
            ))
        };
        let Some((start, end, time)) = figures() else { break };
        if start == 0 || end < start {
            continue;
        }
        let name = unicode_string(memory, &bytes, 0, narrow).unwrap_or_default();
        list.push(UnloadedDriver { name: name.as_str().into(), start, end, time: filetime(time) });
    }
    list
}

/// A FILETIME (100 ns since 1601) as a time.
pub(crate) fn filetime(time: u64) -> Option<Timestamp> {
    const UNIX_EPOCH: i64 = 11_644_473_600;
    let (seconds, rest) = (i64::try_from(time / 10_000_000).ok()?, i32::try_from(time % 10_000_000).ok()?);
    if time == 0 {
        return None;
    }
    Timestamp::new(seconds - UNIX_EPOCH, rest * 100).ok()
}
