#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! Recordings of samples: crash-safe, small, open to every tool.
//!
//! * `codec`: a sample as changes against the one before;
//! * `segment`: one file of a recording, frame by frame (FORMAT.md describes every byte);
//! * `recorder`: samples → a folder of segments; gaps, retention, recovery, sealing;
//! * `reader`: any moment of a recording, one tag through time, verification;
//! * [`export`]: Parquet, CSV, JSON lines, PoolMon logs, `OpenMetrics`;
//! * [`folder`]: names of files, the lock, notes from other programs.
#![deny(clippy::print_stderr, clippy::print_stdout)]
#![forbid(unsafe_code)]

mod codec;
mod dir;
mod error;
pub mod export;
pub mod folder;
mod reader;
mod recorder;
mod segment;
mod whole;

pub use error::{Result, StoreError};
pub use folder::{is_free, note};
pub use reader::{
    Changed, Cursor, HoldersInfo, Recording, RecordingInfo, SegmentCheck, SeriesPoint, Stretch,
    TimelinePoint, Verification,
};
pub use recorder::{
    ClockMoment, Deleted, OpenReport, RecordOutcome, Recorder, RecorderConfig, RecorderStatus, Recovered,
};
pub use segment::cursor::{Entry, Losses};
pub use segment::frame::MAGIC;
pub use segment::index::totals;
pub use segment::marks::{Gap, GapKind, ModuleChange, RecordedMark, TimedMark};
pub use whole::{WholeFile, may_be_written};

/// Parts of segments for the tests, benchmarks and fuzz targets of poolmon itself. They may change in any version.
#[doc(hidden)]
pub mod internal {
    pub use crate::codec::summary::{read as read_summary, write as write_summary};
    pub use crate::codec::{CodecState, KnownLayout};
    pub use crate::recorder::Disk;
    pub use crate::segment::cursor::SegmentCursor;
    pub use crate::segment::frame::{
        FrameHead, FrameKind, HEAD, HeadError, SegmentHead, VERSION, checksum, wall_of,
    };
    pub use crate::segment::parity::BURST;
    pub use crate::segment::scan::Frame;
    pub use crate::segment::summary::parse as parse_summary;
    pub use crate::segment::writer::{Append, SegmentWriter};
}
