//! The first pass: everything that the second one needs before it begins.

use std::collections::BTreeMap;
use std::io::{Read, Seek};

use crate::buffer::Buffers;
use crate::events::{Events, PoolEvents};
use crate::merge::Place;
use crate::stack::Definitions;
use crate::{
    Buffer, Clock, Counts, EtlError, Hook, Identity, Images, PoolRecord, Processes, Record, Result, Session,
};

/// Unpacked buffers that are held at the same time, one a processor, in bytes; processors that would need more are
/// refused. A server with 512 processors and buffers of 1 MiB needs half of it.
const MOST_HELD: usize = 1 << 30;

/// Something that is read and positioned.
pub trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

/// A reader of any kind: a program that has several needs the code of this crate once.
pub type AnyReader = Box<dyn ReadSeek>;

/// A trace, after its first pass.
#[derive(Debug)]
pub struct Etl<R> {
    pub(crate) buffers: Buffers<R>,
    session: Session,
    images: Images,
    processes: Processes,
    pub(crate) definitions: Definitions,
    pub(crate) places: BTreeMap<u16, Vec<Place>>,
    counts: Counts,
}

impl<R: Read + Seek> Etl<R> {
    /// Reads a trace once, and keeps images, processes, definitions of stacks, and where each processor's buffers are.
    ///
    /// A trace that is cut or damaged is read as far as possible; [`Etl::counts`] says what is missing.
    ///
    /// # Errors
    /// The reader fails, or the file does not begin as a trace.
    pub fn open(reader: R) -> Result<Self> {
        let mut buffers = Buffers::new(reader)?;
        let session = first(&mut buffers)?;
        buffers.set_step(u64::from(session.buffer_bytes));
        let mut pass = FirstPass::default();
        while let Some(buffer) = buffers.next_buffer()? {
            pass.take(&buffer);
            pass.skipped(&mut buffers);
        }
        pass.skipped(&mut buffers);
        buffers.rewind();
        Ok(pass.end(buffers, session))
    }

    /// What the session was.
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// What time stamps mean.
    pub const fn clock(&self) -> &Clock {
        &self.session.clock
    }

    /// Drivers and libraries.
    pub const fn images(&self) -> &Images {
        &self.images
    }

    /// Processes.
    pub const fn processes(&self) -> &Processes {
        &self.processes
    }

    /// What is in the trace, and what could not be read.
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// All buffers again, in the order of the file, for events that are not decoded here.
    pub const fn buffers(&mut self) -> &mut Buffers<R> {
        self.buffers.rewind();
        &mut self.buffers
    }

