//! `poolmon measure`.

use std::time::Duration;

use clap::Args;

use super::groups::{PooltagArgs, TextOrJson, WhichArgs};
use super::values;
use crate::app::outcome::{self, Outcome};

/// Options of `measure`.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own on the command line")]
#[derive(Debug, Clone, Args)]
#[command(after_help = after())]
pub struct MeasureArgs {
    /// The command and its arguments, after `--`; no shell looks at them
    #[arg(required = true, last = true, value_name = "COMMAND")]
    pub command: Vec<std::ffi::OsString>,
    /// Runs, each beside an idle interval of the same length
    #[arg(long, value_name = "N", default_value = "20", value_parser = clap::value_parser!(u32).range(2..=10_000))]
    pub repeat: u32,
    /// Runs before that do not count: they fill caches, and tell how long a run takes
    #[arg(long, value_name = "W", default_value = "2", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub warm_up: u32,
    /// Wait so long after each run, for what is freed a little later
    #[arg(long, value_name = "TIME", value_parser = values::span, default_value = "1s")]
    pub settle: Duration,
    /// Watch the machine so long before the first run
    #[arg(long, value_name = "TIME", value_parser = values::span, default_value = "10s")]
    pub noise: Duration,
    /// Linux: count each object. Before each count the kernel is asked to gather its half-filled slabs (as root,
    /// /sys/kernel/slab/*/shrink); otherwise whole slabs are counted, and a few objects a run may stay hidden
    #[arg(long)]
    pub exact: bool,
    /// Go on where the command ends with an exit code other than 0
    #[arg(long)]
    pub ignore_failure: bool,
    /// Show what the command prints (on stderr)
    #[arg(long)]
    pub show_output: bool,
    #[command(flatten)]
    pub which: WhichArgs,
    /// Tell of the tags too that moved within the noise
    #[arg(long)]
    pub all: bool,
    /// At most this many tags of each kind
    #[arg(long, value_name = "N", default_value = "20")]
    pub limit: usize,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: TextOrJson,
    /// End with exit code 3 where each run loses something
    #[arg(long)]
    pub fail_on_loss: bool,
    #[command(flatten)]
    pub pooltag: PooltagArgs,
    /// Seed of the coins that decide whether a run or its idle interval comes first [default: the time]
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
}

const AFTER: &str = "\
Runs and idle intervals come in pairs, and a coin decides which of the two is first. Whatever the machine does by itself
then hits both alike, so a tag that takes more in nearly every run than beside it is the command's doing.

  poolmon measure -- example.exe --open-and-close
  poolmon measure --exact --repeat 12 --settle 300ms -- sh -c ': > /dev/shm/$$'
  poolmon measure --repeat 50 --settle 3s --format json -- sh -c 'mount /mnt && umount /mnt'";

fn after() -> String {
    let own = [
        (Outcome::Failed, "failed, or stopped too early to tell"),
        (Outcome::Found, "--fail-on-loss and something is lost"),
    ];
    format!("{AFTER}\n\n{}", outcome::help(&own))
}
