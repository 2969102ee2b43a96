//! Windows: what `NtQuerySystemInformation` reports.
//!
//! * [`decode`]: the kernel's buffers become rows. Safe code that runs on every system, so that recorded buffers can
//!   be replayed anywhere;
//! * [`query`]: asks a kernel through a small trait, with its size protocol and its refusals; [`status`] names these;
//! * [`source`]: queries become samples and facts; [`holding`]: what processes hold;
//! * [`cross`]: sources that do not depend on each other, compared;
//! * [`security`]: who may change a file;
//! * [`trace`]: recording the pool's events into a file, over a small trait;
//! * `live` (on Windows only): the calls themselves, the one place with `unsafe`.

pub mod cross;
pub mod decode;
pub mod holding;
#[cfg(windows)]
pub mod live;
pub mod query;
pub mod security;
pub mod source;
pub mod status;
pub mod trace;
