//! Classes 22 and 255: allocations, frees and bytes of every pool tag, system-wide.
//!
//! Entries come in the order of the kernel's hash table. Class 22 reports the low 32 bits of each count, so counts wrap;
//! where the cut Allocs are less than the cut Frees, the kernel reports Allocs = Frees. Such rows are found by
//! [`poolmon_model::Counters::is_inexact`]. Class 255 (26H1 and later) has counters as wide as a pointer.

use poolmon_model::{CounterWidth, Pool, PoolTag, Row, Sample, Tag};

use super::{BufferLayout, DecodeError, Decoded, counted, u32_in, u64_in};

/// `SystemPoolTagInformation`.
pub const CLASS: u32 = 22;
/// `SystemPoolTagInformation2`.
pub const CLASS_2: u32 = 255;

/// Decodes class 22: rows are appended to `sample.rows`, `sample.width` becomes 32 bits.
///
/// A tag has one row for each pool in which it has any figure. The row `Ovfl` is the kernel's own: what did not fit
/// in its table.
pub fn pool_tags(buffer: &[u8], layout: BufferLayout, sample: &mut Sample) -> Result<Decoded, DecodeError> {
    sample.width = CounterWidth::Bits32;
    match layout {
        BufferLayout::X64 => {
            let (decoded, entries) = counted(CLASS, buffer, layout)?;
            append(&mut sample.rows, entries, narrow_x64);
            Ok(decoded)
        }
        BufferLayout::X86 => {
            let (decoded, entries) = counted(CLASS, buffer, layout)?;
            append(&mut sample.rows, entries, narrow_x86);
            Ok(decoded)
        }
    }
}

/// Decodes class 255 in the same way. Its counters have 64 bits on 64-bit systems, else 32.
pub fn pool_tags2(buffer: &[u8], layout: BufferLayout, sample: &mut Sample) -> Result<Decoded, DecodeError> {
    match layout {
        BufferLayout::X64 => {
            let (decoded, entries) = counted(CLASS_2, buffer, layout)?;
            append(&mut sample.rows, entries, wide_x64);
            sample.width = CounterWidth::Bits64;
            Ok(decoded)
        }
        BufferLayout::X86 => {
            // With pointer-size counters of 32 bits, the entry is the one of class 22.
            let (decoded, entries) = counted(CLASS_2, buffer, layout)?;
            append(&mut sample.rows, entries, narrow_x86);
            sample.width = CounterWidth::Bits32;
            Ok(decoded)
        }
    }
}

/// Allocs, frees and bytes of one pool.
type Figures = [u64; 3];

/// Tag, paged, nonpaged.
pub(super) type Entry = (PoolTag, Figures, Figures);

pub(super) fn narrow_x64(entry: &[u8; 0x28]) -> Entry {
    let paged = [u32_in(entry, 4).into(), u32_in(entry, 8).into(), u64_in(entry, 0x10)];
    let nonpaged = [u32_in(entry, 0x18).into(), u32_in(entry, 0x1c).into(), u64_in(entry, 0x20)];
    (tag(entry), paged, nonpaged)
}

pub(super) fn narrow_x86(entry: &[u8; 0x1c]) -> Entry {
    let pool = |at: usize| [0, 4, 8].map(|figure| u32_in(entry, at + figure).into());
    (tag(entry), pool(4), pool(0x10))
}

fn wide_x64(entry: &[u8; 0x38]) -> Entry {
    let pool = |at: usize| [0, 8, 16].map(|figure| u64_in(entry, at + figure));
    (tag(entry), pool(8), pool(0x20))
}

/// The tag without `PROTECTED_POOL`, as every other view of pools shows it.
pub(super) fn tag(entry: &[u8]) -> PoolTag {
    PoolTag::from_u32(u32_in(entry, 0)).unprotected()
}

pub(super) fn append<const N: usize>(
    rows: &mut Vec<Row>,
    entries: &[[u8; N]],
    decode: impl Fn(&[u8; N]) -> Entry,
) {
    rows.reserve(entries.len() * 2);
    for entry in entries {
        let (tag, paged, nonpaged) = decode(entry);
        for (pool, figures) in [(Pool::Nonpaged, nonpaged), (Pool::Paged, paged)] {
            let [allocs, frees, bytes] = figures;
            if allocs | frees | bytes != 0 {
                rows.push(Row::windows(Tag::Pool(tag), pool, allocs, frees, bytes));
            }
        }
    }
}
