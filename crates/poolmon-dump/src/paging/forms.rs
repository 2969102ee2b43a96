//! The forms of page tables: levels, entry sizes, and what an entry's bits mean.

use super::TableEntry;

/// A form of page table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PagingForm {
    /// x64 with four levels: 48-bit addresses.
    X64,
    /// x64 with five levels (LA57): 57-bit addresses.
    X64Five,
    /// x86 without PAE: two levels, 4 MiB large pages.
    X86,
    /// x86 with PAE: 2 MiB large pages.
    X86Pae,
    /// ARM64, 4 KiB granule, 48-bit addresses of the upper half (TTBR1).
    Arm64,
}

/// One level: its lowest address bit, and how many bits index it.
#[derive(Clone, Copy, Debug)]
pub(super) struct TableLevel {
    pub(super) shift: u32,
    pub(super) bits: u32,
}

const fn level(shift: u32, bits: u32) -> TableLevel {
    TableLevel { shift, bits }
}

static FIVE: [TableLevel; 5] = [level(48, 9), level(39, 9), level(30, 9), level(21, 9), level(12, 9)];
static FOUR: [TableLevel; 4] = [level(39, 9), level(30, 9), level(21, 9), level(12, 9)];
static PAE: [TableLevel; 3] = [level(30, 2), level(21, 9), level(12, 9)];
static TWO: [TableLevel; 2] = [level(22, 10), level(12, 10)];

/// Bits 12 to 51: the page number of 64-bit entries.
const FRAME: u64 = 0x000f_ffff_ffff_f000;
const PRESENT: u64 = 1;
const LARGE: u64 = 1 << 7;
/// Windows' software bits of an entry that is not present: it is a prototype; it is in transition.
const PROTOTYPE: u64 = 1 << 10;
const TRANSITION: u64 = 1 << 11;

impl PagingForm {
    /// Name in a sentence.
    pub const fn name(self) -> &'static str {
        match self {
            Self::X64 => "x64, 4 levels",
            Self::X64Five => "x64, 5 levels",
            Self::X86 => "x86",
            Self::X86Pae => "x86 PAE",
            Self::Arm64 => "ARM64, 4 KiB pages",
        }
    }

    pub(super) fn levels(self) -> &'static [TableLevel] {
        match self {
            Self::X64Five => &FIVE,
            Self::X64 | Self::Arm64 => &FOUR,
            Self::X86Pae => &PAE,
            Self::X86 => &TWO,
        }
    }

    pub(crate) const fn entry_size(self) -> u64 {
        if matches!(self, Self::X86) { 4 } else { 8 }
    }

    /// The root table of a register's value: without flags, PCID and ASID.
    pub(super) const fn root(self, register: u64) -> u64 {
        match self {
            Self::X64 | Self::X64Five => register & FRAME,
            Self::X86 => register & 0xffff_f000,
            // The four top entries of PAE need no whole page.
            Self::X86Pae => register & 0xffff_ffe0,
            Self::Arm64 => register & 0x0000_ffff_ffff_f000,
        }
    }

    /// Whether the walk covers this address.
    pub(super) const fn is_canonical(self, address: u64) -> bool {
        match self {
            Self::X64 => matches!(address >> 47, 0 | 0x1_ffff),
            Self::X64Five => matches!(address >> 56, 0 | 0xff),
            Self::X86 | Self::X86Pae => address >> 32 == 0,
            // The lower half is another table (TTBR0), of which a dump reports nothing.
            Self::Arm64 => address >> 48 == 0xffff,
        }
    }

    /// Understands an entry of the `at`th level.
    pub(super) fn entry(self, raw: u64, at: usize, last: bool) -> TableEntry {
        match self {
            Self::Arm64 => arm64(raw, at, last),
            Self::X86 => x86(raw, last),
            Self::X64 | Self::X64Five | Self::X86Pae => self.wide(raw, at, last),
        }
    }

    /// Entries of 64 bits: x64 and PAE.
    fn wide(self, raw: u64, at: usize, last: bool) -> TableEntry {
        let frame = raw & FRAME;
        if raw & PRESENT != 0 {
            // 1 GiB pages are on the third level from below, in x64 only.
            let levels = self.levels().len();
            let may_be_large = at + 2 == levels || (at + 3 == levels && self != Self::X86Pae);
            return match last {
                true => TableEntry::Page(frame),
                false if may_be_large && raw & LARGE != 0 => TableEntry::Page(frame),
                false => TableEntry::Table(frame),
            };
        }
        software(raw, frame)
    }
}

/// Entries of 32 bits. A large page keeps address bits 32 to 39 in bits 13 to 20 (PSE-36).
fn x86(raw: u64, last: bool) -> TableEntry {
    let frame = raw & 0xffff_f000;
    if raw & PRESENT == 0 {
        return software(raw, frame);
    }
    match last {
        true => TableEntry::Page(frame),
        false if raw & LARGE != 0 => TableEntry::Page(raw & 0xffc0_0000 | (raw >> 13 & 0xff) << 32),
        false => TableEntry::Table(frame),
    }
}

/// What Windows keeps in an entry that the processor ignores.
const fn software(raw: u64, frame: u64) -> TableEntry {
    if raw & TRANSITION != 0 && raw & PROTOTYPE == 0 {
        TableEntry::Transition(frame)
    } else if raw == 0 {
        TableEntry::Nothing
    } else {
        TableEntry::Out
    }
}

