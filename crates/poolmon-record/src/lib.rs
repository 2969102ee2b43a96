#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! Recording a source: the loop of `poolmon record`, of its service, and of the screen with `--record`.
//!
//! * [`record`]: a sample, a wait, the next one, until [`Stop`]; every [`RecordEvent`] is passed to the caller;
//! * `session.rs`: one sample with everything that belongs to it (`modules.rs`: which modules came and went; `alarm.rs`:
//!   what begins to leak; `limits.rs`: what exceeds a limit); [`Watched`]: the same for the live screen.
#![deny(clippy::print_stderr, clippy::print_stdout)]
#![forbid(unsafe_code)]

mod alarm;
mod error;
mod events;
mod limits;
mod modules;
mod recording;
mod session;
mod stop;
mod watched;

pub use alarm::Change;
pub use error::RecordError;
pub use events::RecordEvent;
pub use recording::{Plan, record};
pub use session::Notify;
pub use stop::Stop;
pub use watched::{Ongoing, Watched};
