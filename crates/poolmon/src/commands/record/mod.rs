//! `poolmon record`: samples of this machine, into a folder, for weeks.
//!
//! * [`recording`]: the loop; it takes a source, a plan, a wish to stop ([`stop`]) and whoever is told ([`events`]):
//!   a service calls it, too;
//! * [`session`]: one sample with everything that stands beside it ([`modules`]); [`watched`]: the same for the live
//!   screen; `alarm.rs`: what begins to leak meanwhile;
//! * [`line`]: what a person sees.

mod alarm;
pub mod events;
mod line;
mod modules;
pub mod recording;
mod session;
pub mod stop;
pub mod watched;

use std::path::PathBuf;
use std::time::Duration;

use poolmon_model::Filter;
use poolmon_store::Config;

use crate::args::WhichArgs;
use crate::{args, input, quantity};
use events::Event;
pub use line::StatusLine;
use recording::Plan;
use stop::Stop;

/// Options of `record`.
#[derive(Debug, Clone, clap::Args)]
pub struct RecordArgs {
    /// The folder of the recording; it is made where it is missing, and continued where it holds a recording
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// What is recorded.
    #[command(flatten)]
    pub what: WhatArgs,
    /// End after this time (30s, 10m, 28d); without it, Ctrl-C or a signal ends it
    #[arg(long = "for", value_name = "TIME", value_parser = quantity::span)]
    pub length: Option<Duration>,
    /// Print nothing but errors that end it
    #[arg(long, short)]
    pub quiet: bool,
}

/// What is recorded and what is kept: for `record` and for the service.
#[derive(Debug, Clone, clap::Args)]
pub struct WhatArgs {
    /// Time between two samples (100ms to 1h)
    #[arg(long, value_name = "TIME", value_parser = args::interval, default_value = "5s")]
    pub interval: Duration,
    /// The folder may take this much (500MB, 2GB); the oldest closed segments go first
    #[arg(long, value_name = "SIZE", value_parser = quantity::disk)]
    pub max_size: Option<u64>,
    /// Closed segments go when they are older (12h, 28d)
    #[arg(long, value_name = "TIME", value_parser = quantity::span)]
    pub keep: Option<Duration>,
    #[command(flatten)]
    pub which: WhichArgs,
    /// Write each closed segment as a Parquet file, too, slowly and in the background
    #[arg(long)]
    pub parquet: bool,
    /// Judge what is recorded, tell what begins to leak, and write it into the recording as a note
    #[arg(long)]
    pub verdicts: bool,
}

impl WhatArgs {
    /// As the recorder takes it.
    pub fn config(&self) -> Config {
        let Filter { view, include, exclude, .. } = self.which.filter();
        Config {
            interval: self.interval,
            keep: self.keep,
            max_size: self.max_size,
            view,
            include,
            exclude,
            seal: self.parquet,
            ..Config::default()
        }
    }
}

/// Records until it is told to stop.
pub fn run(args: &RecordArgs) -> anyhow::Result<()> {
    let source = input::live(args.what.which.view())?;
    let stop = Stop::on_signals()?;
    let plan = Plan {
        folder: args.folder.clone(),
        config: args.what.config(),
        length: args.length,
        verdicts: args.what.verdicts,
    };
    let mut line = StatusLine::stderr();
    let mut tell = |event: &Event<'_>| {
        if !args.quiet {
            line.tell(event);
        }
    };
    let result = recording::record(source, plan, &stop, &mut tell);
    stop.done();
    result.map(drop)
}
