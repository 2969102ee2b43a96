//! Recordings of samples: crash-safe, small, open to every tool.
#![forbid(unsafe_code)]

pub mod codec;
