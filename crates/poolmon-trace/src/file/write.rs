//! Writing a trace as it happens.

use std::io::{self, Write};

use super::MAGIC;
use super::number::{put, put_difference};
use crate::{About, Ending, Event, Kind, Stacks};

/// Bytes of events after which a chunk is written.
const CHUNK: usize = 256 << 10;

/// Writes a trace. Without [`Writer::finish`] the file ends early, and is read up to its last whole chunk.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    events: Vec<u8>,
    time: u64,
    address: u64,
    stacks: usize,
}

impl<W: Write> Writer<W> {
    /// Begins a file.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn new(mut out: W, about: &About) -> io::Result<Self> {
        out.write_all(MAGIC)?;
        let mut writer = Self { out, events: Vec::with_capacity(CHUNK + 64), time: 0, address: 0, stacks: 1 };
        writer.chunk(b'H', &serde_json::to_vec(about)?)?;
        Ok(writer)
    }

    /// An event, as the engine counts it; `stacks` holds its stack.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn event(&mut self, stacks: &Stacks, event: &Event) -> io::Result<()> {
        let (code, address) = match event.kind {
            Kind::Alloc { address, .. } => (0, address),
            Kind::Free { address } => (1, address),
            Kind::FreeOfAny { address } => (2, address),
        };
        let out = &mut self.events;
        out.push(code);
        put(out, event.cpu.into());
        put_difference(out, event.time, self.time);
        put_difference(out, address, self.address);
        (self.time, self.address) = (event.time, address);
        if let Kind::Alloc { bytes, requested, stack, task, .. } = event.kind {
            put(out, bytes);
            put(out, requested);
            put(out, stack.number().into());
            put(out, task.into());
        }
        if self.events.len() >= CHUNK { self.flush(stacks) } else { Ok(()) }
    }

    /// Ends the file.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn finish(mut self, stacks: &Stacks, ending: &Ending) -> io::Result<W> {
        self.flush(stacks)?;
        self.chunk(b'T', &serde_json::to_vec(ending)?)?;
        self.out.flush()?;
        Ok(self.out)
    }

    /// New stacks first, so that each event's stack is known when it is read.
    fn flush(&mut self, stacks: &Stacks) -> io::Result<()> {
        let mut payload = Vec::new();
        while self.stacks < stacks.len() {
            let id = crate::StackId::from_number(u32::try_from(self.stacks).unwrap_or(0));
            let frames = stacks.frames(id);
            put(&mut payload, frames.len() as u64);
            let mut before = 0;
            for &frame in frames {
                put_difference(&mut payload, frame, before);
                before = frame;
            }
            self.stacks += 1;
            if payload.len() >= CHUNK || self.stacks == stacks.len() {
                self.chunk(b'S', &payload)?;
                payload.clear();
            }
        }
        if !self.events.is_empty() {
            let events = std::mem::take(&mut self.events);
            self.chunk(b'E', &events)?;
            self.events = events;
            self.events.clear();
            (self.time, self.address) = (0, 0);
        }
        Ok(())
    }

    fn chunk(&mut self, kind: u8, payload: &[u8]) -> io::Result<()> {
        let length = u32::try_from(payload.len())
            .ok()
            .filter(|&length| length <= super::LONGEST)
            .ok_or_else(|| io::Error::other("a part of the trace is too large for its file"))?;
        self.out.write_all(&[kind])?;
        self.out.write_all(&length.to_le_bytes())?;
        self.out.write_all(&crc32fast::hash(payload).to_le_bytes())?;
        self.out.write_all(payload)
    }
}
