//! Symbols, if there are any: what they say of the kernel's tables is compared with what was found without them.
//!
//! [`path`]: where symbol files are; [`find`]: those of a dump's kernel, here or from a server; [`PdbFile`]: a symbol file; `SymbolPlaces`: the variables in this dump.

pub mod find;
pub mod path;
mod pdb;

use crate::memory::Memory;

pub use path::SymbolPath;
pub use pdb::{PdbFile, SymbolError};

/// Offsets of the kernel's variables by their names.
pub trait Symbols: Send {
    /// What it is, for messages (`ntkrnlmp.pdb`).
    fn name(&self) -> &str;

    /// Offset of a variable from the base of the image.
    fn offset(&self, variable: &str) -> Option<u32>;
}

/// The variables that are looked up.
pub(crate) const WANTED: [&str; 7] = [
    "PoolTrackTable",
    "PoolTrackTableSize",
    "PoolTrackTableExpansion",
    "PoolTrackTableExpansionSize",
    "ExPoolTagTables",
    "PoolBigPageTable",
    "PoolBigPageTableSize",
];

/// Addresses of the variables, as the symbols give them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SymbolPlaces {
    /// What reported them.
    pub(crate) name: String,
    /// Points to the first processor's table.
    pub(crate) table: Option<u64>,
    /// Entries of a table, the overflow bucket included.
    pub(crate) size: Option<u64>,
    /// Array of pointers to all processors' tables.
    pub(crate) array: Option<u64>,
    /// Points to the table of tags that no longer fitted, and their number.
    pub(crate) expansion: Option<(u64, u64)>,
    /// Points to the table of large allocations.
    pub(crate) big: Option<u64>,
    /// Its slots.
    pub(crate) big_size: Option<u64>,
}

impl SymbolPlaces {
    /// Looks the variables up for a kernel at this base.
    pub(crate) fn new(symbols: &dyn Symbols, memory: &Memory, base: u64) -> Self {
        let [table, size, expansion, expansion_size, array, big, big_size] = WANTED.map(|name| {
            let offset = symbols.offset(name)?;
            Some(memory.address(base.wrapping_add(offset.into())))
        });
        Self {
            name: symbols.name().to_owned(),
            table,
            size,
            array,
            expansion: expansion.zip(expansion_size),
            big,
            big_size,
        }
    }
}
