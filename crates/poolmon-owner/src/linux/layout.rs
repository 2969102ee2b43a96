//! A module or a kernel as code would see it in memory: sections at addresses, pointers resolved, names at addresses.
//!
//! A kernel has its addresses. The sections of a module get some of ours, one every 4 GiB, and undefined symbols get one
//! each above them, so that code, strings, tables and imports are all plain numbers to those who follow them.

use poolmon_image::Machine;
use poolmon_image::bytes::{text_at, u32_at, u64_at};
use poolmon_image::elf::{Elf, ElfSection, ElfSymbol, RELA, UNDEFINED};
use rustc_hash::FxHashMap;

/// Addresses of undefined symbols begin here; each has 256 of them, so that an addend stays its own.
const IMPORTS: u64 = 1 << 62;
/// The longest name that is taken for the name of a cache.
const MAX_NAME: usize = 96;

/// A place in a section that a relocation fills in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    /// From the start of the region.
    pub at: u32,
    /// Symbol and addend.
    pub target: u64,
}

/// A loaded section.
#[derive(Debug)]
pub(crate) struct Region<'a> {
    pub address: u64,
    pub bytes: &'a [u8],
    /// Place in the file, unpacked.
    pub offset: u64,
    pub code: bool,
    /// Texts may be in it.
    texts: bool,
    fields: Vec<Field>,
}

impl<'a> Region<'a> {
    /// A file that is all of memory, code and texts alike.
    pub const fn flat(address: u64, bytes: &'a [u8], fields: Vec<Field>) -> Self {
        Self { address, bytes, offset: 0, code: true, texts: true, fields }
    }

    fn field(&self, at: usize) -> Option<u64> {
        let at = u32::try_from(at).ok()?;
        let n = self.fields.binary_search_by_key(&at, |field| field.at).ok()?;
        self.fields.get(n).map(|field| field.target)
    }

    fn end(&self) -> u64 {
        self.address.saturating_add(self.bytes.len() as u64)
    }
}

/// A function or an object with its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NamedRange<'a> {
    pub address: u64,
    pub size: u64,
    pub name: &'a str,
}

/// The whole file.
#[derive(Debug)]
pub(crate) struct AddressSpace<'a> {
    pub machine: Machine,
    pub relocatable: bool,
    /// Sorted by address.
    pub regions: Vec<Region<'a>>,
    /// Sorted by address.
    functions: Vec<NamedRange<'a>>,
    /// Sorted by address.
    objects: Vec<NamedRange<'a>>,
    /// Imports, and functions that other modules may call.
    names: FxHashMap<&'a str, u64>,
    /// The function that is called where others begin (x64).
    pub tracer: Option<u64>,
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.is_empty())
}

impl<'a> AddressSpace<'a> {
    /// Memory without names, sorted by address; nothing in it is moved.
    pub fn of_regions(machine: Machine, regions: Vec<Region<'a>>) -> Self {
        Self {
            machine,
            relocatable: false,
            regions,
            functions: Vec::new(),
            objects: Vec::new(),
            names: FxHashMap::default(),
            tracer: None,
        }
    }

    /// Gives the function at an address its name, unless the name is given already.
    pub fn name(&mut self, name: &'a str, address: u64) {
        self.names.entry(name).or_insert(address);
    }

