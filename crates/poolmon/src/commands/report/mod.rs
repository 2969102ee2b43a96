//! `poolmon report`: the verdict as a file to send.
//!
//! * here: arguments, and the file; * `material.rs`: what is shown.

mod material;

use std::ffi::OsStr;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use poolmon_model::problem::Problem;
use poolmon_read::distinct;

use crate::app::outcome::Outcome;
use crate::app::say::{self, note};
use crate::app::{analyse, owners};
use crate::cli::report::{ReportArgs, ReportFormat};

impl ReportFormat {
    fn of(path: &Path) -> anyhow::Result<Self> {
        let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default().to_lowercase();
        match ending.as_str() {
            "html" | "htm" => Ok(Self::Html),
            "md" | "markdown" => Ok(Self::Md),
            _ => {
                bail!(Problem::new(
                    format!("{}: the file name does not show the format", path.display()),
                    "name the file .html or .md, or add --format"
                ));
            }
        }
    }
}

/// Judges, and writes the report.
pub fn run(args: &ReportArgs) -> anyhow::Result<Outcome> {
    let file = args.output.file();
    let format = match (args.format, file) {
        (Some(format), _) => format,
        (None, Some(file)) => ReportFormat::of(file)?,
        (None, None) => ReportFormat::Html,
    };
    match file {
        // Everything that can go wrong is reported before minutes are spent on judging.
        Some(file) => {
            let inputs = args.source.sources.iter().chain(&args.traces).map(PathBuf::as_path);
            distinct(&[("-o", file)], inputs.chain(args.pooltag.file().flatten()))?;
            poolmon_store::may_be_written(file, args.output.force)?;
        }
        None => {
            ensure!(
                !(io::stdout().is_terminal() && format == ReportFormat::Html),
                Problem::new(
                    "HTML cannot be shown on a terminal",
                    "write it to a file: -o report.html; or print Markdown: --format md"
                )
            );
        }
    }
    let owners = owners::load_files(args.pooltag.file(), None)?;
    let (judged, marks, interrupted) = analyse::source_with_marks(&args.source, args.which.view(), &owners)?;
    let material = material::collect(args, &judged, &marks, &owners)?;
    let text = match format {
        ReportFormat::Html => poolmon_report::html::page(&material),
        ReportFormat::Md => poolmon_report::markdown::page(&material),
    };
    let Some(file) = file else {
        let mut out = say::out(false);
        out.write_all(text.as_bytes())?;
        out.flush()?;
        return Ok(Outcome::Done.if_not(interrupted));
    };
    // First next to it: an old report is not lost if the disk is full.
    poolmon_store::WholeFile::write(file, text.as_bytes())
        .with_context(|| format!("cannot write {}", file.display()))?;
    note!("{}", file.display());
    Ok(Outcome::Done.if_not(interrupted))
}
