//! Queries become samples and facts: everything of the live source that needs no `unsafe`.
//!
//! Where the figures come from: rows from classes 255 or 22 ([`super::query`]), sessions from class 67, the header from
//! class 2 and then from the documented performance calls (which have wider counters), facts of a tag from class 66.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use poolmon_model::units::human_bytes;
use poolmon_model::{Header, Origin, Pool, PoolTag, Sample, SourceKind, Tag};

use super::decode::{self, BigAllocation, BufferLayout, Module};
use super::query::{self, Buffer, Kernel, Tags};
use super::status;
use crate::{Fact, LoadedModule, Result, Source};

/// A machine: its kernel's classes, and what documented calls report.
pub trait Machine: Kernel {
    /// Fills in what the documented calls report of memory, commit and pools.
    fn figures(&mut self, header: &mut Header);

    /// Time since boot, sleep included.
    fn uptime(&mut self) -> Option<Duration>;

    /// Asks for the right to see kernel addresses (`SeDebugPrivilege`); true where this program now has it.
    fn show_addresses(&mut self) -> bool;
}

/// Samples of a machine's pools.
#[derive(Debug)]
pub struct PoolSource<M> {
    machine: M,
    origin: Arc<Origin>,
    tags: Tags,
    /// For everything that is not asked at each refresh.
    other: Buffer,
    /// For class 2, at each refresh.
    figures: Buffer,
    sessions: bool,
    allocations: Vec<BigAllocation>,
}

impl<M: Machine> PoolSource<M> {
    /// A source that shows where its samples come from.
    pub fn new(machine: M, host: Option<String>, system: Option<String>, boot: Option<String>) -> Self {
        let mut origin = Origin::new(SourceKind::Windows, &[Pool::Nonpaged, Pool::Paged]);
        (origin.host, origin.system, origin.boot) = (host, system, boot);
        Self {
            machine,
            origin: Arc::new(origin),
            tags: Tags::default(),
            other: Buffer::default(),
            figures: Buffer::default(),
            sessions: false,
            allocations: Vec::new(),
        }
    }
}

impl<M: Machine> Source for PoolSource<M> {
    fn origin(&self) -> &Arc<Origin> {
        &self.origin
    }

    fn sample_into(&mut self, sample: &mut Sample) -> Result<()> {
        sample.clear();
        sample.origin = Arc::clone(&self.origin);
        self.tags.sample(&mut self.machine, sample)?;
        sample.time = Some(Timestamp::now());
        sample.uptime = self.machine.uptime();
        header(&mut self.machine, &mut self.figures, &mut sample.header);
        if self.sessions {
            query::sessions(&mut self.machine, &mut self.other, sample);
        }
        Ok(())
    }

    fn want_sessions(&mut self, wanted: bool) {
        self.sessions = wanted;
    }

    fn facts(&mut self, tag: &Tag, pool: Pool) -> Vec<Fact> {
        let &Tag::Pool(tag) = tag else { return Vec::new() };
        if let Err(status) = big_pool(&mut self.machine, &mut self.other, &mut self.allocations) {
            return vec![fact("Big allocations", format!("not available: {}", status::text(status)))];
        }
        let hidden = |found: &[BigAllocation]| {
            !found.is_empty() && found.iter().all(|allocation| allocation.address.is_none())
        };
        if hidden(&self.allocations) && self.machine.show_addresses() {
            // The first answer stays where the second fails.
            let mut again = Vec::new();
            if big_pool(&mut self.machine, &mut self.other, &mut again).is_ok() {
                self.allocations = again;
            }
        }
        describe(&mut self.allocations, tag.unprotected(), pool)
    }

    fn modules(&mut self) -> Option<Vec<LoadedModule>> {
        // Addresses are not wanted here, so no privilege is asked for.
        let found = modules_once(&mut self.machine).ok()?;
        let mut found: Vec<_> = found
            .into_iter()
            .map(|module| LoadedModule {
                name: module.name,
                detail: Some(module.path).filter(|path| !path.is_empty()),
                size: module.size.into(),
            })
            .collect();
        found.sort();
        Some(found)
    }
}

