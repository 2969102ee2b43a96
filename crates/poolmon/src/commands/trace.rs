//! `poolmon trace`: which code allocates from a cache and does not free.
//!
//! [`poolmon_source::trace`] and `poolmon_trace::file`: where events come from; [`poolmon_render::trace`]: the answer.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, bail};
use poolmon_model::problem::Problem;
use poolmon_model::units::{counted, span};
use poolmon_read::read_trace;
use poolmon_record::Stop;
use poolmon_render::trace::{self as render, Form};
use poolmon_source::SourceError;
use poolmon_source::trace::{self, TraceOptions};
use poolmon_trace::TraceFound;

use crate::app::outcome::Outcome;
use crate::app::say::{Progress, shell_word, warning};
use crate::cli::groups::TextOrJson;
use crate::cli::trace::TraceArgs;

/// Traces, or reads a trace, and prints what it found.
pub fn run(args: &TraceArgs) -> anyhow::Result<Outcome> {
    // Not after a minute of tracing: whether the drawing can be written at all.
    let cannot = || format!("cannot write {}", args.svg.as_deref().unwrap_or(Path::new("")).display());
    let svg = args.svg.as_ref().map(File::create).transpose().with_context(cannot)?;
    let (found, unsaved) = if is_file(&args.what) { (read(args)?, None) } else { live(args)? };
    let mut out = BufWriter::new(io::stdout().lock());
    let form = match args.format {
        _ if args.folded => Form::Folded,
        TextOrJson::Text => Form::Text { top: args.top, file: &shell_word(&args.what.to_string_lossy()) },
        TextOrJson::Json => Form::Json,
    };
    render::write(&mut out, &found, form)?;
    out.flush()?;
    if let (Some(mut file), TraceFound::Stacks(answer)) = (svg, &found) {
        render::svg(&mut file, answer).with_context(cannot)?;
    }
    unsaved.map_or(Ok(()), Err)?;
    Ok(Outcome::found_if(args.fail_on.is_some() && found.accuses()))
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

fn live(args: &TraceArgs) -> anyhow::Result<(TraceFound, Option<SourceError>)> {
    let stop = Stop::on_signals()?;
    let mut progress = Progress::new();
    let options =
        TraceOptions { length: args.length, max_load: args.max_load / 100.0, ..TraceOptions::default() };
    let save = args.save.as_deref();
    let what = args.what.to_string_lossy();
    let what: Vec<&str> = std::iter::once(&*what).chain(args.more.iter().map(String::as_str)).collect();
    let answer = trace::live(&what, args.frames, &options, save, &mut |state| {
        let left = span(args.length.saturating_sub(state.elapsed));
        progress.show(|| format!("{}, {left} to go (Ctrl-C stops)", counted(state.events, "event")));
        !stop.wait_until(Instant::now())
    });
    stop.done();
    let (answer, unsaved) = answer?;
    Ok((TraceFound::Stacks(Box::new(answer)), unsaved))
}
