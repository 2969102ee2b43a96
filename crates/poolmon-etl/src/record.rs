//! Records of a buffer: eight-byte aligned, each with one of the headers that Windows has used since 2000.
//!
//! | type | header | bytes | has |
//! |---|---|---|---|
//! | 1, 2 | system (32, 64 bit) | 32 | hook, thread, process, time |
//! | 3, 4 | compact | 24 | the same, without the times spent |
//! | 16, 17 | perfinfo | 16 | hook, time |
//! | 10, 20 | full | 48 | class GUID, type, thread, process, time |
//! | 11, 21 | instance | 72 | the same and the GUID of a parent |
//! | 18, 19 | event | 80 and items | provider GUID, id, thread, process, time |
//! | – | message | 8 and what its flags say | number |

use poolmon_image::bytes::{array, u16_at, u32_at, u64_at};

use crate::{Guid, Hook};

/// Of a record that is in a session at all.
const IS_RECORD: u32 = 0x8000_0000;
/// Of a record whose top byte marks a message.
const IS_MESSAGE: u8 = 0x10;
/// Of an event header: items follow it.
const HAS_ITEMS: u16 = 1;
/// Items of one event header; more are damage.
const MOST_ITEMS: usize = 64;

/// Which header a record has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HeaderKind {
    /// `SYSTEM_TRACE_HEADER`.
    System,
    /// The same without the times spent in kernel and user mode.
    Compact,
    /// `PERFINFO_TRACE_HEADER`: a time only.
    Perfinfo,
    /// `EVENT_TRACE_HEADER`: classes of Windows 2000.
    Full,
    /// `EVENT_INSTANCE_GUID_HEADER`.
    Instance,
    /// `EVENT_HEADER`: manifests, `TraceLogging`.
    Event,
    /// `MESSAGE_TRACE_HEADER`: WPP.
    Message,
    /// A type that is not known: only its length is used.
    Other(u8),
}

impl HeaderKind {
    /// A word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Compact => "compact",
            Self::Perfinfo => "perfinfo",
            Self::Full => "full",
            Self::Instance => "instance",
            Self::Event => "event",
            Self::Message => "message",
            Self::Other(_) => "other",
        }
    }
}

/// Which event a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// An event of the kernel.
    Kernel(Hook),
    /// An event of a class.
    Class {
        /// The class.
        guid: Guid,
        /// Its type.
        kind: u8,
    },
    /// An event of a provider.
    Provider {
        /// The provider.
        guid: Guid,
        /// The event's id.
        id: u16,
        /// Its operation: the type, for an event of an old class.
        opcode: u8,
    },
    /// A message.
    Message {
        /// Its number.
        number: u16,
        /// The GUID that it belongs to, if the session recorded it.
        guid: Option<Guid>,
    },
    /// Not known.
    Other,
}

/// A stack that is part of an event's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemStack<'a> {
    /// The addresses, 4 or 8 bytes each; a key instead if `is_key`.
    pub bytes: &'a [u8],
    /// 8-byte addresses.
    pub wide: bool,
    /// The bytes are one key of a stack.
    pub is_key: bool,
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Which header it has.
    pub header: HeaderKind,
    /// Which event it is.
    pub identity: Identity,
    /// Version of the event's layout.
    pub version: u8,
    /// When, in ticks of the session's [`Clock`](crate::Clock); not known of some messages.
    pub time: Option<u64>,
    /// The process that was running, if the header has it.
    pub process: Option<u32>,
    /// The thread that was running, if the header has it.
    pub thread: Option<u32>,
    /// Pointers in the body have 8 bytes, else 4.
    pub wide: bool,
    /// The event's own bytes.
    pub body: &'a [u8],
    /// A stack in the header's items.
    pub stack: Option<ItemStack<'a>>,
    /// Where the record begins, in bytes after the buffer's header.
    pub offset: usize,
}

