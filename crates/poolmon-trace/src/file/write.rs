//! Writing a trace as it happens.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write};

use super::MAGIC;
use super::number::{put, put_difference};
use crate::{About, Ending, Event, Kind, Stacks};

/// Bytes of events after which a chunk is written.
const CHUNK: usize = 256 << 10;

/// Where a trace is written: what was begun and cannot be completed is cut off again.
pub trait Sink: Write {
    /// Cuts it to this length; what is written next follows there.
    ///
    /// # Errors
    ///
    /// Those of the system.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

impl Sink for File {
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)?;
        self.seek(SeekFrom::Start(length)).map(|_| ())
    }
}

impl Sink for Vec<u8> {
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        Ok(())
    }
}

impl<S: Sink + ?Sized> Sink for &mut S {
    fn cut(&mut self, length: u64) -> io::Result<()> {
        (**self).cut(length)
    }
}

/// Writes a trace, a chunk at a time, each with one write: what was written survives the end of this program. Without
/// [`Writer::finish`] the file ends early, and is read up to its last whole chunk.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    events: Vec<u8>,
    time: u64,
    address: u64,
    stacks: usize,
    /// Bytes of whole chunks.
    whole: u64,
}

impl<W: Sink> Writer<W> {
    /// Begins a file.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn new(mut out: W, about: &About) -> io::Result<Self> {
        out.write_all(MAGIC)?;
        let whole = MAGIC.len() as u64;
        let events = Vec::with_capacity(CHUNK + 64);
        let mut writer = Self { out, events, time: 0, address: 0, stacks: 1, whole };
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

    /// Writes what waits, so that nothing of it is lost whatever happens to this program. `ending` is what is known by now of names
    /// and of the cache; the file ends with it if no later one follows.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn checkpoint(&mut self, stacks: &Stacks, ending: Option<&Ending>) -> io::Result<()> {
        self.flush(stacks)?;
        if let Some(ending) = ending {
            self.chunk(b'P', &serde_json::to_vec(ending)?)?;
        }
        Ok(())
    }

    /// Ends a file that could not be written any further: what is whole stays, and the end says why, if there is room for it.
    pub fn give_up(mut self, ending: &Ending) {
        if let Ok(ending) = serde_json::to_vec(ending) {
            let _ = self.chunk(b'T', &ending);
        }
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

    /// What is written by now.
    #[cfg(test)]
    pub(super) fn clone_bytes(&self) -> W
    where
        W: Clone,
    {
        self.out.clone()
    }

    fn chunk(&mut self, kind: u8, payload: &[u8]) -> io::Result<()> {
        let length = u32::try_from(payload.len())
            .ok()
            .filter(|&length| length <= super::LONGEST)
            .ok_or_else(|| io::Error::other("a part of the trace is too large for its file"))?;
        let mut chunk = Vec::with_capacity(9 + payload.len());
        chunk.push(kind);
        chunk.extend(length.to_le_bytes());
        chunk.extend(crc32fast::hash(payload).to_le_bytes());
        chunk.extend(payload);
        if let Err(error) = self.out.write_all(&chunk) {
            // Half a chunk is of no use, and what follows it could not be read.
            let _ = self.out.cut(self.whole);
            return Err(error);
        }
        self.whole += chunk.len() as u64;
        Ok(())
    }
}
