//! Windows event traces (.etl) of pool memory with a planted leak, for tests of the reader. Written from the format's
//! description alone: nothing here is taken from the reader, and the reader takes nothing from here.
//!
//! [`Spec`]: what is asked for → `story`: what happens on the machine, and the [`Truth`] → `record`: bytes of events with
//! every kind of header → `file`: buffers of each processor, packed by `pack` or not.
#![allow(clippy::cast_possible_truncation, reason = "figures are cut to their fields on purpose")]
#![allow(clippy::missing_panics_doc, reason = "test data: a wrong request ends the test")]

mod file;
mod pack;
mod places;
mod record;
mod story;

pub use pack::pack;
pub use places::Place;
pub use story::{Site, Truth, build};

/// The traced system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    /// 32-bit x86.
    X86,
    /// 64-bit x86.
    X64,
}

/// The header of pool events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// 32 bytes, with thread and process.
    System,
    /// 24 bytes, with thread and process.
    Compact,
    /// 16 bytes, with the time only.
    Perfinfo,
    /// 48 bytes, with the GUID of the class.
    Full,
    /// 72 bytes, with the GUID of the class and of a parent.
    Instance,
    /// 80 bytes, with the GUID of the provider.
    Event,
}

impl Header {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::System, Self::Compact, Self::Perfinfo, Self::Full, Self::Instance, Self::Event];
}

/// How stacks are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stacks {
    /// Not at all.
    None,
    /// With their frames, after each event.
    Inline,
    /// By a key after each event; keys are defined when they are used for another stack, and at the end.
    Keys,
    /// In an item of the event's own header; only with [`Header::Event`].
    Items,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// The traced system.
    pub arch: Arch,
    /// The header of pool events.
    pub header: Header,
    /// How stacks are recorded.
    pub stacks: Stacks,
    /// Whether buffers are packed.
    pub compressed: bool,
    /// Processors.
    pub cpus: u16,
    /// Bytes of a buffer.
    pub buffer_bytes: usize,
    /// Rounds of the story: one leaked object each.
    pub rounds: u32,
    /// Events that the session says it lost.
    pub events_lost: u32,
    /// Equal seeds give equal traces.
    pub seed: u64,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            arch: Arch::X64,
            header: Header::Perfinfo,
            stacks: Stacks::Inline,
            compressed: false,
            cpus: 4,
            buffer_bytes: 8 << 10,
            rounds: 400,
            events_lost: 0,
            seed: 1,
        }
    }
}
