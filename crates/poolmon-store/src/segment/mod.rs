//! One file of a recording: `.plog`. FORMAT.md in the repository describes every byte.
//!
//! * [`frame`]: heads, checksums, the plain parts;
//! * [`marks`]: what a recording holds next to samples: gaps, notes, modules;
//! * [`merged`]: names of slab caches that share one cache;
//! * [`holders`]: who holds objects: a list and its changes;
//! * [`parity`]: frames that bring a damaged one back;
//! * [`shift`]: by how much the wall clock was set;
//! * [`summary`]: what happened in a stretch; can be thrown away;
//! * [`index`]: where the keys are; can be thrown away;
//! * [`writer`]: samples → bytes;
//! * [`window`], [`scan`]: bytes → frames, past damage;
//! * [`cursor`]: frames → samples and marks.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

pub mod bytes;
pub mod cursor;
pub mod frame;
pub mod holders;
pub mod index;
pub mod marks;
pub mod merged;
pub mod parity;
pub mod scan;
pub mod shift;
pub mod summary;
pub mod window;
pub mod writer;

pub use frame::FrameKind;