    pub fn new(elf: &Elf<'a>) -> Self {
        let base = |n: usize, section: &ElfSection<'_>| {
            if elf.relocatable { (n as u64 + 1) << 32 } else { section.address }
        };
        let bases: Vec<u64> = elf.sections.iter().enumerate().map(|(n, section)| base(n, section)).collect();
        let mut layout = Self::of_regions(elf.machine, Vec::new());
        layout.relocatable = elf.relocatable;
        let mut symbols = Vec::new();
        for (n, symbol) in elf.symbols().enumerate() {
            let address = layout.symbol(n, &symbol, &bases, elf.relocatable);
            symbols.push(address);
        }
        layout.functions.sort_unstable_by_key(|named| (named.address, named.size));
        layout.objects.sort_unstable_by_key(|named| (named.address, named.size));
        let mut fields = relocations(elf, &symbols);
        for ((n, section), &address) in (0_u32..).zip(&elf.sections).zip(&bases) {
            // Per-CPU data of a kernel is at 0; nothing we look for is there. No section reaches round the end of all addresses: every place
            // in a region, and a little beyond, has an address.
            let ends = address.checked_add(section.bytes.len() as u64 + 64).is_some();
            if section.is_loaded() && !section.bytes.is_empty() && address != 0 && ends {
                layout.regions.push(Region {
                    address,
                    bytes: section.bytes,
                    offset: section.offset,
                    code: section.is_code(),
                    texts: !section.is_code(),
                    fields: fields.remove(&n).unwrap_or_default(),
                });
            }
        }
        layout.regions.sort_by_key(|region| region.address);
        if !elf.relocatable {
            layout.exports(elf);
        }
        layout.tracer = layout.named("__fentry__");
        layout
    }

    /// Takes a symbol in; its address.
    fn symbol(&mut self, n: usize, symbol: &ElfSymbol<'a>, bases: &[u64], relocatable: bool) -> Option<u64> {
        let name = text(symbol.name);
        if symbol.section == UNDEFINED {
            let address = IMPORTS + ((n as u64) << 8);
            if let Some(name) = name {
                self.names.entry(name).or_insert(address);
            }
            return Some(address);
        }
        let base = bases.get(usize::from(symbol.section))?;
        let address = if relocatable { base.checked_add(symbol.value)? } else { symbol.value };
        let Some(name) = name else { return Some(address) };
        let named = NamedRange { address, size: symbol.size, name };
        if symbol.is_function() {
            self.functions.push(named);
            self.names.insert(name, address);
        } else if symbol.is_object() {
            self.objects.push(named);
            if name == "__this_module" {
                self.names.insert(name, address);
            }
        }
        Some(address)
    }

    /// A kernel without symbols still shows where the functions are that modules may call: rows of three distances
    /// (value, name, name space), each from its own place.
    fn exports(&mut self, elf: &Elf<'a>) {
        for table in [&b"__ksymtab"[..], b"__ksymtab_gpl"] {
            let Some(section) = elf.section(table) else { continue };
            for (n, row) in section.bytes.chunks_exact(12).enumerate() {
                let at = |member: u8| {
                    let place = section.address.wrapping_add(n as u64 * 12 + u64::from(member));
                    let distance = u32_at(row, usize::from(member)).unwrap_or(0).cast_signed();
                    place.wrapping_add_signed(i64::from(distance))
                };
                if let Some(name) = self.bytes_at(at(4)).and_then(|bytes| text(text_at(bytes, 0, 255)?)) {
                    self.names.entry(name).or_insert(at(0));
                }
            }
        }
    }

    pub fn region(&self, address: u64) -> Option<&Region<'a>> {
        let n = self.regions.partition_point(|region| region.address <= address).checked_sub(1)?;
        self.regions.get(n).filter(|region| address < region.end())
    }

    /// What is at an address, up to the end of its section.
    pub fn bytes_at(&self, address: u64) -> Option<&'a [u8]> {
        let region = self.region(address)?;
        let at = usize::try_from(address - region.address).ok()?;
        region.bytes.get(at..)
    }

    /// Place in the file of an address.
    pub fn offset(&self, address: u64) -> u64 {
        self.region(address).map_or(0, |region| region.offset + (address - region.address))
    }

    /// The target of the relocation at exactly this address.
    pub fn field(&self, address: u64) -> Option<u64> {
        let region = self.region(address)?;
        region.field(usize::try_from(address - region.address).ok()?)
    }

    /// The pointer that is kept at an address.
    pub fn pointer(&self, address: u64) -> Option<u64> {
        let field = self.field(address);
        if field.is_some() || self.relocatable {
            return field;
        }
        u64_at(self.bytes_at(address)?, 0).filter(|&value| value != 0)
    }

    /// The text at an address, where it could be the name of a cache or a format for one.
    pub fn name_at(&self, address: u64) -> Option<&'a str> {
        let region = self.region(address).filter(|region| region.texts)?;
        let at = usize::try_from(address - region.address).ok()?;
        text(text_at(region.bytes, at, MAX_NAME)?).filter(|text| is_name(text))
    }

    /// The address of an import or of a function by its name.
    pub fn named(&self, name: &str) -> Option<u64> {
        self.names.get(name).copied()
    }

    /// Whether no symbol says where functions begin.
    pub const fn is_stripped(&self) -> bool {
        self.functions.is_empty() && !self.relocatable
    }

    /// The function that an address lies in.
    pub fn function(&self, address: u64) -> Option<NamedRange<'a>> {
        covering(&self.functions, address)
    }

    /// The object that an address lies in.
    pub fn object(&self, address: u64) -> Option<NamedRange<'a>> {
        covering(&self.objects, address)
    }

    /// Texts of read-only sections that could be names, each once.
    pub fn texts(elf: &Elf<'a>, most: usize) -> Vec<&'a str> {
        let strings = elf.sections.iter().filter(|section| section.name.starts_with(b".rodata"));
        let mut all: Vec<&str> = strings
            .flat_map(|section| section.bytes.split(|&byte| byte == 0))
            .filter(|bytes| (3..=MAX_NAME).contains(&bytes.len()))
            .filter_map(text)
            .filter(|text| is_name(text) && !text.contains(' '))
            .take(most)
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// Could be the name of a cache: printable, with a letter.
fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && text.bytes().any(|b| b.is_ascii_alphabetic())
}

fn is_start(name: &str) -> bool {
    matches!(name, "init_module" | "cleanup_module")
}

fn covering<'a>(all: &[NamedRange<'a>], address: u64) -> Option<NamedRange<'a>> {
    let end = all.partition_point(|named| named.address <= address);
    // Symbols of one place may have several names; those without a size (assembly) reach up to the next.
    let near = all.get(end.saturating_sub(4)..end)?.iter().rev();
    let mut near = near.filter(|named| named.size == 0 || address - named.address < named.size);
    let first = near.next()?;
    // The function that starts a module is also called by its own name, which says more.
    let better = near.find(|named| named.address == first.address && !is_start(named.name));
    Some(*better.filter(|_| is_start(first.name)).unwrap_or(first))
}

