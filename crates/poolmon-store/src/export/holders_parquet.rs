//! Who held objects, as Parquet.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, GzipLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use super::holders::{HolderLine, each};
use super::parquet::failed;
use super::select::{ExportOptions, Summary};
use super::whole;
use crate::error::Result;
use crate::reader::Recording;

/// Lines of a row group.
const LINES: usize = 128 << 10;

const SCHEMA: &str = "message poolmon_holders {
    required int64 ts (TIMESTAMP(MICROS, true));
    required double t_s;
    required binary type (STRING);
    required binary id (STRING);
    required binary name (STRING);
    optional binary group (STRING);
    required int64 processes;
    required binary kind (STRING);
    required binary unit (STRING);
    required int64 count;
}";

/// Columns of lines that wait to be written.
#[derive(Default)]
struct Pending {
    times: Vec<i64>,
    seconds: Vec<f64>,
    texts: [Vec<ByteArray>; 5],
    groups: Vec<ByteArray>,
    has_group: Vec<i16>,
    processes: Vec<i64>,
    counts: Vec<i64>,
}

impl Pending {
    fn push(&mut self, line: &HolderLine<'_>) {
        let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let entry = &line.kept.entry;
        self.times.push(line.time.as_microsecond());
        self.seconds.push(line.seconds);
        let texts = [entry.holder.id.kind(), line.id, &entry.holder.name, line.kind.id(), line.unit()];
        for (column, text) in self.texts.iter_mut().zip(texts) {
            column.push(text.into());
        }
        self.has_group.push(i16::from(entry.group.is_some()));
        self.groups.extend(entry.group.as_deref().map(ByteArray::from));
        self.processes.push(whole(line.kept.processes));
        self.counts.push(whole(line.count));
    }

    fn write(&mut self, writer: &mut SerializedFileWriter<&File>) -> std::result::Result<(), ParquetError> {
        if self.times.is_empty() {
            return Ok(());
        }
        let mut group = writer.next_row_group()?;
        let [kind, id, name, object, unit] = &self.texts;
        column::<Int64Type>(&mut group, &self.times, None)?;
        column::<DoubleType>(&mut group, &self.seconds, None)?;
        column::<ByteArrayType>(&mut group, kind, None)?;
        column::<ByteArrayType>(&mut group, id, None)?;
        column::<ByteArrayType>(&mut group, name, None)?;
        column::<ByteArrayType>(&mut group, &self.groups, Some(&self.has_group))?;
        column::<Int64Type>(&mut group, &self.processes, None)?;
        column::<ByteArrayType>(&mut group, object, None)?;
        column::<ByteArrayType>(&mut group, unit, None)?;
        column::<Int64Type>(&mut group, &self.counts, None)?;
        group.close()?;
        *self = Self::default();
        Ok(())
    }
}

/// The next column of a group; `levels` says which values of an optional one are there.
fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, &File>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> std::result::Result<(), ParquetError> {
    let Some(mut writer) = group.next_column()? else { return Ok(()) };
    writer.typed::<T>().write_batch(values, levels, None)?;
    writer.close()
}

/// Writes them as one Parquet file that appears whole or not at all.
pub fn write(recording: &Recording, options: &ExportOptions, path: &Path) -> Result<Summary> {
    whole(path, |file| {
        let failed = failed(path);
        let schema = Arc::new(parse_message_type(SCHEMA).map_err(&failed)?);
        let properties = WriterProperties::builder()
            .set_created_by(concat!("poolmon ", env!("CARGO_PKG_VERSION")).into())
            .set_compression(Compression::GZIP(GzipLevel::default()))
            .build();
        let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).map_err(&failed)?;
        let mut pending = Pending::default();
        let (summary, written) = each(recording, options, |line| {
            pending.push(line);
            if pending.times.len() >= LINES { pending.write(&mut writer) } else { Ok(()) }
        })?;
        written.and_then(|()| pending.write(&mut writer)).map_err(&failed)?;
        writer.close().map_err(&failed)?;
        Ok(summary)
    })
}
