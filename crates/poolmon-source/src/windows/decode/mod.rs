//! Decoders of the buffers that `NtQuerySystemInformation` fills: bytes in, rows out, nothing is cast.
//!
//! * [`mod@tags`]: classes 22 and 255, the pool tags of the system;
//! * [`mod@sessions`]: class 67, the pool tags of Terminal Services sessions;
//! * [`mod@big_pool`]: class 66, every allocation larger than a page;
//! * [`mod@performance`]: class 2, machine-wide figures;
//! * [`mod@modules`]: classes 11 and 77, the loaded drivers;
//! * [`mod@processes`]: class 5; [`mod@handles`]: classes 64 and 16; [`mod@objects`]: `NtQueryObject`, types of objects.
//!
//! Offsets are those of the public header collection `phnt`; the layouts of both pointer sizes are decoded on
//! every machine. A count is the kernel's promise, not a fact: when a buffer was too small, the kernel reports the full
//! count and writes the entries that fitted. So every decoder reads what is there and says how much that was.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

pub mod big_pool;
pub mod handles;
pub mod modules;
pub mod objects;
pub mod performance;
pub mod processes;
pub mod sessions;
pub mod tags;

pub use big_pool::{BigAllocation, big_pool};
pub use handles::{HandleCounts, handles, handles_ex};
pub use modules::{Module, modules, modules_ex};
pub use objects::{ObjectType, object_types};
pub use performance::performance;
pub use processes::{Process, processes};
pub use sessions::session_tags;
pub use tags::{pool_tags, pool_tags2};

/// Pointer size of the process that asked, which decides where fields are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BufferLayout {
    /// 64-bit: x64 and ARM64.
    X64,
    /// 32-bit.
    X86,
}

impl BufferLayout {
    /// The layout of this program itself.
    pub const NATIVE: Self = if size_of::<usize>() == 8 { Self::X64 } else { Self::X86 };
}

/// How much of a buffer was decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// Entries that the kernel counted.
    pub promised: usize,
    /// Entries that the buffer held.
    pub read: usize,
}

impl Decoded {
    /// Every promised entry was there.
    pub const fn is_complete(self) -> bool {
        self.promised == self.read
    }
}

/// A buffer that is not what its class should be. Offsets are bytes from the start of the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Too few bytes.
    #[error(
        "class {class}: {what} at offset {offset:#x} needs {needed} bytes, the buffer has {available} there"
    )]
    Short {
        /// Information class.
        class: u32,
        /// What should be there.
        what: &'static str,
        /// Where.
        offset: usize,
        /// Bytes that it needs.
        needed: usize,
        /// Bytes that are there.
        available: usize,
    },
    /// A chained entry names a next entry that is inside itself or outside of the buffer.
    #[error(
        "class {class}: the entry at offset {offset:#x} says that the next one is {next:#x} bytes further: expected \
         {least:#x} to {most:#x}"
    )]
    Chain {
        /// Information class.
        class: u32,
        /// Where the entry starts.
        offset: usize,
        /// The distance it reports.
        next: usize,
        /// Size of an entry's fixed part.
        least: usize,
        /// Largest distance that leaves room for another entry.
        most: usize,
    },
}

/// The bytes at `offset`, or what is missing there.
fn at<const N: usize>(
    class: u32,
    what: &'static str,
    buffer: &[u8],
    offset: usize,
) -> Result<[u8; N], DecodeError> {
    let there = buffer.get(offset..).unwrap_or_default();
    there.first_chunk().copied().ok_or(DecodeError::Short {
        class,
        what,
        offset,
        needed: N,
        available: there.len(),
    })
}

/// A `USHORT`; 0 past the end, which callers rule out by the type of `entry`.
fn u16_in(entry: &[u8], offset: usize) -> u16 {
    entry.get(offset..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u16::from_le_bytes(*bytes))
}

/// A `ULONG`; 0 past the end.
fn u32_in(entry: &[u8], offset: usize) -> u32 {
    entry.get(offset..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

/// A `ULONGLONG`; 0 past the end.
fn u64_in(entry: &[u8], offset: usize) -> u64 {
    entry.get(offset..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// `count` and the whole entries behind a header of `Count`, padded to the pointer size.
fn counted<const N: usize>(
    class: u32,
    buffer: &[u8],
    layout: BufferLayout,
) -> Result<(Decoded, &[[u8; N]]), DecodeError> {
    let (promised, body) = match layout {
        BufferLayout::X64 => (u32_in(&at::<8>(class, "the header", buffer, 0)?, 0), 8),
        BufferLayout::X86 => (u32_in(&at::<4>(class, "the header", buffer, 0)?, 0), 4),
    };
    Ok(limited(promised, buffer.get(body..).unwrap_or_default()))
}

/// The first `promised` whole entries of `bytes`, or as many as there are.
fn limited<const N: usize>(promised: u32, bytes: &[u8]) -> (Decoded, &[[u8; N]]) {
    let promised = usize::try_from(promised).unwrap_or(usize::MAX);
    let entries = bytes.as_chunks().0;
    let entries = entries.get(..promised).unwrap_or(entries);
    (Decoded { promised, read: entries.len() }, entries)
}

#[cfg(test)]
mod tests;
