//! Owner evidence from the drivers' code as it is in the dump. Offsets are addresses in the loaded image (RVAs): a dump
//! has no file offsets.

use std::io;

use poolmon_dump::{Dump, LoadedModule};
use poolmon_model::PoolTag;
use poolmon_model::units::counted;
use poolmon_owner::scan::Evidence;
use poolmon_print::schema;
use serde_json::{Value, json};

use super::address;

/// A driver that shows the tag.
pub struct DumpDriver<'a> {
    /// The module.
    pub module: &'a LoadedModule,
    /// Its version.
    pub version: Option<String>,
    /// Where it shows the tag, best first.
    pub evidence: Vec<Evidence>,
    /// Its pages that are not in the dump.
    pub absent: u64,
}

/// What all drivers reported.
#[derive(Default)]
pub struct Searched {
    /// Drivers whose code could be read.
    pub images: usize,
    /// Nothing of these is in the dump.
    pub missing: Vec<String>,
    /// Pages that are absent in the others.
    pub absent: u64,
}

/// Places that are shown of one driver.
const SHOWN: usize = 8;

/// For a person.
pub fn text(out: &mut dyn io::Write, dump: &Dump, drivers: &[DumpDriver<'_>]) -> io::Result<()> {
    for driver in drivers {
        let module = driver.module;
        let trust = driver.evidence.first().map(|row| row.confidence().to_string()).unwrap_or_default();
        let version = driver.version.as_deref().map(|version| format!(" {version}")).unwrap_or_default();
        writeln!(out, "{}{version} at {}: {trust}", module.file_name(), address(dump, module.base))?;
        for row in driver.evidence.iter().take(SHOWN) {
            let place = row.site.or(row.rva).unwrap_or(0);
            writeln!(out, "  {}+{place:#x} {}: {}", module.name(), row.section, row.explain())?;
        }
        if driver.evidence.len() > SHOWN {
            let more = (driver.evidence.len() - SHOWN) as u64;
            writeln!(out, "  and {}", counted(more, "more place"))?;
        }
        if driver.absent > 0 {
            writeln!(
                out,
                "  without {} that are not in the dump; there may be more",
                counted(driver.absent, "page")
            )?;
        }
    }
    Ok(())
}

/// One JSON object.
pub fn json(tag: PoolTag, drivers: &[DumpDriver<'_>], searched: &Searched) -> Value {
    let list: Vec<Value> = drivers.iter().map(document).collect();
    json!({
        "schema": schema::DUMP_WHO,
        "tag": tag.to_string(),
        "drivers": list,
        "images": searched.images,
        "images_missing": searched.missing,
        "absent_pages": searched.absent,
    })
}

fn document(driver: &DumpDriver<'_>) -> Value {
    let evidence: Vec<Value> = driver
        .evidence
        .iter()
        .map(|row| {
            json!({
                "kind": row.kind.word(),
                "confidence": row.confidence().to_string(),
                "offset": row.rva,
                "site": row.site,
                "section": row.section,
                "function": row.api,
                "text": row.explain(),
            })
        })
        .collect();
    json!({
        "module": driver.module.name(),
        "path": &*driver.module.path,
        "base": format!("{:#x}", driver.module.base),
        "version": driver.version,
        "absent_pages": driver.absent,
        "evidence": evidence,
    })
}

/// How much was searched, and what was not, a line each.
pub fn notes(searched: &Searched, tag: PoolTag, found: usize) -> Vec<String> {
    let mut notes = Vec::new();
    if found == 0 {
        notes.push(format!("no driver in this dump uses the tag {tag}"));
    }
    notes.push(format!(
        "{} read, without {} that are not in this dump",
        counted(searched.images as u64, "driver"),
        counted(searched.absent, "page")
    ));
    if !searched.missing.is_empty() {
        let shown: Vec<&str> = searched.missing.iter().take(5).map(String::as_str).collect();
        let more = searched.missing.len().saturating_sub(5);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        notes.push(format!("not in this dump, or without a header: {}{more}", shown.join(", ")));
    }
    notes
}