impl Record<'_> {
    /// Which event of the kernel it is, whatever its header.
    pub fn hook(&self) -> Option<Hook> {
        match self.identity {
            Identity::Kernel(hook) => Some(hook),
            Identity::Class { guid, kind } => Hook::of_class(guid, kind),
            Identity::Provider { guid, opcode, .. } => Hook::of_class(guid, opcode),
            Identity::Message { .. } | Identity::Other => None,
        }
    }

    /// Whether it is an event of this class or provider, of this type.
    pub fn is_of(&self, class: Guid, kind: u8) -> bool {
        match self.identity {
            Identity::Class { guid, kind: of } | Identity::Provider { guid, opcode: of, .. } => {
                guid == class && of == kind
            }
            _ => false,
        }
    }
}

/// The rest of a buffer cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("record at byte {offset} of the buffer: {problem}")]
pub struct RecordError {
    /// Where the record begins, in bytes after the buffer's header.
    pub offset: usize,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// The records of a buffer. Ends after an error.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Records<'a> {
    /// Of a buffer's bytes, its header left out.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The record at a place where one was found before.
    pub(crate) fn at(bytes: &'a [u8], offset: usize) -> Option<Record<'a>> {
        Self { bytes, at: offset }.next()?.ok()
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        let offset = self.at;
        let rest = self.bytes.get(offset..)?;
        let marker = u32_at(rest, 0)?;
        if marker == u32::MAX {
            self.at = self.bytes.len();
            return None;
        }
        let length = length_of(rest, marker).and_then(|length| {
            rest.get(..length).map(|bytes| (length, bytes)).ok_or("longer than the rest of the buffer")
        });
        let read = length.and_then(|(length, bytes)| {
            let record = decode(bytes, marker, offset).ok_or("shorter than its header")?;
            Ok((length, record))
        });
        match read {
            Ok((length, record)) => {
                self.at = offset + length.next_multiple_of(8);
                Some(Ok(record))
            }
            Err(problem) => {
                self.at = self.bytes.len();
                Some(Err(RecordError { offset, problem }))
            }
        }
    }
}

const fn type_of(marker: u32) -> u8 {
    marker.to_le_bytes()[2]
}

const fn is_message(marker: u32) -> bool {
    marker.to_le_bytes()[3] & IS_MESSAGE != 0
}

/// Bytes of a record, its header included.
fn length_of(rest: &[u8], marker: u32) -> Result<usize, &'static str> {
    if marker & IS_RECORD == 0 {
        return Err(if marker == 0 { "reserved but not written" } else { "no header of a record" });
    }
    let length = match type_of(marker) {
        1..=4 | 16 | 17 if !is_message(marker) => u16_at(rest, 4),
        _ => u16_at(rest, 0),
    };
    match length {
        Some(length) if length >= 8 => Ok(length.into()),
        _ => Err("no length"),
    }
}

/// The record in exactly its bytes.
fn decode(bytes: &[u8], marker: u32, offset: usize) -> Option<Record<'_>> {
    if is_message(marker) {
        return message(bytes, offset);
    }
    match type_of(marker) {
        kind @ 1..=2 => kernel(bytes, HeaderKind::System, 32, kind == 2, offset),
        kind @ 3..=4 => kernel(bytes, HeaderKind::Compact, 24, kind == 4, offset),
        kind @ 16..=17 => perfinfo(bytes, kind == 17, offset),
        kind @ (10 | 20) => class(bytes, HeaderKind::Full, 48, kind == 20, offset),
        kind @ (11 | 21) => class(bytes, HeaderKind::Instance, 72, kind == 21, offset),
        kind @ 18..=19 => event(bytes, kind == 19, offset),
        kind => Some(Record {
            header: HeaderKind::Other(kind),
            identity: Identity::Other,
            version: 0,
            time: None,
            process: None,
            thread: None,
            wide: true,
            body: bytes.get(4..)?,
            stack: None,
            offset,
        }),
    }
}

/// A process or thread; the kernel writes -1 if there is none.
fn known(id: u32) -> Option<u32> {
    (id != u32::MAX).then_some(id)
}

fn kernel(bytes: &[u8], header: HeaderKind, length: usize, wide: bool, offset: usize) -> Option<Record<'_>> {
    let body = bytes.get(length..)?;
    Some(Record {
        header,
        identity: Identity::Kernel(Hook(u16_at(bytes, 6)?)),
        version: *bytes.first()?,
        time: Some(u64_at(bytes, 16)?),
        thread: known(u32_at(bytes, 8)?),
        process: known(u32_at(bytes, 12)?),
        wide,
        body,
        stack: None,
        offset,
    })
}

