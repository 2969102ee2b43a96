//! `poolmon info`: what is in a recording.

use std::io::{self, Write as _};

use jiff::tz::TimeZone;
use poolmon_render::recording::info;

use crate::cli::groups::TextOrJson;
use crate::cli::info::InfoArgs;

/// Prints what is in a recording.
pub fn run(args: &InfoArgs) -> anyhow::Result<()> {
    let recording = poolmon_read::recording(&args.recording)?;
    let (about, marks) = (recording.info()?, recording.marks(None, None)?);
    let text = match args.format {
        TextOrJson::Text => info::text(&args.recording, &about, &marks, &TimeZone::system()),
        TextOrJson::Json => format!("{:#}\n", info::json(&about, &marks)),
    };
    Ok(io::stdout().lock().write_all(text.as_bytes())?)
}
