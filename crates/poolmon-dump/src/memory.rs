//! Memory of the dumped machine: physical pages, and virtual memory on top of them.
//!
//! Nothing is copied and nothing is filled with zeros: a reader gets a slice of the file, or learns why there is none.

use std::sync::{Mutex, PoisonError};

use poolmon_image::bytes::{index, u32_at, u64_at};

use crate::container::runs::{PAGE, PhysMap, PhysRun};
use crate::container::triage::Triage;
use crate::map::Backing;
use crate::paging::{Absent, PageHole, PagingForm, Translation, Walker};

/// Pages that could not be read, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AbsentPages {
    /// Nothing was mapped there.
    pub unmapped: u64,
    /// The page was not in memory.
    pub paged_out: u64,
    /// The page is not in this dump.
    pub not_in_dump: u64,
}

impl AbsentPages {
    pub(crate) fn add(&mut self, why: Absent, pages: u64) {
        let count = match why {
            Absent::Unmapped => &mut self.unmapped,
            Absent::PagedOut => &mut self.paged_out,
            Absent::NotInDump => &mut self.not_in_dump,
        };
        *count = count.saturating_add(pages);
    }

    /// All of them.
    pub const fn total(&self) -> u64 {
        self.unmapped.saturating_add(self.paged_out).saturating_add(self.not_in_dump)
    }
}

/// Slots of the small cache: last page tables by the stretch that they cover.
const CACHED: usize = 64;

/// Physical and virtual memory of a dump.
pub(crate) struct Memory {
    file: Backing,
    pub(crate) map: PhysMap,
    pub(crate) triage: Option<Triage>,
    walker: Option<Walker>,
    /// 32-bit addresses are kept in the low half; the debugger block has them sign-extended.
    address_mask: u64,
    /// (stretch + 1, physical address of its last page table); 0 is empty.
    tables: Mutex<[(u64, u64); CACHED]>,
}

impl Memory {
    pub(crate) fn new(file: Backing, map: PhysMap, triage: Option<Triage>) -> Self {
        Self { file, map, triage, walker: None, address_mask: u64::MAX, tables: Mutex::new([(0, 0); CACHED]) }
    }

    /// Uses these page tables from now on.
    pub(crate) fn set_walker(&mut self, walker: Walker) {
        self.walker = Some(walker);
        self.set_narrow(matches!(walker.form, PagingForm::X86 | PagingForm::X86Pae));
        self.tables = Mutex::new([(0, 0); CACHED]);
    }

    /// Without page tables, as at first.
    pub(crate) fn clear_walker(&mut self) {
        self.walker = None;
        self.set_narrow(false);
    }

    /// Addresses have 32 bits.
    pub(crate) fn set_narrow(&mut self, narrow: bool) {
        self.address_mask = if narrow { u32::MAX.into() } else { u64::MAX };
    }

    pub(crate) const fn is_narrow(&self) -> bool {
        self.address_mask != u64::MAX
    }

    /// Bytes of a pointer.
    pub(crate) const fn pointer(&self) -> usize {
        if self.is_narrow() { 4 } else { 8 }
    }

    pub(crate) const fn walker(&self) -> Option<Walker> {
        self.walker
    }

    /// All bytes of the file.
    pub(crate) fn file(&self) -> &[u8] {
        self.file.bytes()
    }

    /// Calls back with every run of pages that the file has data of, until it answers `false`: what is searched. See
    /// [`Backing::data`].
    pub(crate) fn each_run_with_data(&self, mut each: impl FnMut(PhysRun) -> bool) {
        let data = self.file.data();
        self.map.each_run(self.file(), |run| {
            let end = run.offset.saturating_add(run.pages.saturating_mul(PAGE));
            let first = data.partition_point(|held| held.end <= run.offset);
            for held in data.iter().skip(first).take_while(|held| held.start < end) {
                // Whole pages: one of which a part was written counts.
                let from = held.start.max(run.offset) - run.offset;
                let (from, to) = (from / PAGE, (held.end.min(end) - run.offset).div_ceil(PAGE));
                let part =
                    PhysRun { pfn: run.pfn + from, pages: to - from, offset: run.offset + from * PAGE };
                if !each(part) {
                    return false;
                }
            }
            true
        });
    }

    /// An address as the page tables take it.
    pub(crate) const fn address(&self, address: u64) -> u64 {
        address & self.address_mask
    }

    /// Whether an address is one of the kernel's half.
    pub(crate) const fn is_kernel(&self, address: u64) -> bool {
        match self.walker {
            _ if self.is_narrow() => self.address(address) >= 0x8000_0000,
            Some(Walker { form: PagingForm::X64Five, .. }) => address >= 0xff00_0000_0000_0000,
            _ => address >= 0xffff_0000_0000_0000,
        }
    }

