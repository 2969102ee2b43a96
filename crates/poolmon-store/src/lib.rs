#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! Recordings of samples: crash-safe, small, open to every tool.
//!
//! * [`codec`]: a sample against the one before, in few bytes;
//! * [`segment`]: one file of a recording, frame by frame (FORMAT.md says every byte);
//! * [`recorder`]: samples → a folder of segments; gaps, retention, recovery, sealing;
//! * [`reader`]: any moment of a recording, one tag through time, whether it is whole;
//! * [`export`]: Parquet, CSV, JSON lines, PoolMon logs, `OpenMetrics`;
//! * [`folder`]: names, the lock, notes from outside.
#![deny(clippy::print_stderr, clippy::print_stdout)]
#![forbid(unsafe_code)]

pub mod codec;
pub mod error;
pub mod export;
pub mod folder;
pub mod reader;
pub mod recorder;
pub mod segment;

pub use error::{Result, StoreError};
pub use folder::note;
pub use reader::{Changed, Cursor, Recording, RecordingInfo, Stretch, Verification};
pub use recorder::{OpenReport, RecordOutcome, Recorder, RecorderConfig, RecorderStatus};
pub use segment::cursor::{Entry, Losses};
pub use segment::marks::{Gap, GapKind, ModuleChange, RecordedMark, TimedMark};
