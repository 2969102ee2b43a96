//! Which modules and kernels of Linux create slab caches. `who` and `report` share it.

use std::path::PathBuf;
use std::thread;

use poolmon_model::problem::Problem;
use poolmon_owner::linux::{
    MergedCaches, ModuleCatalog, ModuleEvent, ModuleIndex, SearchLimits, SearchSummary, not_read,
};
use poolmon_record::Stop;
use poolmon_render::who::cache::Creators;

use super::owners;
use super::say;
use crate::cli::who::WhoArgs;

/// Who creates the cache, or one that the kernel merged with it.
pub fn search(
    name: &str,
    roots: &[PathBuf],
    merged: &MergedCaches,
    args: &WhoArgs,
) -> anyhow::Result<(Creators, SearchSummary)> {
    let (modules, summary) = catalog(roots, args)?;
    Ok((modules.owners_of_merged(name, merged), summary))
}

/// Reads modules and kernels, or takes from the index what was read before.
pub fn catalog(roots: &[PathBuf], args: &WhoArgs) -> anyhow::Result<(ModuleCatalog, SearchSummary)> {
    let file = if args.no_index { None } else { args.index.clone().or_else(owners::modules_index_file) };
    let mut index = file.as_deref().map(ModuleIndex::load).unwrap_or_default();
    let before = index.len();
    let stop = Stop::on_signals()?;
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut failed = Vec::new();
    let (modules, summary) =
        ModuleCatalog::read(roots, threads, SearchLimits::default(), &mut index, stop.flag(), |event| {
            if let ModuleEvent::File((path, Err(error))) = event {
                failed.push((path, error));
            }
        });
    for problem in not_read(&failed, modules.is_empty()) {
        say::warn(&problem);
    }
    if let Some(file) = file.filter(|_| index.len() != before || summary.from_index < summary.files)
        && let Err(error) =
            file.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| index.save(&file))
    {
        say::warn(&Problem::new(
            format!("cannot write the index {}: {error}", file.display()),
            "choose another file with --index FILE, or use --no-index: without an index, the next search reads \
                the modules again",
        ));
    }
    Ok((modules, summary))
}
