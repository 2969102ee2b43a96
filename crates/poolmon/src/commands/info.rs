//! `poolmon info`: what is in a recording.

use std::io::Write as _;

use jiff::tz::TimeZone;
use poolmon_render::recording::info;

use crate::app::outcome::Outcome;
use crate::app::say;
use crate::cli::groups::TextOrJson;
use crate::cli::info::InfoArgs;

/// Prints what is in a recording. Exit code 1 if it is damaged.
pub fn run(args: &InfoArgs) -> anyhow::Result<Outcome> {
    let recording = poolmon_read::recording(&args.recording)?;
    let (about, marks) = (recording.info()?, recording.marks(None, None)?);
    let check = recording.verify_if_small()?;
    let text = match args.format {
        TextOrJson::Text => info::text(&args.recording, &about, check.as_ref(), &marks, &TimeZone::system()),
        TextOrJson::Json => format!("{:#}\n", info::json(&about, check.as_ref(), &marks)),
    };
    let mut out = say::out(args.format == TextOrJson::Text);
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(Outcome::done_if(check.is_none_or(|check| check.in_words(about.recording).is_none())))
}
