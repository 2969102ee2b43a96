//! Constants that code stores into structures before it hands them to the kernel.

use std::collections::VecDeque;

use poolmon_image::Machine;
use poolmon_image::pe::imports::PeImports;

use super::value::like_a_tag;

/// Stores into a structure are remembered this long, in instructions.
const STORE_LIFE: u32 = 40;
/// And this many of them.
const MOST: usize = 32;

/// One store: base register, distance from it, value.
pub(super) struct StoredConstant {
    pub base: u32,
    pub displacement: u64,
    pub value: u32,
    pub at: usize,
    pub site: u32,
    pub step: u32,
}

/// A tag stored into a structure before a call.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub value: u32,
    pub at: usize,
    pub site: u32,
    pub structure: &'static str,
}

/// The last stores of a function.
pub(super) struct Stores {
    recent: VecDeque<StoredConstant>,
    /// Bytes of `WDF_DRIVER_CONFIG`, where the driver uses the framework.
    config: Option<u32>,
}

impl Stores {
    pub fn new(imports: &PeImports, machine: Machine) -> Self {
        let size = if machine == Machine::X86 { 0x14 } else { 0x20 };
        Self { recent: VecDeque::new(), config: imports.has("WdfVersionBind").then_some(size) }
    }

    pub fn clear(&mut self) {
        self.recent.clear();
    }

    /// Remembers a store. A framework driver's tag is known by the structure's size, which is stored before it.
    pub fn add(&mut self, store: StoredConstant) -> Option<Stored> {
        if store.value == 0 {
            return None;
        }
        let found = self.config.and_then(|size| {
            let pair = |tag: &StoredConstant, first: &StoredConstant| {
                let distance = tag.displacement.wrapping_sub(first.displacement);
                let fits = first.value == size && distance == u64::from(size - 4);
                (tag.base == first.base && like_a_tag(tag.value) && fits)
                    .then(|| stored(tag, "WDF_DRIVER_CONFIG"))
            };
            self.recent.iter().find_map(|old| pair(&store, old).or_else(|| pair(old, &store)))
        });
        self.recent.push_back(store);
        if self.recent.len() > MOST {
            self.recent.pop_front();
        }
        found
    }

    /// Tags in the structure that the import of this name takes: they lie on the stack, stored shortly before.
    pub fn handed(&self, import: Option<&str>, step: u32) -> Vec<Stored> {
        let structure = match import {
            Some("NdisAllocateNetBufferListPool") => "NET_BUFFER_LIST_POOL_PARAMETERS",
            Some("NdisAllocateNetBufferPool") => "NET_BUFFER_POOL_PARAMETERS",
            Some("NdisAllocateTimerObject") => "NDIS_TIMER_CHARACTERISTICS",
            _ => return Vec::new(),
        };
        let near =
            |store: &&StoredConstant| like_a_tag(store.value) && step.wrapping_sub(store.step) <= STORE_LIFE;
        self.recent.iter().filter(near).map(|store| stored(store, structure)).collect()
    }
}

fn stored(store: &StoredConstant, structure: &'static str) -> Stored {
    Stored { value: store.value, at: store.at, site: store.site, structure }
}
