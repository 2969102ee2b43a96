#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! * `judge.rs`: [`LiveJudge`], verdicts while samples come, with the holders of this machine;
//! * `continued.rs`: [`Continued`], a live source with a recording of this machine behind it;
//! * `series.rs`: [`SeriesJudge`], verdicts on a series once it was read to its end;
//! * `bench.rs`: [`Bench`], the runs and idle intervals of a measurement; `child.rs`: [`Command`], one run.
#![deny(clippy::print_stderr, clippy::print_stdout)]
#![forbid(unsafe_code)]

mod bench;
mod child;
mod continued;
mod judge;
mod series;

pub use bench::{Bench, BenchConfig};
pub use child::{Command, Ended};
pub use continued::{Continued, ContinuedError};
pub use judge::{LiveJudge, in_short};
pub use series::SeriesJudge;

use std::io;

use poolmon_model::problem::{Problem, Remedy};
use poolmon_source::SourceError;

/// A measurement could not begin, or ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// A sample failed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The command cannot be run, or failed.
    #[error(transparent)]
    Command(#[from] Problem),
    /// The system does not let a command be waited for or ended.
    #[error("cannot {0} the command: {1}")]
    Child(&'static str, #[source] io::Error),
}

impl Remedy for WatchError {
    fn remedy(&self) -> Option<String> {
        match self {
            Self::Source(error) => error.remedy(),
            Self::Command(problem) => problem.remedy(),
            Self::Child(..) => None,
        }
    }
}
