//! JSON lines and PoolMon logs.

use std::io::Write;

use poolmon_model::{FIGURES, Filter, Sample, Sort, Table, Value as Cell, column};
use poolmon_print::schema;
use serde_json::{Map, Value};

use super::delimited::sink;
use super::seconds_since;
use super::select::{ExportOptions, Summary};
use crate::error::Result;
use crate::reader::Recording;

/// One object for each row: the columns of the CSV, unknown figures left out.
pub(super) fn json(recording: &Recording, options: &ExportOptions, out: &mut dyn Write) -> Result<Summary> {
    options.each(recording, |start, time, sample| {
        let mut count = 0;
        let (stamp, seconds) = (time.to_string(), seconds_since(start, time));
        for (session, row) in options.rows(sample) {
            let mut map = Map::new();
            let mut add = |name: &str, value: Option<Value>| {
                if let Some(value) = value {
                    map.insert(name.into(), value);
                }
            };
            add("schema", Some(schema::ROW.into()));
            add("time", Some(stamp.as_str().into()));
            add("t_s", Some(seconds.into()));
            add("host", sample.origin.host.as_deref().map(Into::into));
            add("boot", sample.origin.boot.as_deref().map(Into::into));
            add("session", session.map(Into::into));
            add("tag", Some(row.tag.to_string().into()));
            add("tag_raw", row.tag.as_pool().map(|tag| tag.to_u32().into()));
            add("pool", Some(row.pool.id().into()));
            for figure in FIGURES {
                let number = match figure.value(&row.counters, sample.width) {
                    Cell::Count(count) => Some(count.into()),
                    Cell::Signed(signed) => Some(signed.into()),
                    Cell::Unknown | Cell::Text(_) | Cell::Share(_) => None,
                };
                add(figure.id, number);
            }
            add("owner", row.told_owner.as_deref().map(Into::into));
            serde_json::to_writer(&mut *out, &Value::Object(map)).map_err(|error| sink(error.into()))?;
            out.write_all(b"\n").map_err(sink)?;
            count += 1;
        }
        Ok(count)
    })
}

/// PoolMon's wide snapshots with a stamp line before each, sorted by tag as PoolMon sorts them.
pub(super) fn poolmon(
    recording: &Recording,
    options: &ExportOptions,
    out: &mut dyn Write,
) -> Result<Summary> {
    let filter = Filter { show_zero: false, ..options.filter.clone() };
    let mut table = Table::default();
    let write = poolmon_print::PrintOptions { header: true, stamp: true, driver: false, totals: false };
    options.each(recording, |_, _, sample: &Sample| {
        table.update(None, sample, &filter, None);
        table.sort(Sort::by(&column::TAG));
        poolmon_print::poolmon::write(out, sample, &table, write).map_err(sink)?;
        Ok(table.rows.len() as u64)
    })
}
