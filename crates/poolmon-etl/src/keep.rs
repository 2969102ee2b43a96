//! Pool events → the stacks that keep memory, by the engine that live traces have, too.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek};

use poolmon_model::units::{counted, grouped};
use poolmon_model::{Pattern, Pool, PoolTag, Tag};
use poolmon_trace::{About, Answer, Ending, Engine, Event, Kind, Limits, Summary, Symbol};

use crate::{Etl, EtlError, PoolAction, PoolRecord, Result, StackCounts};

/// Tags that are counted separately.
const MOST_TAGS: usize = 1 << 16;
/// Tags that an error names.
const NAMED: usize = 8;
/// The engine counts what is ready after this many events.
const SETTLE: u64 = 1 << 14;
/// The process of an event that does not say it, in the engine.
const UNKNOWN_PROCESS: u32 = u32::MAX;

/// What one tag did in a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TagTotals {
    /// Allocations.
    pub allocations: u64,
    /// Bytes of them.
    pub allocated: u64,
    /// Frees.
    pub frees: u64,
    /// Bytes of them.
    pub freed: u64,
}

impl TagTotals {
    /// Bytes that the trace saw allocated and not freed; negative if more was freed.
    pub fn change(&self) -> i64 {
        let change = i128::from(self.allocated) - i128::from(self.freed);
        i64::try_from(change).unwrap_or(if change < 0 { i64::MIN } else { i64::MAX })
    }
}

/// Reads pool events and pairs them.
///
/// `tag` chooses the tags; every tag without it. A free or an allocation of another tag at an address ends the object that
/// was there.
///
/// # Errors
/// The reader fails; the trace has no pool events, or none of the tag.
pub fn answer<R: Read + Seek>(etl: &mut Etl<R>, tag: Option<&Pattern>) -> Result<Answer> {
    if etl.counts().pool_events() == 0 {
        return Err(EtlError::NoPoolEvents { holds: etl.counts().holds() });
    }
    let clock = *etl.clock();
    let nanoseconds = |time: u64| u64::try_from(clock.nanoseconds(time)).unwrap_or_default();
    let mut engine = Engine::new(Limits::default());
    engine.begin(0);
    let mut tags: BTreeMap<(PoolTag, Pool), TagTotals> = BTreeMap::new();
    let mut chosen = 0;
    let mut with_stack = 0;
    let mut events = etl.pool_events();
    for (count, event) in (0_u64..).zip(events.by_ref()) {
        let event = event?;
        let record = event.value;
        count_tag(&mut tags, &record);
        let is_chosen = tag.is_none_or(|pattern| pattern.matches(&Tag::Pool(record.tag)));
        let kind = match record.action {
            PoolAction::Allocate if is_chosen => {
                chosen += 1;
                let frames = event.kernel_stack.as_deref().unwrap_or_default();
                with_stack += u64::from(!frames.is_empty());
                Kind::Alloc {
                    address: record.address,
                    bytes: record.bytes,
                    requested: record.bytes,
                    stack: engine.stacks_mut().intern(frames),
                    task: event.process.unwrap_or(UNKNOWN_PROCESS),
                }
            }
            PoolAction::Free if is_chosen => Kind::Free { address: record.address },
            _ => Kind::FreeOfAny { address: record.address },
        };
        let time = nanoseconds(event.time);
        engine.push(Event { time, cpu: event.cpu.into(), kind });
        if count % SETTLE == 0 {
            engine.settle(time.saturating_sub(1));
        }
    }
    let stacks = events.stack_counts();
    if let (0, Some(pattern)) = (chosen, tag) {
        return Err(EtlError::NoSuchTag { tag: pattern.text().to_owned(), present: present(&tags) });
    }
    let end = etl.counts().times.map_or(0, |(_, last)| nanoseconds(last));
    let summary = engine.finish(end);
    let about = about(etl, tag, &tags);
    let ending = ending(etl, &summary, end, remarks(etl, stacks, chosen, with_stack));
    Ok(Answer::new(about, ending, summary))
}

fn count_tag(tags: &mut BTreeMap<(PoolTag, Pool), TagTotals>, record: &PoolRecord) {
    let key = (record.tag, record.pool);
    if tags.len() >= MOST_TAGS && !tags.contains_key(&key) {
        return;
    }
    let totals = tags.entry(key).or_default();
    match record.action {
        PoolAction::Allocate => {
            totals.allocations += 1;
            totals.allocated = totals.allocated.saturating_add(record.bytes);
        }
        PoolAction::Free => {
            totals.frees += 1;
            totals.freed = totals.freed.saturating_add(record.bytes);
        }
    }
}

