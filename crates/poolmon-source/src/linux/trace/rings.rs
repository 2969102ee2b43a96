//! The open tracepoints of all processors, a ring for each processor.

use std::fs;
use std::io;
use std::time::Duration;

use poolmon_trace::{Engine, Event, Kind};
use rustc_hash::FxHashMap;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::calls::{OpenEvent, Ring};
use super::plan::{Layout, Planned};
use super::record::{self, LOST, SAMPLE, Sample};
use super::refused;
use crate::{Result, SourceError};

/// Bytes of a ring: with 2 MiB, nothing was lost at 650,000 events a second, with 256 KiB 24 % under load.
const WISH: usize = 2 << 20;
/// Bytes of all rings: machines of many processors get smaller ones.
const ALL: usize = 128 << 20;
/// Smallest ring.
const LEAST: usize = 64 << 10;

/// All of them.
#[derive(Debug)]
pub struct Rings {
    /// In the order in which they are switched on: frees first.
    events: Vec<OpenEvent>,
    processors: Vec<Processor>,
    layouts: FxHashMap<u64, Layout>,
    frames: Vec<u64>,
    kinds: Vec<Kind>,
}

#[derive(Debug)]
struct Processor {
    number: u32,
    ring: Ring,
    /// The event whose ring it is, in `events`.
    event: usize,
}

/// What was read.
#[derive(Debug, Default)]
pub struct ReadEvents {
    /// Records of tracepoints.
    pub events: u64,
    /// Records that the kernel dropped.
    pub lost: u64,
    /// Processes that allocated, each once.
    pub tasks: Vec<u32>,
}

impl Rings {
    /// Opens each tracepoint on each processor, all of them off.
    ///
    /// # Errors
    ///
    /// The kernel refuses.
    pub fn open(planned: &[Planned], frames: u16) -> Result<Self> {
        let processors = online(&fs::read_to_string("/sys/devices/system/cpu/online").unwrap_or_default());
        let mut size = (ALL / processors.len().max(1)).clamp(LEAST, WISH);
        size = 1 << size.ilog2();
        loop {
            match Self::with_size(planned, frames, &processors, size) {
                // Who may not lock that much memory gets smaller rings.
                Err((_, error)) if is_no_memory(&error) && size > LEAST => size /= 2,
                result => return result.map_err(|(event, error)| refused(event, error)),
            }
        }
    }

    fn with_size(
        planned: &[Planned],
        frames: u16,
        processors: &[u32],
        size: usize,
    ) -> std::result::Result<Self, (&'static str, io::Error)> {
        let wake = u32::try_from(size / 4).unwrap_or(u32::MAX);
        let pages = (size / rustix::param::page_size()).max(1);
        let mut rings = Self {
            events: Vec::new(),
            processors: Vec::new(),
            layouts: FxHashMap::default(),
            frames: Vec::new(),
            kinds: Vec::new(),
        };
        for (turn, event) in planned.iter().enumerate() {
            let failed = |error| (event.name, error);
            for (place, &processor) in processors.iter().enumerate() {
                let frames = if event.layout.is_alloc() { frames } else { 0 };
                let open = OpenEvent::open(event.id, processor, frames, wake).map_err(failed)?;
                if !event.filter.is_empty() {
                    open.filter(&event.filter).map_err(failed)?;
                }
                rings.layouts.insert(open.id().map_err(failed)?, event.layout);
                if turn == 0 {
                    let ring = Ring::map(&open, pages).map_err(failed)?;
                    rings.processors.push(Processor { number: processor, ring, event: rings.events.len() });
                } else if let Some(first) = rings.events.get(place) {
                    open.join(first).map_err(failed)?;
                }
                rings.events.push(open);
            }
        }
        Ok(rings)
    }

    /// Switches all on, frees first, or off, allocations first.
    ///
    /// # Errors
    ///
    /// The kernel refuses.
    pub fn switch(&mut self, on: bool) -> Result<()> {
        let each = |event: &OpenEvent| {
            event.switch(on).map_err(|error| refused("the events of the allocator", error))
        };
        if on { self.events.iter().try_for_each(each) } else { self.events.iter().rev().try_for_each(each) }
    }

    /// Records that found no room so far, those included that no record in a ring reports yet; `None` if the kernel does not
    /// count them.
    pub fn lost(&self) -> Option<u64> {
        self.events.iter().map(OpenEvent::lost).sum()
    }

    /// Waits until a ring has much to read, `patience` at most.
    ///
    /// # Errors
    ///
    /// The kernel refuses.
    pub fn wait(&self, patience: Duration) -> Result<()> {
        let mut waiting: Vec<PollFd> = self
            .processors
            .iter()
            .filter_map(|processor| self.events.get(processor.event))
            .map(|event| PollFd::new(event, PollFlags::IN))
            .collect();
        let patience = Timespec::try_from(patience).ok();
        match poll(&mut waiting, patience.as_ref()) {
            // A signal: the caller looks whether it has to end.
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(SourceError::Io {
                action: "wait for",
                path: "kernel tracepoints".into(),
                source: error.into(),
            }),
        }
    }

    /// Hands what is there to the engine; events before `start` are skipped.
    ///
    /// # Errors
    ///
    /// A ring makes no sense.
    pub fn read(&mut self, start: u64, engine: &mut Engine) -> Result<ReadEvents> {
        let mut read = ReadEvents::default();
        let (layouts, frames, kinds) = (&self.layouts, &mut self.frames, &mut self.kinds);
        for processor in &mut self.processors {
            let cpu = processor.number;
            let sound = processor.ring.read(|kind, body| match kind {
                SAMPLE => {
                    read.events += 1;
                    let Some(sample) = Sample::parse(body).filter(|sample| sample.time >= start) else {
                        return;
                    };
                    let Some(layout) = layouts.get(&sample.event) else { return };
                    if layout.is_alloc() && read.tasks.last() != Some(&sample.process) {
                        read.tasks.push(sample.process);
                    }
                    kinds.clear();
                    let _cut = sample.kinds(layout, engine.stacks_mut(), frames, |kind| kinds.push(kind));
                    kinds.drain(..).for_each(|kind| engine.push(Event { time: sample.time, cpu, kind }));
                }
                LOST => read.lost += record::lost(body),
                _ => {}
            });
            if !sound {
                return Err(SourceError::Malformed {
                    path: format!("the ring of processor {cpu}"),
                    place: "its next record".into(),
                    problem: "has an impossible length".into(),
                    remedy:
                        "trace again; report the kernel's version to poolmon's authors if it happens again"
                            .into(),
                });
            }
        }
        read.tasks.sort_unstable();
        read.tasks.dedup();
        Ok(read)
    }
}

fn is_no_memory(error: &io::Error) -> bool {
    // EPERM is the answer of mmap where the limit of locked memory is reached.
    matches!(error.raw_os_error(), Some(libc::ENOMEM | libc::EPERM))
}

/// `0-3,8`: the processors that are on.
fn online(text: &str) -> Vec<u32> {
    let mut processors = Vec::new();
    for part in text.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.parse::<u32>(), last.parse::<u32>()) {
            processors.extend(first..=last.min(first.saturating_add(1 << 16)));
        }
    }
    if processors.is_empty() { vec![0] } else { processors }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_that_are_on() {
        assert_eq!(online("0-3,8\n"), [0, 1, 2, 3, 8]);
        assert_eq!(online("0\n"), [0]);
        assert_eq!(online(""), [0]);
    }
}
