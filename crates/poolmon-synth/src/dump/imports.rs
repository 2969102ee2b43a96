//! A call of the kernel's allocator as it is in memory: the list of imports was thrown away after the driver's
//! start, its slots hold the addresses of what the kernel exports. The call is on x64 alone.

use super::kernel::Layer;
use super::spec::Arch;

/// The kernel's function.
const ALLOCATE: &[u8] = b"ExAllocatePoolWithTag\0";
/// Offset of its code in the kernel.
const CODE: u32 = 0x1100;
/// Offset of the kernel's list of exports, in `.rdata`.
const EXPORTS: u32 = 0x21800;
/// Offset of the slot in the driver, in `.data`.
const SLOT: u32 = 0x3100;
/// The kernel's own name among its exports.
const NAME: &[u8] = b"ntoskrnl.exe\0";

const fn has_code(layer: &Layer) -> bool {
    matches!(layer.spec.arch, Arch::Amd64 | Arch::Amd64La57)
}

fn directory(layer: &mut Layer, base: u64, row: u64, start: u32, size: u32) {
    let directories = base + 0xe8 + 24 + if layer.spec.arch.is_32() { 96 } else { 112 };
    // The number of directories is before them.
    layer.write(directories - 4, &16_u32.to_le_bytes());
    layer.write(directories + row * 8, &start.to_le_bytes());
    layer.write(directories + row * 8 + 4, &size.to_le_bytes());
}

/// The kernel's list of exports: its own name, and on x64 one function behind one that has no name.
pub(super) fn exports(layer: &mut Layer, kernel: u64) {
    let (functions, names, ordinals, text) = (EXPORTS + 0x40, EXPORTS + 0x50, EXPORTS + 0x60, EXPORTS + 0x70);
    let own = EXPORTS + 0x90;
    directory(layer, kernel, 0, EXPORTS, 0x100);
    layer.write(kernel + u64::from(own), NAME);
    layer.write(kernel + u64::from(EXPORTS) + 12, &own.to_le_bytes());
    if !has_code(layer) {
        return;
    }
    let mut table = [0; 40];
    for (at, value) in [(12_usize, own), (20, 2), (24, 1), (28, functions), (32, names), (36, ordinals)] {
        table[at..at + 4].copy_from_slice(&u32::to_le_bytes(value));
    }
    layer.write(kernel + u64::from(EXPORTS), &table);
    layer.write(kernel + u64::from(functions), &0x1000_u32.to_le_bytes());
    layer.write(kernel + u64::from(functions) + 4, &CODE.to_le_bytes());
    layer.write(kernel + u64::from(names), &text.to_le_bytes());
    layer.write(kernel + u64::from(ordinals), &1_u16.to_le_bytes());
    layer.write(kernel + u64::from(text), ALLOCATE);
}

/// `call [slot]` at an offset of the driver; the tag's move into r8d is before it.
pub(super) fn call(layer: &mut Layer, kernel: u64, driver: u64, at: u32) {
    if !has_code(layer) {
        return;
    }
    directory(layer, driver, 12, SLOT, 8);
    layer.write(driver + u64::from(SLOT), &(kernel + u64::from(CODE)).to_le_bytes());
    // Padding, for a reader that takes one instruction after the other.
    layer.write(driver + u64::from(at) - 0x16, &[0xcc; 16]);
    let mut code = vec![0xff, 0x15];
    code.extend((SLOT - (at + 6)).to_le_bytes());
    layer.write(driver + u64::from(at), &code);
}
