//! `poolmon record`: samples of this machine, into a folder, for weeks.
//!
//! * [`recording`]: the loop; it takes a source, a plan, a wish to stop ([`stop`]) and whoever is told ([`events`]):
//!   a service calls it, too;
//! * [`session`]: one sample with everything that stands beside it ([`modules`]); [`watched`]: the same for the live
//!   screen; `alarm.rs`: what begins to leak meanwhile;
//! * [`mod@line`]: what a person sees.

mod alarm;
pub mod events;
mod line;
mod modules;
pub mod recording;
mod session;
pub mod stop;
pub mod watched;

use events::Event;
pub use line::StatusLine;
use poolmon_model::Filter;
use poolmon_store::Config;
use recording::Plan;
use stop::Stop;

use crate::cli::record::{RecordArgs, WhatArgs};
use crate::input;

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
    let mut line = StatusLine::new();
    let mut tell = |event: &Event<'_>| line.tell(event);
    let result = recording::record(source, plan, &stop, &mut tell);
    stop.done();
    result.map(drop)
}
