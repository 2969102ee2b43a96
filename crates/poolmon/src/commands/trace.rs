//! `poolmon trace`: which code allocates from a cache and does not free.
//!
//! [`poolmon_source::trace`] and `poolmon_trace::file`: where events come from; [`poolmon_render::trace`]: the answer.

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Instant;

use anyhow::{Context as _, bail};
use poolmon_model::problem::Problem;
use poolmon_model::units::{counted, span};
use poolmon_model::{rights, shell};
use poolmon_read::{distinct, read_trace};
use poolmon_record::Stop;
use poolmon_render::trace::{self as render, Asked, Form};
use poolmon_source::SourceError;
use poolmon_source::trace::{self, TraceOptions};
use poolmon_store::WholeFile;
use poolmon_trace::TraceFound;

use crate::app::outcome::Outcome;
use crate::app::say::{self, Progress, warning};
use crate::cli::groups::TextOrJson;
use crate::cli::trace::{FRAMES, TraceArgs};

/// Traces, or reads a trace, and prints what it found.
pub fn run(args: &TraceArgs) -> anyhow::Result<Outcome> {
    let is_file = is_file(&args.what);
    may_be(args, is_file)?;
    // Not after a minute of tracing: whether the drawing can be written at all.
    let cannot = || format!("cannot write {}", args.svg.as_deref().unwrap_or(Path::new("")).display());
    let svg = args.svg.as_deref().map(WholeFile::new).transpose().with_context(cannot)?;
    let (found, unsaved, interrupted) = if is_file { (read(args)?, None, false) } else { live(args)? };
    let mut out = say::out(args.folded || args.format == TextOrJson::Text);
    let (what, save) = (shell::path(&args.what), args.save.as_deref().map(shell::path));
    let asked = match &save {
        _ if is_file => Asked::File(&what),
        Some(save) if unsaved.is_none() => Asked::Saved(save),
        _ => Asked::Live,
    };
    let form = match args.format {
        _ if args.folded => Form::Folded,
        TextOrJson::Text => Form::Text { top: args.top.map(NonZeroUsize::get), asked },
        TextOrJson::Json => Form::Json,
    };
    render::write(&mut out, &found, form)?;
    out.flush()?;
    if let (Some(mut file), TraceFound::Stacks(answer)) = (svg, &found) {
        render::svg(file.file(), answer).and_then(|()| file.finish()).with_context(cannot)?;
    }
    unsaved.map_or(Ok(()), Err)?;
    Ok(Outcome::found_if(args.fail_on.is_some() && found.accuses()).if_not(interrupted))
}

/// Refuses what cannot be meant, before anything is written.
fn may_be(args: &TraceArgs, is_file: bool) -> anyhow::Result<()> {
    let outputs: Vec<(&str, &Path)> = [("--save", &args.save), ("--svg", &args.svg)]
        .into_iter()
        .filter_map(|(option, path)| Some((option, path.as_deref()?)))
        .collect();
    if let Some((option, _)) = outputs.iter().find(|(_, path)| path.as_os_str() == "-") {
        bail!(Problem::new(format!("{option} -: standard output has the answer"), "name a file"));
    }
    let of_live = [
        ("--save", args.save.is_some()),
        ("--for", args.length.is_some()),
        ("--max-load", args.max_load.is_some()),
        ("--frames", args.frames.is_some()),
    ];
    if let Some((option, _)) = of_live.into_iter().find(|(_, given)| is_file && *given) {
        let what = args.what.display();
        bail!(Problem::new(
            format!("{option} is for a live trace, and {what} is a file"),
            format!("leave {option} out")
        ));
    }
    if let Some(other) = args.more.iter().find(|more| self::is_file(Path::new(more))) {
        bail!(Problem::new(format!("{other} is a file: one trace is read at a time"), "name one file"));
    }
    distinct(&outputs, is_file.then_some(&*args.what))?;
    Ok(())
}

/// Whether a file is meant, there or not; no cache and no tag has such a name.
fn is_file(what: &Path) -> bool {
    let is_trace = what.extension().is_some_and(|ending| ending == "etl" || ending == "ptrace");
    let is_path = what.components().count() > 1;
    what.as_os_str() == "-" || is_trace || what.exists() && (is_path || !what.is_dir())
}

fn read(args: &TraceArgs) -> anyhow::Result<TraceFound> {
    let tag = match &args.more[..] {
        [] => None,
        [tag] => Some(tag.as_str()),
        _ => bail!(Problem::new(
            format!("{}: the stacks of one tag are shown at a time", args.what.display()),
            "name one, or a pattern with * and ?"
        )),
    };
    let read = read_trace(&args.what, tag, args.folded || args.svg.is_some())?;
    if let Some(damage) = read.damage {
        warning!("{}: {damage}; what is before it is shown", args.what.display());
    }
    Ok(read.found)
}

fn live(args: &TraceArgs) -> anyhow::Result<(TraceFound, Option<SourceError>, bool)> {
    let stop = Stop::on_signals()?;
    let mut progress = Progress::new();
    let mut options = TraceOptions::default();
    options.length = args.length.unwrap_or(options.length);
    options.max_load = args.max_load.map_or(options.max_load, |percent| percent / 100.0);
    let save = args.save.as_deref();
    let what = args.what.to_string_lossy();
    let what: Vec<&str> = std::iter::once(&*what).chain(args.more.iter().map(String::as_str)).collect();
    let answer = trace::live(&what, args.frames.unwrap_or(FRAMES), &options, save, &mut |state| {
        let left = span(options.length.saturating_sub(state.elapsed));
        progress.show(|| format!("{}, {left} to go (Ctrl-C stops)", counted(state.events, "event")));
        !stop.wait_until(Instant::now())
    });
    let interrupted = stop.flag().load(Ordering::Relaxed);
    stop.done();
    let (answer, unsaved) = answer.map_err(this_command)?;
    Ok((TraceFound::Stacks(Box::new(answer)), unsaved, interrupted))
}

/// A remedy that names a trace names this one, with all its options.
fn this_command(error: SourceError) -> SourceError {
    match error {
        SourceError::Rights { what, remedy } => {
            let (first, rest) = remedy.split_once('\n').unwrap_or((&remedy, ""));
            let first = rights::with_command(first, "poolmon trace", &shell::this_command());
            SourceError::Rights { what, remedy: format!("{first}\n{rest}") }
        }
        other => other,
    }
}
