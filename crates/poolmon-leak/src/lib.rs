#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! Which tags leak, how fast, how sure, and until when: statistics over a series of samples, no I/O.
//!
//! Data passes in one direction:
//!
//! 1. [`Analysis::push`] takes one [`poolmon_model::Sample`] after the other and keeps, for each (tag, pool), a bounded
//!    series ([`mod@series`]: buckets whose width doubles when the room is full);
//! 2. [`Analysis::report`] judges every series (`judge`) with the statistics of `stats`, gives each row that grew the
//!    confidence that it leaks ([`mod@suspicion`]), then judges all of them together: false discoveries, what comes too early,
//!    lockstep groups, shares of the pools' growth, time until a limit;
//! 3. a [`Report`] is plain data: [`Verdict::sentence`] says it in words, `serde` writes it out.
//!
//! It may be asked at any time; the live screen asks every few seconds, a recording once at its end.
//!
//! Beside it [`rising`]: counts of single holders that only rise; and [`measure`]: what a command loses at each run, from samples before and after.
#![deny(clippy::print_stderr, clippy::print_stdout)]
#![forbid(unsafe_code)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "statistics are computed in f64; counts and bytes stay far below 2^53"
)]

mod config;
mod growth;
mod judge;
pub mod measure;
pub mod reason;
mod rising;
mod sentence;
pub mod series;
#[doc(hidden)]
pub mod stats;
pub mod suspicion;
mod verdict;

pub use config::AnalysisConfig;
pub use judge::owner::OwnerHint;
pub use measure::{Losses, Measurement};
pub use rising::{CountCurve, Rise, Riser, rising};
pub use series::Analysis;
pub use suspicion::{Level, Suspicion};
pub use verdict::{
    Evidence, Exhaustion, Group, Limit, PoolGrowth, Power, Rate, Report, Verdict, VerdictKind, percent,
};
