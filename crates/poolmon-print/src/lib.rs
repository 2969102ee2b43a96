#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! One table written for people and programs: text, CSV, TSV, JSON, PoolMon's log; and [`metrics`] as text.
//!
//! Which columns there are, what they are called and what is in them comes from [`poolmon_model::column`];
//! a module here knows only its own layout.
#![deny(clippy::print_stderr, clippy::print_stdout)]
#![forbid(unsafe_code)]

pub mod delimited;
pub mod groups;
pub mod json;
pub mod metrics;
pub mod paint;
pub mod poolmon;
mod safe;
pub mod schema;
mod text;
pub mod zip;

pub use paint::{Ink, Line, Paint};
pub use safe::SafeText;

use std::io::{self, Write};

use poolmon_model::{Column, Sample, Table, column};

use paint::Unpainted;

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TableFormat {
    /// Aligned text for people.
    Table,
    /// Comma-separated values.
    Csv,
    /// Tab-separated values.
    Tsv,
    /// JSON, one object.
    Json,
    /// The wide snapshot layout of today's PoolMon.
    Poolmon,
}

/// What is written next to the rows.
#[expect(clippy::struct_excessive_bools, reason = "independent switches, each named where it is set")]
#[derive(Clone, Copy, Debug, Default)]
pub struct PrintOptions {
    /// Totals by pool, and what no tag accounts for. JSON has them always.
    pub totals: bool,
    /// The two lines of memory figures before a text table or a PoolMon log. JSON has them always.
    pub header: bool,
    /// A comment line with time, host, boot and system before a PoolMon log.
    pub stamp: bool,
    /// The `Mapped_Driver` column.
    pub driver: bool,
    /// No line of titles in a text table: what `awk` and `sort` read.
    pub no_titles: bool,
    /// Bytes of a text table with units, rounded: `1.23 MiB`.
    pub human: bool,
}

/// Writes a table in a format.
pub fn write(
    out: &mut dyn Write,
    format: TableFormat,
    sample: &Sample,
    table: &Table,
    options: PrintOptions,
) -> io::Result<()> {
    match format {
        TableFormat::Table => text::write(&mut Unpainted(out), sample, table, options),
        TableFormat::Csv => delimited::write(out, b',', sample, table),
        TableFormat::Tsv => delimited::write(out, b'\t', sample, table),
        TableFormat::Json => json::write(out, sample, table),
        TableFormat::Poolmon => poolmon::write(out, sample, table, options),
    }
}

/// As [`write()`]; text has colours if the writer has.
///
/// # Errors
///
/// Those of the writer.
pub fn write_painted(
    out: &mut dyn Ink,
    format: TableFormat,
    sample: &Sample,
    table: &Table,
    options: PrintOptions,
) -> io::Result<()> {
    match format {
        TableFormat::Table => text::write(out, sample, table, options),
        format => write(out, format, sample, table, options),
    }
}

/// Whether the rows have something to compare with, so that change columns make sense.
fn has_changes(table: &Table) -> bool {
    table.rows.iter().any(|row| row.delta.is_some())
}

/// Columns to print: those that are always shown, and those that some row has a value for.
fn columns(table: &Table, driver: bool) -> Vec<&'static Column> {
    column::COLUMNS
        .into_iter()
        .filter(|column| column.always || column::is_known(column, &table.rows))
        .filter(|column| driver || !column.is(&column::DRIVER))
        .collect()
}

#[cfg(test)]
mod tests;
