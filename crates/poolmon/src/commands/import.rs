//! `poolmon import`: logs and tables of other tools, as a recording.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use jiff::tz::Offset;
use poolmon_read::perfmon;
use poolmon_store::{Config, Cursor, Recorder, folder};

use crate::input::kind::Kind;
use crate::input::series::{Part, Series, TimeFrom, Told};
use crate::quantity::count;

/// Options of `import`.
#[derive(Debug, Clone, clap::Args)]
pub struct ImportArgs {
    /// PoolMon logs, CSV and TSV tables, Perfmon's CSV and TSV, dumps, or folders of them
    #[arg(value_name = "SOURCE", required = true)]
    pub sources: Vec<PathBuf>,
    /// The folder of the new recording
    #[arg(long, short = 'o', value_name = "DIR")]
    pub output: PathBuf,
    /// What the files do not say themselves.
    #[command(flatten)]
    pub told: ToldArgs,
}

/// What a person says about files that do not say it themselves.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ToldArgs {
    /// Perfmon logs with names in another language: which column (1 = first counter) holds which figure, as
    /// `1=pool_nonpaged,2=pool_paged,3=memory_available,4=commit`
    #[arg(long, value_name = "N=FIGURE,…", value_delimiter = ',', value_parser = position)]
    pub columns: Vec<(usize, String)>,
    /// Where times have no zone: how far the clock was ahead of UTC, as +01:00; for Perfmon instead of its own bias
    #[arg(long, value_name = "±HH:MM", value_parser = offset, allow_hyphen_values = true)]
    pub utc_offset: Option<Offset>,
}

impl ToldArgs {
    /// As a series takes it.
    pub fn told(&self) -> Told {
        let bias = self.utc_offset.map(|offset| -i64::from(offset.seconds()) / 60);
        Told { zone: self.utc_offset, perfmon: perfmon::Options { bias, positions: self.columns.clone() } }
    }
}

fn position(text: &str) -> Result<(usize, String), String> {
    let parts = text.split_once('=').and_then(|(at, figure)| Some((at.trim().parse().ok()?, figure.trim())));
    match parts {
        Some((at, figure)) if at > 0 && !figure.is_empty() => Ok((at, figure.into())),
        _ => Err(format!("`{text}` is not a column and a figure; write 1=pool_nonpaged")),
    }
}

/// `+01:00`, `-5`, `Z`.
fn offset(text: &str) -> Result<Offset, String> {
    let wrong = || format!("`{text}` is not an offset from UTC; write +01:00, -05:30 or Z");
    if text.eq_ignore_ascii_case("z") || text.eq_ignore_ascii_case("utc") {
        return Ok(Offset::UTC);
    }
    let sign = match text.chars().next() {
        Some('-') => -1,
        Some('+') => 1,
        _ => return Err(wrong()),
    };
    let rest = text.get(1..).unwrap_or_default();
    let (hours, minutes) = match rest.split_once(':') {
        Some(parts) => parts,
        None if rest.len() == 4 && rest.is_ascii() => rest.split_at(2),
        None => (rest, "0"),
    };
    let number = |text: &str| text.parse::<u8>().ok().map(i32::from);
    let (Some(hours), Some(minutes @ 0..60)) = (number(hours), number(minutes)) else { return Err(wrong()) };
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).map_err(|_| wrong())
}

/// Makes the recording and says where each file's times come from.
pub fn run(args: &ImportArgs) -> anyhow::Result<()> {
    let output = &args.output;
    if output.is_dir() && !folder::segments(output)?.is_empty() {
        bail!(
            "{}: there is a recording already\n  import into a folder of its own; its times would not be in order",
            output.display()
        );
    }
    let mut series = Series::open_with(&args.sources, args.told.told())?;
    let made = !output.exists();
    let done = into(&mut series, output);
    if done.as_ref().map_or(true, |(samples, _)| *samples == 0) {
        remove_what_we_made(output, made);
    }
    let (samples, untimed) = done?;
    ensure!(samples > 0, "{}: nothing was imported: no sample tells its time\n  {UNTIMED}", series.name());
    if untimed > 0 {
        eprintln!(
            "poolmon: {} left out: nobody knows when they were taken\n  {UNTIMED}",
            count(untimed, "sample")
        );
    }
    println!("{} in {}", count(samples, "sample"), output.display());
    Ok(())
}

