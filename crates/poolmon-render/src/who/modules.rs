//! `who --all` for Linux: modules and kernels, each with the caches that it creates.

use std::io::{self, Write};
use std::path::Path;

use poolmon_model::units::counted;
use poolmon_owner::linux::{Creation, CreationKind, ModuleCatalog, ScannedModule, SearchSummary};
use poolmon_print::schema;
use std::collections::HashSet;

use super::cache::searched;

/// The files that create caches, by path.
fn creating(catalog: &ModuleCatalog) -> impl Iterator<Item = (&Path, &ScannedModule, Vec<&Creation>)> {
    catalog.iter().filter_map(|(path, module)| {
        let mut seen = HashSet::new();
        let traced = module.creations.iter().filter(|row| row.kind != CreationKind::Text);
        let caches: Vec<_> = traced.filter(|row| seen.insert(row.name.as_str())).collect();
        (!caches.is_empty() || module.unknown > 0).then_some((path, module, caches))
    })
}

/// For a person.
pub fn text(out: &mut dyn Write, catalog: &ModuleCatalog, summary: &SearchSummary) -> io::Result<()> {
    let mut files = 0;
    for (path, module, caches) in creating(catalog) {
        files += 1;
        let info = &module.info;
        write!(out, "{}, {}", info.name, info.machine)?;
        if let Some(version) = &info.version {
            write!(out, ", version {version}")?;
        }
        if !info.kernel {
            let tree = if info.in_tree { "built with the kernel" } else { "not built with the kernel" };
            write!(out, ", {tree}, {}", if info.signed { "signed" } else { "not signed" })?;
        }
        writeln!(out, "\n  {}", path.display())?;
        for row in &caches {
            writeln!(out, "    {:<28}  {:<8}  {}", row.name, row.confidence().word(), row.explain())?;
        }
        if module.unknown > 0 {
            let calls = counted(module.unknown as u64, "more call");
            writeln!(out, "    {calls} with a name that could not be followed")?;
        }
        writeln!(out)?;
    }
    let verb = if files == 1 { "creates" } else { "create" };
    writeln!(out, "Searched: {}; {files} {verb} caches.", searched(summary))
}

/// One JSON object.
pub fn json(out: &mut dyn Write, catalog: &ModuleCatalog, summary: &SearchSummary) -> io::Result<()> {
    let modules: Vec<_> = creating(catalog)
        .map(|(path, module, caches)| {
            let caches: Vec<_> = caches
                .iter()
                .map(|row| {
                    serde_json::json!({
                        "name": row.name,
                        "confidence": row.confidence().word(),
                        "explanation": row.explain(),
                    })
                })
                .collect();
            serde_json::json!({
                "name": module.info.name,
                "file": path.display().to_string(),
                "machine": module.info.machine.to_string(),
                "version": module.info.version,
                "license": module.info.license,
                "in_tree": module.info.in_tree,
                "signed": module.info.signed,
                "caches": caches,
                "unknown": module.unknown,
            })
        })
        .collect();
    let json = serde_json::json!({
        "schema": schema::WHO_MODULES,
        "modules": modules,
        "searched": { "files": summary.files, "bytes": summary.bytes, "failed": summary.failed },
    });
    serde_json::to_writer_pretty(&mut *out, &json)?;
    writeln!(out)
}
