//! `who`: owner evidence from the drivers' code as it is in the dump.

use std::io::Write as _;

use poolmon_dump::{Dump, LoadedModule};
use poolmon_model::PoolTag;
use poolmon_owner::scan::{DriverImage, EvidenceKind};
use poolmon_render::dump::who::{self as render, DumpDriver, Searched};

use crate::app::outcome::Outcome;
use crate::app::say::{self, note};
use crate::cli::dump::DumpWhoArgs;
use crate::cli::groups::TextOrJson;
use crate::input;

/// Searches all drivers; exit code 1 if none shows the tag.
pub fn run(dump: &Dump, args: &DumpWhoArgs) -> anyhow::Result<Outcome> {
    let named = |error| input::dump::named(error, dump.path());
    let modules = dump.modules().map_err(named)?;
    let mut searched = Searched::default();
    let mut drivers = drivers(dump, &modules, args.tag, &mut searched).map_err(named)?;
    for driver in &mut drivers {
        driver.evidence.retain(|row| args.all || row.kind < EvidenceKind::Text);
    }
    drivers.retain(|driver| !driver.evidence.is_empty());
    drivers.sort_by_key(|driver| driver.evidence.first().map(|row| row.kind));
    let mut out = say::out(args.format == TextOrJson::Text);
    match args.format {
        TextOrJson::Text => render::text(&mut out, dump, &drivers)?,
        TextOrJson::Json => {
            poolmon_render::json(&mut out, &render::json(args.tag, &drivers, &searched))?;
        }
    }
    out.flush()?;
    for note in render::notes(&searched, args.tag, drivers.len()) {
        note!("{note}");
    }
    Ok(Outcome::done_if(!drivers.is_empty() && dump.warnings().is_empty()))
}

fn drivers<'a>(
    dump: &Dump,
    modules: &'a [LoadedModule],
    tag: PoolTag,
    searched: &mut Searched,
) -> poolmon_dump::Result<Vec<DumpDriver<'a>>> {
    // A search that ends at once: it refuses where the file holds no code.
    dump.find(&poolmon_dump::Needle::tag(tag), &mut |_, _| false)?;
    let exports = dump.exports(modules);
    let mut line = say::Progress::new();
    let mut found = Vec::new();
    for (at, module) in modules.iter().enumerate() {
        line.show(|| format!("reading driver {} of {}", at + 1, modules.len()));
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
            found.push(DumpDriver { module, version, evidence, absent: image.absent.total() });
        }
    }
    drop(line);
    Ok(found)
}
