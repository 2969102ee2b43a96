//! The answer for programs.

use std::io::{self, Write};

use poolmon_holder::{Kind, Unit};
use poolmon_print::delimited::LineWriter;
use poolmon_print::schema;
use serde::Serialize;

use super::{Holders, Listed, Part};

#[derive(Serialize)]
struct Json<'a> {
    schema: &'static str,
    processes: u64,
    /// Processes whose descriptors may not be read.
    unreadable: u64,
    /// When they were counted, of a recording.
    time: Option<String>,
    seconds: Option<f64>,
    remarks: &'a [String],
    holders: Vec<Holder<'a>>,
}

#[derive(Serialize)]
struct Holder<'a> {
    r#type: &'static str,
    id: String,
    pid: Option<u32>,
    name: &'a str,
    group: Option<&'a str>,
    objects: u64,
    change: Option<i64>,
    /// It was not there at the earlier count.
    new: bool,
    kinds: Vec<OfKind>,
}

#[derive(Serialize)]
struct OfKind {
    kind: Kind,
    unit: &'static str,
    count: u64,
    change: Option<i64>,
}

fn unit(kind: Kind) -> &'static str {
    match kind.unit() {
        Unit::Objects => "objects",
        Unit::Bytes => "bytes",
    }
}

/// One JSON object.
///
/// # Errors
///
/// Those of `out`.
pub fn json<'a>(out: &mut dyn Write, holders: &Holders<'a>) -> io::Result<()> {
    let listed: Vec<Listed<'a>> = holders.written().collect();
    let of_kind = |part: &Part| {
        let Part { kind, count, change } = *part;
        OfKind { kind, unit: unit(kind), count, change }
    };
    let holder = |one: &Listed<'a>| Holder {
        r#type: one.entry.holder.id.kind(),
        id: one.entry.holder.id.text(),
        pid: one.entry.holder.id.pid(),
        name: &one.entry.holder.name,
        group: one.entry.group.as_deref(),
        objects: one.objects,
        change: one.change,
        new: one.is_new,
        kinds: one.kinds.iter().map(of_kind).collect(),
    };
    let json = Json {
        schema: schema::HOLDERS,
        processes: holders.counted.now.processes,
        unreadable: holders.counted.now.closed,
        time: holders.at.map(|at| at.to_string()),
        seconds: holders.counted.before.as_ref().map(|(_, seconds)| *seconds),
        remarks: &holders.counted.now.remarks,
        holders: listed.iter().map(holder).collect(),
    };
    crate::json(out, &json)
}

const COLUMNS: [&str; 8] = ["type", "id", "name", "group", "kind", "unit", "count", "count_change"];

/// A line for each holder and kind.
///
/// # Errors
///
/// Those of `out`.
pub fn csv(out: &mut dyn Write, holders: &Holders<'_>) -> io::Result<()> {
    let mut lines = LineWriter::new(out, b',');
    lines.line(&COLUMNS)?;
    for one in holders.written() {
        let holder = &one.entry.holder;
        for part in &one.kinds {
            lines.line(&[
                holder.id.kind().to_owned(),
                holder.id.text(),
                holder.name.to_string(),
                one.entry.group.as_deref().unwrap_or_default().to_owned(),
                part.kind.id().to_owned(),
                unit(part.kind).to_owned(),
                part.count.to_string(),
                part.change.map(|by| by.to_string()).unwrap_or_default(),
            ])?;
        }
    }
    Ok(())
}
