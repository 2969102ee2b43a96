//! Invented data.
//!
//! * [`kernel`]: a simulated kernel pool with a leak in it, for tests and `poolmon demo`.
#![forbid(unsafe_code)]

pub mod kernel;

pub use kernel::{Config, Leak, SimulatedKernel, SimulatedSource};
