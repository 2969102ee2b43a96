//! Windows memory dumps with a planted truth, for tests of the reader. Written from the format's description alone:
//! nothing here is taken from the reader, and the reader takes nothing from here.
//!
//! [`spec`]: what is asked for → [`kernel`]: a kernel laid out in [`physical`] memory through [`mapping`], with the
//! [`pool`] tables, a list of modules and a call from one to the other (`imports`) → [`mod@file`]: the same memory in every container;
//! [`pdb`]: the kernel's symbols.
#![allow(clippy::cast_possible_truncation, reason = "figures are cut to their fields on purpose")]
#![allow(clippy::missing_panics_doc, reason = "test data: a wrong request ends the test")]

mod big;
mod encoded;
pub mod file;
mod imports;
pub mod kernel;
pub mod mapping;
pub mod pdb;
pub mod physical;
pub mod pool;
mod shared;
pub mod spec;
mod symbols;
mod triage;

pub use file::Form;
pub use kernel::{Built, build};
pub use spec::{Arch, Spec};

/// A small generator of repeatable numbers.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Starts with a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        if self.0 == 0 {
            self.0 = 1;
        }
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`.
    pub const fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 11) % end
    }

    /// An index below `end`.
    pub const fn pick(&mut self, end: usize) -> usize {
        self.below(end as u64) as usize
    }
}
