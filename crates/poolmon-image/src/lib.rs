#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! Executables as bytes: who they are for, what they import, how their code is decoded; and how many of them are read.
//!
//! * [`bytes`]: little-endian numbers and texts out of slices;
//! * [`pe`]: Windows images, as files, in memory, and in memory with holes; [`elf`]: Linux modules, kernels and cores;
//! * [`code`]: what every reader of x86 and ARM64 machine code needs: register files, branches, classes of instructions;
//! * [`bounded`]: small files that a person names; [`zip`]: files in zip archives;
//! * [`files`]: finds files and reads them with several threads; [`index`]: remembers what was read.
//!
//! Nothing here knows pool tags or slab caches: `poolmon-owner` and `poolmon-dump` say what is looked for.
//!
//! Files are hostile by default: nothing is believed, nothing panics, every loop has a limit.
#![deny(clippy::print_stderr, clippy::print_stdout)]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

pub mod bounded;
pub mod bytes;
pub mod code;
pub mod elf;
pub mod files;
pub mod index;
mod machine;
pub mod pe;
pub mod private;
pub mod zip;

pub use machine::Machine;
