//! JSON: one object with the source, the machine's figures, every row and the totals.
//!
//! Sizes are bytes, counts are counts, times are RFC 3339 in UTC. `null` = not reported by this system.
//! `schema` changes when a field changes its meaning; fields may be added without that.

use std::io::{self, Write};

use poolmon_model::owner::OwnerParts;
use poolmon_model::units::{day_and_time, rfc3339};
use poolmon_model::{
    Column, FIGURES, Sample, SourceKind, Table, TableRow, Tag, Totals, Value, column, delta::Presence, header,
};
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};

use crate::groups::Groups;
use crate::schema;

/// Writes the table, one row a line, so that `grep` works on it too.
pub fn write(out: &mut dyn Write, sample: &Sample, table: &Table) -> io::Result<()> {
    write_document(out, &Document { sample, table, groups: None })
}

/// The same, with the groups of the rows.
pub(crate) fn write_groups(
    out: &mut dyn Write,
    sample: &Sample,
    table: &Table,
    groups: &Groups,
) -> io::Result<()> {
    write_document(out, &Document { sample, table, groups: Some(groups) })
}

fn write_document(out: &mut dyn Write, document: &Document<'_>) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, RowLines { depth: 0 });
    document.serialize(&mut serializer)?;
    out.write_all(b"\n")
}

struct Document<'a> {
    sample: &'a Sample,
    table: &'a Table,
    groups: Option<&'a Groups>,
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { sample, table, groups } = *self;
        let origin = &sample.origin;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("schema", schema::TABLE)?;
        map.serialize_entry("source", origin.kind.id())?;
        map.serialize_entry("simulated", &(origin.kind == SourceKind::Simulated))?;
        map.serialize_entry("file", &origin.file)?;
        map.serialize_entry("host", &origin.host)?;
        map.serialize_entry("system", &origin.system)?;
        map.serialize_entry("boot", &origin.boot)?;
        map.serialize_entry("time", &rfc3339(sample.time))?;
        map.serialize_entry("time_of_day", &day_and_time(sample.time))?;
        map.serialize_entry("uptime_s", &sample.uptime.map(|uptime| uptime.as_secs()))?;
        map.serialize_entry("rebooted", &table.rebooted)?;
        map.serialize_entry("header", &HeaderJson(table))?;
        map.serialize_entry("row_count", &table.rows.len())?;
        map.serialize_entry("rows", &Rows(table))?;
        if let Some(groups) = groups {
            groups.entries(&mut map, table)?;
        }
        map.serialize_entry("totals", &TotalsJson(&table.totals))?;
        map.serialize_entry("disagreeing_rows", &sample.disagreeing)?;
        map.serialize_entry("remarks", &sample.remarks)?;
        map.end()
    }
}

struct HeaderJson<'a>(&'a Table);

impl Serialize for HeaderJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for figure in header::FIGURES {
            if let Some(value) = (figure.get)(&self.0.header) {
                map.serialize_entry(figure.id, &value)?;
            }
        }
        if let Some(change) = self.0.page_faults_change {
            map.serialize_entry("page_faults_change", &change)?;
        }
        map.end()
    }
}

struct Rows<'a>(&'a Table);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rows = serializer.serialize_seq(Some(self.0.rows.len()))?;
        for row in &self.0.rows {
            rows.serialize_element(&RowJson(row))?;
        }
        rows.end()
    }
}

struct RowJson<'a>(&'a TableRow);

impl Serialize for RowJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let row = self.0;
        let mut map = serializer.serialize_map(None)?;
        for column in column::COLUMNS {
            cell(&mut map, column, row)?;
            if column.id == column::TAG.id
                && let Tag::Pool(tag) = row.row.tag
            {
                map.serialize_entry("tag_value", &format!("{:#010x}", tag.to_u32()))?;
            }
        }
        if row.is_inexact() {
            map.serialize_entry("inexact", &true)?;
        }
        match row.presence {
            Presence::Steady => {}
            Presence::New => map.serialize_entry("presence", "new")?,
            Presence::Gone => map.serialize_entry("presence", "gone")?,
        }
        map.end()
    }
}

fn cell<M: SerializeMap>(map: &mut M, column: &Column, row: &TableRow) -> Result<(), M::Error> {
    if column.is(&column::DRIVER) {
        return map.serialize_entry(column.id, &row.owner_parts().map(OwnerJson::from));
    }
    map.serialize_entry(column.id, &ValueJson(column.value(row)))?;
    // A change is written only where there was an earlier sample: its absence is not a zero.
    if column.has_change() && row.delta.is_some() {
        map.serialize_entry(&format!("{}_change", column.id), &ValueJson(column.change(row)))?;
    }
    Ok(())
}

/// The owner of a row or a tag, as every JSON document has it.
#[derive(Serialize)]
pub struct OwnerJson<'a> {
    name: Option<&'a str>,
    description: Option<&'a str>,
    origin: &'static str,
}

impl<'a> From<OwnerParts<'a>> for OwnerJson<'a> {
    fn from(parts: OwnerParts<'a>) -> Self {
        Self { name: parts.name, description: parts.description, origin: parts.origin.id() }
    }
}

pub(crate) struct ValueJson<'a>(pub Value<'a>);

impl Serialize for ValueJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Value::Unknown => serializer.serialize_none(),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Count(count) => serializer.serialize_u64(*count),
            Value::Signed(signed) => serializer.serialize_i64(*signed),
            Value::Share(share) => serializer.serialize_f64(*share),
        }
    }
}

struct TotalsJson<'a>(&'a [Totals]);

impl Serialize for TotalsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for totals in self.0 {
            map.serialize_entry(totals.pool.id(), &OneTotal(totals))?;
        }
        map.end()
    }
}

struct OneTotal<'a>(&'a Totals);

impl Serialize for OneTotal<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Totals { rows, counters, delta, untagged, .. } = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("rows", rows)?;
        for figure in FIGURES {
            map.serialize_entry(figure.id, &ValueJson(figure.stored_value(counters)))?;
        }
        if let Some(delta) = delta {
            for figure in FIGURES {
                map.serialize_entry(
                    &format!("{}_change", figure.id),
                    &ValueJson(figure.change_value(delta)),
                )?;
            }
        }
        map.serialize_entry("untagged_bytes", untagged)?;
        map.end()
    }
}

/// Compact, but each top-level field and each row starts a line.
struct RowLines {
    depth: usize,
}

impl serde_json::ser::Formatter for RowLines {
    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth += 1;
        writer.write_all(b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        writer.write_all(if self.depth == 0 { b"\n}" } else { b"}" })
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b"," })?;
        writer.write_all(match (self.depth, first) {
            (1, _) => b"\n  ",
            (_, true) => b"",
            (_, false) => b" ",
        })
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        // A list of a row or group stays on its line.
        writer.write_all(match (self.depth, first) {
            (1, true) => b"\n    ",
            (1, false) => b",\n    ",
            (_, true) => b"",
            (_, false) => b", ",
        })
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b"]")
    }
}
