//! `poolmon who`.
#![expect(
    clippy::option_option,
    reason = "clap's own form of an option that is absent, bare, or has a value"
)]

use std::path::PathBuf;

use clap::Args;

use super::groups::{AnswerFormat, DriversArgs, PooltagArgs};
use crate::app::outcome::{self, Outcome};

// Options of `who`.
#[expect(clippy::struct_excessive_bools, reason = "one for each switch")]
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = after(), group = clap::ArgGroup::new("what").required(true))]
pub struct WhoArgs {
    /// The tag (one to four characters; \xNN for a non-printing byte), or a Linux slab cache
    #[arg(group = "what")]
    pub tag: Option<String>,
    /// List every driver with its tags instead: those in DIR, or in the places given by --drivers
    #[arg(long, value_name = "DIR", num_args = 0..=1, group = "what")]
    pub all: Option<Option<PathBuf>>,
    #[command(flatten)]
    pub drivers: DriversArgs,
    #[command(flatten)]
    pub pooltag: PooltagArgs,
    /// With --all: write the tags into FILE in the format of pooltag.txt, as PoolMon's /c did
    #[arg(long, value_name = "FILE", requires = "all")]
    pub localtag: Option<PathBuf>,
    /// Print the next commands for the tag in other tools, with what each needs
    #[arg(long, conflicts_with = "all")]
    pub next: bool,
    /// Name the holders of a Linux slab cache as this recording has them at its end, not those of this machine
    #[arg(long, value_name = "RECORDING", conflicts_with_all = ["all", "next"])]
    pub from: Option<PathBuf>,
    /// Replace names of processes, units, control groups and places by pseudonyms
    #[arg(long, conflicts_with = "all")]
    pub anonymise: bool,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: AnswerFormat,
    /// List every place of every kind of evidence, including noise
    #[arg(long, short)]
    pub verbose: bool,
    /// Search every file for the four bytes, even if the index already has proof
    #[arg(long, conflicts_with = "all")]
    pub bytes: bool,
    /// Keep the index of drivers in FILE [default: drivers.index in poolmon's cache folder; safe to delete]
    #[arg(long, value_name = "FILE")]
    pub index: Option<PathBuf>,
    /// Neither use nor write an index
    #[arg(long, conflicts_with = "index")]
    pub no_index: bool,
}

const AFTER: &str = "\
Evidence, best first:
  a  the tag in a call of a pool function      b  in a call of the driver's own allocator
  c  in a structure that the kernel reads      d  four bytes in code, e  in data
  f  inside a longer text or name: noise       g  pooltag.txt and the built-in table
Without --drivers: on Windows the loaded drivers, System32\\drivers and the driver store; elsewhere the drivers in the \
index. No driver is run, and no signature is checked.";

fn after() -> String {
    let codes = outcome::help(&[
        (Outcome::Done, "something was found"),
        (Outcome::Failed, "no driver shows the tag, or something failed"),
        (Outcome::Interrupted, Outcome::Interrupted.about()),
    ]);
    format!("{AFTER}\n\n{codes}")
}
