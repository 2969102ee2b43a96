#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! Samples out of files, through one door.
//!
//! Data passes in this order:
//!
//! 1. [`Input`]: a file, folder or stream, with its first bytes;
//! 2. [`FileFormat`], [`FORMATS`]: the registry; [`identify`] says which format an input has;
//!    [`Contents`] says what a path holds before anything is asked of it;
//! 3. `formats/`: one file a format, each opens an input as [`Samples`]; [`text`] is the reader that PoolMon logs,
//!    CSV and TSV tables and WinDbg's output share;
//! 4. [`SampleSeries`]: several files as one series, oldest first;
//! 5. [`Tape`]: a series that can be wound to and fro;
//! 6. [`moment`]: times as people write them, relative to a series; [`typed`]: what else they say of files.
//!
//! Beside samples, [`read_trace`] reads traces of allocation events: saved ones, and Windows event traces.
#![deny(clippy::print_stderr, clippy::print_stdout)]
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")
)]

mod boots;
mod bundle;
mod clock;
mod contents;
mod counted;
mod distinct;
mod error;
mod format;
mod formats;
mod holders;
mod input;
mod json_rows;
mod looks;
mod machines;
mod marks;
mod memory;
mod mixed;
pub mod moment;
mod newest_first;
mod numbered;
mod overlap;
mod packed;
mod parquet;
mod part;
mod recorded_tape;
mod remark;
mod samples;
mod series;
mod streams;
pub mod tape;
pub mod text;
mod trace;
pub mod typed;
mod zipped;
mod zone;

pub use contents::Contents;
pub use distinct::distinct;
pub use error::{ReadError, Result};
pub use format::{
    DateOrder, FileFormat, FormatGroup, Holds, ReadOptions, UnpackProgress, Unpacked, identify, recording,
};
pub use formats::FORMATS;
pub use formats::dump::{dump_error, dump_pool_used, open_dump};
pub use input::Input;
pub use marks::mark;
pub use remark::{Remark, RemarkKind, RemarkLine, RemarkLog};
pub use samples::{Earlier, SamplePair, Samples};
pub use series::{DamageCheck, Part, SampleSeries, TimeFrom, add_pools};
pub use streams::{is_input_a_pipe, is_input_piped};
pub use tape::Tape;
pub use text::note_cut_lists;
pub use trace::{ReadTrace, TraceKind, read_trace};
pub use zone::check_zone;
