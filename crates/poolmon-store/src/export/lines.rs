//! JSON lines and PoolMon logs.

use std::io::Write;

use poolmon_model::units::{day_and_time, rfc3339};
use poolmon_model::{
    Coverage, FIGURES, Filter, PoolTag, Row, Sample, Sort, Table, Value as Cell, column, header,
};
use poolmon_print::{poolmon, schema};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer as _};

use super::delimited::sink;
use super::names::OtherNames;
use super::seconds_since;
use super::select::{ExportOptions, Summary};
use crate::error;
use crate::reader::Recording;

/// One object for each row: the columns of the CSV, unknown figures left out.
pub(super) fn json(
    recording: &Recording,
    options: &ExportOptions,
    out: &mut dyn Write,
) -> error::Result<Summary> {
    let names = OtherNames::of(recording)?;
    options.each(recording, |start, time, sample| {
        let mut count = 0;
        let stamp = Stamp { moment: rfc3339(Some(time)), of_day: day_and_time(Some(time)) };
        let seconds = seconds_since(start, time);
        for (session, row) in options.rows(sample) {
            let machine = (count == 0).then(|| MachineFigures(sample, options.coverage(sample)));
            object(&mut *out, sample, (&stamp, seconds, machine), session, (row, names.get(&row.tag)))
                .map_err(|error| sink(error.into()))?;
            out.write_all(b"\n").map_err(sink)?;
            count += 1;
        }
        Ok(count)
    })
}

/// When a sample was taken: its moment, or its time of day if the date is unknown.
struct Stamp {
    moment: Option<String>,
    of_day: Option<String>,
}

/// One row as an object, written field by field: an object in memory for each row would take most of the time.
fn object(
    out: &mut dyn Write,
    sample: &Sample,
    (stamp, seconds, machine): (&Stamp, f64, Option<MachineFigures<'_>>),
    session: Option<u32>,
    (row, other_names): (&Row, Option<&[String]>),
) -> serde_json::Result<()> {
    fn add<T: Serialize>(
        map: &mut impl SerializeMap<Error = serde_json::Error>,
        name: &str,
        value: Option<T>,
    ) -> serde_json::Result<()> {
        value.map_or(Ok(()), |value| map.serialize_entry(name, &value))
    }
    let mut writer = serde_json::Serializer::new(out);
    let mut map = writer.serialize_map(None)?;
    add(&mut map, "schema", Some(schema::ROW))?;
    map.serialize_entry("time", &stamp.moment)?;
    add(&mut map, "time_of_day", stamp.of_day.as_deref())?;
    add(&mut map, "t_s", Some(seconds))?;
    add(&mut map, "host", sample.origin.host.as_deref())?;
    add(&mut map, "boot", sample.origin.boot.as_deref())?;
    add(&mut map, "session", session)?;
    map.serialize_key("tag")?;
    map.serialize_value(&format_args!("{}", row.tag))?;
    add(&mut map, "tag_raw", row.tag.as_pool().map(PoolTag::to_u32))?;
    add(&mut map, "pool", Some(row.pool.id()))?;
    for figure in FIGURES {
        match figure.value(&row.counters, sample.width) {
            Cell::Count(count) => map.serialize_entry(figure.id, &count)?,
            Cell::Signed(signed) => map.serialize_entry(figure.id, &signed)?,
            Cell::Unknown | Cell::Text(_) | Cell::Share(_) => {}
        }
    }
    add(&mut map, "owner", row.reported_owner.as_deref())?;
    add(&mut map, "other_names", other_names)?;
    add(&mut map, "header", machine)?;
    map.end()
}

/// Figures of the machine by name, as the first row of each sample has them.
struct MachineFigures<'a>(&'a Sample, Coverage);

impl Serialize for MachineFigures<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(system) = &self.0.origin.system {
            map.serialize_entry("system", system)?;
        }
        if let Some(words) = self.1.words() {
            map.serialize_entry("unlisted", &words)?;
        }
        if let Some(uptime) = self.0.uptime {
            map.serialize_entry("uptime_ms", &u64::try_from(uptime.as_millis()).unwrap_or(u64::MAX))?;
        }
        for figure in header::FIGURES {
            if let Some(value) = (figure.get)(&self.0.header) {
                map.serialize_entry(figure.id, &value)?;
            }
        }
        map.end()
    }
}

/// PoolMon's wide snapshots with a stamp line before each, sorted by tag as PoolMon sorts them.
pub(super) fn logs(
    recording: &Recording,
    options: &ExportOptions,
    out: &mut dyn Write,
) -> error::Result<Summary> {
    let filter = Filter { show_zero: false, ..options.filter.clone() };
    let mut table = Table::default();
    let write = poolmon_print::PrintOptions { header: true, ..Default::default() };
    options.each(recording, |_, _, sample: &Sample| {
        table.update(None, sample, &filter, None);
        table.sort(Sort::by(&column::TAG));
        writeln!(out, "{} {}", poolmon::stamp(sample), poolmon::machine(sample)).map_err(sink)?;
        poolmon::write(out, sample, &table, write).map_err(sink)?;
        Ok(table.rows.len() as u64)
    })
}
