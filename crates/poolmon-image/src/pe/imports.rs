//! Imports and delay imports: which slot holds which function.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::Pe;
use super::directory::{ADDRESSES, DELAY_IMPORT, IMPORT};

/// More than any driver has; a table that loops ends here.
const MAX_LIBRARIES: u32 = 512;
const MAX_FUNCTIONS: usize = 16_384;

/// Imported functions by the RVA of the slot that the loader fills.
#[derive(Clone, Debug, Default)]
pub struct PeImports {
    /// Names of the functions; callers speak of them by their place here.
    pub names: Vec<String>,
    /// Names of the files that they come from.
    pub libraries: Vec<String>,
    /// RVAs of what is no code wherever it lies: names and tables of names, from first to last byte, as read.
    pub data: Vec<Range<u32>>,
    slots: FxHashMap<u32, u32>,
    /// In memory: functions by their addresses.
    addresses: FxHashMap<u64, u32>,
}

impl PeImports {
    /// Reads both tables.
    pub fn read(pe: &Pe<'_>) -> Self {
        let mut imports = Self::default();
        if let Some((table, _)) = pe.directory(IMPORT) {
            for row in 0..MAX_LIBRARIES {
                let Some(at) = table.checked_add(row * 20) else { break };
                let field = |offset: u32| at.checked_add(offset).and_then(|rva| pe.u32(rva)).unwrap_or(0);
                let (lookup, name, slots) = (field(0), field(12), field(16));
                if name == 0 || slots == 0 {
                    break;
                }
                imports.library(pe, name, if lookup == 0 { slots } else { lookup }, slots, 0);
            }
        }
        if let Some((table, _)) = pe.directory(DELAY_IMPORT) {
            for row in 0..MAX_LIBRARIES {
                let Some(at) = table.checked_add(row * 32) else { break };
                let field = |offset: u32| at.checked_add(offset).and_then(|rva| pe.u32(rva)).unwrap_or(0);
                let (attributes, name, slots, lookup) = (field(0), field(4), field(12), field(16));
                if name == 0 || slots == 0 {
                    break;
                }
                // Tables of old linkers hold addresses, not RVAs: attribute bit 0 is clear.
                let base = if attributes & 1 == 0 { u32::try_from(pe.image_base).unwrap_or(0) } else { 0 };
                let rva = |value: u32| value.wrapping_sub(base);
                imports.library(pe, rva(name), rva(lookup), rva(slots), base);
            }
        }
        imports
    }

    fn library(&mut self, pe: &Pe<'_>, name: u32, lookup: u32, slots: u32, base: u32) {
        if let Some(text) = pe.name(name) {
            self.note(name, text.len() + 1);
            self.libraries.push(text);
        }
        let width = if pe.is_64 { 8 } else { 4 };
        let by_number = if pe.is_64 { 1 << 63 } else { 1 << 31 };
        for row in 0.. {
            if self.names.len() >= MAX_FUNCTIONS {
                return;
            }
            let (Some(at), Some(slot)) = (lookup.checked_add(row * width), slots.checked_add(row * width))
            else {
                return;
            };
            self.note(at, width as usize);
            let Some(value) = pe.pointer(at).filter(|&value| value != 0) else { return };
            if value & by_number != 0 {
                // By number: the name is in the other file.
                if row > 65_536 {
                    return;
                }
                continue;
            }
            let hint = u32::try_from(value).ok().map(|value| value.wrapping_sub(base));
            let place = hint.and_then(|rva| rva.checked_add(2));
            let Some((rva, name)) = place.and_then(|rva| Some((rva, pe.name(rva)?))) else {
                return;
            };
            self.note(rva - 2, name.len() + 3);
            let index = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
            self.names.push(name);
            self.slots.insert(slot, index);
        }
    }

    /// Notes bytes that are data.
    fn note(&mut self, from: u32, bytes: usize) {
        let to = u32::try_from(bytes).ok().and_then(|bytes| from.checked_add(bytes));
        match (self.data.last_mut(), to) {
            (Some(last), Some(to)) if (last.start..=last.end).contains(&from) => last.end = last.end.max(to),
            (_, Some(to)) => self.data.push(from..to),
            (_, None) => {}
        }
    }

    /// Adds what an image in memory shows beyond its list of imports: the addresses in the slots. `export` names the
    /// function at an address.
    ///
    /// Folklore: Windows 10 1903 and later turn `call [slot]` into a direct call of the function while a driver is
    /// loaded (import optimization), so addresses are kept of all slots.
    pub fn add_resolved(&mut self, pe: &Pe<'_>, export: &dyn Fn(u64) -> Option<String>) {
        let Some((table, size)) = pe.directory(ADDRESSES) else { return };
        let width = if pe.is_64 { 8 } else { 4 };
        for row in 0..(size / width).min(65_536) {
            if self.names.len() >= MAX_FUNCTIONS {
                return;
            }
            let Some(slot) = table.checked_add(row * width) else { return };
            let Some(address) = pe.pointer(slot).filter(|&address| address != 0) else { continue };
            let index = match (self.slots.get(&slot), export(address)) {
                (Some(&index), _) => index,
                (None, Some(name)) => {
                    self.names.push(name);
                    u32::try_from(self.names.len() - 1).unwrap_or(u32::MAX)
                }
                (None, None) => continue,
            };
            self.slots.insert(slot, index);
            self.addresses.insert(address, index);
        }
    }

    /// The function at an address; known only of images in memory.
    pub fn at(&self, address: u64) -> Option<u32> {
        self.addresses.get(&address).copied()
    }

    /// The function whose address the slot holds.
    pub fn slot(&self, rva: u32) -> Option<u32> {
        self.slots.get(&rva).copied()
    }

    /// The name of a function.
    pub fn name(&self, index: u32) -> Option<&str> {
        self.names.get(index as usize).map(String::as_str)
    }

    /// Whether a function of this name is imported.
    pub fn has(&self, name: &str) -> bool {
        self.names.iter().any(|own| own == name)
    }
}
