//! Reading a trace, a chunk at a time. The bytes may be anything: each length is a claim, and nothing is kept that the limits of
//! the engine forbid.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::io::{self, Read as _};

use poolmon_model::problem::Remedy;

use super::number::Numbers;
use super::{LONGEST, MAGIC};
use crate::{About, Ending, Engine, Event, Kind, Limits, StackId, Summary};

/// A trace that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// Another kind of file.
    #[error("not a saved trace")]
    Other,
    /// A later version.
    #[error("a saved trace of version {0}, and this poolmon reads version 1")]
    Version(u8),
    /// Nothing of it can be read.
    #[error("offset {offset:#x}: {problem}")]
    Damaged {
        /// Where.
        offset: u64,
        /// What is wrong there.
        problem: &'static str,
    },
    /// The system could not read it.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Remedy for FileError {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::Other => "save one with: poolmon trace CACHE --save FILE".into(),
            Self::Version(_) => "use a later poolmon".into(),
            Self::Damaged { .. } => "copy the file again, or trace again".into(),
            Self::Io(_) => return None,
        })
    }
}

/// Where a file is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Offset of the first chunk that could not be read.
    pub offset: u64,
    /// What is wrong there.
    pub problem: &'static str,
}

/// Why a chunk could not be read.
enum Stop {
    Damage(Damage),
    Io(io::Error),
}

/// A trace that was read.
#[derive(Debug)]
pub struct Read {
    /// What was traced.
    pub about: About,
    /// How it ended.
    pub ending: Ending,
    /// What it found.
    pub summary: Summary,
    /// Where it is not whole: the rest of the file was not read.
    pub damage: Option<Damage>,
}

/// Whether these are the first bytes of a saved trace.
pub fn is_trace(start: &[u8]) -> bool {
    start.starts_with(b"PMTRACE")
}

/// Reads a trace, and counts its events. No more than a chunk of it is in memory.
///
/// # Errors
///
/// It is no trace, not even its first chunk can be read, or the system cannot read it. Later damage is part of the result.
pub fn read(input: impl io::Read, limits: Limits) -> Result<Read, FileError> {
    let mut chunks = Chunks { input, offset: 0, payload: Vec::new() };
    let magic: Option<[u8; 8]> =
        chunks.take(MAGIC.len())?.and_then(|()| chunks.payload.first_chunk().copied());
    match magic {
        Some(magic) if magic == *MAGIC => {}
        Some([.., version]) if is_trace(&chunks.payload) => return Err(FileError::Version(version)),
        _ => return Err(FileError::Other),
    }
    let refused = |stop| match stop {
        Stop::Damage(Damage { offset, problem }) => FileError::Damaged { offset, problem },
        Stop::Io(error) => FileError::Io(error),
    };
    let about = match chunks.next_chunk().map_err(refused)? {
        Some(b'H') => serde_json::from_slice::<About>(&chunks.payload).ok(),
        _ => None,
    };
    let damage =
        Damage { offset: MAGIC.len() as u64, problem: "the description of the trace is not readable" };
    let about = about.ok_or(Stop::Damage(damage)).map_err(refused)?;
    let mut state = State {
        engine: Engine::new(limits),
        ids: vec![StackId::OTHER],
        ending: None,
        known: None,
        last: about.start,
    };
    state.engine.begin(about.start);
    let damage = match state.rest(&mut chunks) {
        Ok(()) => None,
        Err(Stop::Damage(damage)) => Some(damage),
        Err(Stop::Io(error)) => return Err(FileError::Io(error)),
    };
    let end = state.ending.as_ref().map_or(state.last, |ending| ending.end.max(state.last));
    let ending = state.ending.unwrap_or_else(|| cut(state.known, end, state.engine.totals()));
    Ok(Read { about, ending, summary: state.engine.finish(end), damage })
}

/// The end of a file that has none, and what is missing because of that.
fn cut(known: Option<Ending>, end: u64, totals: &crate::Totals) -> Ending {
    let mut remarks = Vec::new();
    if *totals == crate::Totals::default() {
        remarks.push(
            "the file has no events: the program that wrote it ended before the first were written"
                .to_owned(),
        );
    } else if known.is_none() {
        remarks.push("the file ends before the names of functions: stacks are addresses".to_owned());
    } else {
        remarks.push("functions that were first seen at the end of the file have no names".to_owned());
    }
    let known = known.unwrap_or_default();
    remarks.extend(known.remarks);
    Ending { end, stopped: Some("the file ends early".into()), growth: None, remarks, ..known }
}

