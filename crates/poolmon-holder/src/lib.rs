#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! Data passes in this order:
//!
//! 1. [`linux`] reads the system below a root, [`windows`] what Windows reports, into a [`Census`]: holders ([`Holder`]) with how
//!    many objects of each [`Kind`] they keep;
//! 2. [`Keeper`] makes of it what a recording keeps, a [`Digest`];
//! 3. [`History`] takes one of either after the other and keeps what changed;
//! 4. [`links`] says which kinds live in which caches; [`explain`] compares a row's course with its holders'.
//!
//! Nothing here draws.
#![deny(clippy::print_stderr, clippy::print_stdout)]
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")
)]

mod anonymous;
mod census;
mod digest;
mod explain;
mod fit;
mod floor;
mod held;
mod history;
mod holder;
mod kind;
pub mod links;
#[cfg(target_os = "linux")]
pub mod linux;
mod live;
mod price;
pub mod windows;

pub use anonymous::Anonymous;
pub use census::{Census, Entry, NEWCOMER};
pub use digest::{Digest, Keeper, Kept};
pub use explain::{Answer, Explanation, Grower, Nobody, Unhandled, explain};
pub use fit::{Course, Explained};
pub use floor::Floors;
pub use held::{HeldBy, Holding, Tally, held_by, pinned, tallies};
pub use history::{History, Track};
pub use holder::{Holder, HolderId, fitted};
pub use kind::{Counts, Kind, Unit};
pub use live::{Count, Counted, Live, PATIENCE, Paced, Watch, held_here, held_here_under};
pub use price::Prices;
