//! A kernel laid out in memory: image, debugger block, modules, pool tables of every processor, large allocations.

use super::mapping::{How, Mapping};
use super::physical::{PAGE_BYTES, Physical};
use super::pool::{self, PlantedBig, PlantedTag, Used};
use super::spec::{Arch, EVIL, Spec};
use super::{Dice, big, encoded, imports, shared, symbols};

/// A planted module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlantedModule {
    /// Path.
    pub path: String,
    /// First address.
    pub base: u64,
    /// Size in bytes.
    pub size: u32,
    /// Checksum.
    pub checksum: u32,
    /// Timestamp.
    pub timestamp: u32,
}

/// A planted driver that was unloaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlantedUnloaded {
    /// Name.
    pub name: String,
    /// First address.
    pub start: u64,
    /// First address behind it.
    pub end: u64,
    /// FILETIME.
    pub time: u64,
}

/// The machine, and everything that a reader should find in it.
#[derive(Clone, Debug)]
pub struct Built {
    /// What was asked for.
    pub spec: Spec,
    /// Its physical memory.
    pub memory: Physical,
    /// Its virtual memory.
    pub mapping: Mapping,
    /// Pool tags.
    pub tags: Vec<PlantedTag>,
    /// What the overflow bucket holds.
    pub overflow: Option<(Used, Used)>,
    /// Large allocations.
    pub big: Vec<PlantedBig>,
    /// Modules in the order of loading.
    pub modules: Vec<PlantedModule>,
    /// Unloaded drivers.
    pub unloaded: Vec<PlantedUnloaded>,
    /// Addresses at which the bytes of [`NEEDLE`] are in modules, ascending; the last has the protection bit.
    pub needles: Vec<u64>,
    /// Pages of `leaky.sys` that cannot be searched: paged out, and not in the dump.
    pub absent_in_leaky: (u64, u64),
    /// Address of the debugger block.
    pub block: u64,
    /// Head of the module list.
    pub list: u64,
    /// Base of the kernel's image.
    pub kernel: u64,
    /// Address of the first processor's table.
    pub table: u64,
    /// Tags of the second table.
    pub expansion: Vec<PlantedTag>,
    /// Offsets of the kernel's variables, as its symbols would give them.
    pub symbols: Vec<(&'static str, u32)>,
}

/// The tag that is planted in `leaky.sys`.
pub const NEEDLE: [u8; 4] = *b"Zq7x";

// Offsets in the kernel's image. `.data` is 0x23000..0x43000.
const IMAGE_SIZE: u32 = 0x5c000;
const DEBUG_DIRECTORY: u64 = 0x21000;
const CODEVIEW: u64 = 0x21100;
const DATA: u64 = 0x23000;
const BLOCK: u64 = DATA + 0xb20;
const DECOY: u64 = DATA + 0x200;
const TABLE_VARIABLE: u64 = DATA + 0x68a8;
const UNLOADED_VARIABLE: u64 = DATA + 0xa308;
const MODULE_LIST: u64 = DATA + 0xa390;
const BUILD_TEXT: u64 = DATA + 0xc0a0;
const PROCESSORS: u64 = DATA + 0xd000;
const COUNTS: u64 = DATA + 0xe000;
const BUGCHECK: u64 = DATA + 0xe100;
const TABLE_ARRAY: u64 = DATA + 0x10380;
const VERSION: u64 = 0x5b040;

/// Where things are in virtual memory.
struct Places {
    kernel: u64,
    heap: u64,
    tables: u64,
}

impl Places {
    const fn of(arch: Arch) -> Self {
        match arch {
            Arch::I386 | Arch::I386Pae => {
                Self { kernel: 0x8260_0000, heap: 0x8620_0000, tables: 0x8a60_0000 }
            }
            Arch::Amd64La57 => Self {
                kernel: 0xffff_f803_4a00_0000,
                heap: 0xff25_9b00_0020_0000,
                tables: 0xff5f_bb8e_b160_0000,
            },
            _ => Self {
                kernel: 0xffff_f803_4a00_0000,
                heap: 0xffff_9b00_0020_0000,
                tables: 0xffff_bb8e_b160_0000,
            },
        }
    }
}

/// Builds memory while it is laid out.
pub(super) struct Layer {
    pub(super) spec: Spec,
    memory: Physical,
    pub(super) mapping: Mapping,
    pub(super) dice: Dice,
    heap: u64,
}

impl Layer {
    pub(super) const fn pointer(&self) -> usize {
        if self.spec.arch.is_32() { 4 } else { 8 }
    }

