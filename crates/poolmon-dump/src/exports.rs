//! What modules export: the names behind the addresses in a driver's import slots.

use std::cell::RefCell;

use poolmon_image::pe::exports;
use rustc_hash::FxHashMap;

use crate::memory::Memory;
use crate::modules::LoadedModule;
use crate::pe::{self, ModuleBytes};

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

    /// The function that starts at an address; `None` if none does, or where the list is not in the dump.
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
    let header = pe::header(memory, module.base)?;
    exports::names(&header, &ModuleBytes { memory, base: module.base })
}
