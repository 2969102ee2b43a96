//! A recording, or a part of it, for other tools.
//!
//! * [`select`]: which samples and rows;
//! * [`delimited`]: CSV and TSV; [`lines`]: JSON lines, PoolMon logs;
//! * [`mod@holders`], [`holders_parquet`]: who held objects;
//! * [`columns`]: rows turned into one stream for each tag, in little memory;
//! * [`openmetrics`], [`parquet`]: what needs that order; [`dataset`]: Parquet in a folder for each host and day.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

pub mod columns;
#[cfg(feature = "parquet")]
pub mod dataset;
pub mod delimited;
pub mod holders;
#[cfg(feature = "parquet")]
pub mod holders_parquet;
pub mod lines;
mod names;
pub mod openmetrics;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod select;
pub mod sum;

use std::io::{self, Write};
use std::path::Path;

pub use select::{EXCEL_ROWS, Estimate, ExportOptions, Summary};

use crate::WholeFile;
use crate::error::{Result, StoreError};
use crate::reader::Recording;

/// Text formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// Comma-separated values, one line for each row of each sample.
    Csv,
    /// Tab-separated values.
    Tsv,
    /// One JSON object for each row of each sample.
    JsonLines,
    /// PoolMon's wide snapshots, one after the other.
    Poolmon,
    /// `OpenMetrics` with timestamps, for back-filling Prometheus.
    OpenMetrics,
    /// The last sample in Prometheus' own text format, without a time.
    Prometheus,
    /// Machine-wide figures as CSV, one line for each sample.
    HeaderCsv,
    /// Gaps, notes and modules as CSV.
    MarksCsv,
    /// Who held objects, as CSV: one line for each holder and kind at each count.
    HoldersCsv,
}

/// Writes a recording as text, oldest sample first.
pub fn write(
    recording: &Recording,
    format: ExportFormat,
    options: &ExportOptions,
    out: &mut dyn Write,
) -> Result<Summary> {
    match format {
        ExportFormat::Csv => delimited::rows(recording, options, b',', out),
        ExportFormat::Tsv => delimited::rows(recording, options, b'\t', out),
        ExportFormat::HeaderCsv => delimited::header(recording, options, b',', out),
        ExportFormat::HoldersCsv => holders::delimited(recording, options, b',', out),
        ExportFormat::MarksCsv => delimited::marks(recording, options, b',', out),
        ExportFormat::JsonLines => lines::json(recording, options, out),
        ExportFormat::Poolmon => lines::logs(recording, options, out),
        ExportFormat::OpenMetrics => openmetrics::write(recording, options, out),
        ExportFormat::Prometheus => openmetrics::last(recording, options, out),
    }
}

/// As [`write()`], into a file that appears whole or not at all.
pub fn write_file(
    recording: &Recording,
    format: ExportFormat,
    options: &ExportOptions,
    path: &Path,
) -> Result<Summary> {
    whole(path, |file| {
        let mut out = io::BufWriter::with_capacity(256 << 10, file);
        let summary = write(recording, format, options, &mut out)?;
        out.flush().map_err(StoreError::io("write", path))?;
        Ok(summary)
    })
}

/// Writes a recording as one Parquet file that appears whole or not at all.
///
/// # Errors
///
/// [`StoreError::NoParquet`] in a build without the feature `parquet`.
pub fn write_parquet(recording: &Recording, options: &ExportOptions, path: &Path) -> Result<Summary> {
    #[cfg(feature = "parquet")]
    let result = parquet::write(recording, options, path, &mut || {});
    #[cfg(not(feature = "parquet"))]
    let result = {
        let _ = (recording, options, path);
        Err(StoreError::NoParquet)
    };
    result
}

/// Writes a recording as a data set of many hosts and days, see [`dataset`]; the number of files comes second.
///
/// # Errors
///
/// [`StoreError::NoParquet`] in a build without the feature `parquet`; [`StoreError::IsThere`] if one of the files is there and is not to be
/// replaced.
pub fn write_dataset(
    recording: &Recording,
    options: &ExportOptions,
    folder: &Path,
    replace: bool,
) -> Result<(Summary, u64)> {
    #[cfg(feature = "parquet")]
    let result = dataset::write(recording, options, folder, replace);
    #[cfg(not(feature = "parquet"))]
    let result = {
        let _ = (recording, options, folder, replace);
        Err(StoreError::NoParquet)
    };
    result
}

/// Writes who held objects as one Parquet file that appears whole or not at all.
///
/// # Errors
///
/// [`StoreError::NoParquet`] in a build without the feature `parquet`.
pub fn write_holders_parquet(recording: &Recording, options: &ExportOptions, path: &Path) -> Result<Summary> {
    #[cfg(feature = "parquet")]
    let result = holders_parquet::write(recording, options, path);
    #[cfg(not(feature = "parquet"))]
    let result = {
        let _ = (recording, options, path);
        Err(StoreError::NoParquet)
    };
    result
}

/// Writes a file under another name, and renames it when it is complete and on the disk.
fn whole<T>(path: &Path, write: impl FnOnce(&std::fs::File) -> Result<T>) -> Result<T> {
    let mut file = WholeFile::new(path).map_err(StoreError::io("make", path))?;
    let result = write(file.file())?;
    file.finish().map_err(StoreError::io("write", path))?;
    Ok(result)
}

/// Seconds since the first sample of a recording, for statistics that lose digits on large times.
fn seconds_since(start: jiff::Timestamp, time: jiff::Timestamp) -> f64 {
    (time.as_nanosecond() - start.as_nanosecond()) as f64 / 1e9
}