    /// Maps fresh pages.
    pub(super) fn pages(&mut self, address: u64, bytes: u64) {
        for at in (0..bytes).step_by(4096) {
            let pfn = self.memory.page();
            self.mapping.map(&mut self.memory, address + at, pfn, How::Valid);
        }
    }

    /// Writes to mapped memory.
    pub(super) fn write(&mut self, address: u64, bytes: &[u8]) {
        for (at, byte) in (address..).zip(bytes) {
            let physical = self.mapping.truth[&(at / PAGE_BYTES * PAGE_BYTES)] + at % PAGE_BYTES;
            self.memory.write(physical, &[*byte]);
        }
    }

    pub(super) fn word(&mut self, address: u64, value: u64) {
        let size = self.pointer();
        self.write(address, &value.to_le_bytes()[..size]);
    }

    /// Memory for something small.
    pub(super) fn alloc(&mut self, bytes: u64) -> u64 {
        let address = self.heap;
        let end = address + bytes.next_multiple_of(16);
        for page in (address / PAGE_BYTES..=end / PAGE_BYTES).map(|page| page * PAGE_BYTES) {
            if !self.mapping.truth.contains_key(&page) {
                self.pages(page, PAGE_BYTES);
            }
        }
        self.heap = end;
        address
    }

    /// A `UNICODE_STRING` at an address, with its text in fresh memory.
    fn text(&mut self, at: u64, text: &str) {
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let place = self.alloc(bytes.len() as u64 + 2);
        self.write(place, &bytes);
        let length = u16::try_from(bytes.len()).expect("short").to_le_bytes();
        self.write(at, &length);
        self.write(at + 2, &length);
        let pointer = self.pointer() as u64;
        self.word(at + pointer, place);
    }
}

/// Builds the machine.
pub fn build(spec: &Spec) -> Built {
    let mut memory = Physical::new(spec.memory_pages, spec.seed);
    let mapping = Mapping::new(spec.arch, &mut memory);
    let places = Places::of(spec.arch);
    let dice = Dice::new(spec.seed ^ 0xd0_0d);
    let mut layer = Layer { spec: spec.clone(), memory, mapping, dice, heap: places.heap };
    let kernel = places.kernel;

    kernel_image(&mut layer, kernel);
    let tags = pool::tags(spec, &mut layer.dice);
    let overflow = spec.overflow.then(|| {
        let held = |n: u64| Used { allocs: 100 * n, frees: 40 * n, bytes: (n * 5000).cast_signed() };
        (held(1), held(3))
    });
    let tables = pool_tables(&mut layer, places.tables, &tags, overflow);
    let big = big::plant(&mut layer, places.tables + 0x100_0000, kernel, TABLE_VARIABLE);
    shared::page(&mut layer);
    let (mut modules, needles, absent_in_leaky) = drivers(&mut layer, kernel);
    modules.insert(
        0,
        PlantedModule {
            path: r"\SystemRoot\system32\ntoskrnl.exe".into(),
            base: kernel,
            size: IMAGE_SIZE,
            checksum: 0x5_1234,
            timestamp: 0x0d83_33e6,
        },
    );
    if spec.hostile {
        for module in &mut modules {
            module.path.push_str(EVIL);
        }
    }
    module_list(&mut layer, kernel + MODULE_LIST, &modules);
    let unloaded = unloaded(&mut layer, kernel);
    variables(&mut layer, kernel, &tables);
    let (expansion, symbols) = symbols::plant(&mut layer, kernel, TABLE_VARIABLE, TABLE_ARRAY);
    let block = debugger_block(&mut layer, kernel);
    Built {
        spec: spec.clone(),
        memory: layer.memory,
        mapping: layer.mapping,
        tags,
        overflow,
        big,
        modules,
        unloaded,
        needles,
        absent_in_leaky,
        block,
        list: kernel + MODULE_LIST,
        kernel,
        table: tables[0],
        expansion,
        symbols,
    }
}

/// Headers and sections of the kernel.
fn kernel_image(layer: &mut Layer, base: u64) {
    layer.pages(base, 0x43000);
    // PAGE is paged out, INIT was thrown away.
    for at in (0x43000..0x53000).step_by(4096) {
        layer.mapping.map(&mut layer.memory, base + at, 0, How::PageFile);
    }
    layer.pages(base + 0x5b000, 0x1000);
    let sections: &[(&str, u32, u32, u32)] = &[
        (".text", 0x1000, 0x20000, 0x6000_0020),
        (".rdata", 0x21000, 0x2000, 0x4000_0040),
        (".data", 0x23000, 0x20000, 0xc000_0040),
        ("PAGE", 0x43000, 0x10000, 0x6000_0020),
        ("INIT", 0x53000, 0x8000, 0x6200_0020),
        (".rsrc", 0x5b000, 0x1000, 0x4000_0040),
    ];
    image_header(layer, base, IMAGE_SIZE, 0x0d83_33e6, sections, DEBUG_DIRECTORY, 56);
    // Debug directory: the PDB, and the mark of a reproducible build.
    let mut entry = [0; 56];
    entry[12] = 2;
    entry[16..20].copy_from_slice(&(24_u32 + 13).to_le_bytes());
    entry[20..24].copy_from_slice(&(CODEVIEW as u32).to_le_bytes());
    entry[28 + 12] = 16;
    layer.write(base + DEBUG_DIRECTORY, &entry);
    let mut pdb = b"RSDS".to_vec();
    pdb.extend(super::pdb::GUID);
    pdb.extend(1_u32.to_le_bytes());
    pdb.extend(b"ntkrnlmp.pdb");
    pdb.extend(if layer.spec.hostile { EVIL } else { "" }.bytes());
    pdb.push(0);
    layer.write(base + CODEVIEW, &pdb);
    let mut version = 0xfeef_04bd_u32.to_le_bytes().to_vec();
    version.extend([0, 0, 1, 0]);
    version.extend((10_u32 << 16).to_le_bytes());
    version.extend((layer.spec.build << 16 | 7).to_le_bytes());
    layer.write(base + VERSION, &version);
    imports::exports(layer, base);
}

fn image_header(
    layer: &mut Layer,
    base: u64,
    size: u32,
    timestamp: u32,
    sections: &[(&str, u32, u32, u32)],
    debug: u64,
    debug_size: u32,
) {
    let narrow = layer.spec.arch.is_32();
    let machine: u16 = match layer.spec.arch {
        Arch::I386 | Arch::I386Pae => 0x14c,
        Arch::Amd64 | Arch::Amd64La57 => 0x8664,
        Arch::Aarch64 => 0xaa64,
    };
    let optional: u16 = if narrow { 0xe0 } else { 0xf0 };
    let mut header = vec![0; 0x400];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"MZ");
    put(0x3c, &0xe8_u32.to_le_bytes());
    let pe = 0xe8;
    put(pe, b"PE\0\0");
    put(pe + 4, &machine.to_le_bytes());
    put(pe + 6, &u16::try_from(sections.len()).expect("few").to_le_bytes());
    put(pe + 8, &timestamp.to_le_bytes());
    put(pe + 20, &optional.to_le_bytes());
    put(pe + 24, &(if narrow { 0x10b_u16 } else { 0x20b }).to_le_bytes());
    put(pe + 24 + 56, &size.to_le_bytes());
    let directory = pe + 24 + if narrow { 96 } else { 112 };
    put(directory - 4, &16_u32.to_le_bytes());
    put(directory + 48, &(debug as u32).to_le_bytes());
    put(directory + 52, &debug_size.to_le_bytes());
    for (at, (name, start, length, flags)) in sections.iter().enumerate() {
        let entry = pe + 24 + usize::from(optional) + at * 40;
        put(entry, if layer.spec.hostile && *name == "PAGE" { b"\x1b[2J\x9b1m" } else { name.as_bytes() });
        put(entry + 8, &length.to_le_bytes());
        put(entry + 12, &start.to_le_bytes());
        put(entry + 36, &flags.to_le_bytes());
    }
    layer.write(base, &header);
}

