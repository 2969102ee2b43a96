//! `poolmon trace`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{groups::TextOrJson, values};
use crate::app::outcome::{self, Outcome};

/// Options of `trace`.
#[derive(Debug, Clone, Args)]
#[command(after_help = after())]
pub struct TraceArgs {
    /// The slab cache (`poolmon top --pool slab` lists them); or a file that --save wrote
    #[arg(value_name = "CACHE|FILE")]
    pub what: PathBuf,
    /// How long to trace; Ctrl-C ends it earlier, with the result so far
    #[arg(long = "for", value_name = "TIME", value_parser = values::span, default_value = "60s")]
    pub length: Duration,
    /// List at most N owners of each kind
    #[arg(long, value_name = "N", default_value = "5")]
    pub top: usize,
    /// Print each stack with its outstanding bytes on one line, for flame graph tools
    #[arg(long, conflicts_with = "format")]
    pub folded: bool,
    /// Write a flame graph of the outstanding bytes
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Keep every event in a file; `poolmon trace FILE` reads it on any system
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: TextOrJson,
    /// Exit with code 3 if a stack keeps growing
    #[arg(long, value_name = "WHAT")]
    pub fail_on: Option<FailOn>,
    /// Stop if tracing takes more than this share of all processors for three seconds
    #[arg(long, value_name = "PERCENT", default_value = "2")]
    pub max_load: f64,
    /// Frames of each stack
    #[arg(long, value_name = "N", default_value = "32", value_parser = clap::value_parser!(u16).range(1..=127))]
    pub frames: u16,
}

/// `--fail-on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// A stack keeps growing.
    Leak,
}

const AFTER: &str = "\
Each allocation is paired with its free by address. An address that is handed out again was freed, even if no event said so.
A stack is called a leak only if its objects grow through the whole trace and the cache itself grows, too.
Needs Linux and root. A traced allocation takes about 1 microsecond more.

  poolmon trace filp --for 30s
  poolmon trace kmalloc-256 --save today.ptrace --svg today.svg
  poolmon trace today.ptrace --folded | flamegraph.pl > today.svg";

fn after() -> String {
    format!("{AFTER}\n\n{}", outcome::help(&[(Outcome::Found, "--fail-on leak, and a stack keeps growing")]))
}
