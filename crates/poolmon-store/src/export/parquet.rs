//! Parquet: dense rows, sorted by tag, then time, in row groups of at most [`WINDOW`] samples.
//!
//! Every row of every sample is written, changed or not: over changed rows alone, a regression is wrong.

use std::cell::Cell;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use parquet::basic::{Compression, Encoding, GzipLevel, Type};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, RowGroupMetaData};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;
use poolmon_model::{Sample, figure};

use super::columns::{Key, Values, Window};
use super::names::OtherNames;
use super::seconds_since;
use super::select::{ExportOptions, Summary, check_dated, start};
use super::sum::{self, ColumnPlace, Sum};
use crate::WholeFile;
use crate::error::{Result, StoreError};
use crate::reader::{Recording, RecordingInfo};

/// Most samples in a row group: half an hour at one a second.
pub const WINDOW: usize = 1800;
/// Most bytes of a row group before it is written.
const MOST: usize = 24 << 20;
/// Values written at a time.
const BATCH: usize = 16 << 10;

/// An error of the writer; of the operating system's, if that is behind it.
pub(super) fn failed(path: &Path) -> impl Fn(ParquetError) -> StoreError {
    move |error| match error {
        ParquetError::External(source) => match source.downcast() {
            Ok(source) => StoreError::io("write", path)(*source),
            Err(source) => StoreError::Parquet { path: path.into(), problem: source.to_string() },
        },
        error => StoreError::Parquet { path: path.into(), problem: error.to_string() },
    }
}

/// The columns: names of the row, its figures, its owner, the other names of a merged cache, figures of the machine.
fn schema() -> String {
    let mut schema = String::from(
        "message poolmon {
    required int64 ts (TIMESTAMP(MICROS, true));
    required double t_s;
    optional binary host (STRING);
    optional binary boot (STRING);
    optional int64 session;
    required binary tag (STRING);
    optional int64 tag_raw;
    required binary pool (STRING);
",
    );
    for figure in figure::FIGURES {
        schema.extend(["    optional int64 ", figure.id, ";\n"]);
    }
    schema
        + "    optional binary owner (STRING);\n    optional binary other_names (STRING);\n    optional binary header (STRING);\n}"
}

/// Writes a recording, or a part of it, as one Parquet file that appears whole or not at all.
///
/// `pace` is called often: a caller in the background can rest in it.
pub fn write(
    recording: &Recording,
    options: &ExportOptions,
    path: &Path,
    pace: &mut dyn FnMut(),
) -> Result<Summary> {
    let file = WholeFile::new(path).map_err(StoreError::io("make", path))?;
    write_into(recording, options, file, path, pace)
}

/// The same into a file that was begun.
pub(crate) fn write_into(
    recording: &Recording,
    options: &ExportOptions,
    file: WholeFile,
    path: &Path,
    pace: &mut dyn FnMut(),
) -> Result<Summary> {
    let about = About::of(recording)?;
    let mut table = Table::begin(&about, None, file, path)?;
    let summary = options.each(recording, |start, time, sample| {
        check_dated(recording, sample, time)?;
        table.push(&about, (start, time), sample, options, pace)
    })?;
    table.finish(&about, pace)?;
    Ok(summary)
}

/// What files of one recording have in common.
pub(super) struct About {
    info: RecordingInfo,
    names: OtherNames,
    begin: Option<Timestamp>,
}

impl About {
    pub(super) fn of(recording: &Recording) -> Result<Self> {
        let names = OtherNames::of(recording)?;
        let begin = start(recording).ok().flatten();
        Ok(Self { info: recording.info().unwrap_or_default(), names, begin })
    }
}

/// A file while it is written.
pub(super) struct Table {
    file: WholeFile,
    path: PathBuf,
    writer: SerializedFileWriter<File>,
    window: Window,
    sum: Sum,
}

impl Table {
    /// Begins. `host`: whose samples it holds; `None` = all of the recording's.
    pub(super) fn begin(about: &About, host: Option<&str>, mut file: WholeFile, path: &Path) -> Result<Self> {
        let out = file.file().try_clone().map_err(StoreError::io("write", path))?;
        let writer = open(about, host, out).map_err(failed(path))?;
        Ok(Self { file, path: path.into(), writer, window: Window::default(), sum: Sum::default() })
    }