/// Tables of all processors; gives their addresses.
fn pool_tables(layer: &mut Layer, at: u64, tags: &[PlantedTag], overflow: Option<(Used, Used)>) -> Vec<u64> {
    let spec = layer.spec.clone();
    let placed = pool::place(tags, spec.slots);
    let size = spec.entry;
    let length = ((spec.slots + 1) * size) as u64;
    let step = length.next_multiple_of(0x1000) + 0x3000;
    let tables: Vec<u64> = (0..spec.cpus as u64).map(|cpu| at + cpu * step).collect();
    for (cpu, &table) in tables.iter().enumerate() {
        for page in (0..length).step_by(4096) {
            let lost = (spec.lose_table_page && cpu == 1 && page == 0x1000)
                || (spec.lose_first_table && cpu == 0)
                || (spec.lose_last_table && cpu + 1 == spec.cpus);
            let pfn = if lost { layer.memory.lost_page() } else { layer.memory.page() };
            layer.mapping.map(&mut layer.memory, table + page, pfn, How::Valid);
        }
    }
    let mut dice = layer.dice.clone();
    for (slot, tag) in placed.iter().enumerate().filter_map(|(slot, at)| at.map(|at| (slot, &tags[at]))) {
        let nonpaged = pool::shares(tag.nonpaged, spec.cpus, &mut dice);
        let paged = pool::shares(tag.paged, spec.cpus, &mut dice);
        for (cpu, &table) in tables.iter().enumerate() {
            // Only the first table knows every key; the others learn a key when they use it.
            let used = nonpaged[cpu] != Used::default() || paged[cpu] != Used::default();
            if cpu == 0 || used {
                let entry = pool::entry(size, tag.tag, nonpaged[cpu], paged[cpu]);
                write_present(layer, table + (slot * size) as u64, &entry);
            }
        }
    }
    if let Some((nonpaged, paged)) = overflow {
        let entry = pool::entry(size, *b"Ovfl", nonpaged, paged);
        layer.write(tables[0] + (spec.slots * size) as u64, &entry);
    }
    layer.dice = dice;
    tables
}

