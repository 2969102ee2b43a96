#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! Data passes in this order:
//!
//! 1. `event.rs`: an [`Event`], made by a capture or a reader; `stacks.rs`: its stack, kept once;
//! 2. `engine.rs`: [`Engine`] orders events by time and pairs them; `timeline.rs`: outstanding objects over eight moments;
//! 3. `verdict.rs`: what the course of a stack means; `doubt.rs`: whether the trace could have shown more;
//! 4. `symbols.rs`: names of addresses, and who made their modules; `owner.rs`: which frame to name first;
//! 5. `answer.rs`: stacks folded by owner, next to what the kernel says of the cache itself; `tags.rs`: or by tag, for a trace of
//!    many;
//! 6. [`mod@file`]: a trace as a file, to be read on another machine.
#![deny(clippy::print_stderr, clippy::print_stdout)]
#![forbid(unsafe_code)]

mod answer;
mod doubt;
mod engine;
mod event;
pub mod file;
pub mod owner;
mod stacks;
mod symbols;
mod tags;
mod timeline;
mod verdict;

pub use answer::{About, Answer, Ending, Growth, Owner, OwnerStack, Subject};
pub use engine::{Engine, Limits, StackSummary, Summary, Totals};
pub use event::{Event, Kind, NO_OBJECT};
pub use stacks::{StackId, Stacks};
pub use symbols::{Kallsyms, Module, Symbol, Symbols};
pub use tags::{TagRow, TagTotals, TraceFound, TraceTags};
pub use timeline::{MOMENTS, Moment};
pub use verdict::{Course, FREED_ELSEWHERE, Verdict, judge, smallest};
