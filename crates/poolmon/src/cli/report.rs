//! `poolmon report`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::groups::WhichArgs;
use super::source::SourceArgs;

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