fn perfinfo(bytes: &[u8], wide: bool, offset: usize) -> Option<Record<'_>> {
    Some(Record {
        header: HeaderKind::Perfinfo,
        identity: Identity::Kernel(Hook(u16_at(bytes, 6)?)),
        version: *bytes.first()?,
        time: Some(u64_at(bytes, 8)?),
        thread: None,
        process: None,
        wide,
        body: bytes.get(16..)?,
        stack: None,
        offset,
    })
}

fn class(bytes: &[u8], header: HeaderKind, length: usize, wide: bool, offset: usize) -> Option<Record<'_>> {
    Some(Record {
        header,
        identity: Identity::Class { guid: Guid::at(bytes, 24)?, kind: *bytes.get(4)? },
        version: *bytes.get(6)?,
        time: Some(u64_at(bytes, 16)?),
        thread: known(u32_at(bytes, 8)?),
        process: known(u32_at(bytes, 12)?),
        wide,
        body: bytes.get(length..)?,
        stack: None,
        offset,
    })
}

fn event(bytes: &[u8], wide: bool, offset: usize) -> Option<Record<'_>> {
    let (body, stack) =
        if u16_at(bytes, 4)? & HAS_ITEMS != 0 { items(bytes, 80)? } else { (bytes.get(80..)?, None) };
    Some(Record {
        header: HeaderKind::Event,
        identity: Identity::Provider {
            guid: Guid::at(bytes, 24)?,
            id: u16_at(bytes, 40)?,
            opcode: *bytes.get(45)?,
        },
        version: *bytes.get(42)?,
        time: Some(u64_at(bytes, 16)?),
        thread: known(u32_at(bytes, 8)?),
        process: known(u32_at(bytes, 12)?),
        wide,
        body,
        stack,
        offset,
    })
}

/// The items after an event's header: u16 length in all, u16 type, u16 whether one more follows, u16 bytes, the bytes.
fn items(bytes: &[u8], mut at: usize) -> Option<(&[u8], Option<ItemStack<'_>>)> {
    let mut stack = None;
    for _ in 0..MOST_ITEMS {
        let [length, kind, more, size] = [0, 2, 4, 6].map(|field| u16_at(bytes, at + field));
        let (length, size) = (usize::from(length?), usize::from(size?));
        let data = bytes.get(at + 8..at + 8 + size)?;
        // Types 5 and 6 begin with a number that pairs the kernel and user parts of one stack.
        stack = match kind? {
            5 => Some(ItemStack { bytes: data.get(8..)?, wide: false, is_key: false }),
            6 => Some(ItemStack { bytes: data.get(8..)?, wide: true, is_key: false }),
            13 => Some(ItemStack { bytes: data.get(8..)?, wide: false, is_key: true }),
            14 => Some(ItemStack { bytes: data.get(8..)?, wide: true, is_key: true }),
            _ => stack,
        };
        at += length.max(8);
        if more? & 1 == 0 {
            return Some((bytes.get(at..)?, stack));
        }
    }
    None
}

/// A message: u16 number and u16 flags say which fields follow.
fn message(bytes: &[u8], offset: usize) -> Option<Record<'_>> {
    let number = u16_at(bytes, 4)?;
    let flags = u16_at(bytes, 6)?;
    let mut at = 8;
    let mut field = |flag: u16, length: usize| {
        let here = at;
        (flags & flag != 0).then(|| at += length).map(|()| here)
    };
    field(0x01, 4);
    // A component's number is where the GUID would be.
    let guid = field(0x02, 16);
    if guid.is_none() {
        field(0x04, 4);
    }
    let time = field(0x08, 8);
    let ids = field(0x20, 8);
    let id = |shift: usize| ids.and_then(|at| u32_at(bytes, at + shift)).and_then(known);
    Some(Record {
        header: HeaderKind::Message,
        identity: Identity::Message { number, guid: guid.and_then(|at| array(bytes, at)).map(Guid) },
        version: 0,
        time: time.and_then(|at| u64_at(bytes, at)),
        thread: id(0),
        process: id(4),
        wide: true,
        body: bytes.get(at..)?,
        stack: None,
        offset,
    })
}
