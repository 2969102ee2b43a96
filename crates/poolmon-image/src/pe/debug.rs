//! The debug directory: the symbol file of an image, and whether its timestamp is one.

use std::fmt::Write as _;

use super::{ImageBytes, Pe, PeHeader, directory};
use crate::bytes::{array, ascii, u16_at, u32_at};

/// Bytes of a row.
const ROW: u32 = 28;
/// Rows that are read; images have a handful.
const MAX_ROWS: u32 = 64;
/// Bytes of a record that are read: a path of a symbol file is shorter.
const MAX_RECORD: usize = 1024;
/// Kinds of records.
const CODEVIEW: u32 = 2;
const REPRODUCIBLE: u32 = 16;

/// The symbol file (PDB) of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PdbId {
    /// File name (`ntkrnlmp.pdb`).
    pub name: String,
    /// GUID and age as symbol stores write them.
    pub key: String,
}

impl PdbId {
    /// Its place in a symbol store.
    pub fn symbol_key(&self) -> String {
        format!("{}/{}", self.name, self.key)
    }

    /// Reads a `CodeView` record: GUID, age, path of the PDB.
    pub fn parse(record: &[u8]) -> Option<Self> {
        if !record.starts_with(b"RSDS") {
            return None;
        }
        let (a, b, c) = (u32_at(record, 4)?, u16_at(record, 8)?, u16_at(record, 10)?);
        let mut key = format!("{a:08X}{b:04X}{c:04X}");
        for byte in array::<8>(record, 12)? {
            let _ = write!(key, "{byte:02X}");
        }
        let _ = write!(key, "{:x}", u32_at(record, 20)?);
        let path = ascii(record.get(24..)?);
        Some(Self { name: path.rsplit(['\\', '/']).next().unwrap_or_default().to_owned(), key })
    }
}

/// What the debug directory says; `None` if it is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DebugInfo {
    /// The timestamp is a hash of the content, not a time.
    pub reproducible: Option<bool>,
    /// Its PDB.
    pub pdb: Option<PdbId>,
}

/// One row of the directory.
#[derive(Clone, Copy)]
struct DebugRow {
    kind: u32,
    length: u32,
    rva: u32,
    file_offset: u32,
}

/// The rows that are there; `None` without a first one.
fn rows(header: &PeHeader, image: &impl ImageBytes) -> Option<Vec<DebugRow>> {
    let (table, size) = header.directory(directory::DEBUG)?;
    let row = |n: u32| {
        let bytes = image.read(table.checked_add(n * ROW)?, ROW as usize)?;
        let field = |at| u32_at(&bytes, at);
        Some(DebugRow { kind: field(12)?, length: field(16)?, rva: field(20)?, file_offset: field(24)? })
    };
    let rows: Vec<DebugRow> = (0..(size / ROW).min(MAX_ROWS)).map_while(row).collect();
    (!rows.is_empty()).then_some(rows)
}

/// Reads the directory of an image in memory, absent pages or not.
pub fn read(header: &PeHeader, image: &impl ImageBytes) -> DebugInfo {
    let Some(rows) = rows(header, image) else { return DebugInfo::default() };
    let record = |row: &&DebugRow| {
        let length = (row.length as usize).min(MAX_RECORD);
        (row.kind == CODEVIEW && row.rva != 0).then(|| PdbId::parse(&image.read(row.rva, length)?))?
    };
    DebugInfo {
        reproducible: Some(rows.iter().any(|row| row.kind == REPRODUCIBLE)),
        pdb: rows.iter().rev().find_map(|row| record(&row)),
    }
}

/// The PDB that a file or a flat image names.
pub fn pdb_of(pe: &Pe<'_>) -> Option<PdbId> {
    let rows = rows(pe, pe)?;
    rows.iter().filter(|row| row.kind == CODEVIEW).find_map(|row| {
        // The RVA is right in a file and in memory; a record that is not loaded has only a file offset.
        let loaded = Some(row.rva).filter(|&rva| rva != 0).and_then(|rva| pe.offset(rva));
        let start = loaded.unwrap_or(row.file_offset as usize);
        let end = start.checked_add((row.length as usize).min(MAX_RECORD + 24))?.min(pe.bytes.len());
        PdbId::parse(pe.bytes.get(start..end)?).filter(|pdb| !pdb.name.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_codeview_record_names_file_and_key() {
        let mut record = b"RSDS".to_vec();
        record.extend((1..=16).collect::<Vec<u8>>());
        record.extend(10_u32.to_le_bytes());
        record.extend(b"C:\\build\\a.pdb\0rest");
        let pdb = PdbId::parse(&record).unwrap();
        assert_eq!(pdb.symbol_key(), "a.pdb/0403020106050807090A0B0C0D0E0F10a");
        assert_eq!(PdbId::parse(&record[..20]), None);
        assert_eq!(PdbId::parse(b"NB10"), None);
    }
}
