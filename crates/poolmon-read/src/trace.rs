//! Traces of allocation events: files that `poolmon trace --save` writes, and Windows event traces (.etl).

use std::fs::File;
use std::io::{BufReader, Cursor, Read as _};
use std::path::Path;

use poolmon_etl::{AnyReader, Etl, EtlError, keep};
use poolmon_model::problem::Remedy as _;
use poolmon_model::{Pattern, Tag};
use poolmon_trace::{Answer, Limits, TraceFound, file};

use crate::{Input, ReadError, Result, identify, looks};

/// Most that is read of a pipe: a trace has to be read twice, so that it is kept in memory.
const MOST_OF_A_PIPE: u64 = 256 << 20;

/// A kind of trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceKind {
    /// What `poolmon trace --save` writes: one cache.
    Saved,
    /// A Windows event trace: pool events of every tag, or of a few.
    Etl,
}

impl TraceKind {
    /// The kind of a file or stream by its first bytes; `None` if it is no trace.
    pub fn of(input: &Input) -> Option<Self> {
        let start = input.start();
        match () {
            () if file::is_trace(start) => Some(Self::Saved),
            () if poolmon_etl::is_etl(start) => Some(Self::Etl),
            () => None,
        }
    }

    /// What a person calls it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Saved => "a saved trace",
            Self::Etl => "a Windows event trace",
        }
    }
}

/// A trace that was read.
#[derive(Debug)]
pub struct ReadTrace {
    /// What it says.
    pub found: TraceFound,
    /// Why it could not be read to its end, with the place; what is before it was read.
    pub damage: Option<String>,
}

/// Reads a trace; `-` is standard input.
///
/// `tag` chooses the tags whose stacks are wanted, by a pattern. Without it, a trace of many tags gives their list, or with `stacks`
/// the stacks of all of them together. A saved trace is of one cache, and gives its stacks.
///
/// # Errors
/// It cannot be read, is no trace, or has nothing of what was asked for: the error says what it has, and how to record one.
pub fn read_trace(path: &Path, tag: Option<&str>, stacks: bool) -> Result<ReadTrace> {
    let input = Input::open(path)?;
    let tag = tag.map(Pattern::new);
    let wanted = Wanted { tag: tag.as_ref(), stacks };
    match TraceKind::of(&input) {
        Some(TraceKind::Etl) => {
            let found = match input.file() {
                Ok(path) => {
                    let file = File::open(path).map_err(ReadError::io("open", path))?;
                    etl(&input, Box::new(file), wanted)?
                }
                Err(_) => etl(&input, Box::new(Cursor::new(in_memory(&input)?)), wanted)?,
            };
            Ok(ReadTrace { found, damage: None })
        }
        Some(TraceKind::Saved) => saved(&input, wanted),
        None => Err(other(&input)),
    }
}

#[derive(Clone, Copy)]
struct Wanted<'a> {
    tag: Option<&'a Pattern>,
    stacks: bool,
}

fn etl(input: &Input, reader: AnyReader, wanted: Wanted<'_>) -> Result<TraceFound> {
    let answer = || {
        let mut etl = Etl::open(reader)?;
        Ok(match wanted {
            Wanted { tag: None, stacks: false } => TraceFound::Tags(Box::new(keep::tags(&mut etl)?)),
            Wanted { tag, .. } => TraceFound::Stacks(Box::new(keep::answer(&mut etl, tag)?)),
        })
    };
    answer().map_err(|error: EtlError| {
        let remedy =
            error.remedy().unwrap_or_else(|| "copy the file to a local disk, and try again".to_owned());
        ReadError::unsuitable(input.name(), error.to_string(), remedy)
    })
}

fn saved(input: &Input, wanted: Wanted<'_>) -> Result<ReadTrace> {
    let read = file::read(BufReader::new(input.reader()?), Limits::default()).map_err(|error| {
        let remedy = error.remedy().unwrap_or_default();
        ReadError::unsuitable(input.name(), error.to_string(), remedy)
    })?;
    let about = &read.about;
    let names = || about.target.split(", ").chain(about.sharing.iter().map(String::as_str));
    if let Some(tag) = wanted.tag.filter(|tag| !names().any(|name| tag.matches(&Tag::name(name)))) {
        let problem = format!("this is a trace of {}, and {} was asked for", about.target, tag.text());
        return Err(ReadError::unsuitable(input.name(), problem, format!("leave {} out", tag.text())));
    }
    let damage = read.damage.map(|damage| format!("offset {:#x}: {}", damage.offset, damage.problem));
    let answer = Answer::new(read.about, read.ending, read.summary);
    Ok(ReadTrace { found: TraceFound::Stacks(Box::new(answer)), damage })
}

fn in_memory(input: &Input) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let length = input.reader()?.take(MOST_OF_A_PIPE + 1).read_to_end(&mut bytes);
    let length = length.map_err(|source| ReadError::read(input.name(), source))?;
    if length as u64 > MOST_OF_A_PIPE {
        let problem = format!("more than {} MiB", MOST_OF_A_PIPE >> 20);
        return Err(ReadError::unsuitable(input.name(), problem, "save it to a file, and name that"));
    }
    Ok(bytes)
}

/// What is wrong with a file that is no trace.
fn other(input: &Input) -> ReadError {
    let remedy = "name a Windows event trace (.etl), or what this wrote: poolmon trace CACHE --save FILE";
    if input.start().is_empty() && input.files().is_none() {
        return ReadError::unsuitable(input.name(), "the file is empty", remedy);
    }
    let start = input.start();
    let packed = looks::BINARIES
        .iter()
        .find(|(magic, what, _)| what.contains("compressed") && start.starts_with(magic));
    if let Some((_, what, remedy)) = packed {
        return ReadError::unsuitable(input.name(), *what, *remedy);
    }
    match identify(input) {
        Ok(format) if format.id != "text" => {
            let problem = format!("this is {}, not a trace", format.title);
            ReadError::unsuitable(input.name(), problem, format!("open it as that: poolmon {}", input.name()))
        }
        Err(error) if looks::like(start).is_some() => error,
        _ => ReadError::unsuitable(input.name(), "this is not a trace", remedy),
    }
}
