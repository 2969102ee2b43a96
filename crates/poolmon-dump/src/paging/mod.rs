//! Virtual → physical: one walk for every form of page table, each form described by its levels and entries.
//!
//! `forms` describes x64 (4 and 5 levels), x86, PAE and ARM64. The number of levels is fixed, so a table that
//! points to itself ends like any other.

mod forms;

pub use forms::PagingForm;

/// Why a virtual address cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Absent {
    /// No page table entry: nothing was there.
    Unmapped,
    /// Written to a page file, or backed by a file: the page was not in memory.
    PagedOut,
    /// In memory, but its page is not part of this dump.
    NotInDump,
}

impl Absent {
    /// In words.
    pub const fn why(self) -> &'static str {
        match self {
            Self::Unmapped => "no memory is mapped there",
            Self::PagedOut => "the page was not in memory when the dump was taken",
            Self::NotInDump => "the page is not in this dump",
        }
    }
}

/// A virtual address translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Translation {
    /// Physical address.
    pub physical: u64,
    /// Size of the page around it: 4 KiB, or a large page.
    pub page_size: u64,
    /// The page was on its way out (a transition entry); its content was still in memory, as debuggers read it too.
    pub transition: bool,
}

/// An address without a translation, and how far on the next one can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageHole {
    pub(crate) why: Absent,
    /// Size of the aligned stretch that has no memory.
    pub(crate) span: u64,
}

/// One entry of a page table, understood.
#[derive(Clone, Copy, Debug)]
enum TableEntry {
    /// The next table's physical address.
    Table(u64),
    /// A page's physical address.
    Page(u64),
    /// A page on its way out.
    Transition(u64),
    /// A page that is not in memory.
    Out,
    /// Nothing.
    Nothing,
}

/// Walks page tables of one form from one root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Walker {
    pub(crate) form: PagingForm,
    pub(crate) root: u64,
}

impl Walker {
    pub(crate) const fn new(form: PagingForm, root: u64) -> Self {
        Self { form, root: form.root(root) }
    }

    /// Walks from the root. `read` gives the entry at a physical address.
    pub(crate) fn walk(
        &self,
        address: u64,
        read: &mut dyn FnMut(u64) -> Option<u64>,
    ) -> Result<(Translation, u64), PageHole> {
        if !self.form.is_canonical(address) {
            return Err(PageHole { why: Absent::Unmapped, span: super::container::runs::PAGE });
        }
        self.walk_from(address, 0, self.root, read)
    }

    /// The last step alone, from the table that an earlier walk found for the same stretch.
    pub(crate) fn last_step(
        &self,
        address: u64,
        table: u64,
        read: &mut dyn FnMut(u64) -> Option<u64>,
    ) -> Result<Translation, PageHole> {
        self.walk_from(address, self.form.levels().len().saturating_sub(1), table, read)
            .map(|(found, _)| found)
    }

    /// Bits of an address that its last table covers.
    pub(crate) fn last_table_shift(&self) -> u32 {
        self.form.levels().last().map_or(12, |level| level.shift + level.bits)
    }

    /// Also gives the last table's address, or 0 if the walk ended at a large page.
    fn walk_from(
        &self,
        address: u64,
        from: usize,
        mut table: u64,
        read: &mut dyn FnMut(u64) -> Option<u64>,
    ) -> Result<(Translation, u64), PageHole> {
        let levels = self.form.levels();
        for (at, level) in levels.iter().enumerate().skip(from) {
            let span = 1_u64 << level.shift;
            let index = address >> level.shift & ((1 << level.bits) - 1);
            let place = table + index * self.form.entry_size();
            let Some(raw) = read(place) else { return Err(PageHole { why: Absent::NotInDump, span }) };
            let last = at + 1 == levels.len();
            let page = |base: u64, transition| {
                let physical = base & !(span - 1) | address & (span - 1);
                Ok((Translation { physical, page_size: span, transition }, if last { table } else { 0 }))
            };
            match self.form.entry(raw, at, last) {
                TableEntry::Page(base) => return page(base, false),
                // A transition entry above the last level is a page table that was trimmed, not a large page.
                TableEntry::Transition(base) if last => return page(base, true),
                TableEntry::Table(next) | TableEntry::Transition(next) => table = next,
                TableEntry::Out => return Err(PageHole { why: Absent::PagedOut, span }),
                TableEntry::Nothing => return Err(PageHole { why: Absent::Unmapped, span }),
            }
        }
        Err(PageHole { why: Absent::Unmapped, span: super::container::runs::PAGE })
    }
}
