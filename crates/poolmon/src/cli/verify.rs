//! `poolmon verify`.

use std::path::PathBuf;

// Options of `verify`.
#[derive(Debug, Clone, clap::Args)]
pub struct VerifyArgs {
    /// The folder of a recording, or one of its .plog files
    #[arg(value_name = "DIR")]
    pub recording: PathBuf,
}
