//! Parquet files that poolmon exported, as the CSV that it writes of the same rows: one reader reads both.
//!
//! Not a reader of Parquet in general: one of what `poolmon_store::export::parquet` writes, and of nothing else (its columns, pages of
//! version 1, gzip or no compression, plain values, dictionaries and differences). Memory is bounded by one row group, whose rows
//! are sorted by tag and are kept as changes until they are given by time.
//!
//! * `thrift`: Parquet's metadata; `column`: pages → values; `group`: rows of a row group, sorted by time.

mod column;
mod group;
mod thrift;

use std::io::{self, Read, Seek, SeekFrom};

use column::Chunk;
use group::Group;
use poolmon_store::export::sum::{self, ColumnPlace, Sum};
use thrift::{Thrift, Value};

/// How a Parquet file begins and ends.
pub(crate) const MAGIC: &[u8] = b"PAR1";
/// Most bytes of the description at the end: a year at a sample a second needs less.
const LARGEST_FOOTER: u64 = 64 << 20;
/// Row groups that are described; a year at a sample a second has 17,520.
const MOST_GROUPS: usize = 1 << 13;
/// Most columns: the writer has thirty.
const MOST_COLUMNS: usize = 64;

/// Bytes that can be read at random.
pub(crate) trait File: Read + Seek + Send {}
impl<T: Read + Seek + Send> File for T {}

fn bad(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

/// The rows as CSV.
pub(crate) struct AsCsv {
    file: Box<dyn File>,
    columns: Vec<&'static str>,
    groups: std::vec::IntoIter<GroupPlace>,
    system: Option<String>,
    group: Option<Group>,
    csv: Vec<u8>,
    /// What was given of it.
    at: usize,
}

/// A row group: its rows, and the columns that are read of it, in the order of [`group::NAMES`].
type GroupPlace = (u64, Vec<Option<Chunk>>);

impl AsCsv {
    /// Reads the description at the end of a file.
    ///
    /// # Errors
    /// It is damaged, or poolmon did not write it.
    pub(crate) fn open(mut file: Box<dyn File>) -> io::Result<Self> {
        let footer = footer(&mut *file)?;
        let about = Description::parse(&footer).ok_or_else(|| bad("its description is damaged"))?;
        if about.sum.as_ref().is_some_and(|sum| *sum != about.computed.clone().finish()) {
            return Err(bad("its description is damaged"));
        }
        if !about.is_ours {
            return Err(bad("another program wrote it"));
        }
        let columns = group::names();
        let place = |name: &str| columns.iter().position(|known| known.as_bytes() == name.as_bytes());
        if [group::TIME, group::TAG, group::POOL]
            .iter()
            .any(|name| !about.columns.iter().any(|column| column.name == *name))
        {
            return Err(bad("it holds no rows of tags"));
        }
        let mut groups = Vec::new();
        for (rows, chunks) in about.groups {
            let mut wanted = vec![None; columns.len()];
            for (column, mut chunk) in about.columns.iter().zip(chunks) {
                (chunk.optional, chunk.is_text) = (column.optional, column.kind == 6);
                if let Some(slot) = place(&column.name).and_then(|place| wanted.get_mut(place)) {
                    *slot = Some(chunk);
                }
            }
            groups.push((rows, wanted));
        }
        let csv = group::titles(&columns);
        Ok(Self { file, columns, groups: groups.into_iter(), system: about.system, group: None, csv, at: 0 })
    }

    /// Writes the rows of the next sample; `false` at the end.
    fn next(&mut self) -> io::Result<bool> {
        self.csv.clear();
        self.at = 0;
        loop {
            if let Some(group) = &mut self.group
                && group.write(self.system.as_deref(), &mut self.csv)
            {
                return Ok(true);
            }
            let Some((rows, chunks)) = self.groups.next() else { return Ok(false) };
            self.group = Some(Group::read(&mut *self.file, rows, &chunks, &self.columns)?);
        }
    }
}

impl Read for AsCsv {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.csv.len() {
            if !self.next()? {
                return Ok(0);
            }
        }
        let length = self.csv.get(self.at..).unwrap_or_default().read(into)?;
        self.at += length;
        Ok(length)
    }
}

/// The description at the end: its bytes, their number, and the mark.
fn footer(file: &mut dyn File) -> io::Result<Vec<u8>> {
    let size = file.seek(SeekFrom::End(0))?;
    let end = size.checked_sub(8).ok_or_else(|| bad("it is cut short"))?;
    file.seek(SeekFrom::Start(end))?;
    let mut tail = [0; 8];
    file.read_exact(&mut tail)?;
    let [a, b, c, d, mark @ ..] = tail;
    if mark != *MAGIC {
        return Err(bad("it is cut short: the description at its end is missing"));
    }
    let length = u64::from(u32::from_le_bytes([a, b, c, d]));
    if length > LARGEST_FOOTER || length > end {
        return Err(bad("its description is damaged"));
    }
    file.seek(SeekFrom::Start(end - length))?;
    let mut footer = Vec::new();
    Read::take(file, length).read_to_end(&mut footer)?;
    Ok(footer)
}

