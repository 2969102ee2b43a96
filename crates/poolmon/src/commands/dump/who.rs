//! `who`: owner evidence from the drivers' code as it stands in the dump.

use std::io::{self, Write as _};

use poolmon_dump::{Dump, LoadedModule};
use poolmon_model::PoolTag;
use poolmon_model::units::grouped;
use poolmon_owner::scan::{DriverImage, Evidence, EvidenceKind};
use serde_json::{Value, json};

use super::address;
use crate::cli::dump::{DumpWhoArgs, TextOrJson};
use crate::{Exit, input};

/// A driver that shows the tag.
struct Driver<'a> {
    module: &'a LoadedModule,
    version: Option<String>,
    evidence: Vec<Evidence>,
    absent: u64,
}

/// What all drivers told.
#[derive(Default)]
struct Searched {
    images: usize,
    /// Nothing of these is in the dump.
    missing: Vec<String>,
    /// Pages that are absent in the others.
    absent: u64,
}

/// Searches all drivers; exit code 1 where none shows the tag.
pub fn run(dump: &Dump, args: &DumpWhoArgs) -> anyhow::Result<()> {
    let named = |error| input::dump::named(error, dump.path());
    let modules = dump.modules().map_err(named)?;
    let mut searched = Searched::default();
    let mut drivers = drivers(dump, &modules, args.tag, &mut searched).map_err(named)?;
    for driver in &mut drivers {
        driver.evidence.retain(|row| args.all || row.kind < EvidenceKind::Text);
    }
    drivers.retain(|driver| !driver.evidence.is_empty());
    drivers.sort_by_key(|driver| driver.evidence.first().map(|row| row.kind));
    let mut out = io::BufWriter::new(io::stdout().lock());
    match args.format {
        TextOrJson::Text => text(&mut out, dump, &drivers)?,
        TextOrJson::Json => {
            let list: Vec<Value> = drivers.iter().map(document).collect();
            let document = json!({
                "schema": "poolmon.who/1",
                "tag": args.tag.to_string(),
                "drivers": list,
                "images": searched.images,
                "images_missing": searched.missing,
                "absent_pages": searched.absent,
            });
            serde_json::to_writer_pretty(&mut out, &document)?;
            writeln!(out)?;
        }
    }
    out.flush()?;
    tell(&searched, args.tag, drivers.len());
    if drivers.is_empty() { Err(Exit(1).into()) } else { Ok(()) }
}

fn drivers<'a>(
    dump: &Dump,
    modules: &'a [LoadedModule],
    tag: PoolTag,
    searched: &mut Searched,
) -> poolmon_dump::Result<Vec<Driver<'a>>> {
    // A search that ends at once: it refuses where the file holds no code.
    dump.find(&poolmon_dump::Needle::tag(tag), &mut |_, _| false)?;
    let exports = dump.exports(modules);
    let mut line = input::dump::Progress::new();
    let mut found = Vec::new();
    for (at, module) in modules.iter().enumerate() {
        line.tell(|| format!("reading driver {} of {}", at + 1, modules.len()));
        let Some(image) = dump.module_image(module) else {
            searched.missing.push(module.name().to_owned());
            continue;
        };
        let export = |address| exports.at(address);
        let Ok(parsed) = DriverImage::parse_mapped(module.file_name(), &image.bytes, module.base, &export)
        else {
            // Its header's page is absent, so its sections are not known.
            searched.missing.push(module.name().to_owned());
            continue;
        };
        searched.images += 1;
        searched.absent += image.absent.total();
        let evidence = parsed.evidence_for(tag);
        if !evidence.is_empty() {
            let info = parsed.info();
            let version = info.version.or_else(|| dump.module_details(module).version);
            found.push(Driver { module, version, evidence, absent: image.absent.total() });
        }
    }
    line.clear();
    Ok(found)
}

/// Places that are shown of one driver.
const SHOWN: usize = 8;

fn text(out: &mut dyn io::Write, dump: &Dump, drivers: &[Driver<'_>]) -> io::Result<()> {
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
            writeln!(out, "  and {} more places", grouped((driver.evidence.len() - SHOWN) as u64))?;
        }
        if driver.absent > 0 {
            writeln!(
                out,
                "  {} of its pages are not in the dump; there may be more",
                grouped(driver.absent)
            )?;
        }
    }
    Ok(())
}

fn document(driver: &Driver<'_>) -> Value {
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
        "path": driver.module.path,
        "base": format!("{:#x}", driver.module.base),
        "version": driver.version,
        "absent_pages": driver.absent,
        "evidence": evidence,
    })
}

fn tell(searched: &Searched, tag: PoolTag, found: usize) {
    if found == 0 {
        eprintln!("poolmon: no driver in this dump shows the tag {tag}");
    }
    eprintln!(
        "poolmon: {} drivers read; {} of their pages are not in this dump",
        searched.images,
        grouped(searched.absent)
    );
    if !searched.missing.is_empty() {
        let shown: Vec<&str> = searched.missing.iter().take(5).map(String::as_str).collect();
        let more = searched.missing.len().saturating_sub(5);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        eprintln!("poolmon: not in this dump, or without a header: {}{more}", shown.join(", "));
    }
}
