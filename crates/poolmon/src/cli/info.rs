//! `poolmon info`.

use std::path::PathBuf;

use super::groups::TextOrJson;

// Options of `info`.
#[derive(Debug, Clone, clap::Args)]
pub struct InfoArgs {
    /// The folder of a recording, or one of its .plog files
    #[arg(value_name = "DIR")]
    pub recording: PathBuf,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: TextOrJson,
}