/// A column of the file.
struct ColumnKind {
    name: String,
    optional: bool,
    /// Parquet's number.
    kind: i64,
}

/// What the end of a file says.
#[derive(Default)]
struct Description {
    is_ours: bool,
    system: Option<String>,
    columns: Vec<ColumnKind>,
    groups: Vec<(u64, Vec<Chunk>)>,
    /// The checksum of this description, as written and as it is.
    sum: Option<String>,
    computed: Sum,
}

impl Description {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut about = Self::default();
        Thrift::new(bytes).fields(&mut |id, value| match id {
            2 => value.list(&mut |value| about.column(value)),
            4 => value.list(&mut |value| about.group(value)),
            5 => value.list(&mut |value| about.key(value)),
            _ => Some(()),
        })?;
        Some(about)
    }

    /// A part of the schema; the first of them is the table itself.
    fn column(&mut self, value: &mut Value<'_, '_>) -> Option<()> {
        let (mut name, mut kind, mut repeated) = (String::new(), None, 0);
        value.fields(&mut |id, value| {
            match id {
                1 => kind = Some(value.int()?),
                3 => repeated = value.int()?,
                4 => name = String::from_utf8_lossy(value.bytes()?).into_owned(),
                _ => {}
            }
            Some(())
        })?;
        // 2 and 5: 64 bits; 6: bytes. The columns of the writer are of these.
        match kind {
            None if self.columns.is_empty() => {}
            Some(kind @ (2 | 5 | 6)) if repeated < 2 => {
                self.columns.push(ColumnKind { name, optional: repeated == 1, kind });
            }
            _ => return None,
        }
        Some(())
    }

    fn group(&mut self, value: &mut Value<'_, '_>) -> Option<()> {
        let (mut rows, mut chunks) = (0, Vec::new());
        value.fields(&mut |id, value| match id {
            1 => value.list(&mut |value| {
                let mut chunk = Chunk::default();
                value.fields(&mut |id, value| match id {
                    3 => chunk_of(value, &mut chunk),
                    _ => Some(()),
                })?;
                chunks.push(chunk);
                (chunks.len() <= MOST_COLUMNS).then_some(())
            }),
            3 => {
                rows = u64::try_from(value.int()?).ok()?;
                Some(())
            }
            _ => Some(()),
        })?;
        for (column, chunk) in self.columns.iter().zip(&chunks) {
            self.computed.column(
                i64::try_from(rows).ok()?,
                &ColumnPlace {
                    name: &column.name,
                    kind: column.kind,
                    optional: column.optional,
                    codec: chunk.codec,
                    length: i64::try_from(chunk.length).ok()?,
                    values: chunk.values_at,
                    dictionary: chunk.dictionary_at,
                },
            );
        }
        self.groups.push((rows, chunks));
        (self.groups.len() <= MOST_GROUPS).then_some(())
    }

    fn key(&mut self, value: &mut Value<'_, '_>) -> Option<()> {
        let (mut name, mut text) = (&[][..], &[][..]);
        value.fields(&mut |id, value| {
            match id {
                1 => name = value.bytes()?,
                2 => text = value.bytes()?,
                _ => {}
            }
            Some(())
        })?;
        match name {
            b"poolmon.format" => self.is_ours = true,
            name if name == sum::KEY.as_bytes() => {
                self.sum = Some(String::from_utf8_lossy(text).into_owned());
            }
            // A list of several says not which rows are of which.
            b"poolmon.system" => {
                let text = String::from_utf8_lossy(text).into_owned();
                self.computed.text(&text);
                self.system = Some(text).filter(|text| !text.is_empty() && !text.contains([',', '"', '\\']));
            }
            _ => {}
        }
        Some(())
    }
}

fn chunk_of(value: &mut Value<'_, '_>, chunk: &mut Chunk) -> Option<()> {
    value.fields(&mut |id, value| {
        match id {
            4 => chunk.codec = value.int()?,
            7 => chunk.length = u64::try_from(value.int()?).ok()?,
            9 => chunk.values_at = value.int()?,
            11 => chunk.dictionary_at = Some(value.int()?),
            _ => {}
        }
        Some(())
    })?;
    // A dictionary comes before the values.
    let at = |at: i64| u64::try_from(at).ok();
    let (values, dictionary) = (at(chunk.values_at)?, chunk.dictionary_at.and_then(at));
    chunk.from = dictionary.filter(|at| *at > 0).map_or(values, |at| at.min(values));
    Some(())
}

#[cfg(test)]
mod tests;
