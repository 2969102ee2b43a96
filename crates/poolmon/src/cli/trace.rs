//! `poolmon trace`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{groups::TextOrJson, values};
use crate::app::outcome::{self, Outcome};

/// Frames of a stack, if nothing else is asked for.
pub const FRAMES: u16 = 32;

// Options of `trace`.
#[derive(Debug, Clone, Args)]
#[command(after_help = after())]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct TraceArgs {
    /// The slab cache (`poolmon top --pool slab` lists them), source line (`--pool callsite`) or pool tag; a file that --save wrote; or a Windows event trace (.etl)
    #[arg(value_name = "CACHE|TAG|FILE", required = false, required_unless_present_any(OUTSIDE.map(|of| of.0)), default_value_ifs(OUTSIDE))]
    pub what: PathBuf,
    /// Trace whole pages, those of processes included, rather than a cache
    #[arg(long, conflicts_with_all = ["what", "percpu", "vmalloc"])]
    pub pages: bool,
    /// Trace per-CPU memory
    #[arg(long, conflicts_with_all = ["what", "vmalloc"])]
    pub percpu: bool,
    /// Trace areas of vmalloc (Linux 6.3 and later)
    #[arg(long, conflicts_with = "what")]
    pub vmalloc: bool,
    /// The tag whose stacks are shown (* any characters, ? one), for a Windows event trace; without it all tags are listed. Or
    /// more slab caches, traced together
    #[arg(value_name = "TAG|CACHE")]
    pub more: Vec<String>,
    /// How long to trace; Ctrl-C ends it earlier, with the result so far [default: 60s]
    #[arg(long = "for", value_name = "TIME", value_parser = values::span)]
    pub length: Option<Duration>,
    /// List at most N owners of each kind, or N tags [default: 5 owners, 20 tags]
    #[arg(long, value_name = "N", value_parser = values::number, conflicts_with = "folded")]
    pub top: Option<NonZeroUsize>,
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
    #[arg(long, value_name = "WHAT", value_parser = ["leak"])]
    pub fail_on: Option<String>,
    /// Stop if tracing takes more than this share of all processors for three seconds [default: 2]
    #[arg(long, value_name = "PERCENT", value_parser = values::percent)]
    pub max_load: Option<f64>,
    /// Frames of each stack [default: 32]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=127))]
    pub frames: Option<u16>,
}

/// What is traced by an option rather than by its name.
const OUTSIDE: [(&str, &str, &str); 3] =
    [("pages", "true", "pages"), ("percpu", "true", "percpu"), ("vmalloc", "true", "vmalloc")];

const AFTER: &str = "\
Each allocation is paired with its free by address. An address that is handed out again was freed, even if no event said so. \
A stack is called a leak only if its objects grow through the whole trace and the cache itself grows, too. \
A live trace needs Linux and root, or Windows 8 and an administrator. On Linux, tracing adds 1 to 5 µs to \
each traced allocation. Files are read on any system.

  poolmon trace filp --for 30s
  poolmon trace fs/eventfd.c:389
  poolmon trace filp dentry kmalloc-512
  poolmon trace kmalloc-256 --save today.ptrace --svg today.svg
  poolmon trace today.ptrace --folded | flamegraph.pl > today.svg
  poolmon trace Leak --for 1min --save leak.etl
  poolmon trace pool.etl
  poolmon trace pool.etl Leak --svg leak.svg";

fn after() -> String {
    format!(
        "{AFTER}\n\n{}",
        outcome::help(&[
            (Outcome::Found, "--fail-on leak, and a stack keeps growing"),
            (Outcome::Interrupted, Outcome::Interrupted.about()),
        ])
    )
}
