//! `poolmon holders`: who keeps kernel objects.

use std::io::Write as _;
use std::sync::atomic::Ordering;
use std::time::Instant;

use jiff::tz::TimeZone;
use poolmon_holder::Counted;
use poolmon_read::ReadOptions;
use poolmon_record::Stop;
use poolmon_render::holders::{Holders, csv, json, text};

use crate::app::outcome::Outcome;
use crate::app::say::{self, warning};
use crate::cli::groups::AnswerFormat;
use crate::cli::holders::HoldersArgs;
use crate::input::{self, moment};

/// Counts, once or twice.
pub fn run(args: &HoldersArgs) -> anyhow::Result<Outcome> {
    let (mut interrupted, mut is_outside) = (false, false);
    let (at, counted) = if let Some(path) = &args.recording {
        let at = args.at.as_deref().map(|at| moment::parse(at, &TimeZone::system())).transpose()?;
        let mut series = input::reported_series(std::slice::from_ref(path), ReadOptions::default())?;
        let (time, counted, outside) = series.counted(at, args.length)?;
        is_outside = outside.is_some();
        if let Some(outside) = outside {
            warning!("{}: {outside}", path.display());
        }
        (Some(time), counted)
    } else {
        let stop = Stop::on_signals()?;
        let counted = Counted::new(args.length, |length| _ = stop.wait_until(Instant::now() + length))?;
        interrupted = stop.flag().load(Ordering::Relaxed);
        stop.done();
        (None, counted)
    };
    let counted = if args.anonymise { counted.anonymised() } else { counted };
    let holders = Holders { counted: &counted, at, order: args.sort, top: args.top.get() };
    let mut out = say::out(args.format == AnswerFormat::Text);
    match args.format {
        AnswerFormat::Text => text(&mut out, &holders),
        AnswerFormat::Json => json(&mut out, &holders),
        AnswerFormat::Csv => csv(&mut out, &holders),
    }?;
    out.flush()?;
    counted.now.remarks.iter().for_each(|remark| warning!("{remark}"));
    Ok(Outcome::done_if(!is_outside).if_not(interrupted))
}
