//! Pool events → the stacks that keep memory, by the engine that live traces have, too.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{Read, Seek};

use poolmon_model::units::{counted, grouped};
use poolmon_model::{Pattern, Pool, PoolTag, Tag};
use poolmon_trace::{
    About, Answer, Ending, Engine, Event, Kind, Limits, Module, StackSummary, Subject, Summary, Symbol,
    TagTotals, TraceTags,
};

use crate::{Etl, EtlError, PoolAction, PoolRecord, Result, StackCounts};

/// Tags that are counted separately.
const MOST_TAGS: usize = 1 << 16;
/// Tags that an error names.
const NAMED: usize = 8;
/// The engine counts what is ready after this many events.
const SETTLE: u64 = 1 << 14;
/// The process of an event that does not say it, in the engine.
const UNKNOWN_PROCESS: u32 = u32::MAX;

/// Reads pool events and pairs them.
///
/// `tag` chooses the tags; every tag without it. A free or an allocation of another tag at an address ends the object that
/// was there.
///
/// # Errors
/// The reader fails; the trace has no pool events, or none of the tag.
pub fn answer<R: Read + Seek>(etl: &mut Etl<R>, tag: Option<&Pattern>) -> Result<Answer> {
    answer_with(etl, tag, |_, _| {})
}

/// As [`answer`], with what the trace does not say: `add` fills it in before stacks are judged.
///
/// # Errors
/// As [`answer`].
pub fn answer_with<R: Read + Seek>(
    etl: &mut Etl<R>,
    tag: Option<&Pattern>,
    add: impl FnOnce(&mut About, &mut Ending),
) -> Result<Answer> {
    let pass = Pass::new(etl, tag, false)?;
    // Of a tag whose objects were only freed, that is the answer.
    if let (0, Some(pattern)) = (pass.chosen, tag)
        && !pass.tags.has(pattern)
    {
        return Err(EtlError::NoSuchTag { tag: pattern.text().to_owned(), present: pass.tags.present() });
    }
    let mut about = about(etl, tag.map_or("the whole pool", Pattern::text));
    if tag.is_none() {
        let names = pass.tags.present();
        let distinct: BTreeSet<PoolTag> = pass.tags.list.iter().map(|((tag, _), _)| *tag).collect();
        let distinct = counted(distinct.len() as u64, "tag");
        about.remarks.push(format!("all {distinct} together; those that keep most: {names}"));
    }
    let (summary, _, mut ending) = pass.end(etl);
    add(&mut about, &mut ending);
    Ok(Answer::new(about, ending, summary))
}

/// Reads pool events and pairs them, for each tag on its own.
///
/// # Errors
/// The reader fails; the trace has no pool events.
pub fn tags<R: Read + Seek>(etl: &mut Etl<R>) -> Result<TraceTags> {
    let pass = Pass::new(etl, None, true)?;
    let about = about(etl, "the whole pool");
    let (summary, tags, ending) = pass.end(etl);
    Ok(TraceTags::new(about, ending, summary, tags.list))
}

/// The tags of a trace in the order in which they appear.
#[derive(Default)]
struct Tags {
    list: Vec<((PoolTag, Pool), TagTotals)>,
    places: HashMap<(PoolTag, Pool), usize>,
    /// Events of tags that are not counted separately.
    refused: u64,
}

impl Tags {
    /// Counts an event; the number of its tag, from 1, and 0 for those that are not counted separately.
    fn count(&mut self, record: &PoolRecord) -> u64 {
        let key = (record.tag, record.pool);
        let next = self.list.len();
        let place = match self.places.get(&key) {
            Some(place) => *place,
            None if next < MOST_TAGS => {
                self.list.push((key, TagTotals::default()));
                self.places.insert(key, next);
                next
            }
            None => {
                self.refused += 1;
                return 0;
            }
        };
        let Some((_, totals)) = self.list.get_mut(place) else { return 0 };
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
        place as u64 + 1
    }

    fn has(&self, pattern: &Pattern) -> bool {
        self.list.iter().any(|((tag, _), _)| pattern.matches(&Tag::Pool(*tag)))
    }

