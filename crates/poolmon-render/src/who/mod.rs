//! `who`: which drivers use a tag. `text.rs`: for a person; `records.rs`: JSON and CSV; `brief.rs`: in short, for a
//! report; `cache.rs`: caches and places of Linux; `modules.rs`: all caches of Linux modules; `next.rs`: the commands that follow.

pub mod brief;
pub mod cache;
pub mod modules;
pub mod next;
mod records;
mod text;

pub use records::{csv, json};
pub use text::{answer, inventory, searched};

use poolmon_holder::{HeldBy, Tally};

/// Who holds the objects of a tag on this machine, largest first, and how many there are of each type; empty where that is not known.
pub type UnderTag = (Vec<HeldBy>, Vec<Tally>);