/// Writes what is not lost.
fn write_present(layer: &mut Layer, address: u64, bytes: &[u8]) {
    for (at, byte) in (address..).zip(bytes) {
        let physical = layer.mapping.truth[&(at / PAGE_BYTES * PAGE_BYTES)] + at % PAGE_BYTES;
        if layer.memory.pages.contains_key(&(physical / PAGE_BYTES)) {
            layer.memory.write(physical, &[*byte]);
        }
    }
}

/// Drivers next to the kernel.
fn drivers(layer: &mut Layer, kernel: u64) -> (Vec<PlantedModule>, Vec<u64>, (u64, u64)) {
    let mut modules = Vec::new();
    let mut base = kernel + 0x20_0000;
    let mut module = |base, path: &str, size, timestamp| {
        modules.push(PlantedModule { path: path.into(), base, size, checksum: size ^ 0xabcd, timestamp });
    };
    // The driver that leaks: its tag in code, over the end of a page, with the protection bit, and in pages that are
    // not there.
    let leaky = base;
    let sections: &[(&str, u32, u32, u32)] = &[
        (".text", 0x1000, 0x2000, 0x6000_0020),
        (".data", 0x3000, 0x1000, 0xc000_0040),
        ("PAGE", 0x4000, 0x2000, 0x6000_0020),
    ];
    layer.pages(leaky, 0x4000);
    image_header(layer, leaky, 0x6000, 0x61a2_b3c4, sections, 0, 0);
    let lost = layer.memory.lost_page();
    layer.mapping.map(&mut layer.memory, leaky + 0x4000, lost, How::Valid);
    layer.mapping.map(&mut layer.memory, leaky + 0x5000, 0, How::PageFile);
    let filler: Vec<u8> = (0..0x2000_u32).map(|at| (at * 7 % 251) as u8 & 0x3f | 0x80).collect();
    layer.write(leaky + 0x1000, &filler);
    let mut needles = Vec::new();
    for at in [0x1012, 0x1ffe, 0x2ffd, 0x3000 + 0x10] {
        layer.write(leaky + at, &NEEDLE);
        needles.push(leaky + at);
    }
    layer.write(leaky + 0x1010, &[0x41, 0xb8]);
    imports::call(layer, kernel, leaky, 0x1016);
    let mut protected = NEEDLE;
    protected[3] |= 0x80;
    layer.write(leaky + 0x3800, &protected);
    needles.push(leaky + 0x3800);
    module(leaky, r"\SystemRoot\System32\drivers\leaky.sys", 0x6000, 0x61a2_b3c4);
    base += 0x10_000;

    // Session space: in the list, but not mapped by these tables.
    module(base + 0x100_0000, r"\SystemRoot\System32\win32k.sys", 0x8_0000, 0x4fb1_0203);

    // A page that was on its way out; debuggers read it. ARM64 has no public description of such entries.
    let out = base + 0x2000;
    layer.pages(base, 0x2000);
    image_header(layer, base, 0x3000, 0x5a5a_0001, &[(".text", 0x1000, 0x2000, 0x6000_0020)], 0, 0);
    let pfn = layer.memory.page();
    let how = if layer.spec.arch == Arch::Aarch64 { How::Valid } else { How::Transition };
    layer.mapping.map(&mut layer.memory, out, pfn, how);
    layer.write(out, b"transition page");
    module(base, r"\SystemRoot\System32\drivers\trans.sys", 0x3000, 0x5a5a_0001);
    base += 0x10_000;

    if layer.spec.memory_pages >= 0x2000 {
        // A driver in large pages.
        let pages = layer.mapping.large_pages();
        let at = base.next_multiple_of(pages * 4096) + pages * 4096;
        let pfn = layer.memory.block(pages);
        let size = layer.mapping.map_large(&mut layer.memory, at, pfn);
        image_header(
            layer,
            at,
            size as u32,
            0x5a5a_0002,
            &[(".text", 0x1000, size as u32 - 0x1000, 0x6000_0020)],
            0,
            0,
        );
        layer.write(at + size - 4, &NEEDLE);
        needles.push(at + size - 4);
        module(at, r"\SystemRoot\System32\drivers\large.sys", size as u32, 0x5a5a_0002);
    }
    if layer.spec.large_module_pages > 0 {
        let at = kernel + 0x1000_0000;
        let pages = layer.spec.large_module_pages;
        layer.pages(at, pages * 4096);
        let physical: Vec<u64> =
            (0..pages).map(|page| layer.mapping.truth[&(at + page * 4096)] / 4096).collect();
        for pfn in physical {
            let fill = layer.dice.next();
            let page = layer.memory.pages.get_mut(&pfn).expect("mapped");
            for (at, byte) in page.iter_mut().enumerate() {
                *byte = (fill >> (at % 57)) as u8;
            }
        }
        module(at, r"\SystemRoot\System32\drivers\huge.sys", (pages * 4096) as u32, 0x5a5a_0003);
    }
    (modules, needles, (1, 1))
}

