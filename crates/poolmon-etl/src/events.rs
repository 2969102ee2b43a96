//! The second pass: events in the order of time, each with its stack.

use std::collections::BTreeMap;
use std::io::{Read, Seek};
use std::sync::Arc;

use crate::merge::Merge;
use crate::record::ItemStack;
use crate::stack::{Frames, FramesOrKey, StackRecord, addresses, is_kernel, split};
use crate::{Etl, PoolRecord, Record, Result, StackCounts};

/// How long an event waits for its stack, in milliseconds. A stack's kernel part follows within microseconds (at most
/// 13 ms in real traces), its user part when the thread returns from the kernel (at most 0.41 s).
const WINDOW: u64 = 1_000;
/// Events that wait at the same time.
const MOST_WAITING: usize = 1 << 18;
/// Events of one time stamp among which a stack's event is looked for.
const MOST_CANDIDATES: usize = 256;

/// An event with what is known of its moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<T> {
    /// When, in ticks of the session's [`Clock`](crate::Clock).
    pub time: u64,
    /// The processor.
    pub cpu: u16,
    /// The process that was running, from the event or from its stack.
    pub process: Option<u32>,
    /// The thread that was running, likewise.
    pub thread: Option<u32>,
    /// The kernel's frames, the innermost first.
    pub kernel_stack: Option<Frames>,
    /// The frames of the process.
    pub user_stack: Option<Frames>,
    /// What was kept of the event.
    pub value: T,
}

/// An event that waits for its stack.
#[derive(Debug)]
struct Waiting<T> {
    event: Event<T>,
    /// The stack came from the event's own processor, or from its header: no other can be better.
    sure: [bool; 2],
}

/// Events of all processors in the order of time. See [`Etl::events`].
#[derive(Debug)]
pub struct Events<'a, R, T, F> {
    buffers: &'a mut crate::Buffers<R>,
    definitions: &'a crate::stack::Definitions,
    merge: Merge<'a>,
    wanted: F,
    waiting: BTreeMap<(u64, u64), Waiting<T>>,
    /// How many events there were: the order of those of one time.
    taken: u64,
    window: u64,
    /// The time that the merge has reached.
    now: u64,
    ended: bool,
    counts: StackCounts,
}

/// Allocations and frees of pool memory, in the order of time. See [`Etl::pool_events`].
pub type PoolEvents<'a, R> = Events<'a, R, PoolRecord, fn(&Record<'_>) -> Option<PoolRecord>>;

impl<'a, R: Read + Seek, T, F: FnMut(&Record<'_>) -> Option<T>> Events<'a, R, T, F> {
    pub(crate) fn new(etl: &'a mut Etl<R>, wanted: F) -> Self {
        let window = etl.clock().ticks(WINDOW);
        Self {
            buffers: &mut etl.buffers,
            definitions: &etl.definitions,
            merge: Merge::new(&etl.places),
            wanted,
            waiting: BTreeMap::new(),
            taken: 0,
            window,
            now: 0,
            ended: false,
            counts: StackCounts::default(),
        }
    }

    /// How stacks found their events so far.
    pub const fn stack_counts(&self) -> StackCounts {
        self.counts
    }

    fn step(&mut self) -> Result<()> {
        let Self { buffers, definitions, merge, wanted, waiting, taken, now, counts, .. } = self;
        let more = merge.next(buffers, |record, time, cpu| {
            *now = time.max(*now);
            if let Some(stack) = StackRecord::decode(record) {
                counts.stacks += 1;
                join(waiting, definitions, counts, &stack, time, cpu);
            }
            if let Some(value) = wanted(record) {
                *taken += 1;
                waiting.insert((time, *taken), Waiting::new(record, time, cpu, value, definitions));
            }
        })?;
        self.ended = !more;
        Ok(())
    }

    /// The oldest event, if it has waited long enough.
    fn ready(&mut self) -> Option<Event<T>> {
        let (&(time, _), _) = self.waiting.first_key_value()?;
        let has_waited = self.ended || self.now.saturating_sub(time) > self.window;
        let is_hurried = !has_waited && self.waiting.len() > MOST_WAITING;
        self.counts.hurried += u64::from(is_hurried);
        (has_waited || is_hurried)
            .then(|| self.waiting.pop_first())
            .flatten()
            .map(|(_, waiting)| waiting.event)
    }
}

