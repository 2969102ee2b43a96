//! `poolmon who NAME` for Linux: a slab cache by the machine code that creates it, a caller of vmalloc or a place in
//! the source by where it stands.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::thread;

use poolmon_model::Tag;
use poolmon_model::units::{grouped, human_bytes};
use poolmon_owner::linux::{
    CacheOwner, CallerOwner, MergedCaches, ModuleCatalog, ModuleEvent, ModuleIndex, ModuleLimits,
    ModuleSummary, callers, places,
};

use super::interruptible;
use crate::Exit;
use crate::app::owners;
use crate::cli::who::{WhoArgs, WhoFormat};

/// Names that share one cache, at most so many of which are explained.
const SHARED: usize = 8;

/// Is this short text a slab cache of the running kernel or one that everyone knows, and not a tag of Windows.
pub fn is_cache(name: &str) -> bool {
    let known = || poolmon_owner::known::find(&Tag::name(name)).is_some_and(|known| known.tag == name);
    cfg!(target_os = "linux") && (Path::new("/sys/kernel/slab").join(name).is_dir() || known())
}

/// What is known of the cache, the caller or the place.
pub fn run(name: &str, args: &WhoArgs) -> anyhow::Result<()> {
    anyhow::ensure!(args.format != WhoFormat::Csv, "CSV is for drivers of Windows; use --format json");
    let known = super::load_owners(args)?;
    let tag = Tag::name(name);
    let roots = if args.drivers.is_empty() { places(Path::new("/")) } else { args.drivers.clone() };
    let merged = MergedCaches::read(Path::new("/sys/kernel/slab"));
    let (creators, summary) = search(name, &roots, &merged, args)?;
    let created = creators.iter().any(|(_, owners)| !owners.is_empty());
    let caller = match name {
        // A cache's creator is better known than the part of the kernel that its name resembles.
        _ if created => None,
        _ if name.contains('/') || name.contains(".c:") => callers::call_site(name),
        _ => callers::vmalloc(name),
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let about = known.explain(&tag, None).into_iter().map(|line| (line.title.to_owned(), line.text));
    let answer =
        Answer { name, about: about.collect(), caller, merged: merged.explain(name), creators, summary };
    match args.format {
        WhoFormat::Json => answer.json(&mut out)?,
        _ => answer.text(&mut out)?,
    }
    out.flush()?;
    if roots.is_empty() {
        eprintln!(
            "poolmon: no modules in /lib/modules and no kernel in /boot: only what is built in is told\n  \
             name where they are: --drivers DIR (a folder of .ko files, a vmlinuz)"
        );
    }
    if answer.summary.cancelled {
        return Err(Exit(130).into());
    }
    let found = answer.caller.is_some() || !known.known(&tag).is_empty();
    if found || created {
        return Ok(());
    }
    eprintln!("poolmon: nothing that was searched creates `{name}`, and the built-in table does not know it");
    Err(Exit(1).into())
}

/// Caches and who creates each.
pub type Creators = Vec<(String, Vec<CacheOwner>)>;

/// Who creates the cache, or one that the kernel merged with it.
pub fn search(
    name: &str,
    roots: &[PathBuf],
    merged: &MergedCaches,
    args: &WhoArgs,
) -> anyhow::Result<(Creators, ModuleSummary)> {
    let file = if args.no_index { None } else { args.index.clone().or_else(owners::modules_index_file) };
    let mut index = file.as_deref().map(ModuleIndex::load).unwrap_or_default();
    let before = index.len();
    let stop = interruptible()?;
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut failed = Vec::new();
    let (modules, summary) =
        ModuleCatalog::read(roots, threads, ModuleLimits::default(), &mut index, &stop, |event| {
            if let ModuleEvent::Failed { path, error } = event {
                failed.push(format!("{}: {error}", path.display()));
            }
        });
    for line in failed {
        eprintln!("poolmon: {line}");
    }
    if let Some(file) = file.filter(|_| index.len() != before || summary.from_index < summary.files)
        && let Err(error) =
            file.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| index.save(&file))
    {
        eprintln!(
            "poolmon: cannot keep the index {}: {error}\n  the next question reads the modules again; \
             choose a place with --index FILE, or --no-index",
            file.display()
        );
    }
    let mut creators = modules.owners_of_merged(name, merged);
    creators.retain(|(cache, owners)| cache == name || !owners.is_empty());
    Ok((creators, summary))
}

/// `4,024 files, 312 MiB, 4,024 answered from the index`.
pub fn searched(summary: &ModuleSummary) -> String {
    let indexed = match summary.from_index {
        0 => String::new(),
        n => format!(", {} answered from the index", grouped(n as u64)),
    };
    let s = if summary.files == 1 { "" } else { "s" };
    format!("{} file{s}, {}{indexed}", grouped(summary.files as u64), human_bytes(summary.bytes))
}

struct Answer<'a> {
    name: &'a str,
    about: Vec<(String, String)>,
    caller: Option<CallerOwner>,
    merged: Option<String>,
    creators: Creators,
    summary: ModuleSummary,
}

impl Answer<'_> {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", self.name)?;
        for (title, text) in &self.about {
            writeln!(out, "  {title:<9}  {text}")?;
        }
        if let Some(caller) = &self.caller {
            writeln!(out, "  {:<9}  {}: {}", "Owner", caller.name, caller.why)?;
        }
        if let Some(shared) = &self.merged {
            writeln!(out, "  {:<9}  {shared}", "Shared")?;
        }
        for (cache, owners) in self.creators.iter().take(SHARED) {
            for owner in owners {
                let of = if cache == self.name { String::new() } else { format!("{cache}: ") };
                writeln!(out, "  {:<9}  {of}{} ({})", "Created", owner.explain(), owner.confidence().word())?;
                writeln!(out, "  {:<9}  {}", "", owner.path.display())?;
            }
        }
        if self.summary.files > 0 {
            writeln!(out, "searched: {}", searched(&self.summary))?;
        }
        Ok(())
    }

    fn json(&self, out: &mut dyn Write) -> io::Result<()> {
        let creators: Vec<_> = self
            .creators
            .iter()
            .flat_map(|(cache, owners)| owners.iter().map(move |owner| (cache, owner)))
            .map(|(cache, owner)| {
                serde_json::json!({
                    "cache": cache,
                    "owner": owner.name(),
                    "subsystem": owner.subsystem(),
                    "confidence": owner.confidence().word(),
                    "explanation": owner.explain(),
                    "file": owner.path.display().to_string(),
                    "description": owner.info.description,
                })
            })
            .collect();
        let about: Vec<_> = self
            .about
            .iter()
            .map(|(title, text)| serde_json::json!({ "title": title, "text": text }))
            .collect();
        let caller = self
            .caller
            .as_ref()
            .map(|caller| serde_json::json!({ "owner": caller.name, "explanation": caller.why }));
        let json = serde_json::json!({
            "schema": "poolmon.who.linux/1",
            "name": self.name,
            "known": about,
            "caller": caller,
            "shared": self.merged,
            "creators": creators,
            "searched": { "files": self.summary.files, "bytes": self.summary.bytes, "failed": self.summary.failed },
        });
        serde_json::to_writer_pretty(&mut *out, &json)?;
        writeln!(out)
    }
}
