//! `poolmon who`: from a tag to the drivers that use it, with evidence; or all drivers with all their tags.
//!
//! Here: tags of Windows; `linux.rs`: slab caches and call sites.

mod linux;

use std::io::Write as _;

use anyhow::Context as _;
use poolmon_holder::{HeldBy, held_here_under};
use poolmon_model::{PoolTag, Tag};
use poolmon_owner::Owners;
use poolmon_owner::next::{self, Subject};
use poolmon_owner::who::{self, Standing, WhoAnswer};
use poolmon_record::Stop;
use poolmon_render::who as render;

use crate::app::drivers::{Store, places, tell_failures};
use crate::app::outcome::Outcome;
use crate::app::owners;
use crate::app::say::{self, answer, note, warning};
use crate::app::search_progress::Progress;
use crate::cli::groups::AnswerFormat;
use crate::cli::who::WhoArgs;

const NO_DRIVERS: &str = "\
no drivers were named, and this is not Windows: there is nothing to search
  name a mounted Windows disk, a folder of drivers or single files: --drivers DIR (repeatable)
  results are kept in an index, so later searches need no --drivers";

/// Answers the question.
pub fn run(args: &WhoArgs) -> anyhow::Result<Outcome> {
    let Some(name) = &args.tag else { return all(args) };
    if args.next {
        return next_commands(name, args);
    }
    let mut others = who::spellings(name).into_iter();
    // A text that is no tag itself may be its number, as `ULONG` shows it.
    let tag = match name.parse::<PoolTag>() {
        _ if args.from.is_some() => None,
        Ok(tag) => Some(tag).filter(|_| !is_cache(name, args)),
        Err(_) if name.is_empty() => anyhow::bail!("an empty text is not a tag"),
        Err(_) => others.next().map(|(tag, _)| tag),
    };
    let Some(tag) = tag else { return linux::run(name, args) };
    let known = load_owners(args)?;
    let mut store = Store::open(args);
    let Some(places) = places(args, &store.index)? else {
        let facts = known.explain(&Tag::Pool(tag), None);
        for line in facts.iter().filter(|line| line.title != poolmon_owner::NEXT) {
            answer!("{:<9}  {}", line.title, line.text)?;
        }
        warning!("{NO_DRIVERS}");
        return Ok(Outcome::Usage);
    };
    let (stop, mut progress) = (Stop::on_signals()?, Progress::new());
    let mut ask =
        |tag| who::ask(tag, &places, args.bytes, &mut store.index, stop.flag(), |event| progress.tell(event));
    let (mut tag, mut answer) = (tag, ask(tag));
    let mut other = None;
    while !answer.is_proven()
        && !answer.summary.cancelled
        && let Some((spelled, why)) = others.next()
    {
        let found = ask(spelled);
        if found.is_proven() {
            other = Some((tag, why));
            (tag, answer) = (spelled, found);
        }
    }
    drop(progress);
    store.save();
    tell_failures(&answer, &places)?;
    if let Some((asked, why)) = other {
        note!("no driver uses `{asked}`; this is `{tag}`, {why}");
    }
    let mut held = held_here_under(tag, 5);
    if args.anonymise {
        HeldBy::anonymise(&mut held.0);
    }
    let mut out = say::out(args.format == AnswerFormat::Text);
    match args.format {
        AnswerFormat::Text => render::answer(&mut out, tag, &answer, &known, &held, args.verbose)?,
        AnswerFormat::Json => render::json(&mut out, Some((tag, &known)), &answer, &held)?,
        AnswerFormat::Csv => render::csv(&mut out, &answer)?,
    }
    out.flush()?;
    let shown = answer.drivers.iter().any(|driver| driver.standing() < Standing::Noise);
    Ok(finish(&answer, shown || !known.known(&Tag::Pool(tag)).is_empty()))
}

/// Whether a text that could be a tag is a slab cache: by the files that are searched, or else by this kernel.
fn is_cache(name: &str, args: &WhoArgs) -> bool {
    let drivers = &args.drivers.drivers;
    if drivers.is_empty() { linux::is_cache(name) } else { linux::are_modules(drivers) }
}

/// The commands that follow.
fn next_commands(name: &str, args: &WhoArgs) -> anyhow::Result<Outcome> {
    anyhow::ensure!(!name.is_empty(), "an empty text is not a tag");
    let tag = match name.parse::<PoolTag>() {
        Ok(tag) if !is_cache(name, args) => Tag::Pool(tag),
        _ => Tag::name(name),
    };
    let mut subject = Subject::new(&tag, None);
    subject.drivers = owners::load_files(None, None)?.owners.proven(&tag);
    let commands = next::commands(&subject);
    let mut out = say::out(args.format == AnswerFormat::Text);
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
    if linux::are_modules(&args.drivers.drivers) {
        return linux::all(&args);
    }
    let mut store = Store::open(&args);
    let Some(places) = places(&args, &store.index)? else {
        warning!("{NO_DRIVERS}");
        return Ok(Outcome::Usage);
    };
    let (stop, mut progress) = (Stop::on_signals()?, Progress::new());
    let answer = who::all(&places, &mut store.index, stop.flag(), |event| progress.tell(event));
    drop(progress);
    store.save();
    tell_failures(&answer, &places)?;
    if let Some(path) = &args.localtag {
        let mut text = Vec::new();
        who::localtag(&answer.drivers, &mut text)?;
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
        note!("{} holds the tags of {} drivers", path.display(), answer.drivers.len());
    } else {
        let mut out = say::out(args.format == AnswerFormat::Text);
        match args.format {
            AnswerFormat::Text => render::inventory(&mut out, &answer, args.verbose)?,
            AnswerFormat::Json => render::json(&mut out, None, &answer, &Default::default())?,
            AnswerFormat::Csv => render::csv(&mut out, &answer)?,
        }
        out.flush()?;
    }
    Ok(finish(&answer, answer.drivers.iter().any(|driver| !driver.is_only_packed())))
}

/// The exit code.
fn finish(answer: &WhoAnswer, found: bool) -> Outcome {
    if answer.summary.cancelled {
        warning!("interrupted: results so far are shown, the rest was not searched");
        return Outcome::Interrupted;
    }
    Outcome::done_if(found)
}

/// Pooltag files as `poolmon tag` finds them; the index itself is asked in this very command.
fn load_owners(args: &WhoArgs) -> anyhow::Result<Owners> {
    let pooltag = args.pooltag.file();
    let found = if pooltag.is_none() { owners::find() } else { None };
    let known = owners::load_files(pooltag.or_else(|| found.as_deref().map(Some)), None)?;
    Ok(known.owners.without_scanned())
}
