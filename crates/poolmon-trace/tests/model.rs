//! The engine against a naive model: every event kept, sorted by time, paired in a map; any order of arrival within the window.

use std::collections::BTreeMap;

use poolmon_trace::{Engine, Event, Kind, Limits, StackId};
use proptest::prelude::*;

#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Counts {
    allocations: u64,
    frees: u64,
    reused: u64,
    objects: u64,
    bytes: u64,
    peak: u64,
}

/// Events of one CPU in the order of their times; an address is one of a few, so that all collisions happen.
fn events() -> impl Strategy<Value = Vec<(u64, u32, u8, u64, u32)>> {
    prop::collection::vec((0..40_u64, 0..4_u32, 0..4_u8, 1..12_u64, 0..3_u32), 0..300)
}

fn naive(events: &[Event]) -> (BTreeMap<StackId, Counts>, u64) {
    let mut live: BTreeMap<u64, (StackId, u64)> = BTreeMap::new();
    let mut counts: BTreeMap<StackId, Counts> = BTreeMap::new();
    let mut older = 0;
    for event in events {
        match event.kind {
            Kind::Alloc { address, bytes, stack, .. } => {
                if let Some((before, bytes)) = live.insert(address, (stack, bytes)) {
                    let before = counts.entry(before).or_default();
                    before.reused += 1;
                    before.objects -= 1;
                    before.bytes -= bytes;
                }
                let count = counts.entry(stack).or_default();
                count.allocations += 1;
                count.objects += 1;
                count.bytes += bytes;
                count.peak = count.peak.max(count.objects);
            }
            Kind::Free { address } | Kind::FreeOfAny { address } => match live.remove(&address) {
                Some((stack, bytes)) => {
                    let count = counts.entry(stack).or_default();
                    count.frees += 1;
                    count.objects -= 1;
                    count.bytes -= bytes;
                }
                None => older += u64::from(matches!(event.kind, Kind::Free { .. })),
            },
        }
    }
    (counts, older)
}

proptest! {
    #[test]
    fn figures_are_those_of_the_naive_model(raw in events(), window in 1_usize..50) {
        let mut engine = Engine::new(Limits::default());
        let stacks = [1, 2, 3].map(|frame| engine.stacks_mut().intern(&[frame]));
        // Times grow by gaps, so that each window of arrival is a window of time.
        let mut time = 1_000;
        let mut all: Vec<Event> = raw
            .iter()
            .map(|&(gap, cpu, kind, address, stack)| {
                time += gap + 1;
                let address = address * 0x100;
                let bytes = 64 * u64::from(stack + 1);
                let stack = stacks[usize::try_from(stack).unwrap()];
                let kind = match kind {
                    0 | 1 => Kind::Alloc { address, bytes, requested: 50, stack, task: 1 },
                    2 => Kind::Free { address },
                    _ => Kind::FreeOfAny { address },
                };
                Event { time, cpu, kind }
            })
            .collect();
        let (counts, older) = naive(&all);
        let end = time + 10;
        engine.begin(1_000);
        for part in all.chunks_mut(window) {
            let until = part.last().unwrap().time;
            // As they lie in the rings: one CPU after the other.
            part.sort_by_key(|event| event.cpu);
            for event in &*part {
                engine.push(*event);
            }
            engine.settle(until);
        }
        let summary = engine.finish(end);
        prop_assert_eq!(summary.totals.late, 0);
        prop_assert_eq!(summary.totals.older_frees, older);
        let found: BTreeMap<StackId, Counts> = summary.stacks.iter().map(|stack| {
            let peak = stack.moments.iter().map(|moment| moment.peak).max().unwrap_or(0);
            (stack.stack, Counts {
                allocations: stack.allocations,
                frees: stack.frees,
                reused: stack.reused,
                objects: stack.objects,
                bytes: stack.bytes,
                peak,
            })
        }).collect();
        prop_assert_eq!(found, counts);
        for stack in &summary.stacks {
            let last = stack.moments[7];
            prop_assert_eq!((last.objects, last.bytes), (stack.objects, stack.bytes));
            prop_assert!(stack.moments.iter().all(|m| m.floor <= m.objects && m.objects <= m.peak));
            prop_assert_eq!(stack.tasks.iter().map(|task| task.1).sum::<u64>(), stack.objects);
            prop_assert!(stack.old <= stack.objects && stack.requested == stack.objects * 50);
        }
    }
}
