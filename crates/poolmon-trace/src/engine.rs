//! Events in, outstanding objects by stack out.

use poolmon_model::units::grouped;
use rustc_hash::FxHashMap;

use crate::event::NO_OBJECT;
use crate::timeline::{Clock, MOMENTS, Moment, Timeline};
use crate::verdict::{self, Course, Verdict};
use crate::{Event, Kind, StackId, Stacks};

/// How much an engine keeps. What goes beyond is counted, never kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Different stacks.
    pub stacks: usize,
    /// Frames of a stack; those further out are cut.
    pub frames: usize,
    /// Outstanding objects.
    pub objects: usize,
    /// Events that wait for earlier ones of other CPUs.
    pub waiting: usize,
}

impl Default for Limits {
    /// At most some 300 MiB: 32,768 stacks, 3.7 million objects (what a table of 4 million places of 41 bytes holds), 1 million
    /// events.
    fn default() -> Self {
        Self { stacks: 32_768, frames: 127, objects: (4 << 20) / 8 * 7, waiting: 1 << 20 }
    }
}

/// What was counted in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Allocations.
    pub allocations: u64,
    /// Frees of objects that were allocated during the trace.
    pub frees: u64,
    /// Addresses that were handed out again without a free.
    pub reused: u64,
    /// Frees, known to be of the traced cache, of objects that are older than the trace.
    pub older_frees: u64,
    /// Allocations that failed.
    pub failed: u64,
    /// Allocations that were not followed, as the limit of objects was reached.
    pub refused: u64,
    /// Allocations whose stack was not kept, as the limit of stacks was reached.
    pub refused_stacks: u64,
    /// Events that arrived after later ones had been counted.
    pub late: u64,
}

impl Totals {
    /// What was beyond the limits, in words; `None` if nothing was.
    pub fn beyond_limits(&self) -> Option<String> {
        (self.refused + self.refused_stacks > 0).then(|| {
            format!(
                "memory limit reached: {} allocations were not followed, {} have no stack",
                grouped(self.refused),
                grouped(self.refused_stacks)
            )
        })
    }
}

/// What one stack did.
#[derive(Clone, Debug)]
pub struct StackSummary {
    /// The stack.
    pub stack: StackId,
    /// Its allocations.
    pub allocations: u64,
    /// Frees of its objects, by any stack.
    pub frees: u64,
    /// Its objects whose address was handed out again without a free.
    pub reused: u64,
    /// Outstanding objects at the end.
    pub objects: u64,
    /// Bytes that they take.
    pub bytes: u64,
    /// Bytes that were asked for.
    pub requested: u64,
    /// Age of the oldest of them at the end, in nanoseconds.
    pub oldest: u64,
    /// Those older than half the trace.
    pub old: u64,
    /// The outstanding objects by the eighth of the trace in which they were allocated.
    pub born: [u64; MOMENTS],
    /// Outstanding objects in the eight parts of the trace.
    pub moments: [Moment; MOMENTS],
    /// Processes that were running when the outstanding ones were allocated, and how many; most first.
    pub tasks: Vec<(u32, u64)>,
    /// What that means.
    pub verdict: Verdict,
}

impl StackSummary {
    /// What the verdict rests on.
    pub const fn course(&self) -> Course {
        Course {
            allocations: self.allocations,
            reused: self.reused,
            objects: self.objects,
            old: self.old,
            born: self.born,
            moments: self.moments,
        }
    }
}

/// What a trace found.
#[derive(Debug)]
pub struct Summary {
    /// Length of the trace, in nanoseconds.
    pub length: u64,
    /// What was counted in all.
    pub totals: Totals,
    /// Each stack that allocated, the one with the most outstanding bytes first.
    pub stacks: Vec<StackSummary>,
    /// The frames of the stacks.
    pub frames: Stacks,
}

#[derive(Clone, Copy, Debug)]
struct Object {
    time: u64,
    bytes: u64,
    requested: u64,
    stack: StackId,
    task: u32,
}

