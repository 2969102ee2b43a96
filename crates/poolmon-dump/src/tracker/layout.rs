//! Entries of the pool tracker tables: six layouts, distinguished by their size alone.
//!
//! | bytes | systems | counts |
//! |---|---|---|
//! | 0x1C | x86, XP to 1703 | 32 bits |
//! | 0x28 | x64, 2003 to 1703 | 32 bits |
//! | 0x30 | x86, 1709 to 20H2 | 64 bits |
//! | 0x38 | x64 and ARM64, 1709 to 22H2 of Windows 10 | 64 bits |
//! | 0x40 | x86, later | 64 bits |
//! | 0x50 | x64 and ARM64, Server 2022 and Windows 11 | 64 bits |

use poolmon_image::bytes::{u32_at, u64_at};

/// Where the figures of one pool are in an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ColumnPlaces {
    allocs: usize,
    frees: usize,
    bytes: usize,
}

/// One layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TrackerLayout {
    /// Bytes of an entry.
    pub(super) stride: usize,
    /// Allocs and frees have 64 bits.
    pub(super) wide_counts: bool,
    /// Bytes have 64 bits.
    wide_bytes: bool,
    nonpaged: ColumnPlaces,
    paged: ColumnPlaces,
}

const fn places(allocs: usize, frees: usize, bytes: usize) -> ColumnPlaces {
    ColumnPlaces { allocs, frees, bytes }
}

const fn layout(
    stride: usize,
    wide_counts: bool,
    wide_bytes: bool,
    nonpaged: ColumnPlaces,
    paged: ColumnPlaces,
) -> TrackerLayout {
    TrackerLayout { stride, wide_counts, wide_bytes, nonpaged, paged }
}

static NARROW: [TrackerLayout; 3] = [
    layout(0x1c, false, false, places(4, 8, 0xc), places(0x10, 0x14, 0x18)),
    layout(0x30, true, false, places(8, 0x10, 4), places(0x20, 0x28, 0x18)),
    layout(0x40, true, false, places(8, 0x10, 4), places(0x20, 0x28, 0x18)),
];
static WIDE: [TrackerLayout; 3] = [
    layout(0x28, false, true, places(4, 8, 0x10), places(0x18, 0x1c, 0x20)),
    layout(0x38, true, true, places(0x10, 0x18, 8), places(0x28, 0x30, 0x20)),
    layout(0x50, true, true, places(0x10, 0x18, 8), places(0x28, 0x30, 0x20)),
];

/// Figures of one pool in one entry, or their sum over all processors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) allocs: u64,
    pub(super) frees: u64,
    /// Negative if blocks were freed on another processor than they were allocated on.
    pub(super) bytes: i64,
}

impl Figures {
    /// Adds as the kernel does: only the sum over all processors means something, so everything wraps.
    pub(super) fn add(&mut self, other: Self) {
        self.allocs = self.allocs.wrapping_add(other.allocs);
        self.frees = self.frees.wrapping_add(other.frees);
        self.bytes = self.bytes.wrapping_add(other.bytes);
    }
}

impl TrackerLayout {
    /// The layouts that a system can have, the one that its build suggests first.
    pub(super) fn candidates(narrow: bool, build: u32) -> [Self; 3] {
        let [old, middle, new] = if narrow { NARROW } else { WIDE };
        match build {
            0..16_299 => [old, middle, new],
            16_299..20_348 => [middle, new, old],
            _ => [new, middle, old],
        }
    }

    /// Nonpaged and paged figures of an entry.
    pub(super) fn figures(&self, entry: &[u8]) -> Option<(Figures, Figures)> {
        Some((self.pool(entry, self.nonpaged)?, self.pool(entry, self.paged)?))
    }

    fn pool(&self, entry: &[u8], at: ColumnPlaces) -> Option<Figures> {
        let count = |at| if self.wide_counts { u64_at(entry, at) } else { u32_at(entry, at).map(u64::from) };
        let bytes = if self.wide_bytes {
            u64_at(entry, at.bytes)?.cast_signed()
        } else {
            u32_at(entry, at.bytes)?.cast_signed().into()
        };
        Some(Figures { allocs: count(at.allocs)?, frees: count(at.frees)?, bytes })
    }
}
