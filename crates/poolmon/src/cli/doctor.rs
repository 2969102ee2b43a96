//! `poolmon doctor`.

use std::path::PathBuf;

use clap::Args;

// Options of `doctor`.
#[derive(Debug, Clone, Args)]
pub struct DoctorArgs {
    /// Also sample for a second, compare what the system says in different places, measure what it costs, and write all of it
    /// into a zip (-o) that can be attached to an issue: figures, names of tags and the system's build, nothing personal
    #[arg(long)]
    pub self_test: bool,
    /// The zip to write
    #[arg(long, short, value_name = "FILE", requires = "self_test")]
    pub output: Option<PathBuf>,
    /// Overwrite the file if it exists
    #[arg(long, requires = "output")]
    pub force: bool,
}
