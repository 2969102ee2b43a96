//! Which part of Linux a slab cache, a vmalloc caller or a place in the source belongs to.
//!
//! A cache is created by a call of `kmem_cache_create` or one of its relatives, nearly always with a fixed name, and
//! nearly always when a module is loaded. So modules report who owns a cache: `unpack` opens a file as it lies on disk,
//! [`poolmon_image::elf`] reads it, `layout` puts it in order as in memory, `creators` finds the calls, and `x86` or `arm64`
//! follows the name to them, with what `flow` says of registers. `image` takes the kernel out of a `vmlinuz`, `flat` reads an ARM64 `Image`.
//! [`ScannedModule`] is the result for one file; [`ModuleCatalog`] reads a whole folder of them and answers who creates a cache, and
//! [`ModuleIndex`] remembers what was read. [`aliases`] says which names the kernel keeps in one cache, [`callers`] to
//! whom a vmalloc caller or a place in the source belongs.
//!
//! Files are hostile by default: nothing is believed, every loop has a limit.

pub mod aliases;
mod arm64;
pub mod callers;
mod creation;
mod creators;
mod flat;
mod flow;
mod image;
mod index;
mod layout;
mod module;
mod search;
mod unpack;
mod x86;

pub use aliases::MergedCaches;
pub use callers::CallerOwner;
pub use creation::{Creation, CreationConfidence, CreationKind};
pub use index::ModuleIndex;
pub use module::{ModuleInfo, ScannedModule};
pub use poolmon_image::Machine;
pub use poolmon_image::files::{SearchLimits, SearchSummary};
pub use search::{CacheOwner, ModuleCatalog, ModuleEvent, are_running, not_read, places};

use poolmon_image::elf::ElfError;

/// Why a file is not searched. The text goes after the file's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModuleError {
    /// It is no ELF file, nor one packed in a known way.
    #[error("neither a kernel module nor a kernel: it does not start with ELF, plain or compressed")]
    NotElf,
    /// It begins well, then something is out of place; with the place in the unpacked file.
    #[error("damaged: {0}, at offset {1:#x}")]
    Damaged(&'static str, u64),
    /// It may be right, but is not for this reader.
    #[error("not supported: {0}")]
    Unsupported(String),
    /// It does not unpack; with the method and its own words.
    #[error("does not unpack as {0}: {1}")]
    Unpack(&'static str, String),
    /// More than the search takes into memory.
    #[error("too large: it needs more than {limit} bytes unpacked; raise the limit, or name another file")]
    TooLarge {
        /// What is allowed.
        limit: u64,
    },
    /// The system did not give it to us.
    #[error("cannot read: {0}")]
    Io(String),
}

impl From<ElfError> for ModuleError {
    fn from(error: ElfError) -> Self {
        match error {
            ElfError::NotElf => Self::NotElf,
            ElfError::Damaged(what, at) => Self::Damaged(what, at),
            ElfError::Unsupported(what) => Self::Unsupported(what),
        }
    }
}

impl From<std::io::Error> for ModuleError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error.to_string())
    }
}