    /// The second pass: events of all processors in the order of time, each with its stack.
    ///
    /// `wanted` chooses the events and what of each is kept: a stack joins the event with its time stamp among those.
    pub fn events<T, F>(&mut self, wanted: F) -> Events<'_, R, T, F>
    where
        F: FnMut(&Record<'_>) -> Option<T>,
    {
        self.buffers.rewind();
        Events::new(self, wanted)
    }

    /// The second pass over allocations and frees of pool memory.
    pub fn pool_events(&mut self) -> PoolEvents<'_, R> {
        self.events(PoolRecord::decode as fn(&Record<'_>) -> Option<PoolRecord>)
    }
}

/// The session, from the first record of the file.
fn first<R: Read + Seek>(buffers: &mut Buffers<R>) -> Result<Session> {
    let not_a_trace = |problem: &str| EtlError::NotATrace { offset: 0, problem: problem.to_owned() };
    if buffers.length() == 0 {
        return Err(not_a_trace("the file is empty"));
    }
    let Some(buffer) = buffers.next_buffer()? else { return Err(not_a_trace("no buffer begins")) };
    if buffer.offset != 0 {
        return Err(not_a_trace("no buffer begins"));
    }
    let header = |problem: String| EtlError::Header { offset: crate::buffer::HEADER as u64, problem };
    let session = match buffer.records().next() {
        None => Err(header("it is missing".to_owned())),
        Some(Err(error)) => Err(header(error.to_string())),
        Some(Ok(record)) => Session::read(&record).map_err(|problem| header(problem.to_owned())),
    };
    buffers.rewind();
    session
}

/// What the first pass gathers.
#[derive(Default)]
struct FirstPass {
    images: Images,
    processes: Processes,
    definitions: Definitions,
    places: BTreeMap<u16, Vec<Place>>,
    /// The largest buffer of each processor, in bytes, and their sum.
    largest: BTreeMap<u16, usize>,
    held: usize,
    counts: Counts,
}

impl FirstPass {
    fn take(&mut self, buffer: &Buffer<'_>) {
        let header = buffer.header;
        self.counts.buffers += 1;
        self.counts.compressed += u64::from(header.is_compressed());
        self.counts.lost_marks += u64::from(header.follows_lost_events() || header.follows_lost_buffer());
        if let Some(problem) = &buffer.problem {
            self.counts.damaged(buffer.offset, problem.clone());
        }
        if !self.holds(header.cpu, buffer.bytes().len()) {
            let problem = format!("processor {} would need too much memory", header.cpu);
            self.counts.damaged(buffer.offset, problem);
            return;
        }
        let mut first: Option<u64> = None;
        for record in buffer.records() {
            match record {
                Ok(record) => {
                    if let Some(time) = record.time {
                        first = Some(first.map_or(time, |first| first.min(time)));
                        self.counts.see(time);
                    }
                    self.record(&record);
                }
                // What a cut buffer ends with was reported already.
                Err(_) if buffer.problem.is_some() => {}
                Err(error) => self.counts.damaged(buffer.offset, error.to_string()),
            }
        }
        if let Some(first) = first {
            self.places.entry(header.cpu).or_default().push(Place { first, offset: buffer.offset });
        }
    }

    /// Whether the buffers of all processors can be held at the same time.
    fn holds(&mut self, cpu: u16, bytes: usize) -> bool {
        let largest = self.largest.get(&cpu).copied().unwrap_or_default();
        let more = bytes.saturating_sub(largest);
        if more > MOST_HELD - self.held {
            return false;
        }
        self.held += more;
        self.largest.insert(cpu, largest + more);
        true
    }

    fn record(&mut self, record: &Record<'_>) {
        self.counts.records += 1;
        *self.counts.headers.entry(record.header).or_default() += 1;
        let Some(hook) = record.hook() else {
            self.images.take(record);
            match record.identity {
                Identity::Class { guid, .. }
                | Identity::Provider { guid, .. }
                | Identity::Message { guid: Some(guid), .. } => self.counts.provider(guid),
                _ => {}
            }
            return;
        };
        *self.counts.hooks.entry(hook).or_default() += 1;
        match hook.group() {
            Hook::POOL_GROUP => {
                let short = crate::pool::action(hook).is_some() && PoolRecord::decode(record).is_none();
                self.counts.short_pool_events += u64::from(short);
            }
            Hook::STACK_GROUP => drop(self.definitions.take(record)),
            _ => drop(self.images.take(record) || self.processes.take(record)),
        }
    }

    fn skipped<R: Read + Seek>(&mut self, buffers: &mut Buffers<R>) {
        if let Some(skipped) = buffers.take_skipped()
            && (!skipped.empty || skipped.given_up)
        {
            let looked = if skipped.given_up { ", as far as they were looked at" } else { "" };
            let problem = format!("{} bytes are no buffer of a trace{looked}", skipped.bytes);
            self.counts.damaged(skipped.offset, problem);
        }
    }

    fn end<R>(mut self, buffers: Buffers<R>, session: Session) -> Etl<R> {
        self.images.sort();
        self.definitions.sort();
        for places in self.places.values_mut() {
            // A circular file begins in the middle.
            places.sort_unstable_by_key(|place| (place.first, place.offset));
        }
        self.counts.stack_definitions = self.definitions.count();
        self.counts.refused = self.definitions.refused() + self.images.refused() + self.processes.refused();
        Etl {
            buffers,
            session,
            images: self.images,
            processes: self.processes,
            definitions: self.definitions,
            places: self.places,
            counts: self.counts,
        }
    }
}
