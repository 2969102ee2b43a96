//! `LiME` images: stretches of memory, each behind a header with its first and last address.

use poolmon_image::bytes::{index, u32_at, u64_at};

use super::runs::{PAGE, PhysRun};
use super::{Container, Opened, pages};
use crate::error::{COPY_AGAIN, DumpError, Result};

/// `EMiL`.
pub(crate) const MAGIC: [u8; 4] = *b"EMiL";
const HEADER: u64 = 32;
/// No machine has more stretches.
const MOST: usize = 1 << 16;

/// Reads the headers.
pub(super) fn open(file: &[u8]) -> Result<Opened> {
    let size = file.len() as u64;
    let (mut runs, mut warnings) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at + HEADER <= size && runs.len() < MOST {
        let header = file.get(index(at)..).unwrap_or_default();
        let is_header = header.starts_with(&MAGIC) && u32_at(header, 4) == Some(1);
        let (Some(start), Some(last), true) = (u64_at(header, 8), u64_at(header, 16), is_header) else {
            return Err(malformed(at, "no header of version 1 is there"));
        };
        let length = last.checked_sub(start).and_then(|length| length.checked_add(1));
        let Some(length) = length else { return Err(malformed(at, "its last address is before its first")) };
        // What does not fill a page at either end is of no use.
        let skipped = start.next_multiple_of(PAGE) - start;
        runs.push(PhysRun {
            pfn: (start + skipped) / PAGE,
            pages: length.saturating_sub(skipped) / PAGE,
            offset: at + HEADER + skipped,
        });
        at = (at + HEADER).saturating_add(length);
    }
    let map = pages::sorted(runs, size, &mut warnings);
    Ok(Opened {
        container: Container::Lime,
        header: None,
        map,
        triage: None,
        roots: Vec::new(),
        processors: None,
        warnings,
    })
}

fn malformed(offset: u64, problem: &str) -> DumpError {
    DumpError::Malformed { what: "LiME header", offset, problem: problem.into(), remedy: COPY_AGAIN }
}
