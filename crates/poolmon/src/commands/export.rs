//! `poolmon export`: a recording, or a part of it, for other tools.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::ValueEnum as _;
use poolmon_model::problem::Problem;
use poolmon_model::units::{counted as count, span};
use poolmon_read::distinct;
use poolmon_store::export::{self, ExportOptions, Summary};
use poolmon_store::{Recording, StoreError};

use crate::app::copy;
use crate::app::outcome::Outcome;
use crate::app::say::{self, note, warning};
use crate::cli::export::{ExportArgs, ExportFormat};
use crate::input::{self, moment};

impl ExportFormat {
    fn of(path: &Path) -> anyhow::Result<Self> {
        let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default().to_lowercase();
        Ok(match ending.as_str() {
            "parquet" | "pq" => Self::Parquet,
            "csv" => Self::Csv,
            "tsv" | "tab" => Self::Tsv,
            "jsonl" | "ndjson" => Self::Jsonl,
            "log" | "txt" => Self::Poolmon,
            "om" | "openmetrics" => Self::Openmetrics,
            "prom" => Self::Prometheus,
            _ => {
                bail!(Problem::new(
                    format!("{}: the file name does not show the format", path.display()),
                    "name the file .parquet, .csv, .tsv, .jsonl, .log, .om or .prom, or add --format"
                ));
            }
        })
    }

    /// As text; `None` = Parquet.
    fn text(self) -> Option<export::ExportFormat> {
        Some(match self {
            Self::Parquet | Self::HoldersParquet => return None,
            Self::Csv => export::ExportFormat::Csv,
            Self::Tsv => export::ExportFormat::Tsv,
            Self::Jsonl => export::ExportFormat::JsonLines,
            Self::Poolmon => export::ExportFormat::Poolmon,
            Self::Openmetrics => export::ExportFormat::OpenMetrics,
            Self::Prometheus => export::ExportFormat::Prometheus,
            Self::HeaderCsv => export::ExportFormat::HeaderCsv,
            Self::MarksCsv => export::ExportFormat::MarksCsv,
            Self::HoldersCsv => export::ExportFormat::HoldersCsv,
        })
    }
}

/// Exports. Exit code 1 if damage took something of it.
pub fn run(args: &ExportArgs) -> anyhow::Result<Outcome> {
    if args.partitioned {
        return data_set(args);
    }
    let file = args.output.file();
    if let Some(file) = file {
        distinct(&[("-o", file)], args.sources.iter().map(PathBuf::as_path))?;
        poolmon_store::may_be_written(file, args.output.force)?;
    }
    let format = match (args.format, file) {
        (Some(format), _) => format,
        (None, Some(file)) => ExportFormat::of(file)?,
        (None, None) => {
            bail!(Problem::new("standard output needs a format", "add --format csv, tsv or jsonl"));
        }
    };
    if let Some(option) = meaningless(args, format) {
        return Ok(no_meaning(option, format));
    }
    ensure!(
        format.text().is_some() || file.is_some(),
        Problem::new("Parquet is a binary format and needs a file", "add -o FILE.parquet")
    );
    let (recording, _temporary) = open(args)?;
    let mut options = options(args, &recording)?;
    ensure!(
        !matches!(format, ExportFormat::HoldersCsv | ExportFormat::HoldersParquet)
            || recording.info()?.holders.is_some(),
        Problem::new(
            format!(
                "{}: it has no holders",
                args.sources.first().map_or("", |path| path.to_str().unwrap_or(""))
            ),
            "record them with `poolmon record` (without --no-holders)"
        )
    );
    if matches!(format, ExportFormat::Csv | ExportFormat::Tsv) {
        mind_excel(args, &recording, &mut options)?;
    }
    let summary = match (format.text(), file) {
        (None, Some(file)) if format == ExportFormat::HoldersParquet => {
            export::write_holders_parquet(&recording, &options, file)?
        }
        (Some(format), Some(file)) => export::write_file(&recording, format, &options, file)?,
        (Some(format), None) => {
            let mut out = say::out(false);
            let summary = export::write(&recording, format, &options, &mut out)?;
            out.flush()?;
            summary
        }
        (None, Some(file)) => export::write_parquet(&recording, &options, file)?,
        (None, None) => Summary::default(),
    };
    let rows = if format == ExportFormat::MarksCsv { "mark" } else { "row" };
    Ok(tell(&recording, &summary, file.map(|file| (file, "")), rows))
}

/// A folder for each host and day.
fn data_set(args: &ExportArgs) -> anyhow::Result<Outcome> {
    let format = args.format.unwrap_or(ExportFormat::Parquet);
    if format != ExportFormat::Parquet {
        return Ok(no_meaning("--partitioned", format));
    }
    if let Some(option) = meaningless(args, format) {
        return Ok(no_meaning(option, format));
    }
    let folder = args.output.file().filter(|folder| !folder.exists() || folder.is_dir());
    let folder = folder.ok_or_else(|| {
        let given = args.output.output.as_deref().unwrap_or(Path::new("-"));
        let problem = format!("{}: --partitioned needs a folder", given.display());
        Problem::new(problem, "name one with -o; it is created if it is not there")
    })?;
    distinct(&[("-o", folder)], args.sources.iter().map(PathBuf::as_path))?;
    let (recording, _temporary) = open(args)?;
    let options = options(args, &recording)?;
    let (summary, files) = export::write_dataset(&recording, &options, folder, args.output.force)?;
    let files = format!("{} with ", count(files, "file"));
    Ok(tell(&recording, &summary, Some((folder, &files)), "row"))
}

