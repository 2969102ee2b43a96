//! `poolmon note`: a person's words in a recording.

use anyhow::ensure;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use poolmon_model::problem::Problem;

use crate::app::say::answer;
use crate::cli::note::NoteArgs;
use crate::input::moment;

/// Leaves the note; a recorder that runs takes it up.
pub fn run(args: &NoteArgs) -> anyhow::Result<()> {
    let text = args.text.join(" ");
    let text = text.trim();
    ensure!(
        !text.is_empty(),
        Problem::new("the note is empty", "describe what happened: poolmon note DIR \"installed a driver\"")
    );
    // A note in a folder without a recording would never be seen again.
    let recording = poolmon_read::recording(&args.folder)?;
    ensure!(args.folder.is_dir(), "{}: name the folder of the recording, not a file", args.folder.display());
    let (zone, now) = (TimeZone::system(), Timestamp::now());
    let time = match &args.at {
        None => now,
        Some(at) => {
            let first = recording.info()?.first.unwrap_or(now);
            moment::parse(at, &zone)?.resolve(first, now, &zone)
        }
    };
    poolmon_store::note(&args.folder, text, time)?;
    answer!("noted at {}", poolmon_model::units::moment_with_zone(time, &zone))?;
    Ok(())
}
