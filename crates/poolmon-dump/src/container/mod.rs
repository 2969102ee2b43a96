//! Containers: from the bytes of a file to physical pages.
//!
//! [`header`] reads the dump header, `runs` holds page → file offset, `pages` fills it from the four page containers
//! of Windows, `triage` reads the dumps that hold no pages at all, `elf`, `lime` and raw images stand for memory
//! that no Windows wrote, `packed` unpacks gzip, zstd, xz and zip first, and `kinds` names what is not read.

mod elf;
pub mod header;
pub(crate) mod kinds;
mod lime;
pub(crate) mod packed;
mod pages;
mod room;
pub(crate) mod runs;
pub(crate) mod triage;
mod zip;

use std::path::Path;

use header::DumpHeader;
use poolmon_image::bytes::array;
use runs::{PhysMap, PhysRun};
use triage::Triage;

use crate::error::{DumpError, Result};

/// What kind of file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Container {
    /// Every page, in runs (type 1).
    Full,
    /// A header and nothing else (type 3).
    HeaderOnly,
    /// Small memory dump (type 4): no physical memory.
    Triage,
    /// Pages chosen by a bitmap (types 2, 5, 6, 7).
    Bitmap,
    /// Pages in ranges, as newer debuggers write them (types 8, 9, 0xA).
    Ranges,
    /// ELF core of a virtual machine (QEMU, `VirtualBox`).
    Elf,
    /// Stretches of memory behind headers with their addresses (`LiME`).
    Lime,
    /// Memory as it was, byte for byte.
    Raw,
}

/// A file taken apart as far as its container goes.
pub(crate) struct Opened {
    pub(crate) container: Container,
    pub(crate) header: Option<DumpHeader>,
    pub(crate) map: PhysMap,
    pub(crate) triage: Option<Triage>,
    /// Page table roots that the container itself reports (registers of a virtual CPU).
    pub(crate) roots: Vec<u64>,
    /// Virtual CPUs that it reports.
    pub(crate) processors: Option<u32>,
    pub(crate) warnings: Vec<String>,
}

/// First bytes of the files that can be opened as a dump: Windows dumps, ELF cores, `LiME` images, gzip, zstd, zip.
pub const SIGNATURES: [&[u8]; 7] =
    [b"PAGE", b"MDMP", b"\x7fELF", &lime::MAGIC, b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"];

/// Neither a dump nor large enough for raw memory.
pub(crate) const NO_HEADER: &str = "it has no dump header, and is too small to be the memory of a machine";

/// Takes a file apart. `path` is for messages only.
pub(crate) fn open(path: &Path, file: &[u8]) -> Result<Opened> {
    if let Some(header) = DumpHeader::parse(file) {
        return windows(header, file);
    }
    if array(file, 0) == Some(*b"\x7fELF") {
        return elf::open(path, file);
    }
    if file.starts_with(&lime::MAGIC) {
        return lime::open(file);
    }
    let no = |why: &str, remedy: &str| {
        Err(DumpError::NotADump { path: path.to_path_buf(), why: why.to_owned(), remedy: remedy.to_owned() })
    };
    if let Some((what, remedy)) = kinds::of(file, path) {
        return no(&format!("it is {what}"), &remedy);
    }
    match array::<4>(file, 0) {
        Some(start) if start == *b"MDMP" => no(
            "it is the dump of one process (MDMP), which does not contain the kernel's pools",
            crate::error::WANT_KERNEL_DUMP,
        ),
        Some(start) if start == *b"PAGE" => {
            no("its header is truncated or unknown", crate::error::COPY_AGAIN)
        }
        None if file.is_empty() => no("it is empty", crate::error::COPY_AGAIN),
        _ if file.len() < 1 << 20 => {
            no(NO_HEADER, "use a MEMORY.DMP, a raw memory image or an ELF core of a virtual machine")
        }
        _ => Ok(raw(file)),
    }
}

/// A file without any header: the memory of a machine from address 0 on.
fn raw(file: &[u8]) -> Opened {
    let size = file.len() as u64;
    let run = PhysRun { pfn: 0, pages: size / runs::PAGE, offset: 0 };
    let (map, _, _) = PhysMap::from_runs(vec![run], size);
    Opened {
        container: Container::Raw,
        header: None,
        map,
        triage: None,
        roots: Vec::new(),
        processors: None,
        warnings: Vec::new(),
    }
}

fn windows(header: DumpHeader, file: &[u8]) -> Result<Opened> {
    let start = header.size();
    let mut warnings = Vec::new();
    let (mut map, mut triage) = (PhysMap::empty(), None);
    let sign = |at: u64| array::<4>(file, poolmon_image::bytes::index(start + at)).unwrap_or_default();
    let bitmap = matches!(&sign(0), b"SDMP" | b"FDMP") && &sign(4) == b"DUMP";
    let container = match header.dump_type {
        // The signature decides before the type: types 2, 5, 6 and 7 all wrap the same bitmap.
        _ if bitmap => {
            map = pages::bitmap(file, start, &mut warnings)?;
            Container::Bitmap
        }
        _ if &sign(4) == b"RDMP" && &sign(8) == b"DUMP" => {
            map = pages::ranges(file, start, header.dump_type, &mut warnings)?;
            Container::Ranges
        }
        1 => {
            map = pages::full(&header, file.len() as u64, &mut warnings)?;
            Container::Full
        }
        3 => Container::HeaderOnly,
        4 => {
            let tables = Triage::parse(file, &header)?;
            warnings.extend(tables.reaches.map(|end| {
                format!("the file is cut: it has {} bytes, and its tables reach to {end}", file.len())
            }));
            triage = Some(tables);
            Container::Triage
        }
        other => {
            return Err(DumpError::Malformed {
                what: "dump header",
                offset: start,
                problem: format!("dump type {other:#x} without its page table"),
                remedy: crate::error::COPY_AGAIN,
            });
        }
    };
    Ok(Opened { container, header: Some(header), map, triage, roots: Vec::new(), processors: None, warnings })
}