    /// The tags that keep most, by name.
    fn present(&self) -> String {
        let mut by_change: Vec<_> =
            self.list.iter().map(|((tag, _), totals)| (totals.change(), *tag)).collect();
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
}

/// One pass over the pool events of a trace.
struct Pass {
    engine: Engine,
    tags: Tags,
    /// Allocations of the tags that are asked for, and how many of them have a stack.
    chosen: u64,
    with_stack: u64,
    stacks: StackCounts,
    /// Stacks begin with the number of their tag.
    by_tag: bool,
}

impl Pass {
    fn new<R: Read + Seek>(etl: &mut Etl<R>, tag: Option<&Pattern>, by_tag: bool) -> Result<Self> {
        if etl.counts().pool_events() == 0 {
            return Err(EtlError::NoPoolEvents { holds: etl.counts().holds() });
        }
        let clock = *etl.clock();
        let mut engine = Engine::new(Limits::default());
        engine.begin(0);
        let stacks = StackCounts::default();
        let mut pass = Self { engine, tags: Tags::default(), chosen: 0, with_stack: 0, stacks, by_tag };
        let mut events = etl.pool_events();
        let mut numbered: Vec<u64> = Vec::new();
        for (count, event) in (0_u64..).zip(events.by_ref()) {
            let event = event?;
            let record = event.value;
            let number = pass.tags.count(&record);
            let is_chosen = tag.is_none_or(|pattern| pattern.matches(&Tag::Pool(record.tag)));
            let kind = match record.action {
                PoolAction::Allocate if is_chosen => {
                    pass.chosen += 1;
                    let frames = event.kernel_stack.as_deref().unwrap_or_default();
                    pass.with_stack += u64::from(!frames.is_empty());
                    let frames = if by_tag {
                        numbered.clear();
                        numbered.push(number);
                        numbered.extend(frames);
                        &numbered
                    } else {
                        frames
                    };
                    Kind::Alloc {
                        address: record.address,
                        bytes: record.bytes,
                        requested: record.bytes,
                        stack: pass.engine.stacks_mut().intern(frames),
                        task: event.process.unwrap_or(UNKNOWN_PROCESS),
                    }
                }
                PoolAction::Free if is_chosen => Kind::Free { address: record.address },
                _ => Kind::FreeOfAny { address: record.address },
            };
            let time = u64::try_from(clock.nanoseconds(event.time)).unwrap_or_default();
            pass.engine.push(Event { time, cpu: event.cpu.into(), kind });
            if count % SETTLE == 0 {
                pass.engine.settle(time.saturating_sub(1));
            }
        }
        pass.stacks = events.stack_counts();
        Ok(pass)
    }

    fn end<R: Read + Seek>(self, etl: &Etl<R>) -> (Summary, Tags, Ending) {
        let last = etl.counts().times.map_or(0, |(_, last)| last);
        let end = u64::try_from(etl.clock().nanoseconds(last)).unwrap_or_default();
        let mut remarks = remarks(etl, self.stacks, self.chosen, self.with_stack);
        if self.tags.refused > 0 {
            remarks.push(format!(
                "memory limit reached: {} are of tags beyond the first {}",
                counted(self.tags.refused, "event"),
                grouped(MOST_TAGS as u64)
            ));
        }
        let summary = self.engine.finish(end);
        let mut ending = ending(etl, &summary, end, self.by_tag, remarks);
        ending.incomplete = incomplete(etl);
        (summary, self.tags, ending)
    }
}

fn about<R: Read + Seek>(etl: &Etl<R>, target: &str) -> About {
    About {
        target: target.to_owned(),
        subject: Subject::Tag,
        system: Some(format!("Windows build {}", etl.session().build)),
        started: etl.clock().timestamp(etl.clock().first).map(|start| start.to_string()),
        ..About::default()
    }
}

fn ending<R: Read + Seek>(
    etl: &Etl<R>,
    summary: &Summary,
    end: u64,
    by_tag: bool,
    remarks: Vec<String>,
) -> Ending {
    let last = etl.counts().times.map_or(0, |(_, last)| last);
    let frames = |stack: &StackSummary| {
        let frames = summary.frames.frames(stack.stack);
        frames.get(usize::from(by_tag)..).unwrap_or_default()
    };
    let addresses: BTreeSet<u64> = summary.stacks.iter().flat_map(frames).copied().collect();
    let mut symbols = Vec::new();
    let mut modules: BTreeMap<&str, Module> = BTreeMap::new();
    for address in addresses {
        let frame = etl.images().frame(address, last);
        let (Some(image), Some(offset)) = (frame.image, frame.offset()) else { continue };
        let module = image.name();
        symbols.push((address, Symbol { function: None, module: Some(module.to_owned()), offset }));
        if let Some(version) = etl.images().version(image) {
            let known = |text: &String| (!text.is_empty()).then(|| text.clone());
            modules.entry(module).or_insert_with(|| Module {
                name: module.to_owned(),
                company: known(&version.company),
                version: known(&version.version),
                description: known(&version.description),
            });
        }
    }
    let tasks = summary.stacks.iter().flat_map(|stack| &stack.tasks);
    let tasks: BTreeSet<u32> = tasks.map(|(task, _)| *task).collect();
    let name = |task: u32| match etl.processes().at(task, last) {
        _ if task == UNKNOWN_PROCESS => Some((task, "unknown process".to_owned())),
        process => process.map(|process| (task, process.name.clone())),
    };
    Ending {
        end,
        lost: etl.session().events_lost.into(),
        tasks: tasks.into_iter().filter_map(name).collect(),
        symbols,
        modules: modules.into_values().collect(),
        remarks,
        ..Ending::default()
    }
}

/// Why a growth may be in events that nobody counted.
fn incomplete<R: Read + Seek>(etl: &Etl<R>) -> Option<String> {
    let (session, counts) = (etl.session(), etl.counts());
    let missing = u64::from(session.buffers_lost) + counts.lost_marks + counts.damages + counts.refused;
    (missing > 0 || session.end.is_none()).then(|| "events are missing".to_owned())
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
        add(bare, "no allocation has a stack: record with: xperf -on PROC_THREAD+LOADER+POOL -stackwalk PoolAlloc+PoolFree".to_owned());
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
