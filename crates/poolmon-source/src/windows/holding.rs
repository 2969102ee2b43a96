//! What processes hold: handles by type, threads, quota; and of each type of object, how many objects and handles there are.
//!
//! Every class here answers programs without rights, except in a sandbox: what elevation adds are addresses, which are not used.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use rustc_hash::FxHashMap;

use super::decode::{self, BufferLayout, Decoded, HandleCounts, ObjectType, Process};
use super::query::{self, Buffer, Kernel, malformed};
use super::status;
use crate::{Result, SourceError};

/// What is held at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// Processes; the idle process is among them.
    pub processes: Vec<Process>,
    /// Handles by process and type; empty if the kernel does not report them.
    pub handles: HandleCounts,
    /// Types of objects; empty if the kernel does not report them.
    pub types: Vec<ObjectType>,
    /// What is missing, and why.
    pub remarks: Vec<String>,
}

/// Asks for it repeatedly, with the same buffers.
#[derive(Debug, Default)]
pub struct HoldingReader {
    processes: Buffer,
    handles: Buffer,
    types: Buffer,
}

/// Room for a few hundred processes with their threads, in class 5.
const PROCESSES: usize = 256 * 1024;
/// Room for 26,000 handles, in class 64.
const HANDLES: usize = 1 << 20;

impl HoldingReader {
    /// Fills `holding`; what it held before is forgotten.
    ///
    /// # Errors
    ///
    /// The list of processes is refused, or is not what it should be. What else is refused is said in the remarks.
    pub fn read_into(&mut self, kernel: &mut dyn Kernel, holding: &mut Holding) -> Result<()> {
        let Holding { processes, handles, types, remarks } = holding;
        processes.clear();
        handles.clear();
        types.clear();
        remarks.clear();
        let class = decode::processes::CLASS;
        let bytes = query::plain(kernel, class, PROCESSES, &mut self.processes)
            .map_err(|status| refused(class, status))?;
        decode::processes(bytes, base(bytes), BufferLayout::NATIVE, processes).map_err(malformed)?;
        self.handles(kernel, holding);
        self.types(kernel, holding);
        align(&mut holding.types, &holding.handles);
        Ok(())
    }

    fn handles(&mut self, kernel: &mut dyn Kernel, holding: &mut Holding) {
        let wide = query::plain(kernel, decode::handles::CLASS_EX, HANDLES, &mut self.handles);
        let wide = wide.map(|bytes| decode::handles_ex(bytes, BufferLayout::NATIVE, &mut holding.handles));
        let Err(first) = wide else {
            return remark_if_cut(wide.ok(), "handles", &mut holding.remarks);
        };
        let narrow = query::plain(kernel, decode::handles::CLASS, HANDLES, &mut self.handles);
        match narrow.map(|bytes| decode::handles(bytes, BufferLayout::NATIVE, &mut holding.handles)) {
            Ok(decoded) => {
                // Handles of a process above that are counted under another id.
                if holding.processes.iter().any(|process| process.pid > 0xffff) {
                    holding.handles.clear();
                    holding
                        .remarks
                        .push("kinds of handles are unknown: this system cuts ids of processes".to_owned());
                }
                remark_if_cut(Some(decoded), "handles", &mut holding.remarks);
            }
            Err(_) => holding.remarks.push(format!(
                "kinds of handles are unknown: Windows refuses them ({}); run poolmon from an ordinary command prompt, outside of a \
                 sandbox",
                status::text(first)
            )),
        }
    }

    fn types(&mut self, kernel: &mut dyn Kernel, holding: &mut Holding) {
        match query::types(kernel, &mut self.types) {
            Ok(bytes) => {
                let decoded =
                    decode::object_types(bytes, base(bytes), BufferLayout::NATIVE, &mut holding.types);
                remark_if_cut(Some(decoded), "types of objects", &mut holding.remarks);
            }
            Err(status) => {
                let why = status::text(status);
                holding.remarks.push(format!("types of objects are unknown: Windows refuses them ({why})"));
            }
        }
    }
}

/// Moves the indices of types so that they are those by which handles name them, if that makes their numbers of handles agree better.
///
/// Before Windows 8.1 the index is known by the order alone, whose beginning differs between versions; Wine 8 says indices that are
/// two above those of its handles.
fn align(types: &mut [ObjectType], handles: &HandleCounts) {
    let mut by_index: FxHashMap<i32, i64> = FxHashMap::default();
    for (&(_, index), &count) in handles {
        *by_index.entry(index.into()).or_default() += i64::try_from(count).unwrap_or(i64::MAX);
    }
    let misfit = |shift: i32| -> i64 {
        let counted = |one: &ObjectType| by_index.get(&(i32::from(one.index) + shift)).copied().unwrap_or(0);
        types.iter().map(|one| (i64::from(one.handles) - counted(one)).abs()).fold(0, i64::saturating_add)
    };
    // Of equals the smallest step; none comes first.
    let best = [0, -1, 1, -2, 2].into_iter().min_by_key(|shift| misfit(*shift)).unwrap_or(0);
    for one in types {
        one.index = u16::try_from(i32::from(one.index) + best).unwrap_or(u16::MAX);
    }
}

/// Where the kernel was asked to write: pointers in its answer are compared with it.
fn base(bytes: &[u8]) -> u64 {
    bytes.as_ptr().addr() as u64
}

fn refused(class: u32, status: u32) -> SourceError {
    status::error(
        class,
        status,
        "run poolmon from an ordinary command prompt, outside of a sandbox or a restricted token",
    )
}

fn remark_if_cut(
    decoded: Option<std::result::Result<Decoded, decode::DecodeError>>,
    what: &str,
    remarks: &mut Vec<String>,
) {
    match decoded {
        Some(Ok(decoded)) if !decoded.is_complete() => remarks.push(format!(
            "the kernel counted {} {what} but reported {}; the rest is missing",
            decoded.promised, decoded.read
        )),
        Some(Err(error)) => remarks.push(format!("{what} are incomplete: {error}")),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