/// ARM64 descriptors. Where Windows keeps its software bits there is not documented publicly: an invalid
/// descriptor that is not zero counts as paged out, also where its page may still have been in memory.
const fn arm64(raw: u64, at: usize, last: bool) -> TableEntry {
    let frame = raw & 0x0000_ffff_ffff_f000;
    match (raw & 3, last) {
        (3, true) => TableEntry::Page(frame),
        (3, false) => TableEntry::Table(frame),
        // Blocks of 1 GiB and 2 MiB are on levels 1 and 2.
        (1, false) if at > 0 => TableEntry::Page(frame),
        _ if raw == 0 => TableEntry::Nothing,
        _ => TableEntry::Out,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Absent, Walker};
    use super::*;
    use std::collections::HashMap;

    fn walk(form: PagingForm, entries: &[(u64, u64)], address: u64) -> Result<(u64, u64, bool), Absent> {
        let memory: HashMap<u64, u64> = entries.iter().copied().collect();
        let walker = Walker::new(form, 0x1000);
        let (found, _) = walker
            .walk(address, &mut |place| Some(memory.get(&place).copied().unwrap_or(0)))
            .map_err(|hole| hole.why)?;
        Ok((found.physical, found.page_size, found.transition))
    }

    const KERNEL: u64 = 0xffff_8000_0020_3456;

    #[test]
    fn x64_pages_of_every_size() {
        let tables = [(0x1800, 0x2003), (0x2000, 0x3003), (0x3008, 0x4003), (0x4018, 0x8000_0000_0000_9003)];
        assert_eq!(walk(PagingForm::X64, &tables, KERNEL), Ok((0x9456, 0x1000, false)));
        let two_mib = [(0x1800, 0x2003), (0x2000, 0x3003), (0x3008, 0x40_0083)];
        assert_eq!(walk(PagingForm::X64, &two_mib, KERNEL), Ok((0x40_3456, 0x20_0000, false)));
        let one_gib = [(0x1800, 0x2003), (0x2000, 0x4000_0083)];
        assert_eq!(walk(PagingForm::X64, &one_gib, KERNEL), Ok((0x4020_3456, 0x4000_0000, false)));
        assert_eq!(walk(PagingForm::X64, &tables, 0x8000_0000_0000_0000), Err(Absent::Unmapped));
    }

    #[test]
    fn entries_that_are_not_present() {
        let with = |entry| [(0x1800, 0x2003), (0x2000, 0x3003), (0x3008, 0x4003), (0x4018, entry)];
        assert_eq!(walk(PagingForm::X64, &with(0x9860), KERNEL), Ok((0x9456, 0x1000, true)));
        assert_eq!(walk(PagingForm::X64, &with(0x9c60), KERNEL), Err(Absent::PagedOut));
        assert_eq!(walk(PagingForm::X64, &with(0x9060), KERNEL), Err(Absent::PagedOut));
        assert_eq!(walk(PagingForm::X64, &with(0), KERNEL), Err(Absent::Unmapped));
        let walker = Walker::new(PagingForm::X64, 0x1000);
        let hole = walker.walk(KERNEL, &mut |_| None).unwrap_err();
        assert_eq!((hole.why, hole.span), (Absent::NotInDump, 1 << 39));
    }

    #[test]
    fn five_levels() {
        let address = 0xff00_0000_0000_1abc;
        let tables =
            [(0x1800, 0x2003), (0x2000, 0x3003), (0x3000, 0x4003), (0x4000, 0x5003), (0x5008, 0x9003)];
        assert_eq!(walk(PagingForm::X64Five, &tables, address), Ok((0x9abc, 0x1000, false)));
    }

    #[test]
    fn x86_with_and_without_pae() {
        let address = 0x8040_2123;
        let plain = [(0x1804, 0x2003), (0x2008, 0x9003)];
        assert_eq!(walk(PagingForm::X86, &plain, address), Ok((0x9123, 0x1000, false)));
        let large = [(0x1804, 0x0040_2083)];
        assert_eq!(walk(PagingForm::X86, &large, address), Ok((0x1_0040_2123, 0x40_0000, false)));
        let pae = [(0x1010, 0x2001), (0x2010, 0x3003), (0x3010, 0x1_0000_9003)];
        assert_eq!(walk(PagingForm::X86Pae, &pae, address), Ok((0x1_0000_9123, 0x1000, false)));
    }

    #[test]
    fn arm64_blocks_and_pages() {
        let tables = [(0x1800, 0x2003), (0x2000, 0x3003), (0x3008, 0x4003), (0x4018, 0x60_0000_0000_9703)];
        assert_eq!(walk(PagingForm::Arm64, &tables, KERNEL), Ok((0x9456, 0x1000, false)));
        let block = [(0x1800, 0x2003), (0x2000, 0x3003), (0x3008, 0x40_0701)];
        assert_eq!(walk(PagingForm::Arm64, &block, KERNEL), Ok((0x40_3456, 0x20_0000, false)));
        assert_eq!(walk(PagingForm::Arm64, &tables, 0x1000), Err(Absent::Unmapped));
    }

    #[test]
    fn a_table_that_points_to_itself_ends() {
        // Every level leads to the table itself: the page that is found is the table.
        let itself = walk(PagingForm::X64, &[(0x1800, 0x1003)], 0xffff_8040_2010_0800);
        assert_eq!(itself, Ok((0x1800, 0x1000, false)));
        let looped = Walker::new(PagingForm::X64Five, 0x1000);
        assert!(looped.walk(KERNEL, &mut |_| Some(0x1003)).is_ok());
    }
}
