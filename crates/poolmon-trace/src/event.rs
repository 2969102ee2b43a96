//! What happened to an object.

use crate::StackId;

/// One event. Times are nanoseconds of any clock that all CPUs share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, in nanoseconds.
    pub time: u64,
    /// On which CPU.
    pub cpu: u32,
    /// What happened.
    pub kind: Kind,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An object of the traced cache or tag was allocated.
    Alloc {
        /// Address of the object. Addresses up to [`NO_OBJECT`] stand for a failed allocation.
        address: u64,
        /// Bytes that it takes.
        bytes: u64,
        /// Bytes that were asked for.
        requested: u64,
        /// Who asked.
        stack: StackId,
        /// The process that was running: in an interrupt, that which was interrupted.
        task: u32,
    },
    /// An object of the traced cache or tag was freed.
    Free {
        /// Its address.
        address: u64,
    },
    /// An object was freed, of this cache or of another one: the event does not name it.
    FreeOfAny {
        /// Its address.
        address: u64,
    },
}

/// Up to here, an address stands for no object: Linux returns 16 for an allocation of 0 bytes, and kfree takes 0 and 16.
pub const NO_OBJECT: u64 = 16;
