//! `modules`: `lm` and `lm a`.

use std::io;

use poolmon_dump::pe::ImageDetails;
use poolmon_dump::{Dump, LoadedModule, UnloadedDriver};
use poolmon_model::units::{Precision, moment};
use poolmon_print::schema;
use serde_json::{Value, json};

use super::{address, delimited};
use crate::columns::table;

/// For a person.
pub fn text(
    out: &mut dyn io::Write,
    dump: &Dump,
    modules: &[&LoadedModule],
    unloaded: &[UnloadedDriver],
    wanted: Option<u64>,
) -> io::Result<()> {
    let heading = ["start", "end", "module", "version", "timestamp", "symbols"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for module in modules {
        let details = dump.module_details(module);
        let mut name = module.name().to_owned();
        if let Some(wanted) = wanted {
            name = format!("{name}+{:#x}", wanted.wrapping_sub(module.base) & 0xffff_ffff);
        }
        rows.push(vec![
            address(dump, module.base),
            address(dump, module.end()),
            name,
            details.version.clone().unwrap_or_else(|| "-".into()),
            made(module, &details),
            details
                .pdb
                .as_ref()
                .map(poolmon_dump::pe::PdbId::symbol_key)
                .or_else(|| module.symbol_key())
                .unwrap_or_default(),
        ]);
    }
    if !modules.is_empty() {
        table(out, &rows, &[])?;
    }
    if !unloaded.is_empty() {
        if !modules.is_empty() {
            writeln!(out)?;
        }
        writeln!(out, "Unloaded modules:")?;
        let rows: Vec<Vec<String>> = unloaded
            .iter()
            .map(|driver| {
                let time = driver.time.map(super::about::utc);
                vec![
                    address(dump, driver.start),
                    address(dump, driver.end),
                    driver.name.to_string(),
                    time.unwrap_or_default(),
                ]
            })
            .collect();
        table(out, &rows, &[])?;
    }
    Ok(())
}

/// When it was made, or that it is unknown. Where the header's page is absent, a value that is no plausible time is
/// taken for a hash.
fn made(module: &LoadedModule, details: &ImageDetails) -> String {
    let Some(stamp) = module.timestamp else { return "-".into() };
    let time = jiff::Timestamp::from_second(stamp.into()).ok();
    match (is_hash(module, details), time) {
        (Some(false), Some(time)) => moment(time, &jiff::tz::TimeZone::UTC, Precision::Seconds),
        (Some(true), _) => format!("hash {stamp:08X}"),
        _ => format!("time or hash {stamp:08X}"),
    }
}

/// The timestamp is a hash; `None` if that cannot be known. Nothing that runs here was made before 1993 or in the
/// future.
fn is_hash(module: &LoadedModule, details: &ImageDetails) -> Option<bool> {
    let stamp = i64::from(module.timestamp?);
    let plausible = (725_846_400..jiff::Timestamp::now().as_second()).contains(&stamp);
    details.reproducible.or(if plausible { None } else { Some(true) })
}

/// CSV or TSV.
pub fn lines(
    out: &mut dyn io::Write,
    dump: &Dump,
    modules: &[&LoadedModule],
    unloaded: &[UnloadedDriver],
    separator: u8,
) -> io::Result<()> {
    delimited(out, &cells(dump, modules, unloaded), separator)
}

/// One JSON object; offsets from the base are of the address that is `wanted`.
pub fn json(
    out: &mut dyn io::Write,
    dump: &Dump,
    modules: &[&LoadedModule],
    unloaded: &[UnloadedDriver],
    wanted: Option<u64>,
) -> io::Result<()> {
    let modules: Vec<Value> =
        modules.iter().map(|module| document(module, &dump.module_details(module), wanted)).collect();
    let unloaded: Vec<Value> = unloaded.iter().map(unloaded_document).collect();
    crate::json(out, &json!({ "schema": schema::MODULES, "modules": modules, "unloaded": unloaded }))
}

/// Rows of CSV and TSV.
fn cells(dump: &Dump, modules: &[&LoadedModule], unloaded: &[UnloadedDriver]) -> Vec<Vec<String>> {
    let heading = [
        "state",
        "name",
        "start",
        "end",
        "bytes",
        "path",
        "checksum",
        "timestamp",
        "reproducible",
        "version",
        "image_key",
        "pdb_key",
        "unloaded_at",
    ];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for module in modules {
        let details = dump.module_details(module);
        rows.push(vec![
            "loaded".into(),
            module.name().to_owned(),
            format!("{:#x}", module.base),
            format!("{:#x}", module.end()),
            module.size.to_string(),
            module.path.to_string(),
            format!("{:#x}", module.checksum),
            module.timestamp.map(|stamp| format!("{stamp:#x}")).unwrap_or_default(),
            details.reproducible.map(|hash| hash.to_string()).unwrap_or_default(),
            details.version.unwrap_or_default(),
            module.symbol_key().unwrap_or_default(),
            details.pdb.map(|pdb| pdb.symbol_key()).unwrap_or_default(),
            String::new(),
        ]);
    }
    for driver in unloaded {
        let mut row = vec![String::new(); heading.len()];
        let known = [
            "unloaded".to_owned(),
            driver.name.to_string(),
            format!("{:#x}", driver.start),
            format!("{:#x}", driver.end),
            (driver.end - driver.start).to_string(),
        ];
        for (cell, value) in row.iter_mut().zip(known) {
            *cell = value;
        }
        if let Some(last) = row.last_mut() {
            *last = driver.time.map(|time| time.to_string()).unwrap_or_default();
        }
        rows.push(row);
    }
    rows
}

fn document(module: &LoadedModule, details: &ImageDetails, wanted: Option<u64>) -> Value {
    let mut document = json!({
        "name": module.name(),
        "path": &*module.path,
        "base": format!("{:#x}", module.base),
        "end": format!("{:#x}", module.end()),
        "size": module.size,
        "checksum": format!("{:#x}", module.checksum),
        "timestamp": module.timestamp.map(|stamp| format!("{stamp:#x}")),
        "reproducible": details.reproducible,
        "version": details.version,
        "image_key": module.symbol_key(),
        "pdb_key": details.pdb.as_ref().map(poolmon_dump::pe::PdbId::symbol_key),
    });
    if let (Some(wanted), Some(map)) = (wanted, document.as_object_mut()) {
        map.insert("offset".into(), json!(wanted.wrapping_sub(module.base)));
    }
    document
}

fn unloaded_document(driver: &UnloadedDriver) -> Value {
    json!({
        "name": &*driver.name,
        "start": format!("{:#x}", driver.start),
        "end": format!("{:#x}", driver.end),
        "time": driver.time.map(|time| time.to_string()),
    })
}
