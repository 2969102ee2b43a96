//! Windows: what `NtQuerySystemInformation` tells.
//!
//! * [`decode`]: the kernel's buffers become rows. Safe code that runs on every system, so that recorded buffers can
//!   be replayed anywhere.
//! * `live` (on Windows only): asks the kernel.

pub mod decode;
