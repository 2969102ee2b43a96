//! What was in a trace, and what could not be read.

use std::collections::BTreeMap;

use poolmon_model::units::grouped;

use crate::{Guid, HeaderKind, Hook};

/// Damages that are named; more are only counted.
const NAMED: usize = 16;
/// Providers that are counted separately.
const PROVIDERS: usize = 4_096;

/// A place of a file that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where in the file: the offset of the buffer.
    pub offset: u64,
    /// What is wrong there.
    pub problem: String,
}

/// What was in a trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Buffers.
    pub buffers: u64,
    /// Of them, compressed ones.
    pub compressed: u64,
    /// Records.
    pub records: u64,
    /// Records of each header.
    pub headers: BTreeMap<HeaderKind, u64>,
    /// Records of each event of the kernel.
    pub hooks: BTreeMap<Hook, u64>,
    /// Records of each other provider or class.
    pub providers: BTreeMap<Guid, u64>,
    /// Pool events that are not decoded: shorter than their fields.
    pub short_pool_events: u64,
    /// Buffers before which the session marked lost events or a lost buffer.
    pub lost_marks: u64,
    /// Places that could not be read.
    pub damages: u64,
    /// The first of them.
    pub damage: Vec<Damage>,
    /// The first and the last time stamp of records, in ticks.
    pub times: Option<(u64, u64)>,
    /// Definitions of stacks.
    pub stack_definitions: usize,
    /// Definitions of stacks, images and processes that were not kept, for want of memory.
    pub refused: u64,
}

impl Counts {
    /// Records of an event of the kernel.
    pub fn of(&self, hook: Hook) -> u64 {
        self.hooks.get(&hook).copied().unwrap_or_default()
    }

    /// Allocations and frees of pool memory.
    pub fn pool_events(&self) -> u64 {
        let hooks =
            [Hook::POOL_ALLOCATE, Hook::POOL_ALLOCATE_SESSION, Hook::POOL_FREE, Hook::POOL_FREE_SESSION];
        hooks.into_iter().map(|hook| self.of(hook)).sum()
    }

    /// Other events of the pool group: pages added, big pages, snapshots. They are no allocations.
    pub fn other_pool_events(&self) -> u64 {
        let group = self.hooks.iter().filter(|(hook, _)| hook.group() == Hook::POOL_GROUP);
        group.map(|(_, count)| count).sum::<u64>() - self.pool_events()
    }

    /// What is in the trace, the most frequent first: `79,528 profile, 21,068 stacks`.
    pub fn holds(&self) -> String {
        let mut groups: BTreeMap<&str, u64> = BTreeMap::new();
        for (hook, count) in &self.hooks {
            *groups.entry(hook.group_name()).or_default() += count;
        }
        let known: u64 = groups.values().sum();
        groups.insert("of other providers", self.records - known);
        let mut groups: Vec<_> = groups.into_iter().filter(|(_, count)| *count > 0).collect();
        groups.sort_unstable_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
        let groups: Vec<_> =
            groups.iter().map(|(name, count)| format!("{} {name}", grouped(*count))).collect();
        if groups.is_empty() { "nothing".to_owned() } else { groups.join(", ") }
    }

    pub(crate) fn see(&mut self, time: u64) {
        self.times = Some(self.times.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
    }

    pub(crate) fn damaged(&mut self, offset: u64, problem: String) {
        self.damages += 1;
        if self.damage.len() < NAMED {
            self.damage.push(Damage { offset, problem });
        }
    }

    pub(crate) fn provider(&mut self, guid: Guid) {
        if self.providers.len() < PROVIDERS || self.providers.contains_key(&guid) {
            *self.providers.entry(guid).or_default() += 1;
        }
    }
}

/// How stacks found their events, in one pass over a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StackCounts {
    /// Stacks of events in the trace, of any kind.
    pub stacks: u64,
    /// Of them, those that belong to an event that was asked for.
    pub joined: u64,
    /// Of those, stacks from the buffers of the event's own processor.
    pub same_cpu: u64,
    /// Of those, stacks whose time stamp several events have: the processor, the thread and the order decided.
    pub ambiguous: u64,
    /// Stacks of events that were asked for, by a key without a definition.
    pub undefined: u64,
    /// Events that were handed out before a second had passed: too many were waiting for their stack.
    pub hurried: u64,
}