const UNTIMED: &str = "several snapshots in one file need a time in the text; one in a file gets that of the file's name or date";

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

/// Writes a series into a folder and tells of each part, on standard error. Returns how many samples were written, and
/// how many could not be, as they have no time.
pub fn into(series: &mut Series, output: &Path) -> anyhow::Result<(u64, u64)> {
    if let Some(part) = series.parts().iter().find(|part| part.kind == Kind::Recording) {
        bail!(
            "{}: this is a recording already; replay, export and info read it as it is",
            part.path.display()
        );
    }
    let config = Config {
        // Nobody knows at which interval these samples were meant to come: none of them is late.
        interval: Duration::ZERO,
        // A sample a day should not make a file a day.
        segment_length: Duration::from_hours(24 * 366),
        // Importing can be repeated: the disk is waited for at the end of each segment only.
        sync: Duration::MAX,
        ..Config::default()
    };
    let (mut recorder, _) = Recorder::open(output, config)?;
    let mut sample = Cursor::empty_sample();
    let (mut samples, mut untimed) = (0, 0);
    let mut told: Option<(Part, u64)> = None;
    let mut remarks = series.take_remarks();
    remarks.retain(|remark| remark.starts_with("left out"));
    for remark in &remarks {
        eprintln!("poolmon: {remark}");
    }
    let mut said = remarks;
    while series.next_into(&mut sample)? {
        if let Some(part) = series.part()
            && told.as_ref().is_none_or(|(before, _)| before.path != part.path)
        {
            tell(told.replace((part.clone(), 0)).as_ref());
        }
        let file = told.as_ref().map(|(part, _)| format!("{}: ", part.path.display())).unwrap_or_default();
        for remark in &sample.remarks {
            if !said.contains(remark) && said.len() < 50 {
                eprintln!("poolmon: {file}{remark}");
                said.push(remark.clone());
            }
        }
        if sample.time.is_none() {
            untimed += 1;
            continue;
        }
        match recorder.record_past(&sample)? {
            poolmon_store::Outcome::Recorded => samples += 1,
            poolmon_store::Outcome::DiskFull { .. } => {
                bail!("{}: the disk is full\n  make room and import again", output.display())
            }
        }
        if let Some((_, number)) = &mut told {
            *number += 1;
        }
    }
    tell(told.as_ref());
    recorder.close().with_context(|| format!("cannot close {}", output.display()))?;
    Ok((samples, untimed))
}

fn tell(part: Option<&(Part, u64)>) {
    let Some((part, number)) = part else { return };
    let from = match part.time_from {
        TimeFrom::Name => "time from the file's name",
        TimeFrom::FileDate => "time from the file's date",
        TimeFrom::Content if *number == 0 => "no time told",
        TimeFrom::Content => "times from the file's content",
    };
    eprintln!("poolmon: {}: {}, {from}", part.path.display(), count(*number, "sample"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_and_columns() {
        assert_eq!(offset("+01:00").unwrap().seconds(), 3600);
        assert_eq!(offset("-0530").unwrap().seconds(), -19_800);
        assert_eq!(offset("-5").unwrap().seconds(), -18_000);
        assert_eq!(offset("Z").unwrap().seconds(), 0);
        for wrong in ["", "1", "+", "+1:75", "+99:00", "+é:0", "CET"] {
            assert!(offset(wrong).unwrap_err().contains("+01:00"), "{wrong}");
        }
        assert_eq!(position("2=pool_paged"), Ok((2, "pool_paged".into())));
        for wrong in ["", "2", "0=commit", "x=commit", "1="] {
            assert!(position(wrong).is_err(), "{wrong}");
        }
        let told = ToldArgs { utc_offset: Some(offset("+01:00").unwrap()), ..ToldArgs::default() }.told();
        assert_eq!(told.perfmon.bias, Some(-60), "UTC = local time + bias");
    }
}
