// Its example reads Linux files.
#![cfg_attr(unix, doc = include_str!("../README.md"))]
//!
//! # Inside
//!
//! Where samples come from.
//!
//! * `linux/`: `/proc/slabinfo`, `/proc/vmallocinfo`, `/proc/allocinfo`, `/sys/kernel/slab`, `/proc/meminfo`;
//! * `windows/`: decoders of the kernel's buffers (safe code, runs everywhere) and, on Windows, the live source.
//!
//! * [`doctor`]: what this machine can report, and what is missing;
//! * [`least_rights`]: what a command does not need is given up; [`rights`]: how a command that needs more is printed;
//!   `replaceable`: which files root cannot rely on;
//! * [`trace`]: allocation events for a while, over a trait that each system implements.
//!
//! A source knows nothing of what is drawn.
#![deny(clippy::print_stderr, clippy::print_stdout)]

pub mod doctor;
mod error;
pub mod least_rights;
#[cfg(unix)]
pub mod linux;
#[cfg(unix)]
pub mod replaceable;
pub mod rights;
pub mod trace;
pub mod windows;
mod wrapper;

pub use error::SourceError;
pub use wrapper::Wrapper;

use std::sync::Arc;

use poolmon_model::{CounterWidth, Origin, Pool, Sample, Tag};

/// Result of everything that reads a source.
pub type Result<T> = std::result::Result<T, SourceError>;

/// Something that can be asked repeatedly for the current state.
pub trait Source: Send {
    /// Where its samples come from.
    fn origin(&self) -> &Arc<Origin>;

    /// Fills `sample` with the state of now. What it held before is forgotten, its memory is used again.
    ///
    /// After an error the content of `sample` means nothing; a later call may succeed.
    fn sample_into(&mut self, sample: &mut Sample) -> Result<()>;

    /// The state of now, in a new sample.
    fn sample(&mut self) -> Result<Sample> {
        let mut sample = Sample::new(Arc::clone(self.origin()), CounterWidth::default());
        self.sample_into(&mut sample)?;
        Ok(sample)
    }

    /// Fills `sample` with the next moment of the past that the source knows, oldest first; false if there is none, or no more. A caller that
    /// does not ask misses nothing that [`Source::sample_into`] reports.
    fn past_into(&mut self, _sample: &mut Sample) -> Result<bool> {
        Ok(false)
    }

    /// Asks for session pools from the next sample on, or for no more of them. Sources without sessions ignore it.
    fn want_sessions(&mut self, _wanted: bool) {}

    /// Whether it reports the same moment for ever: a dump, a saved file. There is nothing to refresh then.
    fn is_still(&self) -> bool {
        false
    }

    /// Has the kernel drop what it can of its caches and gather what it keeps half-filled, so that the next sample counts each
    /// object in use: on Linux a slab that a CPU is filling counts as full otherwise. False if each object is counted anyway.
    fn count_each(&mut self) -> Result<bool> {
        Ok(false)
    }

    /// What else the system knows of one row, for the detail pane; asked for one row at a time, as it may cost.
    fn facts(&mut self, _tag: &Tag, _pool: Pool) -> Vec<Fact> {
        Vec::new()
    }

    /// Names of slab caches that share one cache, in groups: the kernel merges caches of like objects, and its figures list only one
    /// name. Empty if this source does not know.
    fn merged(&self) -> Vec<Vec<String>> {
        Vec::new()
    }

    /// The modules (drivers) that are loaded now, sorted by name; `None` if this source does not know.
    fn modules(&mut self) -> Option<Vec<LoadedModule>> {
        None
    }
}

/// A module of the kernel, or a driver.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LoadedModule {
    /// Its name (`nf_tables`, `ntfs.sys`).
    pub name: String,
    /// Its path, if known.
    pub detail: Option<String>,
    /// Bytes that it takes itself, without what it allocates; 0 = unknown.
    pub size: u64,
}

/// One thing known of a row: aliases of a cache, its largest allocations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is (`Aliases`).
    pub title: String,
    /// Its value in words, units included.
    pub value: String,
}
