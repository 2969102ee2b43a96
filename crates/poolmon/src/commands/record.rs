//! `poolmon record`: samples of this machine, into a folder, for weeks.

use poolmon_model::Filter;
use poolmon_record::{Plan, RecordEvent, Stop, record};
use poolmon_store::RecorderConfig;

use crate::app::outcome::Outcome;
use crate::app::status_line::StatusLine;
use crate::cli::record::{RecordArgs, WhatArgs};
use crate::input;

impl WhatArgs {
    /// As the recorder takes it.
    pub fn config(&self) -> RecorderConfig {
        let Filter { view, include, exclude, .. } = self.which.filter();
        RecorderConfig {
            interval: self.interval,
            keep: self.keep,
            max_size: self.max_size,
            view,
            include,
            exclude,
            holders: !self.no_holders,
            anonymise: self.anonymise,
            seal: self.parquet,
            mode: self.mode,
            ..RecorderConfig::default()
        }
    }
}

/// Records until it is stopped; exit code 3 if a limit was exceeded meanwhile, 1 if its end, or all of it, is lost.
pub fn run(args: &RecordArgs) -> anyhow::Result<Outcome> {
    let source = input::live(args.what.which.view())?;
    let stop = Stop::on_signals()?;
    let mut plan = Plan::new(&args.folder);
    plan.config = args.what.config();
    plan.length = args.length;
    plan.verdicts = args.what.verdicts;
    plan.limits.clone_from(&args.fail_on.limits);
    let mut line = StatusLine::new();
    let mut exceeded = false;
    let mut tell = |event: &RecordEvent<'_>| {
        exceeded |= matches!(event, RecordEvent::Exceeded(_));
        line.tell(event);
    };
    let result = record(source, plan, &stop, &mut tell);
    stop.done();
    Ok(if result?.lacks_its_end() { Outcome::Failed } else { Outcome::found_if(exceeded) })
}
