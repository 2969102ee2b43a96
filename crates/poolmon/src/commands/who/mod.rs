//! `poolmon who`: from a tag to the drivers that use it, with evidence; or all drivers with all their tags.
//!
//! * here: arguments and the search; * `text.rs`, `records.rs`: the answer as text, JSON and CSV;
//! * `brief.rs`: in short, for a report; * `progress.rs`: what stands on stderr meanwhile; * `linux.rs`: slab caches and call sites instead of tags.

pub mod brief;
mod linux;
mod progress;

use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use poolmon_model::{PoolTag, Tag};
use poolmon_owner::Owners;
use poolmon_owner::scan::{DriverIndex, places};
use poolmon_owner::who::{self, DriverPlaces, Standing, WhoAnswer};
use poolmon_render::who as render;

use crate::Exit;
use crate::app::owners;
use crate::cli::who::{WhoArgs, WhoFormat};
use progress::Progress;

/// Answers the question.
pub fn run(args: &WhoArgs) -> anyhow::Result<()> {
    let Some(name) = &args.tag else { return all(args) };
    if args.next {
        return next(name, args);
    }
    let tag = match name.parse::<PoolTag>() {
        Ok(tag) if !(args.drivers.is_empty() && linux::is_cache(name)) => tag,
        Err(_) if name.is_empty() => anyhow::bail!("an empty text is not a tag"),
        _ => return linux::run(name, args),
    };
    let known = load_owners(args)?;
    let mut store = Store::open(args);
    let Some(places) = places(args, &store.index)? else {
        for line in known.explain(&Tag::Pool(tag), None) {
            println!("{:<9}  {}", line.title, line.text);
        }
        eprintln!("poolmon: {NO_DRIVERS}");
        return Err(Exit(2).into());
    };
    let (stop, mut progress) = (interruptible()?, Progress::new());
    let answer = who::ask(tag, &places, args.bytes, &mut store.index, &stop, |event| progress.tell(event));
    progress.done();
    store.save();
    tell_failures(&answer, &places)?;
    let mut out = BufWriter::new(io::stdout().lock());
    match args.format {
        WhoFormat::Text => render::answer(&mut out, tag, &answer, &known, args.verbose)?,
        WhoFormat::Json => render::json(&mut out, Some((tag, &known)), &answer)?,
        WhoFormat::Csv => render::csv(&mut out, &answer)?,
    }
    out.flush()?;
    let shown = answer.drivers.iter().any(|driver| driver.standing() < Standing::Noise);
    finish(&answer, shown || !known.known(&Tag::Pool(tag)).is_empty())
}

/// The commands that follow.
fn next(name: &str, args: &WhoArgs) -> anyhow::Result<()> {
    anyhow::ensure!(!name.is_empty(), "an empty text is not a tag");
    let tag = match name.parse::<PoolTag>() {
        Ok(tag) if !(args.drivers.is_empty() && linux::is_cache(name)) => Tag::Pool(tag),
        _ => Tag::name(name),
    };
    let commands = poolmon_owner::next::commands(&tag, None);
    let mut out = BufWriter::new(io::stdout().lock());
    match args.format {
        WhoFormat::Text => render::next::text(&mut out, &commands)?,
        _ => render::next::json(&mut out, &commands)?,
    }
    Ok(out.flush()?)
}

/// All drivers with their tags.
fn all(args: &WhoArgs) -> anyhow::Result<()> {
    let mut args = args.clone();
    args.drivers.extend(args.all.take().flatten());
    let mut store = Store::open(&args);
    let Some(places) = places(&args, &store.index)? else {
        eprintln!("poolmon: {NO_DRIVERS}");
        return Err(Exit(2).into());
    };
    let (stop, mut progress) = (interruptible()?, Progress::new());
    let answer = who::all(&places, &mut store.index, &stop, |event| progress.tell(event));
    progress.done();
    store.save();
    tell_failures(&answer, &places)?;
    if let Some(path) = &args.localtag {
        let mut text = Vec::new();
        who::localtag(&answer.drivers, &mut text)?;
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
        eprintln!("poolmon: {} holds the tags of {} drivers", path.display(), answer.drivers.len());
    } else {
        let mut out = BufWriter::new(io::stdout().lock());
        match args.format {
            WhoFormat::Text => render::inventory(&mut out, &answer, args.verbose)?,
            WhoFormat::Json => render::json(&mut out, None, &answer)?,
            WhoFormat::Csv => render::csv(&mut out, &answer)?,
        }
        out.flush()?;
    }
    finish(&answer, !answer.drivers.is_empty())
}

