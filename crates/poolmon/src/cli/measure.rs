//! `poolmon measure`.

use std::time::Duration;

use clap::Args;

use super::groups::{PooltagArgs, TextOrJson, WhichArgs};
use super::values;
use crate::app::outcome::{self, Outcome};

// Options of `measure`.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own on the command line")]
#[derive(Debug, Clone, Args)]
#[command(after_help = after())]
pub struct MeasureArgs {
    /// The command and its arguments, after `--`; not passed through a shell
    #[arg(required = true, last = true, value_name = "COMMAND")]
    pub command: Vec<std::ffi::OsString>,
    /// Number of runs, each paired with an idle interval of the same length
    #[arg(long, value_name = "N", default_value = "20", value_parser = clap::value_parser!(u32).range(2..=10_000))]
    pub repeat: u32,
    /// Warm-up runs, not counted: they fill caches and show how long a run takes
    #[arg(long, value_name = "W", default_value = "2", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub warm_up: u32,
    /// How long to wait after each run for memory that is freed later
    #[arg(long, value_name = "TIME", value_parser = values::span, default_value = "1s")]
    pub settle: Duration,
    /// How long to measure background noise before the first run
    #[arg(long, value_name = "TIME", value_parser = values::span, default_value = "10s")]
    pub noise: Duration,
    /// Linux: count single objects, not slabs. Before each count, the kernel drops unused names and inodes from its
    /// caches and compacts half-filled slabs (needs root, `vm.drop_caches`, /sys/kernel/slab/*/shrink). Without
    /// this option, a loss of a few objects per run may stay hidden
    #[arg(long)]
    pub exact: bool,
    /// Continue if the command exits with a code other than 0
    #[arg(long)]
    pub ignore_failure: bool,
    /// Show what the command prints (on stderr)
    #[arg(long)]
    pub show_output: bool,
    #[command(flatten)]
    pub which: WhichArgs,
    /// List tags that moved within the noise, too
    #[arg(long)]
    pub all: bool,
    /// List at most N tags of each kind [default: 20]
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: TextOrJson,
    /// Exit with code 3 if each run loses memory
    #[arg(long)]
    pub fail_on_loss: bool,
    #[command(flatten)]
    pub pooltag: PooltagArgs,
    /// Seed for the random order of each run and its idle interval [default: the time]
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
}

const AFTER: &str = "\
Each run is paired with an idle interval, in random order. Background activity of the machine affects both alike, so a \
tag that takes more in nearly every run than in the interval next to it is caused by the command.

  poolmon measure -- example.exe --open-and-close
  poolmon measure --exact --repeat 12 --settle 300ms -- sh -c ': > /dev/shm/$$'
  poolmon measure --repeat 50 --settle 3s --format json -- sh -c 'mount /mnt && umount /mnt'";

fn after() -> String {
    let own = [
        (Outcome::Found, "--fail-on-loss, and the command loses memory"),
        (Outcome::Interrupted, Outcome::Interrupted.about()),
    ];
    format!("{AFTER}\n\n{}", outcome::help(&own))
}
