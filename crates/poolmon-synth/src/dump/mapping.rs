//! Page tables, written level by level into physical memory.

use std::collections::BTreeMap;

use super::physical::Physical;
use super::spec::Arch;

/// Virtual memory of the machine.
#[derive(Clone, Debug)]
pub struct Mapping {
    arch: Arch,
    /// Physical address of the top table.
    pub root: u64,
    /// What was mapped to readable memory: virtual page → physical page.
    pub truth: BTreeMap<u64, u64>,
}

/// How a page is mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Present.
    Valid,
    /// Not present, but its page is still there.
    Transition,
    /// In a page file.
    PageFile,
}

impl Mapping {
    /// Empty tables, mapped into themselves as Windows does.
    pub fn new(arch: Arch, memory: &mut Physical) -> Self {
        let top = memory.page();
        let root = top << 12;
        match arch {
            Arch::Amd64 | Arch::Amd64La57 => memory.write(root + 0x1ed * 8, &(root | 0x63).to_le_bytes()),
            Arch::Aarch64 => memory.write(root + 0x1ed * 8, &(root | 0x703).to_le_bytes()),
            Arch::I386 => memory.write(root + 0x300 * 4, &(root as u32 | 0x63).to_le_bytes()),
            Arch::I386Pae => {
                let directories: Vec<u64> = (0..4).map(|_| memory.page() << 12).collect();
                for (at, directory) in (0..).zip(&directories) {
                    memory.write(root + at * 8, &(directory | 1).to_le_bytes());
                    memory.write(directories[3] + at * 8, &(directory | 0x63).to_le_bytes());
                }
            }
        }
        Self { arch, root, truth: BTreeMap::new() }
    }

    /// Shifts of the tables above the last, from the top.
    const fn upper(&self) -> &'static [u32] {
        match self.arch {
            Arch::Amd64 | Arch::Aarch64 => &[39, 30, 21],
            Arch::Amd64La57 => &[48, 39, 30, 21],
            Arch::I386Pae => &[30, 21],
            Arch::I386 => &[22],
        }
    }

    fn place(&self, table: u64, address: u64, shift: u32) -> u64 {
        match self.arch {
            Arch::I386 => table + (address >> shift) % 1024 * 4,
            // Addresses of PAE have 32 bits, so its top index is below 4 automatically.
            _ => table + (address >> shift) % 512 * 8,
        }
    }

    fn get(&self, memory: &Physical, place: u64) -> u64 {
        if self.arch == Arch::I386 { memory.half(place).into() } else { memory.word(place) }
    }

    fn put(&self, memory: &mut Physical, place: u64, entry: u64) {
        if self.arch == Arch::I386 {
            memory.write(place, &(entry as u32).to_le_bytes());
        } else {
            memory.write(place, &entry.to_le_bytes());
        }
    }

    /// The table that covers an address, `levels` above the last; made if it is missing.
    fn table(&self, memory: &mut Physical, address: u64, levels: usize) -> u64 {
        let mut table = self.root;
        let upper = self.upper();
        for &shift in &upper[..upper.len() - levels] {
            let place = self.place(table, address, shift);
            let mut entry = self.get(memory, place);
            if entry == 0 {
                let fresh = memory.page() << 12;
                entry = fresh | if self.arch == Arch::Aarch64 { 3 } else { 0x63 };
                self.put(memory, place, entry);
            }
            table = entry & 0x0000_ffff_ffff_f000;
        }
        table
    }

    /// Maps one page.
    pub fn map(&mut self, memory: &mut Physical, address: u64, pfn: u64, how: How) {
        let table = self.table(memory, address, 0);
        let place = self.place(table, address, 12);
        let base = pfn << 12;
        let entry = match (how, self.arch) {
            (How::Valid, Arch::Aarch64) => base | 0x0060_0000_0000_0703,
            (How::Valid, Arch::Amd64 | Arch::Amd64La57) => base | 0x8000_0000_0000_0063,
            (How::Valid, _) => base | 0x63,
            (How::Transition, _) => base | 0x8e0,
            (How::PageFile, Arch::I386) => 0x0001_20c0,
            (How::PageFile, Arch::Aarch64) => 0x0000_1200_0000_0080,
            (How::PageFile, _) => 0x0000_1234_0000_00c0,
        };
        self.put(memory, place, entry);
        if how != How::PageFile {
            self.truth.insert(address, base);
        }
    }

    /// Maps one large page (2 MiB, or 4 MiB without PAE); gives its size in bytes.
    pub fn map_large(&mut self, memory: &mut Physical, address: u64, pfn: u64) -> u64 {
        let table = self.table(memory, address, 1);
        let shift = if self.arch == Arch::I386 { 22 } else { 21 };
        let place = self.place(table, address, shift);
        let flags = if self.arch == Arch::Aarch64 { 0x701 } else { 0xe3 };
        self.put(memory, place, pfn << 12 | flags);
        for page in 0..1_u64 << (shift - 12) {
            self.truth.insert(address + (page << 12), (pfn + page) << 12);
        }
        1 << shift
    }

    /// Pages of a large page.
    pub const fn large_pages(&self) -> u64 {
        if matches!(self.arch, Arch::I386) { 1024 } else { 512 }
    }
}
