//! Samples as few bytes, exactly.
//!
//! * [`range`]: bits → bytes, each at the price of its surprise;
//! * [`int`], [`text`]: numbers and names → bits;
//! * [`row`]: the figures of one row against what was expected of it; [`further`]: those that were added later;
//! * [`layout`]: which rows are in which order, and names seen for the first time;
//! * [`state`]: a whole sample against the one before, or (a key) against nothing;
//! * [`summary`]: what happened in a stretch of samples, next to its last.
//!
//! The state after writing a sample and the state after reading it are the same; a key starts a fresh one.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![expect(clippy::cast_possible_truncation, reason = "numbers are cut to the width in which they are coded")]

pub mod further;
pub mod int;
pub mod layout;
pub mod range;
pub mod row;
pub mod state;
pub mod summary;
pub mod text;

pub use layout::KnownLayout;
pub use state::{CodecError, CodecState};

/// Most rows in a sample, sessions included.
pub const MAX_ROWS: usize = 1 << 20;
