//! What kind of machine is dumped, and what is wrong with it.

/// Processor and page tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    /// x64, four levels.
    Amd64,
    /// x64, five levels.
    Amd64La57,
    /// x86 without PAE.
    I386,
    /// x86 with PAE.
    I386Pae,
    /// ARM64.
    Aarch64,
}

impl Arch {
    /// 32-bit pointers and a 32-bit dump header.
    pub const fn is_32(self) -> bool {
        matches!(self, Self::I386 | Self::I386Pae)
    }
}

/// What a hostile text holds: escape sequences, a title, a second line, and writing from right to left.
pub const EVIL: &str = "\u{1b}]0;X\u{7}\u{9b}2J\u{202e}\r\n\u{feff}";

/// Everything that can be asked for.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is one thing that can be wrong with a dump")]
pub struct Spec {
    /// Processor.
    pub arch: Arch,
    /// Windows build: decides module and large allocation layouts.
    pub build: u32,
    /// Bytes of an entry of the pool table.
    pub entry: usize,
    /// Hashed slots of the pool table, a power of two.
    pub slots: usize,
    /// Tags to plant.
    pub tags: usize,
    /// Processors.
    pub cpus: usize,
    /// Physical pages of the machine.
    pub memory_pages: u64,
    /// Seed of everything random.
    pub seed: u64,
    /// Leave the array of the processors' tables out of the kernel's data.
    pub hide_array: bool,
    /// The debugger block does not name the pool table.
    pub hide_table: bool,
    /// The header does not name the debugger block.
    pub hide_block: bool,
    /// The overflow bucket is used.
    pub overflow: bool,
    /// Two tags are in the kernel's second table.
    pub expansion: bool,
    /// One page of the second processor's table is not in the dump.
    pub lose_table_page: bool,
    /// Nothing of the first processor's table is in the dump.
    pub lose_first_table: bool,
    /// Nothing of the last processor's table is in the dump.
    pub lose_last_table: bool,
    /// A table behind a gap of empty slots, as after hot-adding processors.
    pub gap: bool,
    /// The debugger block is encoded, as in a running system.
    pub encoded: bool,
    /// There is no debugger block: its page is zero.
    pub no_block: bool,
    /// Bytes from the pointer to the table of large allocations to the number of its slots; `None`: next to each other.
    pub big_distance: Option<i64>,
    /// Slots of the table of large allocations, a power of two.
    pub big_slots: u64,
    /// Words around them that could be either: pointers to pages, powers of two.
    pub noise: bool,
    /// The list of modules runs in a circle.
    pub circle: bool,
    /// Every text carries [`EVIL`].
    pub hostile: bool,
    /// Pages of one very large module, for measuring searches; 0 for none.
    pub large_module_pages: u64,
}

impl Spec {
    /// A small machine of this kind with the entry size of its build.
    pub fn new(arch: Arch, build: u32) -> Self {
        let entry = match (arch.is_32(), build) {
            (true, ..=15_063) => 0x1c,
            (true, ..=19_045) => 0x30,
            (true, _) => 0x40,
            (false, ..=15_063) => 0x28,
            (false, ..=19_045) => 0x38,
            (false, _) => 0x50,
        };
        Self {
            arch,
            build,
            entry,
            slots: 4096,
            tags: 1500,
            cpus: 4,
            memory_pages: 0x4000,
            seed: 1,
            hide_array: false,
            hide_table: false,
            hide_block: false,
            overflow: false,
            expansion: false,
            lose_table_page: false,
            lose_first_table: false,
            lose_last_table: false,
            gap: false,
            encoded: false,
            no_block: false,
            big_distance: None,
            big_slots: 0x1000,
            noise: false,
            circle: false,
            hostile: false,
            large_module_pages: 0,
        }
    }

    /// A tiny one, for tests in great numbers.
    #[must_use]
    pub fn tiny(mut self) -> Self {
        self.slots = 256;
        self.tags = 90;
        self.cpus = 2;
        self.memory_pages = 0x400;
        self
    }
}