/// Places that relocations fill in, by section, sorted.
fn relocations(elf: &Elf<'_>, symbols: &[Option<u64>]) -> FxHashMap<u32, Vec<Field>> {
    let mut all: FxHashMap<u32, Vec<Field>> = FxHashMap::default();
    // Hostile tables may overlap: no more rows than the file could hold.
    let mut left = elf.bytes.len() / 24;
    for section in elf.sections.iter().filter(|section| section.kind == RELA) {
        let target = elf.sections.get(section.info as usize);
        if !target.is_some_and(|target| target.is_loaded() && is_of_use(target)) {
            continue;
        }
        let fields = all.entry(section.info).or_default();
        for row in Elf::relocations(section) {
            let Some(rest) = left.checked_sub(1) else { return all };
            left = rest;
            let Some(Some(symbol)) = symbols.get(row.symbol as usize) else { continue };
            if let Some(at) = u32::try_from(row.offset).ok().filter(|_| leads_on(elf.machine, row.kind)) {
                // What the processor adds is counted from the end of an instruction, the addend from the field: those
                // who read code put that right.
                fields.push(Field { at, target: symbol.wrapping_add_signed(row.addend) });
            }
        }
    }
    for fields in all.values_mut() {
        fields.sort_unstable_by_key(|field| field.at);
    }
    all
}

/// Code and data; not the kernel's own tables of places to patch, which may be half of a module.
fn is_of_use(section: &ElfSection<'_>) -> bool {
    let name = section.name;
    section.is_code()
        || name.starts_with(b".data")
        || name.starts_with(b".rodata")
        || name.starts_with(b".init.data")
        || name.starts_with(b".init.rodata")
        || name.starts_with(b".ref.data")
}

/// Does a relocation of this kind lead to a string, an object or a function.
const fn leads_on(machine: Machine, kind: u32) -> bool {
    match machine {
        // R_X86_64_64, PC32, PLT32, 32, 32S
        Machine::X64 => matches!(kind, 1 | 2 | 4 | 10 | 11),
        // R_AARCH64_ABS64; ADR_PREL_LO21, ADR_PREL_PG_HI21 and its form without a check; the low 12 bits of an address
        // in additions and loads; JUMP26, CALL26
        Machine::Arm64 => {
            matches!(kind, 257 | 274 | 275 | 276 | 277 | 278 | 284 | 285 | 286 | 299 | 282 | 283)
        }
        Machine::X86 | Machine::Other(_) => false,
    }
}
