//! Reading a trace. The bytes may be anything: each length is a claim, and nothing is kept that the limits of the engine forbid.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

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
        offset: usize,
        /// What is wrong there.
        problem: &'static str,
    },
}

impl Remedy for FileError {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::Other => "save one with: poolmon trace CACHE --save FILE".into(),
            Self::Version(_) => "use a later poolmon".into(),
            Self::Damaged { .. } => "copy the file again, or trace again".into(),
        })
    }
}

/// Where a file is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Offset of the first chunk that could not be read.
    pub offset: usize,
    /// What is wrong there.
    pub problem: &'static str,
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

/// Reads a file's bytes, and counts its events.
///
/// # Errors
///
/// It is no trace, or not even its first chunk can be read. Later damage is part of the result.
pub fn read(bytes: &[u8], limits: Limits) -> Result<Read, FileError> {
    let rest = match bytes.strip_prefix(MAGIC) {
        Some(rest) => rest,
        None if is_trace(bytes) => return Err(FileError::Version(bytes.get(7).copied().unwrap_or(0))),
        None => return Err(FileError::Other),
    };
    let mut chunks = Chunks { rest, offset: MAGIC.len() };
    let damaged = |damage: Damage| FileError::Damaged { offset: damage.offset, problem: damage.problem };
    let about = match chunks.next_chunk().map_err(damaged)? {
        Some((b'H', payload)) => serde_json::from_slice::<About>(payload).ok(),
        _ => None,
    };
    let damage = Damage { offset: MAGIC.len(), problem: "the description of the trace is not readable" };
    let about = about.ok_or(damage).map_err(damaged)?;
    let mut state =
        State { engine: Engine::new(limits), ids: vec![StackId::OTHER], ending: None, last: about.start };
    state.engine.begin(about.start);
    let damage = state.rest(&mut chunks).err();
    let end = state.ending.as_ref().map_or(state.last, |ending| ending.end);
    let ending = state.ending.unwrap_or_else(|| Ending {
        end,
        stopped: Some("the file ends early".into()),
        ..Ending::default()
    });
    let damage = damage
        .or((ending.end == 0).then_some(Damage { offset: bytes.len(), problem: "the file has no end" }));
    Ok(Read { about, ending, summary: state.engine.finish(end), damage })
}

struct State {
    engine: Engine,
    /// The engine's stack for each number of the file: stacks beyond the limit are folded.
    ids: Vec<StackId>,
    ending: Option<Ending>,
    last: u64,
}

impl State {
    fn rest(&mut self, chunks: &mut Chunks) -> Result<(), Damage> {
        loop {
            let offset = chunks.offset;
            let wrong = |problem| Damage { offset, problem };
            match chunks.next_chunk()? {
                None if self.ending.is_some() => return Ok(()),
                None => return Err(wrong("the file ends early")),
                Some((b'S', payload)) => self.stacks(payload).ok_or(wrong("stacks are not readable"))?,
                Some((b'E', payload)) => self.events(payload).ok_or(wrong("events are not readable"))?,
                Some((b'T', payload)) => {
                    let ending =
                        serde_json::from_slice(payload).map_err(|_| wrong("its end is not readable"))?;
                    self.ending = Some(ending);
                }
                Some(_) => {}
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

struct Chunks<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Chunks<'a> {
    fn next_chunk(&mut self) -> Result<Option<(u8, &'a [u8])>, Damage> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let wrong = |problem| Damage { offset: self.offset, problem };
        let short = || wrong("the file is cut here");
        let (&kind, rest) = self.rest.split_first().ok_or_else(short)?;
        let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
        let (check, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
        let length = u32::from_le_bytes(*length);
        if length > LONGEST {
            return Err(wrong("a chunk is longer than any that is written"));
        }
        let length = usize::try_from(length).map_err(|_| short())?;
        let (payload, rest) = rest.split_at_checked(length).ok_or_else(short)?;
        if crc32fast::hash(payload) != u32::from_le_bytes(*check) {
            return Err(wrong("a chunk does not match its checksum"));
        }
        self.offset += 9 + length;
        self.rest = rest;
        Ok(Some((kind, payload)))
    }
}
