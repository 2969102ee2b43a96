//! A trace as a file: every event with its stack, to be read on another machine and by later versions.
//!
//! 8 bytes `PMTRACE` and 1; then chunks, each of a kind (1 byte), the length of its payload and its CRC-32 (4 bytes each, little
//! endian), and the payload:
//!
//! * `H`: [`About`](crate::About) as JSON, once, first;
//! * `S`: stacks, numbered from 1 through all chunks; each a count of frames and the frames, each as the difference to the one before;
//! * `E`: events, in the order of time; each a byte (0 allocation, 1 free, 2 free of any cache), its CPU, the difference of its time
//!   and of its address to the event before in this chunk; for allocations bytes, bytes asked for, stack, process;
//! * `P`: [`Ending`](crate::Ending) as JSON, as far as it is known by then: of a file that ends early, the last one is its end;
//! * `T`: the same, once, last.
//!
//! Numbers are LEB128, differences zigzag-coded before that. A file without its end (the machine went down, the disk is full) is read
//! up to its last whole chunk; chunks of other kinds are skipped.

mod number;
mod read;
mod write;

pub use read::{Damage, FileError, Read, is_trace, read};
pub use write::{Sink, Writer};

const MAGIC: &[u8; 8] = b"PMTRACE\x01";

/// Longest payload. A writer begins a new chunk long before.
const LONGEST: u32 = 16 << 20;

#[cfg(test)]
mod tests;