    /// The bytes from a physical address to the end of its page.
    pub(crate) fn physical(&self, address: u64) -> Option<&[u8]> {
        let start = index(self.map.offset(self.file(), address)?);
        let left = index(PAGE - address % PAGE);
        self.file().get(start..start.checked_add(left)?)
    }

    /// An entry of a page table.
    fn entry(&self, place: u64, size: u64) -> Option<u64> {
        let start = index(self.map.offset(self.file(), place)?);
        if size == 4 { u32_at(self.file(), start).map(u64::from) } else { u64_at(self.file(), start) }
    }

    /// Translates with given page tables, past the cache.
    pub(crate) fn walk(&self, walker: &Walker, address: u64) -> Result<Translation, PageHole> {
        let size = walker.form.entry_size();
        walker.walk(address, &mut |place| self.entry(place, size)).map(|(found, _)| found)
    }

    /// Translates a virtual address.
    pub(crate) fn translate(&self, address: u64) -> Result<Translation, PageHole> {
        let Some(walker) = self.walker else { return Err(PageHole { why: Absent::NotInDump, span: PAGE }) };
        let address = self.address(address);
        let size = walker.form.entry_size();
        let read = &mut |place| self.entry(place, size);
        let stretch = address >> walker.last_table_shift();
        let slot = index(stretch % CACHED as u64);
        let cached = {
            let tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
            tables.get(slot).filter(|entry| entry.0 == stretch + 1).map(|entry| entry.1)
        };
        if let Some(table) = cached {
            return walker.last_step(address, table, read);
        }
        let (found, table) = walker.walk(address, read)?;
        if table != 0 {
            let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(entry) = tables.get_mut(slot) {
                *entry = (stretch + 1, table);
            }
        }
        Ok(found)
    }

    /// The bytes from a virtual address to the end of its page (or of its block, in a triage dump).
    pub(crate) fn page(&self, address: u64) -> Result<&[u8], PageHole> {
        let address = self.address(address);
        let hole = PageHole { why: Absent::NotInDump, span: PAGE };
        if let Some(triage) = &self.triage {
            let bytes = triage.slice(self.file(), address).ok_or(hole)?;
            let left = index(PAGE - address % PAGE);
            return Ok(bytes.get(..left).unwrap_or(bytes));
        }
        let found = self.translate(address)?;
        self.physical(found.physical).ok_or(hole)
    }

    /// Copies the whole page at a page-aligned address, without mapping it into this process.
    pub(crate) fn copy_page(&self, address: u64, to: &mut [u8]) -> bool {
        if self.triage.is_some() {
            return self.page(address).is_ok_and(|page| {
                page.len() == to.len() && {
                    to.copy_from_slice(page);
                    true
                }
            });
        }
        let Ok(found) = self.translate(address) else { return false };
        self.map.offset(self.file(), found.physical).is_some_and(|offset| self.file.copy(index(offset), to))
    }

    /// Reads virtual memory; fails on the first absent page.
    pub(crate) fn read(&self, address: u64, to: &mut [u8]) -> Result<(), Absent> {
        let mut done = 0;
        while done < to.len() {
            let from = self.page(address.wrapping_add(done as u64)).map_err(|hole| hole.why)?;
            let rest = to.get_mut(done..).unwrap_or_default();
            let n = from.len().min(rest.len());
            let (Some(rest), Some(from)) = (rest.get_mut(..n), from.get(..n)) else {
                return Err(Absent::NotInDump);
            };
            if n == 0 {
                return Err(Absent::NotInDump);
            }
            rest.copy_from_slice(from);
            done += n;
        }
        Ok(())
    }

    /// Reads `N` bytes.
    pub(crate) fn array<const N: usize>(&self, address: u64) -> Result<[u8; N], Absent> {
        let mut bytes = [0; N];
        self.read(address, &mut bytes)?;
        Ok(bytes)
    }

    /// Reads a buffer; meant for lengths that were checked.
    pub(crate) fn buffer(&self, address: u64, length: usize) -> Result<Vec<u8>, Absent> {
        // Read before it is allocated in full: a lying length fails at its first absent page.
        self.page(address).map_err(|hole| hole.why)?;
        let mut bytes = vec![0; length];
        self.read(address, &mut bytes)?;
        Ok(bytes)
    }

    /// Reads a `u32`.
    pub(crate) fn u32(&self, address: u64) -> Result<u32, Absent> {
        self.array(address).map(u32::from_le_bytes)
    }

    /// Reads a pointer.
    pub(crate) fn pointer_at(&self, address: u64) -> Result<u64, Absent> {
        if self.is_narrow() {
            self.u32(address).map(u64::from)
        } else {
            self.array(address).map(u64::from_le_bytes)
        }
    }
}
