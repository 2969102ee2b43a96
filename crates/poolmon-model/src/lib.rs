#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! What every part of poolmon talks about: who holds kernel memory, how much, and how that changed.
//!
//! Data passes through this crate in one direction:
//!
//! 1. [`tag`], [`pool`], [`counters`]: the raw figures of one row;
//! 2. [`header`], [`sample`]: all rows and machine-wide figures of one moment, as a source reported them;
//! 3. [`key`]: which row is which from sample to sample; [`delta`]: the change between two samples, across counter wraps, reboots and late tags;
//! 4. [`summary`]: a stretch of samples in a few figures;
//!    [`mark`]: what happened at a moment;
//! 5. [`filter`], [`search`], [`table`]: rows chosen, compared, sorted and totalled; [`owner`]: the driver or module that a row belongs to;
//!    [`group`]: rows with something in common and their sums; [`copies`]: copies of a slab cache that are one to a person;
//! 6. [`figure`]: every figure of a row once; [`mod@column`], [`units`]: how a value is named, formatted and ordered. Every
//!    output asks here.
//! 7. [`hive`]: folders of a data set of many hosts; [`formula`]: text that a spreadsheet would compute; [`classic`]: Microsoft's switches as our options; [`maker`]: which module made
//!    a slab cache.
//!
//! No I/O happens in this crate.
#![deny(clippy::print_stderr, clippy::print_stdout)]
#![forbid(unsafe_code)]

pub mod classic;
pub mod column;
pub mod copies;
pub mod counters;
pub mod coverage;
pub mod delta;
pub mod figure;
pub mod filter;
mod fnv;
pub mod formula;
pub mod group;
pub mod header;
pub mod hidden;
pub mod hive;
pub mod key;
pub mod limit;
mod magnitude;
pub mod maker;
pub mod mark;
pub mod owner;
pub mod pool;
pub mod problem;
pub mod rights;
pub mod sample;
pub mod search;
pub mod shell;
pub mod summary;
pub mod table;
pub mod tag;
pub mod units;

pub use column::{Column, Value};
pub use counters::{CounterWidth, Counters};
pub use coverage::Coverage;
pub use delta::Delta;
pub use figure::{FIGURES, Figure};
pub use filter::{Filter, Pattern, Scope};
pub use fnv::fnv;
pub use header::Header;
pub use key::{Key, Keys};
pub use limit::Limit;
pub use magnitude::Magnitude;
pub use maker::CacheMaker;
pub use mark::{MarkKind, TimelineMark};
pub use pool::{Pool, PoolView};
pub use sample::{Origin, Row, Sample, SourceKind};
pub use search::Search;
pub use summary::{Gather, Summary};
pub use table::{Gravity, Labeler, RowLabel, RowVerdict, Sort, Table, TableRow, Totals};
pub use tag::{PoolTag, Tag};
