//! A table of groups: rows with something in common as one line each, with their sums.

use std::io::{self, Write};

use poolmon_model::column::{self, COLUMNS, Unit};
use poolmon_model::group::{self, Group, GroupBy};
use poolmon_model::{Column, Pool, Sample, Sort, Table, Value};
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};

use crate::delimited::LineWriter;
use crate::json::ValueJson;
use crate::paint::Ink;
use crate::text::Cells;
use crate::{PrintOptions, TableFormat, json, text};

/// The groups of a table, as they are printed.
#[derive(Debug)]
pub struct Groups {
    /// What rows of a group have in common.
    pub by: GroupBy,
    /// The groups in their order.
    pub list: Vec<Group>,
}

impl Groups {
    /// The groups of a table's rows in an order, at most `limit` of them.
    pub fn of(table: &Table, by: GroupBy, sort: Sort, limit: Option<usize>) -> Self {
        let mut list = group::groups(&table.rows, by, sort);
        list.truncate(limit.unwrap_or(usize::MAX));
        Self { by, list }
    }

    fn is_known(&self, column: &Column) -> bool {
        self.list.iter().any(|group| column.value(&group.sum) != Value::Unknown)
    }

    fn has_change(&self, column: &Column) -> bool {
        self.list.iter().any(|group| column.change(&group.sum) != Value::Unknown)
    }
}

/// Columns of figures: a text is of a row, not of a group.
fn figures() -> impl Iterator<Item = &'static Column> {
    COLUMNS.into_iter().filter(|column| column.unit != Unit::Text)
}

/// Writes the groups in a format.
///
/// # Errors
///
/// Those of the writer, and that `PoolMon`'s own layout has no groups.
pub fn write(
    out: &mut dyn Ink,
    format: TableFormat,
    sample: &Sample,
    (table, groups): (&Table, &Groups),
    options: PrintOptions,
) -> io::Result<()> {
    match format {
        TableFormat::Table => {
            text::framed(out, sample, table, options, |out| lines(out, table, groups, options))
        }
        TableFormat::Csv => delimited(out, b',', sample, groups),
        TableFormat::Tsv => delimited(out, b'\t', sample, groups),
        TableFormat::Json => json::write_groups(out, sample, table, groups),
        TableFormat::Poolmon => {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "PoolMon's own layout has no groups"))
        }
    }
}

fn lines(out: &mut dyn Ink, table: &Table, groups: &Groups, options: PrintOptions) -> io::Result<()> {
    let list = &groups.list;
    let names = list.iter().map(|group| group.key.name.clone()).collect();
    let counts = list.iter().map(|group| group.rows.len().to_string()).collect();
    let pools = list.iter().map(|group| group.pool().map_or("mixed", Pool::short).to_owned()).collect();
    let mut columns = vec![
        Cells::new(groups.by.title().into(), names, true),
        Cells::new("Rows".into(), counts, false),
        Cells::new(column::POOL.title.into(), pools, true),
    ];
    let changes = crate::has_changes(table);
    for column in figures().filter(|column| column.always || groups.is_known(column)) {
        let rows = || list.iter().map(|group| (&group.sum, group.is_marked(column.id)));
        columns.push(Cells::values(column, rows(), options));
        if changes && !column.is(&column::PER_ALLOC) && groups.has_change(column) {
            let rows =
                list.iter().map(|group| (&group.sum, text::pool_bytes(table, group.pools.iter().copied())));
            columns.push(Cells::changes(column, rows, options));
        }
    }
    text::lines(out, &columns, list.len(), options)
}

fn delimited(out: &mut dyn Write, separator: u8, sample: &Sample, groups: &Groups) -> io::Result<()> {
    let time = sample.time.map(|time| time.to_string());
    let host = sample.origin.host.as_deref();
    let changes = figures().any(|column| groups.has_change(column));
    let changes = |column: &Column| changes && column.has_change();
    let mut line = LineWriter::new(out, separator);
    line.optional(time.as_deref().map(|_| "time"))?;
    line.optional(host.map(|_| "host"))?;
    for title in [groups.by.id(), "rows", column::POOL.id] {
        line.field(title)?;
    }
    for column in figures() {
        line.field(column.id)?;
        if changes(column) {
            line.field(&format!("{}_change", column.id))?;
        }
    }
    line.field("inexact")?;
    line.end()?;
    for group in &groups.list {
        line.optional(time.as_deref())?;
        line.optional(host)?;
        line.field(&group.key.name)?;
        line.number(Some(group.rows.len()))?;
        line.field(group.pool().map_or("mixed", Pool::id))?;
        for column in figures() {
            line.value(&column.value(&group.sum))?;
            if changes(column) {
                line.value(&column.change(&group.sum))?;
            }
        }
        line.field(if is_inexact(group) { "true" } else { "false" })?;
        line.end()?;
    }
    Ok(())
}

fn is_inexact(group: &Group) -> bool {
    figures().any(|column| group.is_marked(column.id))
}

impl Groups {
    /// Fields of the document of a table.
    pub(crate) fn entries<M: SerializeMap>(&self, map: &mut M, table: &Table) -> Result<(), M::Error> {
        map.serialize_entry("grouped_by", self.by.id())?;
        map.serialize_entry("groups", &GroupsJson(self, table))
    }
}

struct GroupsJson<'a>(&'a Groups, &'a Table);

impl Serialize for GroupsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut groups = serializer.serialize_seq(Some(self.0.list.len()))?;
        for group in &self.0.list {
            groups.serialize_element(&GroupJson(group, self.1))?;
        }
        groups.end()
    }
}

struct GroupJson<'a>(&'a Group, &'a Table);

impl Serialize for GroupJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(group, table) = *self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &group.key.name)?;
        map.serialize_entry("rows", &group.rows.len())?;
        let tags = group.rows.iter().filter_map(|&at| table.rows.get(at));
        map.serialize_entry("tags", &tags.map(|row| row.row.tag.to_string()).collect::<Vec<_>>())?;
        map.serialize_entry("pools", &group.pools.iter().map(|pool| pool.id()).collect::<Vec<_>>())?;
        for column in figures() {
            map.serialize_entry(column.id, &ValueJson(column.value(&group.sum)))?;
            if column.has_change() && group.sum.delta.is_some() {
                map.serialize_entry(&format!("{}_change", column.id), &ValueJson(column.change(&group.sum)))?;
            }
        }
        if is_inexact(group) {
            map.serialize_entry("inexact", &true)?;
        }
        map.end()
    }
}
