#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! Data passes in this order:
//!
//! 1. [`buffer`]: a file → buffers, unpacked by [`xpress`];
//! 2. [`record`]: a buffer → records of every header type; [`hook`], [`guid`]: which event a record is;
//! 3. [`session`], [`clock`]: the trace's own header, and what its time stamps mean;
//! 4. [`image`], [`version`], [`process`], [`pool`], [`stack`]: the events that are decoded;
//! 5. [`Etl::open`]: the first pass, which collects what the second needs: images, processes, and stacks that are
//!    defined after their use;
//! 6. [`Etl::events`]: the second pass, which merges all CPUs by time and joins events with their stacks;
//! 7. `keep` (feature `stacks`): pool events → the stacks that keep memory, by `poolmon-trace`.
//!
//! Every byte is hostile: nothing panics, loops or allocates by what a file claims. What is refused is counted in
//! [`Counts`], never dropped silently.
//!
//! The file format is not documented by its vendor. What is read here was measured on real files and compared with
//! public headers and public tools.
#![deny(clippy::print_stderr, clippy::print_stdout)]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

pub mod buffer;
pub mod clock;
mod counts;
mod error;
mod etl;
mod events;
pub mod guid;
pub mod hook;
pub mod image;
#[cfg(feature = "stacks")]
pub mod keep;
mod merge;
pub mod pool;
pub mod process;
pub mod record;
pub mod session;
pub mod stack;
pub mod version;
pub mod xpress;

pub use buffer::{Buffer, Buffers, is_etl};
pub use clock::{Clock, ClockKind};
pub use counts::{Counts, Damage, StackCounts};
pub use error::{EtlError, Result};
pub use etl::{AnyReader, Etl, ReadSeek};
pub use events::{Event, Events, PoolEvents};
pub use guid::Guid;
pub use hook::Hook;
pub use image::{Frame, Image, Images};
pub use pool::{PoolAction, PoolRecord};
pub use process::{Process, Processes};
pub use record::{HeaderKind, Identity, Record, Records};
pub use session::Session;
pub use version::FileVersion;
