//! `poolmon leaks`.

use std::str::FromStr;

use clap::Args;
use poolmon_leak::Level;
use poolmon_model::Limit;

use super::groups::{AnswerFormat, PooltagArgs, WhichArgs};
use super::source::SourceArgs;
use crate::app::outcome::{self, Outcome};

// Options of `leaks`.
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
    /// Say what speaks for and against a leak of this tag, rule by rule
    #[arg(long, value_name = "TAG", conflicts_with_all = ["all", "limit", "format", "fail_on", "pool", "include", "exclude"])]
    pub explain: Option<String>,
    /// List at most N tags of each kind [default: 20]
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: AnswerFormat,
    /// Exit with code 3 if something leaks, likely or possibly leaks, at least grows, or holds more than a limit:
    /// leak, likely, possible, growing, 'kmalloc-*>5GiB', 'Leak>500MB'; repeatable
    #[arg(long, value_name = "WHAT")]
    pub fail_on: Vec<FailOn>,
    #[command(flatten)]
    pub pooltag: PooltagArgs,
}

const AFTER: &str = "\
A verdict is based on all samples: the slope of the trend and its interval, whether the trend exceeds the tag's own \
noise, the load and the time of day, whether it levels off as a cache does, and how many tags were tested.";

fn after() -> String {
    format!("{AFTER}\n\n{}", outcome::help(&[(Outcome::Found, "--fail-on found something")]))
}

/// `--fail-on`.
#[derive(Debug, Clone)]
pub enum FailOn {
    /// Something leaks.
    Leak,
    /// Something leaks, or is at least this likely to.
    Level(Level),
    /// Something leaks or grows.
    Growing,
    /// Something holds more than this.
    Limit(Limit),
}

impl FromStr for FailOn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "leak" => Ok(Self::Leak),
            "likely" => Ok(Self::Level(Level::Likely)),
            "possible" => Ok(Self::Level(Level::Possible)),
            "growing" => Ok(Self::Growing),
            _ if text.contains('>') => text.parse().map(Self::Limit),
            _ => Err(format!(
                "`{text}` is none of leak, likely, possible, growing and TAG>SIZE ('kmalloc-*>5GiB')"
            )),
        }
    }
}