impl<R: Read + Seek, T, F: FnMut(&Record<'_>) -> Option<T>> Iterator for Events<'_, R, T, F> {
    type Item = Result<Event<T>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(event) = self.ready() {
                return Some(Ok(event));
            }
            if self.ended {
                return None;
            }
            if let Err(error) = self.step() {
                self.ended = true;
                self.waiting.clear();
                return Some(Err(error));
            }
        }
    }
}

impl<T> Waiting<T> {
    fn new(
        record: &Record<'_>,
        time: u64,
        cpu: u16,
        value: T,
        definitions: &crate::stack::Definitions,
    ) -> Self {
        let (kernel_stack, user_stack) = match record.stack {
            Some(stack) => of_item(&stack, time, definitions),
            None => (None, None),
        };
        let sure = [kernel_stack.is_some(), user_stack.is_some()];
        let (process, thread) = (record.process, record.thread);
        Self { event: Event { time, cpu, process, thread, kernel_stack, user_stack, value }, sure }
    }
}

/// Gives a stack to the event that it belongs to.
fn join<T>(
    waiting: &mut BTreeMap<(u64, u64), Waiting<T>>,
    definitions: &crate::stack::Definitions,
    counts: &mut StackCounts,
    stack: &StackRecord<'_>,
    time: u64,
    cpu: u16,
) {
    let of_time = (stack.event_time, 0)..=(stack.event_time, u64::MAX);
    let candidates = waiting.range(of_time).take(MOST_CANDIDATES);
    let ranked = candidates.map(|(key, waiting)| (rank(waiting, stack, cpu), *key));
    let mut others = 0;
    // The first of those that fit equally well: events and stacks of a processor are in the same order.
    let best = ranked.inspect(|_| others += 1).reduce(|best, next| if next.0 > best.0 { next } else { best });
    let Some(found) = best.and_then(|(_, key)| waiting.get_mut(&key)) else { return };
    counts.joined += 1;
    counts.ambiguous += u64::from(others > 1);
    counts.same_cpu += u64::from(found.event.cpu == cpu);
    let (kernel, user) = match stack.frames {
        FramesOrKey::Inline { bytes, wide } => {
            let frames: Vec<u64> = addresses(bytes, wide).collect();
            let (kernel, user) = split(&frames);
            (part(kernel), part(user))
        }
        FramesOrKey::KernelKey(key) => (definitions.find(key, time), None),
        FramesOrKey::UserKey(key) => (None, definitions.find(key, time)),
    };
    let is_sure = found.event.cpu == cpu;
    counts.undefined += u64::from(kernel.is_none() && user.is_none());
    let event = &mut found.event;
    let [kernel_sure, user_sure] = &mut found.sure;
    place(&mut event.kernel_stack, kernel_sure, kernel, is_sure);
    place(&mut event.user_stack, user_sure, user, is_sure);
    event.process = event.process.or(Some(stack.process));
    event.thread = event.thread.or(Some(stack.thread));
}

/// How well a stack fits an event: not taken by a better one, same processor, same thread.
fn rank<T>(waiting: &Waiting<T>, stack: &StackRecord<'_>, cpu: u16) -> (bool, bool, bool) {
    let user = match stack.frames {
        FramesOrKey::Inline { bytes, wide } => {
            addresses(bytes, wide).next().is_some_and(|address| !is_kernel(address))
        }
        FramesOrKey::KernelKey(_) => false,
        FramesOrKey::UserKey(_) => true,
    };
    let event = &waiting.event;
    let [kernel_sure, user_sure] = waiting.sure;
    let free = if user { !user_sure } else { !kernel_sure };
    (free, event.cpu == cpu, event.thread.is_none_or(|thread| thread == stack.thread))
}

/// A stack replaces none, or one of another processor by one of the event's own.
fn place(held: &mut Option<Frames>, held_sure: &mut bool, frames: Option<Frames>, sure: bool) {
    if let Some(frames) = frames
        && (held.is_none() || sure && !*held_sure)
    {
        *held = Some(frames);
        *held_sure = sure;
    }
}

fn part(frames: &[u64]) -> Option<Frames> {
    (!frames.is_empty()).then(|| Arc::from(frames))
}

/// The kernel and user part of a stack in an event's header.
fn of_item(
    stack: &ItemStack<'_>,
    time: u64,
    definitions: &crate::stack::Definitions,
) -> (Option<Frames>, Option<Frames>) {
    let frames = match stack.key() {
        Some(key) => definitions.find(key, time).map(|frames| frames.to_vec()).unwrap_or_default(),
        None => addresses(stack.bytes, stack.wide).collect(),
    };
    let (kernel, user) = split(&frames);
    (part(kernel), part(user))
}