fn no_meaning(option: &str, format: ExportFormat) -> Outcome {
    let format = format.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
    say::warn(&Problem::new(format!("{option} has no meaning for {format}"), "leave it out"));
    Outcome::Usage
}

/// Says what was exported, and what could not be.
fn tell(recording: &Recording, summary: &Summary, to: Option<(&Path, &str)>, rows: &str) -> Outcome {
    if summary.untimed > 0 {
        warning!("{} left out: no time", count(summary.untimed, "sample"));
    }
    if let Some((path, files)) = to {
        let rows = count(summary.rows, rows);
        let samples = match summary.samples {
            0 => String::new(),
            number => format!(" of {}", count(number, "sample")),
        };
        note!("{}: {files}{rows}{samples}", path.display());
    }
    let lost = summary.losses.in_words(summary.samples);
    if let Some(lost) = &lost {
        let path = recording.path();
        let remedy = format!("see where: poolmon verify {}", poolmon_model::shell::path(path));
        say::warn(&Problem::new(format!("{}: {lost}", path.display()), remedy));
    }
    Outcome::done_if(lost.is_none())
}

/// An option that was given and would change nothing.
fn meaningless(args: &ExportArgs, format: ExportFormat) -> Option<&'static str> {
    use ExportFormat::{Csv, HeaderCsv, HoldersCsv, HoldersParquet, MarksCsv, Prometheus, Tsv};
    let has_holders = matches!(format, HoldersCsv | HoldersParquet);
    let has_rows = !has_holders && !matches!(format, HeaderCsv | MarksCsv);
    let which = &args.which;
    [
        ("--excel", args.excel, matches!(format, Csv | Tsv)),
        ("--anonymise", args.anonymise, has_holders),
        ("--every", args.every.is_some(), !matches!(format, MarksCsv | Prometheus)),
        ("--pool", which.pool.is_some(), has_rows),
        ("--include", !which.include.is_empty(), has_rows),
        ("--exclude", !which.exclude.is_empty(), has_rows),
    ]
    .into_iter()
    .find_map(|(option, is_given, fits)| (is_given && !fits).then_some(option))
}

/// A folder that goes when it is no longer needed.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The recording; logs and tables become one for the time of the export.
fn open(args: &ExportArgs) -> anyhow::Result<(Recording, Option<Temporary>)> {
    let mut series = input::series(&args.sources, args.reported.options())?;
    if let Some(recording) = series.recording()? {
        return Ok((recording, None));
    }
    let folder = std::env::temp_dir().join(format!("poolmon-export-{}", std::process::id()));
    std::fs::create_dir(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let temporary = Temporary(folder);
    let (samples, _) = copy::into(&mut series, &temporary.0)?;
    ensure!(samples > 0, "{}: nothing was exported: no sample has a time", series.name());
    Ok((Recording::open(&temporary.0)?, Some(temporary)))
}

fn options(args: &ExportArgs, recording: &Recording) -> anyhow::Result<ExportOptions> {
    let info = recording.info()?;
    let texts = (args.range.from.as_deref(), args.range.to.as_deref());
    let (from, to) = moment::range(texts, || anyhow::Ok(info.first.zip(info.last)))?;
    let is_marks = args.format == Some(ExportFormat::MarksCsv);
    if info.first.is_none() && !is_marks {
        return Err(recording.no_sample().into());
    }
    let options =
        ExportOptions { from, to, every: args.every, filter: args.which.filter(), anonymise: args.anonymise };
    ensure!(
        is_marks || options.finds(recording)?,
        Problem::new("no sample is between --from and --to", "see its times: poolmon info RECORDING")
    );
    Ok(options)
}

/// Says that Excel would drop rows; with `--excel`, takes the step that fits.
fn mind_excel(args: &ExportArgs, recording: &Recording, options: &mut ExportOptions) -> anyhow::Result<()> {
    let mut last = 0;
    loop {
        match options.estimate(recording)?.check_excel() {
            Err(StoreError::TooManyRows { every, .. }) if args.excel && every > last => {
                last = every;
                options.every = Some(Duration::from_secs(every));
            }
            Err(error) if args.excel => return Err(error.into()),
            Err(error) => {
                say::warn(&Problem::new(
                    format!("about {error}"),
                    "add --excel to choose a step that fits; DuckDB, pandas and others read all rows",
                ));
                return Ok(());
            }
            Ok(()) if last > 0 => {
                let step = span(Duration::from_secs(last));
                note!("one sample every {step}, so that Excel opens all rows");
                return Ok(());
            }
            Ok(()) => return Ok(()),
        }
    }
}