/// The tags that keep most, by name.
fn present(tags: &BTreeMap<(PoolTag, Pool), TagTotals>) -> String {
    let mut by_change: Vec<_> = tags.iter().map(|((tag, _), totals)| (totals.change(), *tag)).collect();
    by_change.sort_unstable_by_key(|(change, tag)| (std::cmp::Reverse(*change), *tag));
    let mut names: Vec<String> = Vec::new();
    for (_, tag) in by_change {
        let name = tag.to_string().trim_end().to_owned();
        if names.len() < NAMED && !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}

fn about<R: Read + Seek>(
    etl: &Etl<R>,
    tag: Option<&Pattern>,
    tags: &BTreeMap<(PoolTag, Pool), TagTotals>,
) -> About {
    let mut remarks = Vec::new();
    if tag.is_none() {
        let names = present(tags);
        let distinct: BTreeSet<PoolTag> = tags.keys().map(|(tag, _)| *tag).collect();
        let distinct = counted(distinct.len() as u64, "tag");
        remarks.push(format!("all {distinct} together; those that keep most: {names}"));
    }
    About {
        target: tag.map_or_else(|| "the whole pool".to_owned(), |tag| tag.text().to_owned()),
        system: Some(format!("Windows build {}", etl.session().build)),
        started: etl.clock().timestamp(etl.clock().first).map(|start| start.to_string()),
        remarks,
        ..About::default()
    }
}

fn ending<R: Read + Seek>(etl: &Etl<R>, summary: &Summary, end: u64, remarks: Vec<String>) -> Ending {
    let last = etl.counts().times.map_or(0, |(_, last)| last);
    let stacks = summary.stacks.iter();
    let addresses: BTreeSet<u64> =
        stacks.flat_map(|stack| summary.frames.frames(stack.stack)).copied().collect();
    let symbol = |address: u64| {
        let frame = etl.images().frame(address, last);
        let module = Some(frame.image?.name().to_owned());
        Some((address, Symbol { function: None, module, offset: frame.offset()? }))
    };
    let tasks = summary.stacks.iter().flat_map(|stack| &stack.tasks);
    let tasks: BTreeSet<u32> = tasks.map(|(task, _)| *task).collect();
    let name = |task: u32| match etl.processes().at(task, last) {
        _ if task == UNKNOWN_PROCESS => Some((task, "unknown process".to_owned())),
        process => process.map(|process| (task, process.name.clone())),
    };
    Ending {
        end,
        stopped: None,
        lost: etl.session().events_lost.into(),
        growth: None,
        tasks: tasks.into_iter().filter_map(name).collect(),
        symbols: addresses.into_iter().filter_map(symbol).collect(),
        remarks,
    }
}

/// What has to be known to read the answer.
fn remarks<R: Read + Seek>(etl: &Etl<R>, stacks: StackCounts, chosen: u64, with_stack: u64) -> Vec<String> {
    let (session, counts) = (etl.session(), etl.counts());
    let mut remarks = Vec::new();
    let mut add = |count: u64, text: String| {
        if count > 0 {
            remarks.push(text);
        }
    };
    let buffers = u64::from(session.buffers_lost);
    add(buffers, format!("{} could not be written: their events are missing", counted(buffers, "buffer")));
    add(
        counts.lost_marks,
        format!("events are missing before {}: the session lost them", counted(counts.lost_marks, "buffer")),
    );
    add(
        u64::from(session.end.is_none()),
        "the session did not end in order: the last events may be missing".to_owned(),
    );
    let place = counts.damage.first().map_or(String::new(), |first| {
        format!(", the first at file offset {:#x}: {}", first.offset, first.problem)
    });
    add(counts.damages, format!("{} could not be read{place}", counted(counts.damages, "place")));
    add(
        counts.short_pool_events,
        format!(
            "{} are shorter than known ones, and not read",
            counted(counts.short_pool_events, "pool event")
        ),
    );
    let bare = chosen - with_stack;
    if bare == chosen {
        add(bare, "no allocation has a stack: record with -stackwalk PoolAlloc+PoolFree".to_owned());
    } else {
        add(bare, format!("{} of {} have no stack", grouped(bare), counted(chosen, "allocation")));
    }
    add(stacks.undefined, format!("{} have frames that the trace lacks", counted(stacks.undefined, "stack")));
    add(
        stacks.hurried,
        format!("{} may lack their stack: too many at a time", counted(stacks.hurried, "event")),
    );
    add(
        counts.refused,
        format!("memory limit reached: {} were not kept", counted(counts.refused, "definition")),
    );
    remarks
}
