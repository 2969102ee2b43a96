#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! The answers of the commands, for people (text) and for programs (JSON, CSV).
//!
//! One folder or file for each command: [`leaks`], [`holders`], [`measure`], [`diff`], [`who`], [`dump`], [`recording`],
//! [`trace`], [`man`]. Each takes what a library found and writes it; nothing here reads a file or knows of the command line.
//! Tables of samples are `poolmon-print`'s, whole reports `poolmon-report`'s.
#![deny(clippy::print_stderr, clippy::print_stdout)]
#![forbid(unsafe_code)]

mod columns;
pub mod diff;
pub mod dump;
pub mod holders;
pub mod leaks;
pub mod man;
pub mod measure;
pub mod next;
pub mod recording;
pub mod trace;
pub mod who;

use std::io::{self, Write};

use serde::Serialize;

/// Writes one JSON document and a line end.
///
/// # Errors
///
/// Those of `out`.
pub fn json(out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    writeln!(out)
}
