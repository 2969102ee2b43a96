//! Windows: what `NtQuerySystemInformation` tells.
//!
//! * [`decode`]: the kernel's buffers become rows. Safe code that runs on every system, so that recorded buffers can
//!   be replayed anywhere;
//! * [`query`]: asks a kernel through a small trait, with its size protocol and its refusals; [`status`] names these;
//! * [`source`]: queries become samples and facts;
//! * `live` (on Windows only): the calls themselves, the one place with `unsafe`.

pub mod decode;
#[cfg(windows)]
pub mod live;
pub mod query;
pub mod source;
pub mod status;
