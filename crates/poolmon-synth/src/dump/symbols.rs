//! Variables that only symbols lead to, and what the symbols would report.

use super::kernel::Layer;
use super::pool::{self, PlantedTag, Used};

/// Offsets in the kernel's image.
const SIZE: u64 = 0x31200;
const EXPANSION: u64 = 0x31210;
const EXPANSION_SIZE: u64 = 0x31220;

/// Writes the variables; gives the tags of the second table and the names of all variables.
pub(super) fn plant(
    layer: &mut Layer,
    kernel: u64,
    table: u64,
    array: u64,
) -> (Vec<PlantedTag>, Vec<(&'static str, u32)>) {
    let spec = layer.spec.clone();
    layer.word(kernel + SIZE, spec.slots as u64 + 1);
    let mut tags = Vec::new();
    if spec.expansion {
        let held = |n: u64| Used { allocs: n * 10, frees: n * 4, bytes: (n * 4096).cast_signed() };
        tags.push(PlantedTag { tag: *b"Exp1", nonpaged: held(3), paged: Used::default() });
        tags.push(PlantedTag { tag: *b"Exp2", nonpaged: held(5), paged: held(7) });
        // More slots than tags: the table grows by whole pages.
        let slots = 8;
        let place = layer.alloc((slots * spec.entry) as u64);
        for (slot, tag) in tags.iter().enumerate() {
            let entry = pool::entry(spec.entry, tag.tag, tag.nonpaged, tag.paged);
            layer.write(place + (slot * spec.entry) as u64, &entry);
        }
        layer.word(kernel + EXPANSION, place);
        layer.word(kernel + EXPANSION_SIZE, slots as u64);
    }
    let (big, big_size) = super::big::places(&spec, table);
    let symbols = [
        ("PoolTrackTable", table),
        ("PoolTrackTableSize", SIZE),
        ("PoolTrackTableExpansion", EXPANSION),
        ("PoolTrackTableExpansionSize", EXPANSION_SIZE),
        ("ExPoolTagTables", array),
        ("PoolBigPageTable", big),
        ("PoolBigPageTableSize", big_size),
    ];
    (tags, symbols.map(|(name, offset)| (name, offset as u32)).to_vec())
}
