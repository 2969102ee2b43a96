//! `poolmon import`: logs and tables of other tools, as a recording.

use std::path::Path;

use anyhow::{bail, ensure};
use poolmon_model::problem::Problem;
use poolmon_store::folder;

use crate::app::copy;
use crate::app::say::{self, answer};
use crate::cli::import::ImportArgs;
use crate::input;
use poolmon_model::units::counted as count;

/// Makes the recording and says where each file's times come from.
pub fn run(args: &ImportArgs) -> anyhow::Result<()> {
    let output = &args.output;
    if output.is_dir() && !folder::segments(output)?.is_empty() {
        bail!(Problem::new(
            format!("{}: this folder already holds a recording", output.display()),
            "import into a new folder"
        ));
    }
    let mut series = input::series(&args.sources, args.reported.options())?;
    let made = !output.exists();
    let done = copy::into(&mut series, output);
    if done.as_ref().map_or(true, |(samples, _)| *samples == 0) {
        remove_what_we_made(output, made);
    }
    let (samples, untimed) = done?;
    ensure!(
        samples > 0,
        Problem::new(format!("{}: nothing was imported: no sample has a time", series.name()), UNTIMED)
    );
    if untimed > 0 {
        say::warn(&Problem::new(format!("{} left out: no time", count(untimed, "sample")), UNTIMED));
    }
    answer!("{} in {}", count(samples, "sample"), output.display())?;
    Ok(())
}

const UNTIMED: &str = "save one snapshot per file, with its time in its name (pool-2026-11-22-1405.log), or keep the files' dates when \
                        you copy them (cp -p, robocopy)";

/// Everything that was begun and holds nothing.
fn remove_what_we_made(output: &Path, made: bool) {
    if made {
        // Only a folder that was not there before this program ran.
        let _ = std::fs::remove_dir_all(output);
    } else {
        let _ = std::fs::remove_file(output.join("recorder.lock"));
        for file in folder::segments(output).unwrap_or_default() {
            let _ = std::fs::remove_file(file.path);
        }
    }
}
