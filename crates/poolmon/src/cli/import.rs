//! `poolmon import`.

use std::path::PathBuf;

use jiff::civil::Date;
use jiff::tz::Offset;
use poolmon_read::{ReadOptions, typed};

// Options of `import`.
#[derive(Debug, Clone, clap::Args)]
pub struct ImportArgs {
    /// PoolMon logs, CSV and TSV tables, Perfmon's CSV and TSV, dumps, or folders of them
    #[arg(value_name = "SOURCE", required = true)]
    pub sources: Vec<PathBuf>,
    /// The folder of the new recording
    #[arg(long, short = 'o', value_name = "DIR")]
    pub output: PathBuf,
    /// What the files do not contain.
    #[command(flatten)]
    pub reported: ToldArgs,
}

// Facts that the files do not contain.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ToldArgs {
    /// Perfmon logs with counter names in another language: the figure in each column (1 = first counter), as
    /// `1=pool_nonpaged,2=pool_paged,3=memory_available,4=commit`; other counters are then not read
    #[arg(long, value_name = "N=FIGURE,…", value_delimiter = ',', value_parser = typed::position)]
    pub columns: Vec<(usize, String)>,
    /// Offset from UTC of times without a zone, as +01:00; for Perfmon, replaces the log's own offset
    #[arg(long, value_name = "±HH:MM", value_parser = typed::offset, allow_hyphen_values = true)]
    pub utc_offset: Option<Offset>,
    /// The day of the first sample of logs that give times of day alone, as 2026-11-22
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub date: Option<Date>,
}

impl ToldArgs {
    /// As a series takes it.
    pub fn options(&self) -> ReadOptions {
        let (columns, date) = (self.columns.clone(), self.date);
        ReadOptions { zone: self.utc_offset, columns, date, ..ReadOptions::default() }
    }
}
