//! ELF cores of virtual machines: QEMU's `dump-guest-memory` and `VirtualBox`'s `dumpvmcore`.

use std::path::Path;

use super::runs::PhysRun;
use super::{Container, Opened, pages};
use crate::bytes::{array, index, u16_at, u32_at, u64_at};
use crate::error::{COPY_AGAIN, DumpError, Result};

/// A core of a virtual machine has a segment for each stretch of memory; thousands would be a lie.
const MOST_SEGMENTS: u64 = 1 << 16;
/// `PT_LOAD` and `PT_NOTE`.
const LOAD: u32 = 1;
const NOTE: u32 = 4;

/// Reads the segments by physical address and, from the notes, the processors' CR3.
pub(super) fn open(path: &Path, file: &[u8]) -> Result<Opened> {
    let not = |why: &str| DumpError::NotADump {
        path: path.to_path_buf(),
        why: why.to_owned(),
        remedy: "give a MEMORY.DMP, a raw memory image or an ELF core of a virtual machine",
    };
    if array::<3>(file, 4) != Some([2, 1, 1]) || u16_at(file, 16) != Some(4) {
        return Err(not("it is an ELF file, but no 64-bit little-endian core"));
    }
    let cut = || DumpError::Malformed {
        what: "ELF program headers",
        offset: 0x20,
        problem: "the file ends inside them".into(),
        remedy: COPY_AGAIN,
    };
    let start = index(u64_at(file, 0x20).ok_or_else(cut)?);
    let mut count = u64::from(u16_at(file, 0x38).ok_or_else(cut)?);
    if count == 0xffff {
        // More than 65,534 segments: the number stands in the first section header.
        let section = index(u64_at(file, 0x28).ok_or_else(cut)?);
        count = section.checked_add(0x2c).and_then(|at| u32_at(file, at)).ok_or_else(cut)?.into();
    }
    let table = file.get(start..).unwrap_or_default();
    let (mut runs, mut roots, mut processors) = (Vec::new(), Vec::new(), 0_u32);
    let mut whole = true;
    for at in 0..index(count.min(MOST_SEGMENTS)) {
        let header = table.get(at * 0x38..at * 0x38 + 0x38).ok_or_else(cut)?;
        let field = |at| u64_at(header, at).ok_or_else(cut);
        let (offset, address, size) = (field(8)?, field(0x18)?, field(0x20)?);
        match u32_at(header, 0).ok_or_else(cut)? {
            LOAD if address.is_multiple_of(super::runs::PAGE) => {
                whole &= size.is_multiple_of(super::runs::PAGE);
                runs.push(PhysRun {
                    pfn: address / super::runs::PAGE,
                    pages: size / super::runs::PAGE,
                    offset,
                });
            }
            NOTE => {
                let end = index(offset).saturating_add(index(size)).min(file.len());
                notes(file.get(index(offset)..end).unwrap_or_default(), &mut roots, &mut processors);
            }
            _ => {}
        }
    }
    if runs.is_empty() {
        return Err(not("it is an ELF core without physical memory"));
    }
    let mut warnings = Vec::new();
    if !whole {
        warnings.push("some segments of the core do not end on a page; their last bytes are not used".into());
    }
    let map = pages::sorted(runs, file.len() as u64, &mut warnings);
    Ok(Opened {
        container: Container::Elf,
        header: None,
        map,
        triage: None,
        roots,
        processors: (processors > 0).then_some(processors),
        warnings,
    })
}

/// Walks the notes: `QEMU` ends with CR0..CR4 of a processor, `CORE` stands once for each processor.
fn notes(mut rest: &[u8], roots: &mut Vec<u64>, processors: &mut u32) {
    while let (Some(name_size), Some(size)) = (u32_at(rest, 0), u32_at(rest, 4)) {
        let name_end = 12_usize.saturating_add(name_size as usize);
        let data_at = name_end.saturating_add(3) & !3;
        let data_end = data_at.saturating_add(size as usize);
        let name = rest.get(12..name_end).unwrap_or_default();
        let data = rest.get(data_at..data_end).unwrap_or_default();
        if name.starts_with(b"QEMU\0") && roots.len() < 4096 {
            // Version, size, 18 registers of 8 bytes, ten segments of 24 bytes, CR0 to CR4.
            *processors += 1;
            if let Some(cr3) = u64_at(data, 8 + 18 * 8 + 10 * 24 + 3 * 8) {
                roots.push(cr3);
            }
        }
        let Some(next) = rest.get(data_end.saturating_add(3) & !3..) else { return };
        rest = next;
    }
}
