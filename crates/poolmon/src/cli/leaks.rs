//! `poolmon leaks`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::groups::WhichArgs;
use super::source::SourceArgs;

/// Options of `leaks`.
#[derive(Debug, Clone, Args)]
#[command(after_help = AFTER)]
pub struct LeaksArgs {
    #[command(flatten)]
    pub source: SourceArgs,
    #[command(flatten)]
    pub which: WhichArgs,
    /// Tell of every tag, steady ones too
    #[arg(long)]
    pub all: bool,
    /// At most this many tags of each kind
    #[arg(long, value_name = "N", default_value = "20")]
    pub limit: usize,
    /// How the answer is written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: LeaksFormat,
    /// End with exit code 3 where something leaks, or at least grows
    #[arg(long, value_name = "WHAT")]
    pub fail_on: Option<FailOn>,
    /// Drivers from a pooltag.txt
    #[arg(long, value_name = "FILE")]
    pub pooltag: Option<PathBuf>,
}

const AFTER: &str = "\
A verdict rests on all samples, not on two: the trend's slope and its interval, whether it stands out of the tag's own
noise, the machine's load and the time of day, whether it slows down as a cache does, and how many tags were tested.

Exit codes: 0 done; 1 failed; 2 wrong arguments; 3 what --fail-on asks for was found.";

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LeaksFormat {
    /// For a person
    #[value(alias = "table")]
    Text,
    /// One JSON object with every figure behind the verdicts
    Json,
    /// Comma-separated values, a line for each tag
    Csv,
}

/// `--fail-on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Something leaks
    Leak,
    /// Something leaks or grows
    Growing,
}
