//! Class 2: machine-wide figures in pages of 4,096 bytes.
//!
//! The structure has the same offsets on 32-bit and 64-bit systems. It grew at its end: 0x138 bytes up to Windows 8.1
//! (and Wine), 0x158 since Windows 10, 0x178 since 11 24H2; what poolmon shows is in the oldest part.

use poolmon_model::Header;

use super::{DecodeError, at, u32_in};

/// `SystemPerformanceInformation`.
pub const CLASS: u32 = 2;

/// Size of the oldest structure, in bytes.
pub const LEAST: usize = 0x138;

/// Size of the newest structure, in bytes: the buffer to offer first.
pub const MOST: usize = 0x178;

/// Decodes class 2 into the figures of `header` that it reports; the others stay as they are.
///
/// Bytes beyond the known sizes are left alone.
pub fn performance(buffer: &[u8], header: &mut Header) -> Result<(), DecodeError> {
    let bytes: [u8; LEAST] = at(CLASS, "the performance figures", buffer, 0)?;
    let count = |offset| u64::from(u32_in(&bytes, offset));
    let pages = |offset| Some(count(offset) * 4096);
    header.memory_available = pages(0x2c);
    header.commit = pages(0x30);
    header.commit_limit = pages(0x34);
    header.commit_peak = pages(0x38);
    header.page_faults = Some(count(0x3c));
    header.pool_paged = pages(0x70);
    header.pool_nonpaged = pages(0x74);
    header.resident_paged = pages(0xa8);
    // Kernel code and driver code that is in memory, as on PoolMon's `InRam Krnl`.
    header.resident_kernel = Some((count(0x8c) + count(0xac)) * 4096);
    Ok(())
}
