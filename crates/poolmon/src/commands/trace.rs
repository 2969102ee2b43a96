//! `poolmon trace`: which code allocates from a cache and does not free.
//!
//! [`poolmon_source::trace`] and `poolmon_trace::file`: where events come from; [`poolmon_render::trace`]: the answer.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write as _};
use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use poolmon_model::units::{counted, span};
use poolmon_record::Stop;
use poolmon_render::trace as render;
use poolmon_source::SourceError;
use poolmon_source::trace::{self, TraceOptions};
use poolmon_trace::file::{self, Damage};
use poolmon_trace::{Answer, Limits};

use crate::app::outcome::Outcome;
use crate::app::say::{Progress, warning};
use crate::cli::groups::TextOrJson;
use crate::cli::trace::TraceArgs;

/// Traces, or reads a trace, and prints what it found.
pub fn run(args: &TraceArgs) -> anyhow::Result<Outcome> {
    // Not after a minute of tracing: whether the drawing can be written at all.
    let cannot = || format!("cannot write {}", args.svg.as_deref().unwrap_or(Path::new("")).display());
    let svg = args.svg.as_ref().map(File::create).transpose().with_context(cannot)?;
    let (answer, unsaved) = if args.what.is_file() { (read(&args.what)?, None) } else { live(args)? };
    let mut out = BufWriter::new(io::stdout().lock());
    match args.format {
        _ if args.folded => render::folded(&mut out, &answer)?,
        TextOrJson::Text => render::text(&mut out, &answer, args.top)?,
        TextOrJson::Json => render::json(&mut out, &answer)?,
    }
    out.flush()?;
    if let Some(mut file) = svg {
        render::svg(&mut file, &answer).with_context(cannot)?;
    }
    unsaved.map_or(Ok(()), Err)?;
    Ok(Outcome::found_if(args.fail_on.is_some() && answer.accused().next().is_some()))
}

fn read(path: &Path) -> anyhow::Result<Answer> {
    let cannot = || format!("cannot read {}", path.display());
    let file = BufReader::new(File::open(path).with_context(cannot)?);
    let read = file::read(file, Limits::default()).with_context(cannot)?;
    if let Some(Damage { offset, problem }) = read.damage {
        warning!("{}: offset {offset:#x}: {problem}; what is before it is shown", path.display());
    }
    Ok(Answer::new(read.about, read.ending, read.summary))
}

fn live(args: &TraceArgs) -> anyhow::Result<(Answer, Option<SourceError>)> {
    let stop = Stop::on_signals()?;
    let mut progress = Progress::new();
    let options =
        TraceOptions { length: args.length, max_load: args.max_load / 100.0, ..TraceOptions::default() };
    let save = args.save.as_deref();
    let answer = trace::live(&args.what.to_string_lossy(), args.frames, &options, save, &mut |state| {
        let left = span(args.length.saturating_sub(state.elapsed));
        progress.show(|| format!("{}, {left} to go (Ctrl-C stops)", counted(state.events, "event")));
        !stop.wait_until(Instant::now())
    });
    stop.done();
    Ok(answer?)
}
