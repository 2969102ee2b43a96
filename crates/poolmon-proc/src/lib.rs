#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! * [`slab`]: `/proc/slabinfo`; [`caches`]: what the name of a cache says;
//! * [`tools`]: rows of `slabtop`, `vmstat -m` and crash's `kmem -s`;
//! * [`vmalloc`]: `/proc/vmallocinfo`; [`allocinfo`]: `/proc/allocinfo`;
//! * [`meminfo`]: `/proc/meminfo`, `/proc/vmstat`, `/proc/uptime`;
//! * [`names`]: names seen before, so that another sample allocates nothing for a row; [`bytes`]: words and numbers.
//!
//! There is no I/O here.
#![deny(clippy::print_stderr, clippy::print_stdout)]
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")
)]

pub mod allocinfo;
pub mod bytes;
pub mod caches;
pub mod meminfo;
pub mod names;
pub mod slab;
pub mod tools;
mod unread;
pub mod vmalloc;

pub use unread::Unread;
