//! Stacks: inline, or as a key that is defined somewhere later.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use poolmon_image::bytes::{u32_at, u64_at};

use crate::image::address_at;
use crate::record::ItemStack;
use crate::{Hook, Record};

/// Frames of one stack; the system records at most 192.
const MOST_FRAMES: usize = 192;
/// Definitions that are kept, and frames in them; more are counted as refused. 64 MiB of frames.
const MOST_DEFINITIONS: usize = 4 << 20;
const MOST_FRAMES_IN_ALL: usize = 8 << 20;

/// The frames of a stack, the innermost first. Shared: equal stacks are kept once.
pub type Frames = Arc<[u64]>;

/// Whether an address is in the kernel's half of memory. 32-bit addresses are extended by ones (see
/// [`PoolRecord`](crate::PoolRecord)), so that one rule serves all systems.
pub const fn is_kernel(address: u64) -> bool {
    address >= 0xFFFF_0000_0000_0000
}

/// A stack that belongs to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StackRecord<'a> {
    /// The time stamp of the event that it belongs to.
    pub event_time: u64,
    /// The process that was running.
    pub process: u32,
    /// The thread that was running.
    pub thread: u32,
    /// The frames, or where they are.
    pub frames: FramesOrKey<'a>,
}

/// The frames of a stack, or the key of their definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FramesOrKey<'a> {
    /// Addresses of 4 or 8 bytes, of the kernel, of the process or of both.
    Inline {
        /// Their bytes.
        bytes: &'a [u8],
        /// 8 bytes each.
        wide: bool,
    },
    /// A key of the kernel part.
    KernelKey(u64),
    /// A key of the user part.
    UserKey(u64),
}

impl<'a> StackRecord<'a> {
    /// Reads a record; `None` if it is no stack of an event.
    pub fn decode(record: &Record<'a>) -> Option<Self> {
        let hook = record.hook()?;
        if !matches!(hook, Hook::STACK | Hook::STACK_KERNEL_KEY | Hook::STACK_USER_KEY) {
            return None;
        }
        let body = record.body;
        let key = || address_at(body, 16, record.wide);
        let frames = match hook {
            Hook::STACK => FramesOrKey::Inline { bytes: body.get(16..)?, wide: record.wide },
            Hook::STACK_KERNEL_KEY => FramesOrKey::KernelKey(key()?),
            _ => FramesOrKey::UserKey(key()?),
        };
        Some(Self {
            event_time: u64_at(body, 0)?,
            process: u32_at(body, 8)?,
            thread: u32_at(body, 12)?,
            frames,
        })
    }
}

/// Addresses in bytes, without zeros at the end.
pub fn addresses(bytes: &[u8], wide: bool) -> impl Iterator<Item = u64> + '_ {
    let width = if wide { 8 } else { 4 };
    let all = (0..bytes.len() / width).take(MOST_FRAMES);
    all.map_while(move |at| address_at(bytes, at * width, wide)).take_while(|address| *address != 0)
}

/// A definition of a key.
#[derive(Clone, Debug)]
struct Definition {
    time: u64,
    /// It was written when the key was created, so it serves what follows; else it serves what came before.
    created: bool,
    frames: Frames,
}

/// All definitions of a trace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Definitions {
    by_key: HashMap<u64, Vec<Definition>>,
    same: HashSet<Frames>,
    count: usize,
    frames: usize,
    refused: u64,
}

impl Definitions {
    /// Definitions that were not kept: there were too many.
    pub(crate) const fn refused(&self) -> u64 {
        self.refused
    }

    /// Definitions that are kept.
    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    /// Takes an event; `false` if it is no definition.
    pub(crate) fn take(&mut self, record: &Record<'_>) -> bool {
        let created = match record.hook() {
            Some(Hook::STACK_KEY_CREATED) => true,
            Some(Hook::STACK_KEY_DELETED | Hook::STACK_KEY_AT_END) => false,
            _ => return false,
        };
        let width = if record.wide { 8 } else { 4 };
        let key = address_at(record.body, 0, record.wide);
        let (Some(key), Some(bytes)) = (key, record.body.get(width..)) else { return false };
        let frames: Vec<u64> = addresses(bytes, record.wide).collect();
        let time = record.time.unwrap_or_default();
        if self.count == MOST_DEFINITIONS || self.frames + frames.len() > MOST_FRAMES_IN_ALL {
            self.refused += 1;
            return true;
        }
        let frames = self.shared(frames);
        self.by_key.entry(key).or_default().push(Definition { time, created, frames });
        self.count += 1;
        true
    }

    /// Prepares the search, after the last event.
    pub(crate) fn sort(&mut self) {
        for definitions in self.by_key.values_mut() {
            definitions.sort_by_key(|definition| definition.time);
        }
    }

    /// The stack that a key meant at a time.
    ///
    /// A key is used again after it was deleted, and its frames are written at that moment: the first definition after
    /// the use is the right one.
    pub(crate) fn find(&self, key: u64, time: u64) -> Option<Frames> {
        let definitions = self.by_key.get(&key)?;
        let split = definitions.partition_point(|definition| definition.time < time);
        let (before, after) = definitions.split_at_checked(split)?;
        // A few at most: a key that is created again was deleted before.
        let later = after.iter().find(|definition| !definition.created);
        let earlier = || before.last().filter(|definition| definition.created);
        later.or_else(earlier).map(|definition| Arc::clone(&definition.frames))
    }

    /// The same frames, kept once.
    pub(crate) fn shared(&mut self, frames: Vec<u64>) -> Frames {
        if let Some(same) = self.same.get(frames.as_slice()) {
            return Arc::clone(same);
        }
        self.frames += frames.len();
        let frames: Frames = frames.into();
        self.same.insert(Arc::clone(&frames));
        frames
    }
}

/// The kernel part and the user part of a stack; the kernel's frames come first.
pub(crate) fn split(frames: &[u64]) -> (&[u64], &[u64]) {
    let at = frames.iter().position(|address| !is_kernel(*address)).unwrap_or(frames.len());
    frames.split_at(at)
}

impl ItemStack<'_> {
    /// The key of a stack, if it is one.
    pub fn key(&self) -> Option<u64> {
        self.is_key.then(|| address_at(self.bytes, 0, self.wide)).flatten()
    }
}
