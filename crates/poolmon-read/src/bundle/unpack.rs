//! Archives: tar, plain or packed with gzip, xz or zstd, known by their first bytes.

use std::io::Read;

use super::tar;
use crate::packed::Packing;
use crate::{Input, ReadError, Result};

/// What is unpacked of one archive at most: a larger one is no report.
const LIMIT: u64 = 64 << 30;

/// Whether the first bytes are those of a tar archive, once they are unpacked. Of bzip2 the file's name decides.
pub(super) fn is_archive(input: &Input) -> bool {
    let start = input.start();
    match Packing::of(start) {
        None => tar::is_header(start),
        Some(Packing::Bzip2) => {
            let name = input.name().to_ascii_lowercase();
            [".tar.bz2", ".tbz", ".tbz2", ".tb2"].iter().any(|ending| name.ends_with(ending))
        }
        Some(packing) => tar::is_header(&packing.start(start, tar::BLOCK as u64)),
    }
}

/// The archive's bytes, unpacked.
pub(super) fn reader(input: &Input) -> Result<Box<dyn Read + Send>> {
    let Some(packing) = Packing::of(input.start()) else { return Ok(Box::new(input.reader()?.take(LIMIT))) };
    if packing == Packing::Bzip2 {
        let remedy = format!("unpack it, and name what comes out: bunzip2 -k {}", input.name());
        return Err(ReadError::unsuitable(
            input.name(),
            "an archive packed with bzip2, which is not read",
            remedy,
        ));
    }
    let unpacked = packing.reader(input.reader()?).map_err(|error| ReadError::read(input.name(), error))?;
    Ok(Box::new(unpacked.take(LIMIT)))
}
