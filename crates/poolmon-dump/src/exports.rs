//! What modules export: the names behind the addresses in a driver's import slots.

use std::cell::RefCell;

use rustc_hash::FxHashMap;

use crate::bytes::{ascii, u16_at, u32_at};
use crate::memory::Memory;
use crate::modules::LoadedModule;
use crate::pe::ImageHeader;

/// The kernel exports about 3,500 functions.
const MOST: u32 = 1 << 16;

/// Names of functions by their addresses. A module's list is read when it is first asked for.
pub struct Exports<'a> {
    memory: &'a Memory,
    modules: &'a [LoadedModule],
    known: RefCell<FxHashMap<u64, FxHashMap<u32, String>>>,
}

impl std::fmt::Debug for Exports<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exports").field("modules", &self.modules.len()).finish_non_exhaustive()
    }
}

impl<'a> Exports<'a> {
    pub(crate) fn new(memory: &'a Memory, modules: &'a [LoadedModule]) -> Self {
        Self { memory, modules, known: RefCell::default() }
    }

    /// The function that starts at an address; `None` where none does, or where the list is not in the dump.
    pub fn at(&self, address: u64) -> Option<String> {
        let address = self.memory.address(address);
        let module = self.modules.iter().find(|module| module.contains(address))?;
        let offset = u32::try_from(address - module.base).ok()?;
        let mut known = self.known.borrow_mut();
        let names =
            known.entry(module.base).or_insert_with(|| names(self.memory, module).unwrap_or_default());
        names.get(&offset).cloned()
    }
}

/// The names of a module's functions by their offsets.
fn names(memory: &Memory, module: &LoadedModule) -> Option<FxHashMap<u32, String>> {
    let image = ImageHeader::read(memory, module.base)?;
    let (table, _) = image.exports;
    let at = |offset: u32| module.base.wrapping_add(offset.into());
    let table = memory.buffer(at(table), 40).ok().filter(|_| table != 0)?;
    let (functions, count) = (u32_at(&table, 28)?, u32_at(&table, 20)?.min(MOST));
    let (texts, ordinals, named) = (u32_at(&table, 32)?, u32_at(&table, 36)?, u32_at(&table, 24)?.min(MOST));
    let list = |start: u32, bytes: u32| memory.buffer(at(start), bytes as usize).ok();
    let functions = list(functions, count * 4)?;
    let (texts, ordinals) = (list(texts, named * 4)?, list(ordinals, named * 2)?);
    let mut found = FxHashMap::default();
    for row in 0..named as usize {
        let (Some(text), Some(ordinal)) = (u32_at(&texts, row * 4), u16_at(&ordinals, row * 2)) else {
            break;
        };
        let function = u32_at(&functions, usize::from(ordinal) * 4).filter(|&function| function != 0);
        let name = name(memory, at(text));
        if let (Some(function), Some(name)) = (function, name) {
            found.insert(function, name);
        }
    }
    Some(found)
}

/// A text of at most 256 characters; it may run over the end of a page.
fn name(memory: &Memory, address: u64) -> Option<String> {
    let mut bytes = Vec::new();
    while bytes.len() < 256 {
        let page = memory.page(address.wrapping_add(bytes.len() as u64)).ok()?;
        let part = page.get(..page.len().min(256))?;
        bytes.extend_from_slice(part);
        if part.is_empty() || part.contains(&0) {
            break;
        }
    }
    bytes.contains(&0).then(|| ascii(&bytes)).filter(|name| !name.is_empty())
}