    /// Adds a sample; returns how many rows it had.
    pub(super) fn push(
        &mut self,
        about: &About,
        (start, time): (Timestamp, Timestamp),
        sample: &Sample,
        options: &ExportOptions,
        pace: &mut dyn FnMut(),
    ) -> Result<u64> {
        let window = &self.window;
        if window.times.len() >= WINDOW || window.bytes() >= MOST || !window.fits(sample) {
            self.row_group(start, about, pace)?;
        }
        pace();
        Ok(self.window.push(time, sample, options))
    }

    fn row_group(&mut self, start: Timestamp, about: &About, pace: &mut dyn FnMut()) -> Result<()> {
        let full = std::mem::take(&mut self.window);
        row_group(&mut self.writer, full, (start, &about.names), &mut self.sum, pace)
            .map_err(failed(&self.path))
    }

    /// It is complete, and takes its name.
    pub(super) fn finish(mut self, about: &About, pace: &mut dyn FnMut()) -> Result<()> {
        if let Some(start) = about.begin {
            self.row_group(start, about, pace)?;
        }
        let Self { file, path, mut writer, mut sum, .. } = self;
        sum.text(&joined(&about.info.systems));
        writer.append_key_value_metadata(KeyValue::new(sum::KEY.into(), Some(sum.finish())));
        drop(writer.close().map_err(failed(&path))?);
        file.finish().map_err(StoreError::io("write", &path))
    }
}

fn joined(set: &std::collections::BTreeSet<String>) -> String {
    set.iter().cloned().collect::<Vec<_>>().join(", ")
}

/// Takes a row group into the checksum.
fn add(sum: &mut Sum, group: &RowGroupMetaData) {
    for column in group.columns() {
        let kind = match column.column_type() {
            Type::INT64 => 2,
            Type::DOUBLE => 5,
            _ => 6,
        };
        let place = ColumnPlace {
            name: column.column_descr().name(),
            kind,
            optional: column.column_descr().max_def_level() > 0,
            codec: if column.compression() == Compression::UNCOMPRESSED { 0 } else { 2 },
            length: column.compressed_size(),
            values: column.data_page_offset(),
            dictionary: column.dictionary_page_offset(),
        };
        sum.column(group.num_rows(), &place);
    }
}

fn open(
    about: &About,
    host: Option<&str>,
    file: File,
) -> std::result::Result<SerializedFileWriter<File>, ParquetError> {
    let info = &about.info;
    let width = match info.width {
        poolmon_model::CounterWidth::Bits32 => "32",
        poolmon_model::CounterWidth::Bits64 => "64",
    };
    let mut metadata = vec![
        KeyValue::new("poolmon.format".into(), Some("1".to_string())),
        KeyValue::new("poolmon.host".into(), Some(host.map_or_else(|| joined(&info.hosts), str::to_owned))),
        KeyValue::new("poolmon.system".into(), Some(joined(&info.systems))),
        KeyValue::new("poolmon.boots".into(), Some(info.boots.join(", "))),
        KeyValue::new(
            "poolmon.source".into(),
            Some(info.kinds.iter().copied().collect::<Vec<_>>().join(", ")),
        ),
        KeyValue::new("poolmon.simulated".into(), Some(info.simulated.to_string())),
        KeyValue::new("poolmon.counter_bits".into(), Some(width.to_string())),
        KeyValue::new("poolmon.interval_s".into(), Some(info.interval.as_secs_f64().to_string())),
    ];
    if let Some(begin) = about.begin {
        metadata.push(KeyValue::new("poolmon.t_s_zero".into(), Some(begin.to_string())));
    }
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("poolmon ", env!("CARGO_PKG_VERSION")).into())
        .set_compression(Compression::GZIP(GzipLevel::default()))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_write_batch_size(BATCH)
        .set_key_value_metadata(Some(metadata));
    // Counters are deltas of deltas at heart. Times repeat for each tag: a dictionary makes them nothing.
    for figure in figure::FIGURES {
        let path = ColumnPath::from(figure.id);
        properties = properties
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
    }
    let schema = Arc::new(parse_message_type(&schema())?);
    SerializedFileWriter::new(file, schema, Arc::new(properties.build()))
}

type ParquetResult = std::result::Result<(), ParquetError>;

fn string(text: &str) -> ByteArray {
    ByteArray::from(text.as_bytes().to_vec())
}

