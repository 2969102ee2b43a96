//! `poolmon holders`: who keeps kernel objects. [`poolmon_holder`] counts, [`render`] writes.

use std::io::{self, BufWriter, Write as _};
use std::time::Instant;

use poolmon_holder::{Census, Live};
use poolmon_record::Stop;
use poolmon_render::holders::{self as render, Holders};

use crate::app::say::warning;
use crate::cli::groups::AnswerFormat;
use crate::cli::holders::HoldersArgs;

/// Counts, once or twice.
pub fn run(args: &HoldersArgs) -> anyhow::Result<()> {
    let (stop, start) = (Stop::on_signals()?, Instant::now());
    let (mut live, mut now) = (Live::new()?, Census::default());
    live.census_into(&mut now)?;
    let first = args.length.map(|length| (now.clone(), stop.wait_until(start + length)));
    let seconds = start.elapsed().as_secs_f64();
    if first.is_some() {
        live.census_into(&mut now)?;
    }
    stop.done();
    let before = first.as_ref().map(|(census, _)| (census, seconds));
    let holders = Holders { now: &now, before, order: args.sort, top: args.top };
    let mut out = BufWriter::new(io::stdout().lock());
    match args.format {
        AnswerFormat::Text => render::text(&mut out, &holders)?,
        AnswerFormat::Json => render::json(&mut out, &holders)?,
        AnswerFormat::Csv => render::csv(&mut out, &holders)?,
    }
    out.flush()?;
    now.remarks.iter().for_each(|remark| warning!("{remark}"));
    Ok(())
}
