//! Memory dumps: the pool table of the moment at which the machine was stopped.

use std::io::{self, Read as _};
use std::path::Path;

use poolmon_dump::{Dump, DumpError, PoolUsed, SIGNATURES, UNPACK_LIMIT, Unpack};
use poolmon_model::Sample;

use crate::contents::is_core;
use crate::text::is_text;
use crate::{FileFormat, FormatGroup, Holds, Input, ReadError, ReadOptions, Result, Samples, Unpacked};

pub(crate) static FORMAT: FileFormat = FileFormat {
    id: "dump",
    title: "a memory dump",
    about: "Windows memory dumps and images of a machine's memory, also gzip, zstd and zip",
    group: FormatGroup::Windows,
    holds: Holds::OneMoment,
    recognise,
    open: |input, options| {
        let path = input.file()?;
        let used = dump_pool_used(&open_dump(path, None, options)?)?;
        Ok(Box::new(OneMoment { sample: used.sample, complete: used.complete, read: false }))
    },
};

/// What decides of a file in a zip archive whether it is text.
const FIRST_BYTES: u64 = 4 << 10;

fn recognise(input: &Input) -> bool {
    if let Some(name) = zip_member(input.start()) {
        return is_dump_name(name).unwrap_or_else(|| !first_bytes(input.start()).is_some_and(|it| is_text(&it)));
    }
    let starts = SIGNATURES.iter().any(|start| input.start().starts_with(start));
    let module = input.start().starts_with(b"\x7fELF") && !is_core(input.start());
    (starts && !module)
        || input.has_ending(&["dmp", "vmem", "raw", "elf"])
}

/// The name of the first file in a zip archive; `None` if it is none.
fn zip_member(start: &[u8]) -> Option<&[u8]> {
    let length = start.strip_prefix(b"PK\x03\x04")?.get(22..24)?.first_chunk::<2>()?;
    start.get(30..30 + usize::from(u16::from_le_bytes(*length)))
}

/// The first bytes of the first file in a zip archive; `None` if they cannot be unpacked.
fn first_bytes(start: &[u8]) -> Option<Vec<u8>> {
    let field = |at: usize| Some(usize::from(u16::from_le_bytes(*start.get(at..)?.first_chunk()?)));
    let data = start.get(30 + field(26)? + field(28)?..)?;
    let mut bytes = Vec::new();
    match field(8)? {
        0 => data.take(FIRST_BYTES).read_to_end(&mut bytes).ok()?,
        8 => flate2::read::DeflateDecoder::new(data).take(FIRST_BYTES).read_to_end(&mut bytes).ok()?,
        _ => return None,
    };
    (!bytes.is_empty()).then_some(bytes)
}

/// Whether a file of this name may be a dump: people also zip logs and traces. `None` if its name has no ending.
fn is_dump_name(name: &[u8]) -> Option<bool> {
    const ENDINGS: [&[u8]; 10] =
        [b"dmp", b"mdmp", b"hdmp", b"vmem", b"raw", b"mem", b"img", b"bin", b"core", b"elf"];
    let file = name.rsplit(|&b| b == b'/').next().unwrap_or_default();
    if file.is_empty() {
        return Some(false);
    }
    let ending = file.iter().rposition(|&b| b == b'.').and_then(|at| file.get(at + 1..))?;
    Some(ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

/// Opens a dump; a packed one is unpacked into `folder`, the system's temporary one if `None`.
///
/// # Errors
/// The file cannot be read or is no dump.
pub fn open_dump(path: &Path, folder: Option<&Path>, options: &ReadOptions) -> Result<Dump> {
    let tell = |how_far| options.progress.iter().for_each(|progress| progress(path, how_far));
    let mut progress = |written, read, size| {
        tell(Some(Unpacked { written, read, size }));
        true
    };
    let opened = Dump::open_with(path, Unpack { folder, limit: UNPACK_LIMIT, progress: &mut progress });
    tell(None);
    opened.map_err(|source| {
        // A packed file that is damaged or cut has no need of room.
        let damaged = [io::ErrorKind::InvalidData, io::ErrorKind::UnexpectedEof];
        let no_room = matches!(&source, DumpError::Io { action, source, .. }
            if action.contains("unpack") && !damaged.contains(&source.kind()));
        if no_room { ReadError::NoRoom { source } } else { dump_error(source, path) }
    })
}

/// The pool table of a dump; the error names the file.
///
/// # Errors
/// The dump does not hold the table.
pub fn dump_pool_used(dump: &Dump) -> Result<PoolUsed> {
    dump.pool_used().map_err(|source| dump_error(source, dump.path()))
}

/// An error of a dump, with the name of the file.
pub fn dump_error(source: DumpError, path: &Path) -> ReadError {
    ReadError::Dump { path: path.into(), source }
}

struct OneMoment {
    sample: Sample,
    complete: bool,
    read: bool,
}

impl Samples for OneMoment {
    fn next_into(&mut self, sample: &mut Sample) -> Result<bool> {
        if std::mem::replace(&mut self.read, true) {
            return Ok(false);
        }
        sample.clone_from(&self.sample);
        Ok(true)
    }

    fn rewind(&mut self) -> bool {
        self.read = false;
        true
    }

    fn is_complete(&self) -> bool {
        self.complete
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_zip_archives_the_name_inside_decides() {
        for (name, is_dump) in [
            ("MEMORY.DMP", true),
            ("case/live.dmp", true),
            ("vmcore", true),
            ("net.etl", false),
            ("logs/pool.log", false),
            ("logs/", false),
        ] {
            let mut zip = b"PK\x03\x04".to_vec();
            zip.resize(26, 0);
            zip.extend_from_slice(&u16::try_from(name.len()).unwrap().to_le_bytes());
            zip.extend_from_slice(&[0, 0]);
            zip.extend_from_slice(name.as_bytes());
            let cut = Input::from_bytes("a.zip", zip[..20].to_vec());
            assert_eq!(recognise(&Input::from_bytes("a.zip", zip)), is_dump, "{name}");
            assert!(recognise(&cut), "too short to know");
        }
    }

    #[test]
    fn of_a_name_without_an_ending_the_first_bytes_decide() {
        let zip = |content: &[u8]| {
            let mut zip = b"PK\x03\x04".to_vec();
            zip.resize(26, 0);
            zip.extend_from_slice(&[8, 0, 0, 0]);
            zip.extend_from_slice(b"slabinfo");
            zip.extend_from_slice(content);
            Input::from_bytes("a.zip", zip)
        };
        assert!(!recognise(&zip(b"slabinfo - version: 2.1\n")));
        assert!(recognise(&zip(b"PAGEDU64\x0f\0\0\0\0\0\0\0")));
    }
}