fn row_group(
    writer: &mut SerializedFileWriter<File>,
    mut window: Window,
    (start, names): (Timestamp, &OtherNames),
    sum: &mut Sum,
    pace: &mut dyn FnMut(),
) -> ParquetResult {
    window.finish();
    if window.streams().all(|(_, mut points)| points.next().is_none()) {
        return Ok(());
    }
    let mut columns = Columns { group: writer.next_row_group()?, window: &window, pace };
    let origin = window.origin.as_deref();
    let host = origin.and_then(|origin| origin.host.as_deref()).map(string);
    let boot = origin.and_then(|origin| origin.boot.as_deref()).map(string);
    let micros: Vec<i64> = window.times.iter().map(|time| time.as_microsecond()).collect();
    let seconds: Vec<f64> = window.times.iter().map(|&time| seconds_since(start, time)).collect();
    columns.add(false, |_| (), |(), at, _| micros.get(at).copied())?;
    columns.add(false, |_| (), |(), at, _| seconds.get(at).copied())?;
    columns.add(true, |_| host.clone(), |host, _, _| host.clone())?;
    columns.add(true, |_| boot.clone(), |boot, _, _| boot.clone())?;
    columns.add(true, |key| key.session.map(i64::from), |session, _, _| *session)?;
    columns.add(false, |key| string(&key.tag.to_string()), |tag, _, _| Some(tag.clone()))?;
    columns.add(true, |key| key.tag.as_pool().map(|tag| i64::from(tag.to_u32())), |raw, _, _| *raw)?;
    columns.add(false, |key| string(key.pool.id()), |pool, _, _| Some(pool.clone()))?;
    for figure in 0..figure::COUNT {
        columns.add(true, |_| (), |(), _, values| values.get(figure).copied().flatten())?;
    }
    columns.add(true, |key| key.owner.as_deref().map(string), |owner, _, _| owner.clone())?;
    columns.add(true, |key| names.text(&key.tag).as_deref().map(string), |names, _, _| names.clone())?;
    // On one row of each sample.
    let given: Vec<Cell<bool>> = vec![Cell::new(false); window.machines.len()];
    let machine = |at: usize| {
        let is_first = given.get(at).is_some_and(|given| !given.replace(true));
        window.machines.get(at).filter(|machine| is_first && !machine.is_empty()).map(|text| string(text))
    };
    columns.add(true, |_| (), |(), at, _| machine(at))?;
    add(sum, &*columns.group.close()?);
    Ok(())
}

/// Columns of one row group, written one after the other.
struct Columns<'a> {
    group: SerializedRowGroupWriter<'a, File>,
    window: &'a Window,
    pace: &'a mut dyn FnMut(),
}

impl Columns<'_> {
    /// Writes a column: `once` for each stream, `value` for each of its points.
    fn add<S, T: Put>(
        &mut self,
        optional: bool,
        once: impl Fn(&Key) -> S,
        value: impl Fn(&S, usize, &Values) -> Option<T>,
    ) -> ParquetResult {
        let Some(mut writer) = self.group.next_column()? else { return Ok(()) };
        let (mut values, mut levels) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
        for (key, points) in self.window.streams() {
            let shared = once(key);
            for (at, point) in points {
                let value = value(&shared, at, &point);
                levels.push(i16::from(value.is_some()));
                values.extend(value);
                if levels.len() == BATCH {
                    T::put(writer.untyped(), &values, optional.then_some(&levels))?;
                    values.clear();
                    levels.clear();
                    (self.pace)();
                }
            }
        }
        T::put(writer.untyped(), &values, optional.then_some(&levels))?;
        writer.close()
    }
}

/// A type of column.
trait Put: Sized {
    /// Writes values; `levels` says which of an optional column are there.
    fn put(writer: &mut ColumnWriter<'_>, values: &[Self], levels: Option<&Vec<i16>>) -> ParquetResult;
}

macro_rules! put {
    ($kind:ty, $writer:ident) => {
        impl Put for $kind {
            fn put(
                writer: &mut ColumnWriter<'_>,
                values: &[Self],
                levels: Option<&Vec<i16>>,
            ) -> ParquetResult {
                let ColumnWriter::$writer(writer) = writer else {
                    return Err(ParquetError::General("a column of another type".into()));
                };
                writer.write_batch(values, levels.map(Vec::as_slice), None).map(|_| ())
            }
        }
    };
}

put!(i64, Int64ColumnWriter);
put!(f64, DoubleColumnWriter);
put!(ByteArray, ByteArrayColumnWriter);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_known_through_the_writer() {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let error = failed(Path::new("a.parquet"))(full.into());
        assert!(error.is_full() && error.to_string().starts_with("cannot write a.parquet: "), "{error}");
        let other = failed(Path::new("a.parquet"))(ParquetError::General("odd".into()));
        assert!(!other.is_full() && other.to_string().contains("odd"), "{other}");
    }
}
