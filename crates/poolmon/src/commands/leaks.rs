//! `poolmon leaks`: which tags leak, how fast, how sure, until when.
//!
//! `app::analyse`: samples into the analysis; [`poolmon_render::leaks`]: the answer.

use std::io::{self, BufWriter, Write as _};

use jiff::tz::TimeZone;
use poolmon_leak::VerdictKind;
use poolmon_render::leaks as render;

use crate::app::outcome::Outcome;
use crate::app::{analyse, owners};
use crate::cli::groups::AnswerFormat;
use crate::cli::leaks::{FailOn, LeaksArgs};

/// Judges, and tells.
pub fn run(args: &LeaksArgs) -> anyhow::Result<Outcome> {
    let owners = owners::load_files(args.pooltag.file(), None)?;
    let judged = analyse::source(&args.source, args.which.view(), &owners)?;
    let filter = args.which.filter();
    let mut out = BufWriter::new(io::stdout().lock());
    let listing = render::Listing { all: args.all, limit: args.limit };
    match args.format {
        AnswerFormat::Text => render::text(&mut out, &judged, &filter, listing, &TimeZone::system())?,
        AnswerFormat::Json => render::json(&mut out, &judged, &filter, args.all)?,
        AnswerFormat::Csv => render::csv(&mut out, &judged, &filter, args.all)?,
    }
    out.flush()?;
    let found = |kinds: &[VerdictKind]| {
        judged
            .report
            .verdicts
            .iter()
            .any(|verdict| kinds.contains(&verdict.kind) && filter.admits_tag(&verdict.tag, verdict.pool))
    };
    let fails = match args.fail_on {
        None => false,
        Some(FailOn::Leak) => found(&[VerdictKind::Leaking]),
        Some(FailOn::Growing) => found(&[VerdictKind::Leaking, VerdictKind::Growing]),
    };
    Ok(if fails { Outcome::Found } else { Outcome::Done })
}
