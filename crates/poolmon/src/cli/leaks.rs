//! `poolmon leaks`.

use clap::{Args, ValueEnum};

use super::groups::{AnswerFormat, PooltagArgs, WhichArgs};
use super::source::SourceArgs;
use crate::app::outcome::{self, Outcome};

/// Options of `leaks`.
#[derive(Debug, Clone, Args)]
#[command(after_help = after())]
pub struct LeaksArgs {
    #[command(flatten)]
    pub source: SourceArgs,
    #[command(flatten)]
    pub which: WhichArgs,
    /// List every tag, including steady ones
    #[arg(long)]
    pub all: bool,
    /// List at most N tags of each kind
    #[arg(long, value_name = "N", default_value = "20")]
    pub limit: usize,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: AnswerFormat,
    /// Exit with code 3 if something leaks, or at least grows
    #[arg(long, value_name = "WHAT")]
    pub fail_on: Option<FailOn>,
    #[command(flatten)]
    pub pooltag: PooltagArgs,
}

const AFTER: &str = "\
A verdict rests on all samples: the slope of the trend and its interval, whether the trend exceeds the tag's own
noise, the load and the time of day, whether it levels off as a cache does, and how many tags were tested.";

fn after() -> String {
    format!("{AFTER}\n\n{}", outcome::help(&[(Outcome::Found, "--fail-on found something")]))
}

/// `--fail-on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Something leaks
    Leak,
    /// Something leaks or grows
    Growing,
}
