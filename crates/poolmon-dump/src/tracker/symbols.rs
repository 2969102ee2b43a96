//! What the symbols say of the tables, next to what was found without them. Where they differ, the symbols win, and it
//! is said; where they lead to nothing, they are of no use, and that is said too.

use poolmon_image::bytes::index;

use super::detect::{self, TableBytes};
use super::layout::TrackerLayout;
use super::{Located, by_variable, percpu};
use crate::error::Result;
use crate::kdbg::KernelData;
use crate::memory::Memory;
use crate::symbols::SymbolPlaces;

/// The tables, and what is to be said of them.
pub(super) struct Checked {
    pub(super) located: Located,
    pub(super) warnings: Vec<String>,
    pub(super) notes: Vec<String>,
    /// The kernel's second table, for tags that no longer fitted; `None` if it is unknown whether there is one.
    pub(super) expansion: Option<Expansion>,
}

/// Entries of the second table.
#[derive(Default)]
pub(super) struct Expansion {
    pub(super) bytes: Vec<u8>,
    pub(super) absent_pages: u64,
}

/// The kernel's second table grows by few entries; more is a damaged dump.
const MOST_EXPANSION: u64 = 1 << 16;

impl Checked {
    /// Without symbols.
    pub(super) fn without(located: Located) -> Self {
        Self { located, warnings: Vec::new(), notes: Vec::new(), expansion: None }
    }
}

/// Compares, and takes what the symbols lead to.
pub(super) fn check(
    memory: &Memory,
    data: &KernelData,
    places: &SymbolPlaces,
    candidates: [TrackerLayout; 3],
    located: Result<Located>,
) -> Result<Checked> {
    let name = &places.name;
    let Some(reported) = by_symbols(memory, data, places, candidates) else {
        let mut checked = Checked::without(located?);
        let problem = if places.table.is_none() {
            format!("the symbols {name} do not contain the address of the pool table")
        } else {
            format!("no pool table is at the address from the symbols {name}")
        };
        checked.warnings.push(format!("{problem}; the results of the search without symbols are used"));
        return Ok(checked);
    };
    let (mut warnings, mut notes) = (Vec::new(), Vec::new());
    let array = reported.tables.as_ref().map_or(0, |tables| tables.array);
    if let Some(place) = places.array.filter(|&place| place != array) {
        warnings.push(format!(
            "the list of the processors' tables is not at {place:#x}, as the symbols {name} say; it was found by \
                searching"
        ));
    }
    match &located {
        Err(error) => notes.push(format!("the pool table was found only with the symbols {name}: {error}")),
        Ok(found) => {
            let differences = differences(&reported, found);
            if differences.is_empty() && warnings.is_empty() {
                notes.push(format!(
                    "the symbols {name} confirm the pool table, its {} slots and the tables of the other processors",
                    reported.found.mask + 1
                ));
            }
            warnings.extend(differences.into_iter().map(|what| {
                format!(
                    "the symbols {name} and the search without symbols disagree; the symbols are used: {what}"
                )
            }));
        }
    }
    let expansion = expansion(memory, places, reported.found.layout.stride);
    Ok(Checked { located: reported, warnings, notes, expansion })
}

/// The tables as the symbols give them. What they do not report is found as without them.
fn by_symbols(
    memory: &Memory,
    data: &KernelData,
    places: &SymbolPlaces,
    candidates: [TrackerLayout; 3],
) -> Option<Located> {
    let variable = places.table?;
    let slots = places.size.and_then(|place| slots(memory, place));
    let (first, found, keys) = match slots {
        Some(slots) => {
            let first = memory.pointer_at(variable).ok().filter(|&first| memory.is_kernel(first))?;
            let keys = TableBytes::read(memory, first, detect::most_bytes(memory.is_narrow()));
            let found = detect::detect_sized(&keys, candidates, slots)?;
            (first, found, keys)
        }
        None => by_variable(memory, variable, candidates).ok()?,
    };
    let reported = places.array.and_then(|array| percpu::at(memory, array, first, &found, &keys));
    let tables = reported.or_else(|| percpu::find(memory, data, first, &found, &keys));
    Some(Located { variable, first, found, keys, tables, by_search: false, lacks_first: false })
}

/// Hashed slots by the variable that counts all entries.
fn slots(memory: &Memory, place: u64) -> Option<usize> {
    let entries = index(memory.pointer_at(place).ok()?);
    entries.checked_sub(1).filter(|slots| slots.is_power_of_two() && (64..=1 << 16).contains(slots))
}

fn differences(reported: &Located, found: &Located) -> Vec<String> {
    let mut differences = Vec::new();
    let mut compare = |what: &str, reported: u64, found: u64| {
        if reported != found {
            differences.push(format!("{what} {reported:#x}, without {found:#x}"));
        }
    };
    // By search, only the table itself was found, not the variable.
    if !found.by_search {
        compare("the pool table's variable is at", reported.variable, found.variable);
    }
    compare("the pool table is at", reported.first, found.first);
    compare("its slots are", reported.found.mask as u64 + 1, found.found.mask as u64 + 1);
    compare("bytes of an entry are", reported.found.layout.stride as u64, found.found.layout.stride as u64);
    let array = |located: &Located| located.tables.as_ref().map_or(0, |tables| tables.array);
    // Both may lack it: a machine with one processor has nothing to find.
    compare("the list of the processors' tables is at", array(reported), array(found));
    differences
}

fn expansion(memory: &Memory, places: &SymbolPlaces, stride: usize) -> Option<Expansion> {
    let (table, size) = places.expansion?;
    let (table, entries) = (memory.pointer_at(table).ok()?, memory.pointer_at(size).ok()?);
    let mut expansion = Expansion::default();
    if table == 0 || entries == 0 {
        return Some(expansion);
    }
    if entries > MOST_EXPANSION || !memory.is_kernel(table) {
        return None;
    }
    for entry in 0..entries {
        let at = table.wrapping_add(entry * stride as u64);
        match memory.buffer(at, stride) {
            Ok(bytes) => expansion.bytes.extend_from_slice(&bytes),
            Err(_) => expansion.absent_pages += u64::from(at % 0x1000 < stride as u64),
        }
    }
    Some(expansion)
}
