#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! Invented data.
//!
//! * [`kernel`]: a simulated kernel pool with a leak in it, for tests and `poolmon demo`;
//! * `hosts` (feature): labelled hosts with leaks and with growth that is none: the yardstick of verdicts;
//! * `mechanisms` (feature): hosts simulated from what allocates, keeps and loses objects: the second yardstick of verdicts;
//! * `driver` (feature): small Windows drivers that allocate under a given tag;
//! * `dump` (feature): Windows memory dumps with a planted truth, for tests of the reader;
//! * `etl` (feature): Windows event traces of the pool with a planted leak, likewise.
#![deny(clippy::print_stderr, clippy::print_stdout)]
#![forbid(unsafe_code)]

#[cfg(feature = "driver")]
pub mod driver;
#[cfg(feature = "dump")]
pub mod dump;
#[cfg(feature = "etl")]
pub mod etl;
#[cfg(feature = "hosts")]
pub mod hosts;
pub mod kernel;
#[cfg(feature = "mechanisms")]
pub mod mechanisms;

pub use kernel::{Leak, SimulatedKernel, SimulatedSource, SimulationConfig};
