//! `poolmon report`: the verdict as a file to send.
//!
//! * here: arguments, and the file; * `material.rs`: what is told of.

mod material;

use std::ffi::OsStr;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::{Args, ValueEnum};

use crate::args::WhichArgs;
use crate::judged::{self, SourceArgs};
use crate::owners;

/// Options of `report`.
#[derive(Debug, Clone, Args)]
#[command(after_help = AFTER)]
pub struct ReportArgs {
    #[command(flatten)]
    pub source: SourceArgs,
    /// The file to write (.html or .md); - for standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
    /// How it is written [default: by the file's ending, else HTML]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<ReportFormat>,
    /// Overwrite the file
    #[arg(long)]
    pub force: bool,
    /// Its headline [default: the host's name, else the source's]
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// Search these drivers for the tags, and show the evidence: a folder, a file or a mounted Windows disk; on Linux
    /// modules and a kernel; repeatable
    #[arg(long, value_name = "DIR|FILE")]
    pub drivers: Vec<PathBuf>,
    #[command(flatten)]
    pub which: WhichArgs,
    /// At most this many causes with a section of their own
    #[arg(long, value_name = "N", default_value = "6")]
    pub limit: usize,
    /// Drivers from a pooltag.txt
    #[arg(long, value_name = "FILE")]
    pub pooltag: Option<PathBuf>,
}

const AFTER: &str = "\
One file, without network: it can be mailed, opened anywhere and printed. It names the host, the tags, and what was
noted; look at it before you send it to strangers.

  poolmon report C:\\poolrec -o report.html
  poolmon report C:\\poolrec --from -8h --drivers C:\\Windows\\System32\\drivers -o report.html
  poolmon report logs/ -o report.md

Exit codes: 0 done; 1 failed; 2 wrong arguments.";

/// `--format` of `report`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// A page with plots (.html, .htm)
    Html,
    /// Text for tickets, mails and wikis (.md, .markdown)
    #[value(alias = "markdown")]
    Md,
}

impl ReportFormat {
    fn of(path: &Path) -> anyhow::Result<Self> {
        let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default().to_lowercase();
        match ending.as_str() {
            "html" | "htm" => Ok(Self::Html),
            "md" | "markdown" => Ok(Self::Md),
            _ if path.as_os_str() == "-" => Ok(Self::Html),
            _ => bail!(
                "{}: the ending does not say a format\n  name the file .html or .md, or say --format",
                path.display()
            ),
        }
    }
}

/// Judges, and writes the report.
pub fn run(args: &ReportArgs) -> anyhow::Result<()> {
    let format = args.format.map_or_else(|| ReportFormat::of(&args.output), Ok)?;
    let file = Some(args.output.as_path()).filter(|path| path.as_os_str() != "-");
    match file {
        // Everything that can go wrong is told before minutes are spent on judging.
        Some(file) => may_be_written(file, args.force)?,
        None => ensure!(
            !(io::stdout().is_terminal() && format == ReportFormat::Html),
            "a page of HTML is nothing for a terminal\n  name a file: -o report.html; or text: --format md"
        ),
    }
    let owners = owners::load_files(args.pooltag.as_deref().map(Some), None)?;
    let judged = judged::judge(&args.source, args.which.view(), &owners)?;
    let material = material::collect(args, &judged, &owners)?;
    let text = match format {
        ReportFormat::Html => poolmon_report::html::page(&material),
        ReportFormat::Md => poolmon_report::markdown::page(&material),
    };
    let Some(file) = file else {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        return Ok(out.flush()?);
    };
    // First beside it: an old report is not lost where the disk is full.
    poolmon_store::folder::write_whole(file, text.as_bytes())
        .with_context(|| format!("cannot write {}", file.display()))?;
    eprintln!("poolmon: {}", file.display());
    Ok(())
}

fn may_be_written(file: &Path, force: bool) -> anyhow::Result<()> {
    ensure!(!file.is_dir(), "{}: this is a folder; name a file in it", file.display());
    ensure!(
        force || !file.exists(),
        "{}: the file exists\n  name another one, or overwrite it with --force",
        file.display()
    );
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        ensure!(folder.is_dir(), "{}: there is no such folder\n  make it first", folder.display());
    }
    Ok(())
}
