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

use anyhow::{Context as _, ensure};
use poolmon_model::problem::Problem;
use poolmon_model::{PoolTag, Tag};
use poolmon_owner::Owners;
use poolmon_owner::scan::{DriverIndex, places};
use poolmon_owner::who::{self, DriverPlaces, Standing, WhoAnswer};
use poolmon_render::who as render;
use progress::Progress;

use crate::app::outcome::Outcome;
use crate::app::owners;
use crate::app::say::{self, answer, note, warning};
use crate::cli::groups::AnswerFormat;
use crate::cli::who::WhoArgs;

/// Answers the question.
pub fn run(args: &WhoArgs) -> anyhow::Result<Outcome> {
    let Some(name) = &args.tag else { return all(args) };
    if args.next {
        return next(name, args);
    }
    let tag = match name.parse::<PoolTag>() {
        Ok(tag) if !(args.drivers.drivers.is_empty() && linux::is_cache(name)) => tag,
        Err(_) if name.is_empty() => anyhow::bail!("an empty text is not a tag"),
        _ => return linux::run(name, args),
    };
    let known = load_owners(args)?;
    let mut store = Store::open(args);
    let Some(places) = places(args, &store.index)? else {
        for line in known.explain(&Tag::Pool(tag), None) {
            answer!("{:<9}  {}", line.title, line.text)?;
        }
        warning!("{NO_DRIVERS}");
        return Ok(Outcome::Usage);
    };
    let (stop, mut progress) = (interruptible()?, Progress::new());
    let answer = who::ask(tag, &places, args.bytes, &mut store.index, &stop, |event| progress.tell(event));
    drop(progress);
    store.save();
    tell_failures(&answer, &places)?;
    let mut out = BufWriter::new(io::stdout().lock());
    match args.format {
        AnswerFormat::Text => render::answer(&mut out, tag, &answer, &known, args.verbose)?,
        AnswerFormat::Json => render::json(&mut out, Some((tag, &known)), &answer)?,
        AnswerFormat::Csv => render::csv(&mut out, &answer)?,
    }
    out.flush()?;
    let shown = answer.drivers.iter().any(|driver| driver.standing() < Standing::Noise);
    Ok(finish(&answer, shown || !known.known(&Tag::Pool(tag)).is_empty()))
}

/// The commands that follow.
fn next(name: &str, args: &WhoArgs) -> anyhow::Result<Outcome> {
    anyhow::ensure!(!name.is_empty(), "an empty text is not a tag");
    let tag = match name.parse::<PoolTag>() {
        Ok(tag) if !(args.drivers.drivers.is_empty() && linux::is_cache(name)) => Tag::Pool(tag),
        _ => Tag::name(name),
    };
    let commands = poolmon_owner::next::commands(&tag, None);
    let mut out = BufWriter::new(io::stdout().lock());
    match args.format {
        AnswerFormat::Text => render::next::text(&mut out, &commands)?,
        _ => render::next::json(&mut out, &commands)?,
    }
    out.flush()?;
    Ok(Outcome::Done)
}

/// All drivers with their tags.
fn all(args: &WhoArgs) -> anyhow::Result<Outcome> {
    let mut args = args.clone();
    args.drivers.drivers.extend(args.all.take().flatten());
    let mut store = Store::open(&args);
    let Some(places) = places(&args, &store.index)? else {
        warning!("{NO_DRIVERS}");
        return Ok(Outcome::Usage);
    };
    let (stop, mut progress) = (interruptible()?, Progress::new());
    let answer = who::all(&places, &mut store.index, &stop, |event| progress.tell(event));
    drop(progress);
    store.save();
    tell_failures(&answer, &places)?;
    if let Some(path) = &args.localtag {
        let mut text = Vec::new();
        who::localtag(&answer.drivers, &mut text)?;
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
        note!("{} holds the tags of {} drivers", path.display(), answer.drivers.len());
    } else {
        let mut out = BufWriter::new(io::stdout().lock());
        match args.format {
            AnswerFormat::Text => render::inventory(&mut out, &answer, args.verbose)?,
            AnswerFormat::Json => render::json(&mut out, None, &answer)?,
            AnswerFormat::Csv => render::csv(&mut out, &answer)?,
        }
        out.flush()?;
    }
    Ok(finish(&answer, !answer.drivers.is_empty()))
}

const NO_DRIVERS: &str = "\
no drivers were named, and this is not Windows: there is nothing to search
  name a mounted Windows disk, a folder of drivers or single files: --drivers DIR (repeatable)
  what is found is kept in an index, so later questions need no --drivers";

/// What could not be searched, a line a file; an error where nothing was.
fn tell_failures(answer: &WhoAnswer, places: &DriverPlaces) -> anyhow::Result<()> {
    for (path, error) in &answer.failed {
        warning!("{}: {error}", path.display());
    }
    let paths: Vec<String> = places.paths.iter().map(|path| path.display().to_string()).collect();
    ensure!(
        answer.summary.files > 0 || answer.summary.cancelled,
        Problem::new(
            format!("no driver (.sys, .exe, .dll) in {}", paths.join(", ")),
            "name another folder, or the files themselves"
        )
    );
    Ok(())
}

/// The exit code.
fn finish(answer: &WhoAnswer, found: bool) -> Outcome {
    if answer.summary.cancelled {
        warning!("interrupted: what was found so far is shown, the rest was not searched");
        return Outcome::Interrupted;
    }
    Outcome::done_if(found)
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
    let pooltag = args.pooltag.file();
    let found = if pooltag.is_none() { owners::find() } else { None };
    let known = owners::load_files(pooltag.or_else(|| found.as_deref().map(Some)), None)?;
    Ok(known.into_owners().without_scanned())
}

/// Where drivers are: those named, or what this system has, or what the index knows; none where there is nothing.
fn places(args: &WhoArgs, index: &DriverIndex) -> anyhow::Result<Option<DriverPlaces>> {
    let loaded = loaded();
    if !args.drivers.drivers.is_empty() {
        for path in &args.drivers.drivers {
            std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
        }
        return Ok(Some(DriverPlaces { paths: places::named(&args.drivers.drivers), loaded }));
    }
    let mut paths = loaded.clone().unwrap_or_default();
    paths.retain(|path| path.is_file());
    paths.extend(places::of_system(|name| std::env::var(name).ok()));
    if paths.is_empty() {
        paths = index.paths().map(PathBuf::from).filter(|path| path.is_file()).collect();
        paths.sort();
        if !paths.is_empty() {
            note!("no --drivers: the {} files that the index knows are searched", paths.len());
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
            say::warn(&Problem::new(
                format!("cannot keep the index {}: {error}", Path::new(file).display()),
                format!("the next question reads the drivers again; {remedy}, or --no-index"),
            ));
        }
    }
}
