//! Processes: which number was which program, and when.

use std::collections::BTreeMap;

use poolmon_image::bytes::u32_at;

use crate::session::{narrow_text, text};
use crate::{Hook, Record};

/// Processes that are kept; more are counted as refused.
const MOST: usize = 1 << 16;

/// A process that ran at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number. Windows uses numbers again.
    pub id: u32,
    /// The number of the process that started it.
    pub parent: u32,
    /// Its Terminal Services session; `None` for processes of the system.
    pub session: Option<u32>,
    /// The program's file name: `svchost.exe`.
    pub name: String,
    /// Its command line, if the event has one; its first 1,024 characters.
    pub command_line: String,
    /// When it started, in ticks; `None` if it ran before the trace.
    pub started: Option<u64>,
    /// When it ended, in ticks; `None` if it ran after the trace.
    pub ended: Option<u64>,
}

/// All processes of a trace.
#[derive(Clone, Debug, Default)]
pub struct Processes {
    /// Those of one number, in the order of time.
    by_id: BTreeMap<u32, Vec<Process>>,
    count: usize,
    refused: u64,
}

impl Processes {
    /// Every process, by its number.
    pub fn all(&self) -> impl Iterator<Item = &Process> {
        self.by_id.values().flatten()
    }

    /// Processes that were not kept: there were too many.
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// The process that had a number at a time, in ticks.
    pub fn at(&self, id: u32, time: u64) -> Option<&Process> {
        let of_id = self.by_id.get(&id)?;
        let started = |process: &&Process| process.started.is_none_or(|started| started <= time);
        of_id.iter().rev().find(started)
    }

    /// Takes an event; `false` if it is not one of processes.
    pub(crate) fn take(&mut self, record: &Record<'_>) -> bool {
        let Some(hook) = record.hook() else { return false };
        let known = matches!(
            hook,
            Hook::PROCESS_START | Hook::PROCESS_END | Hook::PROCESS_AT_START | Hook::PROCESS_AT_END
        );
        let Some(mut process) = known.then(|| decode(record)).flatten() else { return false };
        let last = self.by_id.get_mut(&process.id).and_then(|of_id| of_id.last_mut());
        let open = last.filter(|last| last.ended.is_none() && last.name == process.name);
        match (hook, open) {
            (Hook::PROCESS_END, Some(open)) => {
                open.ended = record.time;
                return true;
            }
            (Hook::PROCESS_AT_START | Hook::PROCESS_AT_END, Some(_)) => return true,
            (Hook::PROCESS_START, _) => process.started = record.time,
            (Hook::PROCESS_END, None) => process.ended = record.time,
            _ => {}
        }
        if self.count < MOST {
            self.count += 1;
            self.by_id.entry(process.id).or_default().push(process);
        } else {
            self.refused += 1;
        }
        true
    }
}

/// Key, process, parent, session, exit status, page directory (since version 3), flags (since version 4), owner, name,
/// command line. Versions 0 and 1 are of Windows XP and before, and differ.
fn decode(record: &Record<'_>) -> Option<Process> {
    let body = record.body;
    let pointer = if record.wide { 8 } else { 4 };
    let directory = if record.version >= 3 { pointer } else { 0 };
    let flags = if record.version >= 4 { 4 } else { 0 };
    if record.version < 2 {
        return None;
    }
    let owner = pointer + 16 + directory + flags;
    let name = owner + owner_length(body.get(owner..)?, record.wide)?;
    let name_bytes = body.get(name..)?;
    let end = name_bytes.iter().position(|byte| *byte == 0)?;
    let session = u32_at(body, pointer + 8)?;
    Some(Process {
        id: u32_at(body, pointer)?,
        parent: u32_at(body, pointer + 4)?,
        session: (session != u32::MAX).then_some(session),
        name: narrow_text(name_bytes),
        command_line: text(name_bytes.get(end + 1..).unwrap_or_default()),
        started: None,
        ended: None,
    })
}

/// Bytes of the owner: a zero pointer alone, or two pointers and a security identifier, which says how long it is.
fn owner_length(bytes: &[u8], wide: bool) -> Option<usize> {
    let pointer = if wide { 8 } else { 4 };
    if u32_at(bytes, 0)? == 0 {
        // Four bytes even in 64-bit traces, as other readers have found.
        return Some(4);
    }
    let parts = usize::from(*bytes.get(2 * pointer + 1)?);
    Some(2 * pointer + 8 + 4 * parts)
}
