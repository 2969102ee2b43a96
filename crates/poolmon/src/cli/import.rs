//! `poolmon import`.

use std::path::PathBuf;

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
}

impl ToldArgs {
    /// As a series takes it.
    pub fn options(&self) -> ReadOptions {
        ReadOptions { zone: self.utc_offset, columns: self.columns.clone(), ..ReadOptions::default() }
    }
}
