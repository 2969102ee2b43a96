//! `poolmon who NAME` for Linux: a slab cache by the machine code that creates it, a caller of vmalloc or a place in
//! the source by where it is.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::slice;

use poolmon_holder::held_here;
use poolmon_model::Tag;
use poolmon_model::problem::Problem;
use poolmon_owner::linux::aliases::shown_by_kernel;
use poolmon_owner::linux::{MergedCaches, ModuleCatalog, are_running, callers, places};
use poolmon_read::ReadOptions;
use poolmon_render::who as render;
use poolmon_render::who::cache::CacheAnswer;

use crate::app::caches::{catalog, search};
use crate::app::outcome::Outcome;
use crate::app::say::{self, warning};
use crate::cli::groups::AnswerFormat;
use crate::cli::who::WhoArgs;
use crate::input;

/// Holders that are named.
const MOST: usize = 5;

/// Is this short text a slab cache of the running kernel or one that everyone knows, and not a tag of Windows.
pub fn is_cache(name: &str) -> bool {
    let known = || poolmon_owner::known::find(&Tag::name(name)).is_some_and(|known| known.tag == name);
    cfg!(target_os = "linux") && (Path::new("/sys/kernel/slab").join(name).is_dir() || known())
}

/// Whether the paths hold modules or kernels of Linux.
pub fn are_modules(paths: &[PathBuf]) -> bool {
    !paths.is_empty() && ModuleCatalog::is_any_in(paths)
}

/// All modules and kernels with the caches that they create.
pub fn all(args: &WhoArgs) -> anyhow::Result<Outcome> {
    anyhow::ensure!(args.format != AnswerFormat::Csv, "CSV is only for Windows drivers; use --format json");
    let (catalog, summary) = catalog(&args.drivers.drivers, args)?;
    let mut out = say::out(args.format == AnswerFormat::Text);
    match args.format {
        AnswerFormat::Json => render::modules::json(&mut out, &catalog, &summary)?,
        _ => render::modules::text(&mut out, &catalog, &summary)?,
    }
    out.flush()?;
    Ok(if summary.cancelled {
        Outcome::Interrupted
    } else {
        Outcome::done_if(catalog.caches().next().is_some())
    })
}

/// What is known of the cache, the caller or the place.
pub fn run(name: &str, args: &WhoArgs) -> anyhow::Result<Outcome> {
    anyhow::ensure!(args.format != AnswerFormat::Csv, "CSV is only for Windows drivers; use --format json");
    let known = super::load_owners(args)?;
    let tag = Tag::name(name);
    let roots =
        if args.drivers.drivers.is_empty() { places(Path::new("/")) } else { args.drivers.drivers.clone() };
    let open = |path| input::reported_series(slice::from_ref(path), ReadOptions::default());
    let mut recorded = args.from.as_ref().map(open).transpose()?;
    let running = recorded.is_none() && are_running(&args.drivers.drivers, Path::new("/"));
    let merged = match &mut recorded {
        Some(series) => MergedCaches::new(series.merged()?),
        None if running => MergedCaches::read(Path::new("/sys/kernel/slab")),
        // Which caches another kernel merges is unknown.
        None => MergedCaches::default(),
    };
    let (creators, summary) = search(name, &roots, &merged, args)?;
    let created = creators.iter().any(|(_, owners)| !owners.is_empty());
    let caller = match name {
        // A cache's creator is better known than the part of the kernel that its name resembles.
        _ if created => None,
        _ if name.contains('/') || name.contains(".c:") => callers::call_site(name),
        _ => callers::vmalloc(name),
    };
    let mut out = say::out(args.format == AnswerFormat::Text);
    let facts = poolmon_owner::written(&tag).into_iter().chain(known.known(&tag));
    let about = facts.map(|line| (line.title.to_owned(), line.text));
    let about =
        about.chain(shown_by_kernel(Path::new("/sys"), name).into_iter().filter(|_| running && !created));
    let names = std::iter::once(name).chain(merged.others(name)).filter(|_| args.drivers.drivers.is_empty());
    let mut holding = match &mut recorded {
        None => held_here(names, MOST),
        Some(series) => series.holding(&names.map(Tag::name).collect::<Vec<_>>(), MOST)?,
    };
    if args.anonymise {
        holding.anonymise();
    }
    let (about, merged) = (about.collect(), merged.explain(name));
    let answer = CacheAnswer { name, about, caller, merged, holding, creators, summary };
    match args.format {
        AnswerFormat::Json => answer.json(&mut out)?,
        _ => answer.text(&mut out)?,
    }
    out.flush()?;
    if roots.is_empty() {
        say::warn(&Problem::new(
            "no modules in /lib/modules and no kernel in /boot: only the built-in table is used",
            "name the place: --drivers DIR (a folder of .ko files, a vmlinuz)",
        ));
    }
    if answer.summary.cancelled {
        return Ok(Outcome::Interrupted);
    }
    let found = answer.caller.is_some() || !answer.holding.held.is_empty() || !known.known(&tag).is_empty();
    if answer.summary.is_unread() {
        return Ok(Outcome::Failed);
    }
    if found || created {
        return Ok(Outcome::Done);
    }
    warning!("no searched file creates `{name}`, and it is not in the built-in table");
    Ok(Outcome::Failed)
}
