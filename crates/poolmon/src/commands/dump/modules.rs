//! `modules`: `lm` and `lm a`.

use std::io::Write as _;

use poolmon_dump::{Dump, LoadedModule};
use poolmon_render::dump::{address, is_narrow, modules as render};

use crate::app::outcome::Outcome;
use crate::app::say::{self, warning};
use crate::cli::dump::{ListFormat, ModulesArgs};
use crate::input;

/// Prints the list, or what lies at the address; exit code 1 if nothing does.
pub fn run(dump: &Dump, args: &ModulesArgs) -> anyhow::Result<Outcome> {
    let list = dump.module_list().map_err(|error| input::dump::named(error, dump.path()))?;
    for warning in &list.warnings {
        warning!("{warning}");
    }
    let mut modules: Vec<&LoadedModule> = list.modules.iter().collect();
    let mut unloaded = dump.unloaded_modules();
    if let Some(wanted) = args.address {
        // A 32-bit address may come sign-extended.
        let wanted = if is_narrow(dump) { wanted & 0xffff_ffff } else { wanted };
        modules.retain(|module| module.contains(wanted));
        unloaded.retain(|driver| (driver.start..driver.end).contains(&wanted));
    }
    modules.sort_by_key(|module| module.base);
    let found = args.address.is_none() || !modules.is_empty() || !unloaded.is_empty();
    let mut out = say::out(args.format == ListFormat::Table);
    match args.format {
        ListFormat::Json => render::json(&mut out, dump, &modules, &unloaded, args.address)?,
        ListFormat::Csv => render::lines(&mut out, dump, &modules, &unloaded, b',')?,
        ListFormat::Tsv => render::lines(&mut out, dump, &modules, &unloaded, b'\t')?,
        ListFormat::Table => render::text(&mut out, dump, &modules, &unloaded, args.address)?,
    }
    out.flush()?;
    match args.address {
        Some(wanted) if !found => {
            warning!("no module contains {}", address(dump, wanted));
            Ok(Outcome::Failed)
        }
        _ => Ok(Outcome::done_if(list.warnings.is_empty() && dump.warnings().is_empty())),
    }
}
