//! `poolmon tag`.
#![expect(
    clippy::option_option,
    reason = "clap's own form of an option that is absent, bare, or has a value"
)]

use std::path::PathBuf;

use clap::Args;

/// Options of `tag`.
#[derive(Debug, Clone, Args)]
pub struct TagArgs {
    /// The tag (one to four characters; \xNN for a byte that does not print), or a slab cache
    pub tag: String,
    /// A pooltag.txt; without FILE it is looked for beside the program and in the Windows Kits
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    pub pooltag: Option<Option<PathBuf>>,
    /// A localtag.txt
    #[arg(long, value_name = "FILE")]
    pub localtag: Option<PathBuf>,
}