/// The list of loaded modules.
fn module_list(layer: &mut Layer, head: u64, modules: &[PlantedModule]) {
    let narrow = layer.spec.arch.is_32();
    let step = layer.pointer() as u64;
    let entries: Vec<u64> = modules.iter().map(|_| layer.alloc(if narrow { 0x50 } else { 0xa8 })).collect();
    let mut ring = vec![head];
    ring.extend(&entries);
    for at in 0..ring.len() {
        let next = ring[(at + 1) % ring.len()];
        layer.word(ring[at], next);
        layer.word(next + step, ring[at]);
    }
    if layer.spec.circle {
        layer.word(entries[entries.len() - 1], entries[1]);
    }
    for (entry, module) in entries.iter().zip(modules) {
        let name = module.path.rsplit('\\').next().unwrap_or_default().to_owned();
        let (base, size, path, short, checksum, time) = match (narrow, layer.spec.build >= 10_240) {
            (true, _) => (0x18, 0x20, 0x24, 0x2c, 0x40, 0x44),
            (false, false) => (0x30, 0x40, 0x48, 0x58, 0x78, 0x80),
            (false, true) => (0x30, 0x40, 0x48, 0x58, 0x78, 0x9c),
        };
        layer.word(entry + base, module.base);
        layer.write(entry + size, &module.size.to_le_bytes());
        layer.text(entry + path, &module.path);
        layer.text(entry + short, &name);
        layer.write(entry + checksum, &module.checksum.to_le_bytes());
        layer.write(entry + time, &module.timestamp.to_le_bytes());
    }
}

