//! Large allocations, and the variables that lead to them.

use super::kernel::{Layer, NEEDLE};
use super::pool::{self, PlantedBig};
use super::spec::Spec;

/// Offset in the kernel's image of a pointer that is far from the number of slots, with room on both sides.
const APART: u64 = 0x23000 + 0x18000;
/// Offsets of the words that could be anything.
const NOISE: std::ops::Range<u64> = 0x23000 + 0x12000..0x23000 + 0x20000;

/// Offsets of the pointer and of the number of slots. `table` is the pool table's variable.
pub(super) fn places(spec: &Spec, table: u64) -> (u64, u64) {
    let step = if spec.arch.is_32() { 4 } else { 8 };
    match spec.big_distance {
        None => (table - 8 * step, table - 7 * step),
        Some(distance) => (APART, APART.wrapping_add_signed(distance)),
    }
}

/// Writes table and variables.
pub(super) fn plant(layer: &mut Layer, table: u64, kernel: u64, variable: u64) -> Vec<PlantedBig> {
    let spec = layer.spec.clone();
    let slot_size = pool::big_slot(&spec) as u64;
    layer.pages(table, spec.big_slots * slot_size);
    let mut planted = Vec::new();
    for slot in 0..spec.big_slots {
        let at = table + slot * slot_size;
        let address = table + 0x800_0000 + slot * 0x10_000;
        match layer.dice.below(16) {
            0 => {
                let tag = [*b"MmSt", NEEDLE, *b"CM31", *b"Ntfx"][layer.dice.below(4) as usize];
                let bytes = (1 + layer.dice.below(200)) * 4096
                    - if spec.build < 6000 { 0 } else { layer.dice.below(4000) };
                let big = PlantedBig {
                    address,
                    tag,
                    protected: layer.dice.below(8) == 0,
                    bytes,
                    paged: layer.dice.below(2) == 0,
                };
                layer.write(at, &pool::big_entry(&spec, &big));
                planted.push(big);
            }
            // A free slot keeps its old address with the lowest bit set.
            1..8 => layer.word(at, address | 1),
            _ => {}
        }
    }
    let (pointer, slots) = places(&spec, variable);
    layer.word(kernel + pointer, table);
    layer.word(kernel + slots, spec.big_slots);
    planted
}

/// Fills the kernel's data around the variables with words like them.
pub(super) fn noise(layer: &mut Layer, kernel: u64) {
    let step = layer.pointer() as u64;
    let pages: Vec<u64> = layer.mapping.truth.keys().copied().collect();
    let (pointer, slots) = places(&layer.spec.clone(), 0x23000 + 0x68a8);
    for at in NOISE.step_by(step as usize).filter(|&at| at != pointer && at != slots) {
        let value = match layer.dice.below(8) {
            0 => 0x400 << layer.dice.below(16),
            1 => pages[layer.dice.pick(pages.len())],
            2 => pages[layer.dice.pick(pages.len())] + layer.dice.below(4096),
            3 => layer.dice.below(100),
            _ => continue,
        };
        layer.word(kernel + at, value);
    }
}
