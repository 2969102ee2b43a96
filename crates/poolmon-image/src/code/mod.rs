//! What every reader of machine code needs, whatever it looks for.
//!
//! A reader goes through a function in the order of its bytes and keeps a value for each register: [`Registers`] holds
//! them, [`x86`] and [`arm64`] say what an instruction does with them. What values mean (a tag, the name of a cache) is the
//! reader's own business. An effect that neither reader follows yet is added there once.

pub mod arm64;
mod registers;
pub mod x86;

pub use registers::Registers;