/// The header's figures: class 2 first, then what the documented calls know better. Neither is an error if absent.
fn header(machine: &mut impl Machine, buffer: &mut Buffer, header: &mut Header) {
    let first = decode::performance::MOST;
    if let Ok(bytes) = query::plain(machine, decode::performance::CLASS, first, buffer) {
        // An answer too short for the figures leaves the header as it is.
        let _ = decode::performance(bytes, header);
    }
    machine.figures(header);
}

fn big_pool(
    machine: &mut impl Machine,
    buffer: &mut Buffer,
    found: &mut Vec<BigAllocation>,
) -> std::result::Result<(), u32> {
    found.clear();
    let bytes = query::plain(machine, decode::big_pool::CLASS, 64 * 1024, buffer)?;
    // An answer that is cut inside its header says nothing: an empty list.
    let _ = decode::big_pool(bytes, BufferLayout::NATIVE, found);
    Ok(())
}

/// How many of the largest allocations are named.
const LARGEST: usize = 5;

/// Facts of one tag's allocations of a page or more.
fn describe(all: &mut Vec<BigAllocation>, tag: PoolTag, pool: Pool) -> Vec<Fact> {
    let of_pool = |reported: Option<Pool>| reported.is_none_or(|reported| reported == pool);
    all.retain(|allocation| allocation.tag == tag && of_pool(allocation.pool));
    let title = "Big allocations";
    if all.is_empty() {
        return vec![fact(title, "no allocation of a page (4,096 bytes) or more".into())];
    }
    all.sort_unstable_by_key(|allocation| (Reverse(allocation.bytes), allocation.address));
    let total = all.iter().fold(0_u64, |sum, allocation| sum.saturating_add(allocation.bytes));
    let mut facts =
        vec![fact(title, format!("{} of a page or more, {} together", all.len(), human_bytes(total)))];
    let largest: Vec<String> = all
        .iter()
        .take(LARGEST)
        .map(|allocation| match allocation.address {
            Some(address) => format!("{} at {address:#x}", human_bytes(allocation.bytes)),
            None => human_bytes(allocation.bytes),
        })
        .collect();
    facts.push(fact("Largest", largest.join(", ")));
    if all.iter().all(|allocation| allocation.address.is_none()) {
        let both = if all.iter().any(|allocation| allocation.pool.is_none()) {
            "; paged and nonpaged cannot be distinguished without them"
        } else {
            ""
        };
        facts.push(fact(
            "Addresses",
            format!("withheld by Windows: run poolmon as administrator, which gives SeDebugPrivilege{both}"),
        ));
    }
    facts
}

fn fact(title: &str, value: String) -> Fact {
    Fact { title: title.into(), value }
}

/// The kernel and its drivers: class 77, or 11 where that is refused. Bases are `None` if Windows withholds them.
pub fn modules(machine: &mut impl Machine) -> Result<Vec<Module>> {
    let found = modules_once(machine)?;
    let hidden = !found.is_empty() && found.iter().all(|module| module.base.is_none());
    if hidden && machine.show_addresses() {
        return modules_once(machine).or(Ok(found));
    }
    Ok(found)
}

fn modules_once(machine: &mut impl Machine) -> Result<Vec<Module>> {
    let mut buffer = Buffer::default();
    let mut found = Vec::new();
    let first = 128 * 1024;
    if let Ok(bytes) = query::plain(machine, decode::modules::CLASS_EX, first, &mut buffer)
        && decode::modules_ex(bytes, BufferLayout::NATIVE, &mut found).is_ok()
        && !found.is_empty()
    {
        return Ok(found);
    }
    found.clear();
    let class = decode::modules::CLASS;
    let bytes = query::plain(machine, class, first, &mut buffer)
        .map_err(|status| status::error(class, status, "drivers cannot be listed; pools are shown anyway"))?;
    decode::modules(bytes, BufferLayout::NATIVE, &mut found).map_err(query::malformed)?;
    Ok(found)
}

#[cfg(test)]
mod tests;
