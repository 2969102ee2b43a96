//! What other tools wrote, as samples for a recorder.
//!
//! * [`fields`]: lines of CSV and TSV, UTF-8 or UTF-16;
//! * [`table`]: the CSV and TSV that [`crate::export`] writes: the same samples again;
//! * [`perfmon`]: Perfmon's CSV and TSV: machine-wide figures.
//!
//! PoolMon logs are read by `poolmon-source`; hand its samples to [`crate::Recorder::record_at`].
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

pub mod fields;
pub mod perfmon;
pub mod table;
