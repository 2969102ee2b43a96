//! `leaks`: verdicts on a series; `text.rs`: for a person, `explain.rs`: what speaks for
//! and against one of them, `records.rs`: JSON and CSV.

mod explain;
mod records;
mod text;

pub use explain::explain;
pub use records::{csv, json};
pub use text::write as text;

/// How much is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Every tag, those that call for nothing too.
    pub all: bool,
    /// At most this many tags of each kind.
    pub limit: usize,
}