fn unloaded(layer: &mut Layer, kernel: u64) -> Vec<PlantedUnloaded> {
    let narrow = layer.spec.arch.is_32();
    let size = if narrow { 24 } else { 40 };
    let array = layer.alloc(50 * size);
    layer.word(kernel + UNLOADED_VARIABLE, array);
    let mut list = Vec::new();
    for (at, name) in (0..).zip(["dam.sys", "WdBoot.sys", "hwpolicy.sys"]) {
        let name = if layer.spec.hostile { EVIL } else { name };
        let start = kernel + 0x50_0000 + at * 0x1_0000;
        let driver = PlantedUnloaded {
            name: name.into(),
            start,
            end: start + 0x8000,
            time: 0x01d7_07f2_0000_0000 + at,
        };
        let entry = array + at * size;
        layer.text(entry, name);
        let (start_at, end_at, time_at) = if narrow { (8, 12, 16) } else { (16, 24, 32) };
        layer.word(entry + start_at, driver.start);
        layer.word(entry + end_at, driver.end);
        layer.write(entry + time_at, &driver.time.to_le_bytes());
        list.push(driver);
    }
    list
}

/// Variables of the kernel's data.
fn variables(layer: &mut Layer, kernel: u64, tables: &[u64]) {
    let spec = layer.spec.clone();
    let step = layer.pointer() as u64;
    layer.word(kernel + TABLE_VARIABLE, tables[0]);
    layer.word(kernel + TABLE_VARIABLE - 11 * step, spec.slots as u64 - 1);
    // The same address elsewhere, followed by something else, and once alone.
    layer.word(kernel + DECOY, tables[0]);
    layer.word(kernel + DECOY + step, kernel + 0x1000);
    layer.word(kernel + DECOY + 0x100, tables[0]);
    if !spec.hide_array {
        for (cpu, &table) in (0..).zip(tables) {
            let gap = if spec.gap && cpu + 1 == tables.len() as u64 { 5 } else { 0 };
            layer.word(kernel + TABLE_ARRAY + (cpu + gap) * step, table);
        }
    }
    if spec.noise {
        big::noise(layer, kernel);
    }
    for cpu in 0..spec.cpus as u64 {
        let block = layer.alloc(64);
        layer.word(kernel + PROCESSORS + cpu * step, block);
    }
    let evil = if spec.hostile { EVIL } else { "" };
    let text = format!("{}.1.synthetic.{}{evil}", spec.build, spec.seed);
    layer.write(kernel + BUILD_TEXT, text.as_bytes());
    // Physical pages, commit limit, committed, available.
    for (at, pages) in
        (0..).zip([spec.memory_pages, spec.memory_pages * 2, spec.memory_pages / 2, spec.memory_pages / 4])
    {
        layer.word(kernel + COUNTS + at * 8, pages);
    }
    for (at, value) in (0..).zip([0xd1_u64, 1, 2, 3, 4]) {
        layer.word(kernel + BUGCHECK + at * step, value);
    }
}

/// The debugger block.
fn debugger_block(layer: &mut Layer, kernel: u64) -> u64 {
    let spec = layer.spec.clone();
    let address = kernel + BLOCK;
    let wide = |address: u64| if spec.arch.is_32() { address | 0xffff_ffff_0000_0000 } else { address };
    let mut block = vec![0; 0x380];
    let mut put = |at: usize, value: u64| block[at..at + 8].copy_from_slice(&value.to_le_bytes());
    put(0, wide(address));
    put(8, wide(address));
    put(0x10, u64::from(u32::from_le_bytes(*b"KDBG")) | 0x380 << 32);
    put(0x18, wide(kernel));
    put(0x30, u64::from(spec.arch == Arch::I386Pae) << 48);
    put(0x48, wide(kernel + MODULE_LIST));
    put(0x88, wide(kernel + BUGCHECK));
    put(0xf8, wide(kernel + COUNTS));
    put(0x148, wide(kernel + COUNTS + 8));
    put(0x150, wide(kernel + COUNTS + 16));
    put(0x1a8, wide(kernel + COUNTS + 24));
    put(0x1b8, if spec.hide_table { 0 } else { wide(kernel + TABLE_VARIABLE) });
    put(0x208, wide(kernel + BUILD_TEXT));
    put(0x218, wide(kernel + PROCESSORS));
    put(0x220, wide(kernel + UNLOADED_VARIABLE));
    if spec.encoded {
        encoded::encode(&mut block, kernel + DATA + 0xf108, &mut layer.dice);
    }
    if !spec.no_block {
        layer.write(address, &block);
    }
    address
}
