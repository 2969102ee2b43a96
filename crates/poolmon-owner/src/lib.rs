#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! Which driver uses a tag.
//!
//! * [`pooltag`]: Microsoft's pooltag.txt and PoolMon's localtag.txt, read from the person's own copy;
//! * [`known`]: a small table of our own, for the tags and slab caches that everyone meets;
//! * `owners`: both together with what the row itself reports, as labels for the table;
//! * [`scan`]: driver images, with evidence from their machine code; an index of what was found;
//! * [`who`]: which drivers use a tag, ranked;
//! * `versions`: those of drivers and modules on this machine;
//! * `explain`: everything known of one tag, line by line.
//!
//! Files come in through [`PooltagFile`], are put into [`Owners`], and leave as [`poolmon_model::RowLabel`]s.
#![deny(clippy::print_stderr, clippy::print_stdout)]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

mod explain;
pub mod known;
pub mod linux;
pub mod next;
mod owners;
pub mod pooltag;
pub mod scan;
mod versions;
pub mod who;

pub use explain::{NEXT, TagFact, drivers_of, written};
pub use known::BuiltinEntry;
pub use owners::Owners;
pub use pooltag::{PooltagEntry, PooltagError, PooltagFile};
pub use versions::Versions;