const NO_DRIVERS: &str = "\
no drivers were named, and this is not Windows: there is nothing to search
  name a mounted Windows disk, a folder of drivers or single files: --drivers DIR (repeatable)
  what is found is kept in an index, so later questions need no --drivers";

/// What could not be searched, a line a file; an error where nothing was.
fn tell_failures(answer: &WhoAnswer, places: &DriverPlaces) -> anyhow::Result<()> {
    for (path, error) in &answer.failed {
        eprintln!("poolmon: {}: {error}", path.display());
    }
    let paths: Vec<String> = places.paths.iter().map(|path| path.display().to_string()).collect();
    anyhow::ensure!(
        answer.summary.files > 0 || answer.summary.cancelled,
        "no driver (.sys, .exe, .dll) in {}\n  name another folder, or the files themselves",
        paths.join(", ")
    );
    Ok(())
}

/// The exit code.
fn finish(answer: &WhoAnswer, found: bool) -> anyhow::Result<()> {
    if answer.summary.cancelled {
        eprintln!("poolmon: interrupted: what was found so far is shown, the rest was not searched");
        return Err(Exit(130).into());
    }
    if found { Ok(()) } else { Err(Exit(1).into()) }
}

/// A flag that Ctrl-C sets; the second Ctrl-C ends the program at once.
fn interruptible() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, stop.clone())?;
        signal_hook::flag::register(signal, stop.clone())?;
    }
    Ok(stop)
}

/// Pooltag files as `poolmon tag` finds them; the index itself is asked in this very command.
fn load_owners(args: &WhoArgs) -> anyhow::Result<Owners> {
    let pooltag = args.pooltag.as_ref().map(|file| file.as_deref());
    let found = if pooltag.is_none() { owners::find() } else { None };
    let known = owners::load_files(pooltag.or_else(|| found.as_deref().map(Some)), None)?;
    Ok(known.into_owners().without_scanned())
}

/// Where drivers are: those named, or what this system has, or what the index knows; none where there is nothing.
fn places(args: &WhoArgs, index: &DriverIndex) -> anyhow::Result<Option<DriverPlaces>> {
    let loaded = loaded();
    if !args.drivers.is_empty() {
        for path in &args.drivers {
            std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
        }
        return Ok(Some(DriverPlaces { paths: places::named(&args.drivers), loaded }));
    }
    let mut paths = loaded.clone().unwrap_or_default();
    paths.retain(|path| path.is_file());
    paths.extend(places::of_system(|name| std::env::var(name).ok()));
    if paths.is_empty() {
        paths = index.paths().map(PathBuf::from).filter(|path| path.is_file()).collect();
        paths.sort();
        if !paths.is_empty() {
            eprintln!("poolmon: no --drivers: the {} files that the index knows are searched", paths.len());
        }
    }
    Ok((!paths.is_empty()).then_some(DriverPlaces { paths, loaded }))
}

/// Files of the loaded drivers, where the system tells.
fn loaded() -> Option<Vec<PathBuf>> {
    cfg_select! {
        windows => {
            let root = std::env::var("SystemRoot").unwrap_or_else(|_| r"C:\Windows".to_owned());
            let modules = poolmon_source::windows::live::modules().ok()?;
            Some(modules.iter().map(|module| places::of_module(&module.path, &root)).collect())
        }
        _ => None,
    }
}

/// The index and its file.
struct Store {
    index: DriverIndex,
    file: Option<PathBuf>,
    named: bool,
}

impl Store {
    fn open(args: &WhoArgs) -> Self {
        let file = if args.no_index { None } else { args.index.clone().or_else(owners::index_file) };
        let index = file.as_deref().map(DriverIndex::load).unwrap_or_default();
        Self { index, file, named: args.index.is_some() }
    }

    /// A search is not lost because its index cannot be written; the person is told.
    fn save(&self) {
        let Some(file) = self.file.as_deref().filter(|_| self.index.is_changed()) else { return };
        if let Err(error) = self.index.save(file) {
            let remedy = if self.named { "name another file" } else { "choose a place with --index FILE" };
            eprintln!(
                "poolmon: cannot keep the index {}: {error}\n  the next question reads the drivers again; {remedy}, \
                 or --no-index",
                Path::new(file).display()
            );
        }
    }
}
