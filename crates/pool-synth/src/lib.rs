//! Invented data.
//!
//! * [`kernel`]: a simulated kernel pool with a leak in it, for tests and `poolmon demo`;
//! * [`dump`]: Windows memory dumps with a planted truth, for tests of the reader.
#![forbid(unsafe_code)]

pub mod dump;
pub mod kernel;

pub use kernel::{Config, Leak, SimulatedKernel, SimulatedSource};
//! A simulated kernel pool, and writers of test data.

pub mod hosts;
