//! Samples out of files.
//!
//! * [`text`]: PoolMon logs and screens, CSV and TSV tables, WinDbg's `!poolused`;
//! * [`table`]: the CSV and TSV that `poolmon export` writes; [`perfmon`]: Perfmon's CSV and TSV;
//! * [`fields`]: lines of CSV and TSV, UTF-8 or UTF-16.
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")
)]

mod error;
pub mod fields;
pub mod perfmon;
pub mod table;
pub mod text;

pub use error::{ReadError, Result};