struct State {
    engine: Engine,
    /// The engine's stack for each number of the file: stacks beyond the limit are folded.
    ids: Vec<StackId>,
    ending: Option<Ending>,
    /// What a file says of its end before it.
    known: Option<Ending>,
    last: u64,
}

impl State {
    fn rest(&mut self, chunks: &mut Chunks<impl io::Read>) -> Result<(), Stop> {
        loop {
            let offset = chunks.offset;
            let wrong = |problem| Stop::Damage(Damage { offset, problem });
            // Whatever may follow the end is none of it.
            if self.ending.is_some() {
                return Ok(());
            }
            let Some(kind) = chunks.next_chunk()? else {
                return if self.ending.is_some() { Ok(()) } else { Err(wrong("the file ends early")) };
            };
            let payload = chunks.payload.as_slice();
            match kind {
                b'S' => self.stacks(payload).ok_or_else(|| wrong("stacks are not readable"))?,
                b'E' => self.events(payload).ok_or_else(|| wrong("events are not readable"))?,
                b'T' | b'P' => {
                    let ending =
                        serde_json::from_slice(payload).map_err(|_| wrong("its end is not readable"))?;
                    let place = if kind == b'T' { &mut self.ending } else { &mut self.known };
                    *place = Some(ending);
                }
                // A tail without data, as of a file that was given its size before: each 9 bytes of it look like an empty chunk.
                0 => return Err(wrong("zeros follow")),
                _ => {}
            }
        }
    }

    fn stacks(&mut self, payload: &[u8]) -> Option<()> {
        let mut numbers = Numbers(payload);
        let mut frames = Vec::new();
        while !numbers.0.is_empty() {
            let count = numbers.number()?;
            frames.clear();
            let mut before = 0;
            // Each frame takes a byte or more, so a wrong count ends with the payload.
            for _ in 0..count {
                before = numbers.difference(before)?;
                frames.push(before);
            }
            self.ids.push(self.engine.stacks_mut().intern(&frames));
        }
        Some(())
    }

    fn events(&mut self, payload: &[u8]) -> Option<()> {
        let mut numbers = Numbers(payload);
        let (mut time, mut address) = (0, 0);
        while !numbers.0.is_empty() {
            let code = numbers.byte()?;
            let cpu = numbers.small()?;
            time = numbers.difference(time)?;
            address = numbers.difference(address)?;
            let kind = match code {
                0 => {
                    let (bytes, requested) = (numbers.number()?, numbers.number()?);
                    let stack = usize::try_from(numbers.small()?).ok()?;
                    let stack = self.ids.get(stack).copied().unwrap_or(StackId::OTHER);
                    Kind::Alloc { address, bytes, requested, stack, task: numbers.small()? }
                }
                1 => Kind::Free { address },
                2 => Kind::FreeOfAny { address },
                _ => return None,
            };
            self.engine.push(Event { time, cpu, kind });
            self.last = self.last.max(time);
        }
        // They were written in the order of time.
        self.engine.settle(time);
        Some(())
    }
}

struct Chunks<R> {
    input: R,
    offset: u64,
    payload: Vec<u8>,
}

impl<R: io::Read> Chunks<R> {
    /// The kind of the next chunk, whose payload is in `payload` then; `None` at the end.
    fn next_chunk(&mut self) -> Result<Option<u8>, Stop> {
        let start = self.offset;
        let wrong = |problem| Stop::Damage(Damage { offset: start, problem });
        let short = || wrong("the file is cut here");
        if self.take(9).map_err(Stop::Io)?.is_none() {
            return if self.payload.is_empty() { Ok(None) } else { Err(short()) };
        }
        let (&kind, rest) = self.payload.split_first().ok_or_else(short)?;
        let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
        let check = u32::from_le_bytes(*rest.first_chunk::<4>().ok_or_else(short)?);
        let length = u32::from_le_bytes(*length);
        if length > LONGEST {
            return Err(wrong("a chunk is longer than any that is written"));
        }
        self.take(usize::try_from(length).map_err(|_| short())?).map_err(Stop::Io)?.ok_or_else(short)?;
        if crc32fast::hash(&self.payload) != check {
            return Err(wrong("a chunk does not match its checksum"));
        }
        Ok(Some(kind))
    }

    /// Reads so many bytes into `payload`; `None` if there are fewer.
    fn take(&mut self, length: usize) -> io::Result<Option<()>> {
        self.payload.clear();
        // Grows with what is there, not with what is claimed.
        let read = self.input.by_ref().take(length as u64).read_to_end(&mut self.payload)?;
        self.offset += read as u64;
        Ok((read == length).then_some(()))
    }
}
