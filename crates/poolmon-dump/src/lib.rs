#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! Windows memory dumps: pool tables, modules and searches, without symbols.
//!
//! Data passes in this order:
//!
//! 1. `container`: a file → physical pages (or, in a small dump, blocks of virtual memory);
//! 2. `paging`, `memory`: physical → virtual; what is absent is counted, never filled with zeros;
//! 3. `locate`, `kdbg`, `encoded`: the kernel's own list of where its tables are; `kernel`, `scan`: the kernel and its
//!    data without that list;
//! 4. `tracker`: pool tables of all processors → a [`poolmon_model::Sample`]; `bigpool`: large allocations;
//! 5. `modules`, [`pe`]: what is loaded; `exports`: the functions in it; `find`: bytes searched in it;
//! 6. [`symbols`]: if there are any, they are compared with what was found without;
//! 7. `info`, `bugcheck`, [`windbg`]: what a person reads.
//!
//! Every byte of a dump is hostile: nothing panics, loops or allocates by what a file claims.
#![deny(clippy::print_stderr, clippy::print_stdout)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod bigpool;
mod bugcheck;
mod container;
mod dump;
mod encoded;
mod error;
mod exports;
mod find;
mod info;
mod kdbg;
mod kernel;
mod locate;
mod map;
mod memory;
mod modules;
mod paging;
pub mod pe;
mod scan;
pub mod symbols;
mod tracker;
pub mod windbg;

pub use bigpool::{BigAllocation, BigPool};
pub use bugcheck::{Bugcheck, status as status_name};
pub use container::header::DumpHeader;
pub use container::packed::{UNPACK_LIMIT, Unpack};
pub use container::{Container, SIGNATURES};
pub use dump::{Dump, MemoryImage};
pub use error::{DumpError, Result};
pub use exports::Exports;
pub use find::{FindHit, FindReport, ModuleAbsent, Needle};
pub use info::{Answerable, AnswerableQuestions, DumpInfo};
pub use kdbg::KernelData;
pub use memory::AbsentPages;
pub use modules::{LoadedModule, ModuleList, UnloadedDriver};
pub use paging::{Absent, PagingForm, Translation};
pub use poolmon_image::Machine;
pub use tracker::{PoolUsed, TrackerFacts};
