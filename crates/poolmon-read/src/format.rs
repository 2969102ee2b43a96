//! What a file format is, and which one a file has.

use std::path::Path;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::civil::Date;
use jiff::tz::Offset;
use poolmon_model::Sample;
use poolmon_model::problem::shell_path;
use poolmon_store::Recording;

use crate::formats::{self, FORMATS};
use crate::text::{self, ZONE_ASSUMED};
use crate::{Input, ReadError, Result, Samples, looks};

/// A file format: how it is recognised and how it is opened.
pub struct FileFormat {
    /// Stable name: `poolmon-log`.
    pub id: &'static str,
    /// What a person calls such a file: `a PoolMon log`.
    pub title: &'static str,
    /// What it is, in one line.
    pub about: &'static str,
    /// Which systems it comes from.
    pub group: FormatGroup,
    /// What is in it.
    pub holds: Holds,
    /// Whether a file is of this format, by its first bytes, its name or its files.
    pub recognise: fn(&Input) -> bool,
    /// Opens a file of this format.
    pub open: fn(&Input, &ReadOptions) -> Result<Box<dyn Samples>>,
}

/// Which systems a format comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormatGroup {
    /// Windows and its tools.
    Windows,
    /// Linux and its tools.
    Linux,
    /// Both.
    Any,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Samples with marks, written by a recorder.
    Recording,
    /// Rows of one or many moments.
    Rows,
    /// Rows of exactly one moment.
    OneMoment,
    /// Machine-wide figures; no rows.
    Totals,
}

/// In which order dates in figures are written, such as 05/06/2026.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateOrder {
    /// Day, month, year.
    Dmy,
    /// Month, day, year.
    Mdy,
    /// Year, month, day; needed if the year has two digits.
    Ymd,
}

/// What a person says about files that do not say it themselves, and how they are opened.
#[derive(Clone, Default)]
pub struct ReadOptions {
    /// The zone of times without one; else UTC in content (as it may come from anywhere), this machine's zone in names
    /// of files, and Perfmon's own.
    pub zone: Option<Offset>,
    /// The order of dates in figures; else it is found from all dates of a file.
    pub dates: Option<DateOrder>,
    /// The day of the first sample of files that give times of day alone.
    pub date: Option<Date>,
    /// Counters of a Perfmon log (1 = the first) and the header figures that they hold, for localised names:
    /// `pool_nonpaged`, `pool_paged`, `memory_available`, `commit` …
    pub columns: Vec<(usize, String)>,
    /// Leave the only sample of a single file without a time instead of taking it from the file's name or date.
    pub keep_undated: bool,
    /// Called while a packed dump is unpacked.
    pub progress: Option<UnpackProgress>,
}

/// Called with the file that is unpacked; `None` when it is done.
pub type UnpackProgress = Arc<dyn Fn(&Path, Option<Unpacked>) + Send + Sync>;

/// How far the unpacking of a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unpacked {
    /// Bytes written so far.
    pub written: u64,
    /// Packed bytes read so far.
    pub read: u64,
    /// Packed bytes in all.
    pub size: u64,
}

impl ReadOptions {
    /// Moves a time that was read as UTC for lack of a zone (`assumed`) into the zone that the person named.
    pub(crate) fn move_time(&self, assumed: bool, sample: &mut Sample) {
        let Some(zone) = self.zone else { return };
        if assumed {
            sample.remarks.retain(|remark| remark != ZONE_ASSUMED);
            // What was read as UTC is that many seconds ahead of UTC.
            let ahead = SignedDuration::from_secs(zone.seconds().into());
            sample.time = sample.time.and_then(|time| time.checked_sub(ahead).ok());
        }
    }
}

/// What a person can do about a file of no known format: the formats, by the system that they come from.
pub(crate) fn known_formats() -> String {
    let of = |group| {
        let titles = FORMATS.iter().filter(|format| format.group == group);
        let titles: Vec<&str> = titles.map(|format| format.title.trim_start_matches("a ")).collect();
        titles.join(", ")
    };
    let groups =
        [("Windows", FormatGroup::Windows), ("Linux", FormatGroup::Linux), ("both", FormatGroup::Any)];
    let lines = groups.map(|(name, group)| (name, of(group)));
    let lines = lines.iter().filter(|(_, titles)| !titles.is_empty());
    let lines: Vec<String> = lines.map(|(name, titles)| format!("\n  {name}: {titles}")).collect();
    format!("name a file that poolmon reads{}", lines.concat())
}

/// The format of a file, by its content rather than by its name.
///
/// # Errors
/// It is empty, or it is no text and none of the known formats.
pub fn identify(input: &Input) -> Result<&'static FileFormat> {
    if let Some(format) = FORMATS.iter().find(|format| (format.recognise)(input)) {
        return Ok(format);
    }
    if input.files().is_some() {
        return Err(ReadError::unsuitable(
            input.name(),
            "this is a folder of files",
            "name a recording, or one of the files",
        ));
    }
    if let Some(kind) = looks::like(input.start()) {
        let file = input.path().map_or_else(|| "FILE".to_owned(), shell_path);
        let remedy = kind.remedy.replace("{file}", &file);
        return Err(ReadError::unsuitable(input.name(), format!("this is {}", kind.what), remedy));
    }
    text::check(input)?;
    Ok(&formats::text::FORMAT)
}

/// Opens a recording for commands that need one; a file of any other kind is refused by its name.
///
/// # Errors
/// It is no recording, or cannot be read.
pub fn recording(path: &Path) -> Result<Recording> {
    if !path.is_file() {
        return Ok(Recording::open(path)?);
    }
    let input = Input::open(path)?;
    let (problem, remedy) = match identify(&input) {
        Ok(format) if format.holds == Holds::Recording => return Ok(Recording::open(path)?),
        Ok(format) if std::ptr::eq(format, &raw const formats::text::FORMAT) => {
            let remedy = "name the folder that `poolmon record` writes into".to_owned();
            ("this is text without a pool table, not a recording".to_owned(), remedy)
        }
        Ok(format) => {
            let remedy = format!("import it: poolmon import {} -o DIR", shell_path(path));
            (format!("this is {}, not a recording", format.title), remedy)
        }
        Err(_) => {
            let remedy = "name the folder that `poolmon record` writes into".to_owned();
            let problem = match input.start() {
                [] => "the file is empty",
                _ => "this is not a file that poolmon can read",
            };
            (problem.to_owned(), remedy)
        }
    };
    Err(ReadError::unsuitable(&path.display(), problem, remedy))
}