#[derive(Clone, Debug, Default)]
struct StackState {
    allocations: u64,
    frees: u64,
    reused: u64,
    objects: u64,
    bytes: u64,
    timeline: Timeline,
}

/// Pairs allocations and frees. Events go in with [`Engine::push`], in any order; [`Engine::settle`] says up to which time no
/// more will come, so that they are counted in the order of time.
#[derive(Debug)]
pub struct Engine {
    limits: Limits,
    stacks: Stacks,
    states: Vec<StackState>,
    live: FxHashMap<u64, Object>,
    waiting: Vec<Event>,
    settled: u64,
    clock: Option<Clock>,
    totals: Totals,
}

impl Engine {
    /// Nothing counted yet.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            stacks: Stacks::new(limits.stacks, limits.frames),
            states: Vec::new(),
            live: FxHashMap::default(),
            waiting: Vec::new(),
            settled: 0,
            clock: None,
            totals: Totals::default(),
        }
    }

    /// The trace begins at this time. Without it, it begins with the first event.
    pub fn begin(&mut self, time: u64) {
        self.clock = Some(Clock::new(time));
    }

    /// Where stacks of events are kept.
    pub const fn stacks_mut(&mut self) -> &mut Stacks {
        &mut self.stacks
    }

    /// The same, to read.
    pub const fn stacks(&self) -> &Stacks {
        &self.stacks
    }

    /// What was counted so far.
    pub const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// An event. It is counted when its time is settled.
    pub fn push(&mut self, event: Event) {
        if self.waiting.len() >= self.limits.waiting.max(2) {
            // The older half is counted now; what comes late after that is counted as such.
            let mut times: Vec<u64> = self.waiting.iter().map(|event| event.time).collect();
            let (_, middle, _) = times.select_nth_unstable(self.waiting.len() / 2);
            let middle = *middle;
            self.settle(middle);
        }
        self.waiting.push(event);
    }

    /// No event before or at `until` will come any more: counts those that wait.
    pub fn settle(&mut self, until: u64) {
        self.settle_with(until, |_, _| {});
    }

    /// As [`Engine::settle`]; `seen` is handed each event, in the order in which they are counted.
    pub fn settle_with(&mut self, until: u64, mut seen: impl FnMut(&Stacks, &Event)) {
        // Stable: of events of the same nanosecond, those of one CPU keep their order. Each CPU's are in order already,
        // which makes this a merge.
        self.waiting.sort_by_key(|event| event.time);
        let ready = self.waiting.partition_point(|event| event.time <= until);
        let mut waiting = std::mem::take(&mut self.waiting);
        for event in waiting.drain(..ready) {
            seen(&self.stacks, &event);
            self.count(&event);
        }
        self.waiting = waiting;
        self.settled = self.settled.max(until);
    }

    fn count(&mut self, event: &Event) {
        if event.time < self.settled {
            self.totals.late += 1;
        }
        let slot = self.slot(event.time);
        match event.kind {
            Kind::Alloc { address, .. } if address <= NO_OBJECT => self.totals.failed += 1,
            Kind::Alloc { address, bytes, requested, stack, task } => {
                self.allocated(slot, address, Object { time: event.time, bytes, requested, stack, task });
            }
            Kind::Free { address } | Kind::FreeOfAny { address } => match self.live.remove(&address) {
                Some(object) => {
                    self.totals.frees += 1;
                    self.state(object.stack).frees += 1;
                    self.gone(slot, &object);
                }
                None if address > NO_OBJECT && matches!(event.kind, Kind::Free { .. }) => {
                    self.totals.older_frees += 1;
                }
                None => {}
            },
        }
    }

    fn allocated(&mut self, slot: usize, address: u64, object: Object) {
        self.totals.allocations += 1;
        if object.stack == StackId::OTHER && self.stacks.refused() > 0 {
            self.totals.refused_stacks += 1;
        }
        self.state(object.stack).allocations += 1;
        if self.live.len() >= self.limits.objects && !self.live.contains_key(&address) {
            self.totals.refused += 1;
            return;
        }
        if let Some(before) = self.live.insert(address, object) {
            // Nobody gets an address that somebody holds: it was freed, and no event said so.
            self.totals.reused += 1;
            self.state(before.stack).reused += 1;
            self.gone(slot, &before);
        }
        let state = self.state(object.stack);
        let before = (state.objects, state.bytes);
        state.objects += 1;
        state.bytes = state.bytes.saturating_add(object.bytes);
        state.timeline.set(slot, before, (state.objects, state.bytes));
    }

    fn gone(&mut self, slot: usize, object: &Object) {
        let state = self.state(object.stack);
        let before = (state.objects, state.bytes);
        state.objects = state.objects.saturating_sub(1);
        state.bytes = state.bytes.saturating_sub(object.bytes);
        state.timeline.set(slot, before, (state.objects, state.bytes));
    }

    fn state(&mut self, stack: StackId) -> &mut StackState {
        // A file may name a stack that it never defined.
        let at = if stack.index() < self.stacks.len() { stack.index() } else { 0 };
        if self.states.len() <= at {
            self.states.resize_with(at + 1, StackState::default);
        }
        &mut self.states[at]
    }

    fn slot(&mut self, time: u64) -> usize {
        let mut clock = self.clock.unwrap_or_else(|| Clock::new(time));
        let slot = loop {
            if let Some(slot) = clock.slot(time) {
                break slot;
            }
            clock.widen();
            self.states.iter_mut().for_each(|state| state.timeline.halve());
        };
        self.clock = Some(clock);
        slot
    }

    /// The trace ended at this time: what was found. Later events do not count.
    pub fn finish(mut self, end: u64) -> Summary {
        self.settle(end);
        let last = self.slot(end);
        let start = self.clock.map_or(end, |clock| clock.start());
        let length = end.saturating_sub(start);
        let mut held = vec![Held::default(); self.states.len()];
        for object in self.live.values() {
            let at = if object.stack.index() < held.len() { object.stack.index() } else { 0 };
            if let Some(held) = held.get_mut(at) {
                let slot = self.clock.and_then(|clock| clock.slot(object.time)).unwrap_or(last);
                held.add(object, Clock::part(slot, last + 1), start, end);
            }
        }
        let mut stacks: Vec<StackSummary> = Vec::new();
        for (number, (state, held)) in (0..).zip(self.states.iter().zip(held)) {
            if state.allocations == 0 {
                continue;
            }
            let mut stack = StackSummary {
                stack: StackId::from_number(number),
                allocations: state.allocations,
                frees: state.frees,
                reused: state.reused,
                objects: state.objects,
                bytes: state.bytes,
                requested: held.requested,
                oldest: held.oldest,
                old: held.old,
                born: held.born,
                moments: state.timeline.moments(last + 1),
                tasks: held.tasks(),
                verdict: Verdict::InUse,
            };
            stack.verdict = verdict::judge(&stack.course());
            stacks.push(stack);
        }
        stacks.sort_unstable_by_key(|stack| (std::cmp::Reverse(stack.bytes), stack.stack));
        Summary { length, totals: self.totals, stacks, frames: self.stacks }
    }
}

