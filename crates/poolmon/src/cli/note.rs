//! `poolmon note`.

use std::path::PathBuf;

// Options of `note`.
#[derive(Debug, Clone, clap::Args)]
pub struct NoteArgs {
    /// The folder of the recording
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// What happened: installed a driver, restarted a service
    #[arg(required = true)]
    pub text: Vec<String>,
    /// When it happened: `2026-11-22 14:00`, `14:05`, `-2h` [default: now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub at: Option<String>,
}
