//! `poolmon info`.

use std::path::PathBuf;

use clap::ValueEnum;

/// Options of `info`.
#[derive(Debug, Clone, clap::Args)]
pub struct InfoArgs {
    /// The folder of a recording, or one of its .plog files
    #[arg(value_name = "DIR")]
    pub recording: PathBuf,
    /// How it is told
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: InfoFormat,
}

/// `--format` of `info`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InfoFormat {
    /// For people
    Text,
    /// JSON
    Json,
}