/// What the outstanding objects of a stack have in common.
#[derive(Clone, Debug, Default)]
struct Held {
    requested: u64,
    oldest: u64,
    old: u64,
    born: [u64; MOMENTS],
    tasks: FxHashMap<u32, u64>,
}

impl Held {
    fn add(&mut self, object: &Object, part: usize, start: u64, end: u64) {
        let (age, length) = (end.saturating_sub(object.time), end.saturating_sub(start));
        let half = length / 2;
        self.born[part.min(MOMENTS - 1)] += 1;
        self.requested = self.requested.saturating_add(object.requested);
        self.oldest = self.oldest.max(age);
        self.old += u64::from(age > half);
        *self.tasks.entry(object.task).or_default() += 1;
    }

    fn tasks(self) -> Vec<(u32, u64)> {
        let mut tasks: Vec<(u32, u64)> = self.tasks.into_iter().collect();
        tasks.sort_unstable_by_key(|&(task, count)| (std::cmp::Reverse(count), task));
        tasks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alloc(time: u64, cpu: u32, address: u64, stack: StackId) -> Event {
        Event { time, cpu, kind: Kind::Alloc { address, bytes: 64, requested: 50, stack, task: cpu } }
    }

    fn free(time: u64, cpu: u32, address: u64) -> Event {
        Event { time, cpu, kind: Kind::Free { address } }
    }

    #[test]
    fn a_free_on_another_cpu_follows_its_allocation_whatever_arrives_first() {
        let mut engine = Engine::new(Limits::default());
        let stack = engine.stacks_mut().intern(&[1]);
        engine.begin(0);
        engine.push(free(20, 1, 0x100));
        engine.push(alloc(10, 0, 0x100, stack));
        engine.push(alloc(15, 0, 0x200, stack));
        engine.settle(30);
        let summary = engine.finish(40);
        let found = &summary.stacks[0];
        assert_eq!((found.allocations, found.frees, found.objects, found.bytes), (2, 1, 1, 64));
        assert_eq!((found.requested, found.oldest, found.old), (50, 25, 1));
        assert_eq!((found.tasks.as_slice(), found.born), (&[(0, 1)][..], [0, 0, 0, 0, 0, 0, 0, 1]));
        assert_eq!((summary.totals.older_frees, summary.totals.late), (0, 0));
    }

    #[test]
    fn an_address_that_comes_back_was_freed() {
        let mut engine = Engine::new(Limits::default());
        let (a, b) = (engine.stacks_mut().intern(&[1]), engine.stacks_mut().intern(&[2]));
        for event in [
            alloc(1, 0, 0x100, a),
            alloc(2, 0, 0x100, b),
            free(3, 0, 0x900),
            free(4, 0, 16),
            alloc(5, 0, 0, a),
        ] {
            engine.push(event);
        }
        engine.push(Event { time: 6, cpu: 0, kind: Kind::FreeOfAny { address: 0x900 } });
        let summary = engine.finish(10);
        let of = |id| summary.stacks.iter().find(|stack| stack.stack == id).unwrap();
        assert_eq!((of(a).reused, of(a).objects, of(a).verdict), (1, 0, Verdict::AllFreed));
        assert_eq!((of(b).reused, of(b).objects), (0, 1));
        let totals = summary.totals;
        assert_eq!((totals.reused, totals.older_frees, totals.failed, totals.allocations), (1, 1, 1, 2));
    }

    #[test]
    fn memory_is_bounded_and_what_goes_beyond_is_counted() {
        let mut engine = Engine::new(Limits { stacks: 1, frames: 4, objects: 10, waiting: 8 });
        for n in 0..100 {
            let stack = engine.stacks_mut().intern(&[n % 2 + 1]);
            engine.push(alloc(n, 0, 0x1000 + n, stack));
            assert!(engine.waiting.len() <= 8 && engine.live.len() <= 10);
        }
        let summary = engine.finish(100);
        let totals = summary.totals;
        assert_eq!(
            (totals.allocations, totals.refused, totals.refused_stacks, totals.late),
            (100, 90, 50, 0)
        );
        assert!(totals.beyond_limits().unwrap().contains("90 allocations"), "{totals:?}");
        assert_eq!(summary.stacks.iter().map(|stack| stack.objects).sum::<u64>(), 10);
    }

    #[test]
    fn what_comes_after_its_time_was_settled_is_counted_as_late() {
        let mut engine = Engine::new(Limits::default());
        let stack = engine.stacks_mut().intern(&[1]);
        engine.push(alloc(10, 0, 0x100, stack));
        engine.settle(20);
        engine.push(free(15, 1, 0x100));
        engine.push(alloc(99, 1, 0x200, stack));
        let summary = engine.finish(30);
        assert_eq!(
            (summary.totals.late, summary.stacks[0].objects, summary.stacks[0].allocations),
            (1, 0, 1)
        );
    }
}
