//! ELF cores of virtual machines: QEMU's `dump-guest-memory` and `VirtualBox`'s `dumpvmcore`.

use std::path::Path;

use poolmon_image::bytes::u64_at;
use poolmon_image::elf::{ElfError, ElfHeader, ElfKind, ElfSegment, notes};

use super::runs::{PAGE, PhysRun};
use super::{Container, Opened, pages};
use crate::error::{COPY_AGAIN, DumpError, Result};

/// Processors whose page tables are kept.
const MAX_ROOTS: usize = 4096;

/// Reads the segments by physical address and, from the notes, the processors' CR3.
pub(super) fn open(path: &Path, file: &[u8]) -> Result<Opened> {
    let not = |why: &str| DumpError::NotADump {
        path: path.to_path_buf(),
        why: why.to_owned(),
        remedy: "use a MEMORY.DMP, a raw memory image or an ELF core of a virtual machine".into(),
    };
    let cut = || DumpError::Malformed {
        what: "ELF program headers",
        offset: 0x20,
        problem: "the file ends inside them".into(),
        remedy: COPY_AGAIN,
    };
    let header = match ElfHeader::parse(file) {
        Ok(header) if header.kind == ElfKind::Core => header,
        Err(ElfError::Damaged(..)) => return Err(cut()),
        _ => return Err(not("it is an ELF file, but not a 64-bit little-endian core")),
    };
    let (mut runs, mut roots, mut processors) = (Vec::new(), Vec::new(), 0_u32);
    let mut whole = true;
    for segment in header.segments(file).map_err(|_| cut())? {
        let ElfSegment { kind, offset, physical, size } = segment;
        if kind == ElfSegment::LOAD && physical.is_multiple_of(PAGE) {
            whole &= size.is_multiple_of(PAGE);
            runs.push(PhysRun { pfn: physical / PAGE, pages: size / PAGE, offset });
        } else if kind == ElfSegment::NOTE {
            processors += registers(segment.bytes(file), &mut roots);
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

/// Adds the CR3 of each processor to `roots`; how many processors there are. A note `QEMU` ends with CR0 to CR4.
fn registers(segment: &[u8], roots: &mut Vec<u64>) -> u32 {
    let mut processors = 0;
    for note in notes(segment).filter(|note| note.name.starts_with(b"QEMU\0")) {
        if roots.len() >= MAX_ROOTS {
            break;
        }
        processors += 1;
        // Version, size, 18 registers of 8 bytes, ten segments of 24 bytes, CR0 to CR4.
        roots.extend(u64_at(note.content, 8 + 18 * 8 + 10 * 24 + 3 * 8));
    }
    processors
}
