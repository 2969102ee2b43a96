//! `poolmon tag`.

use clap::Args;

use super::groups::{LocaltagArgs, PooltagArgs};

// Options of `tag`.
#[derive(Debug, Clone, Args)]
pub struct TagArgs {
    /// The tag (one to four characters; \xNN for a non-printing byte), or a slab cache
    pub tag: String,
    #[command(flatten)]
    pub pooltag: PooltagArgs,
    #[command(flatten)]
    pub localtag: LocaltagArgs,
}
