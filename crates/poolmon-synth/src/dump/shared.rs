//! The page that the kernel shares with every process.

use super::kernel::Layer;

/// Maps it at its documented address: version, build, processors, physical pages, times.
pub(super) fn page(layer: &mut Layer) {
    let spec = layer.spec.clone();
    let at = if spec.arch.is_32() { 0xffdf_0000 } else { 0xffff_f780_0000_0000 };
    layer.pages(at, 0x1000);
    let (major, minor): (u32, u32) = match spec.build {
        ..=2599 => (5, 0),
        2600..=3789 => (5, 1),
        3790..=5999 => (5, 2),
        6000..=7599 => (6, 0),
        7600..=9199 => (6, 1),
        9200..=9599 => (6, 2),
        9600..=10_239 => (6, 3),
        _ => (10, 0),
    };
    layer.write(at + 8, &0x23b_c1e9_u64.to_le_bytes());
    layer.write(at + 0x14, &0x01d7_07f2_3dbb_3399_u64.to_le_bytes());
    if major == 10 {
        layer.write(at + 0x260, &spec.build.to_le_bytes());
    }
    layer.write(at + 0x26c, &major.to_le_bytes());
    layer.write(at + 0x270, &minor.to_le_bytes());
    layer.write(at + 0x2e8, &(spec.memory_pages as u32).to_le_bytes());
    if spec.build >= 7600 {
        layer.write(at + 0x3c0, &(spec.cpus as u32).to_le_bytes());
    }
}
