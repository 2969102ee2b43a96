//! The bytes of events.

use super::{Arch, Header};

/// A moment on a processor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) time: u64,
    pub(super) process: u32,
    pub(super) thread: u32,
}

/// A growing list of little-endian fields.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(pub(super) Vec<u8>);

impl Fields {
    pub(super) fn u16(mut self, value: u16) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(super) fn u32(mut self, value: u32) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(super) fn u64(mut self, value: u64) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    /// 4 or 8 bytes.
    pub(super) fn pointer(self, arch: Arch, value: u64) -> Self {
        match arch {
            Arch::X86 => self.u32(value as u32),
            Arch::X64 => self.u64(value),
        }
    }

    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    /// UTF-16 with its zero.
    pub(super) fn wide(mut self, text: &str) -> Self {
        self.0.extend(text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
        self
    }
}

/// Stands for the class of what is added of each image; it has no group.
pub(super) const IMAGE_ID: u8 = 0xFE;

/// The GUID of an event's class: group 0x0E is the pool.
fn class(group: u8) -> [u8; 16] {
    let text = match group {
        0x0E => "b6a86802fd7402439dd06e8f1795c0cf",
        0x18 => "46fef2ded67b804bbd94f57fe20d0ce3",
        IMAGE_ID => "d775e6b35425184f830b2762732560de",
        other => panic!("no event of group {other} has this header here"),
    };
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("a digit");
    std::array::from_fn(|n| digit(2 * n))
}

/// An event with its header; `hook` is the group and the type, `items` are of an [`Header::Event`].
pub(super) fn record(
    header: Header,
    arch: Arch,
    hook: u16,
    version: u8,
    moment: Moment,
    body: &[u8],
    items: &[u8],
) -> Vec<u8> {
    let wide = arch == Arch::X64;
    let [group, kind] = hook.to_be_bytes();
    let begin = |kind: u8, size: usize| {
        let size = (size + body.len()) as u16;
        (u32::from_le_bytes([version, 0, kind, 0xC0]), u32::from(size) | u32::from(hook) << 16)
    };
    let fields = Fields::default();
    let fields = match header {
        Header::System => {
            let (marker, packet) = begin(1 + u8::from(wide), 32);
            let start = fields.u32(marker).u32(packet).u32(moment.thread).u32(moment.process);
            start.u64(moment.time).u32(0).u32(0)
        }
        Header::Compact => {
            let (marker, packet) = begin(3 + u8::from(wide), 24);
            fields.u32(marker).u32(packet).u32(moment.thread).u32(moment.process).u64(moment.time)
        }
        Header::Perfinfo => {
            let (marker, packet) = begin(0x10 + u8::from(wide), 16);
            fields.u32(marker).u32(packet).u64(moment.time)
        }
        Header::Full => classic(if wide { 0x14 } else { 0x0A }, 48, kind, version, moment, body)
            .bytes(&class(group))
            .u64(0),
        Header::Instance => classic(if wide { 0x15 } else { 0x0B }, 72, kind, version, moment, body)
            .bytes(&class(group))
            .u32(1)
            .u32(0)
            .u64(0)
            .bytes(&[0; 16]),
        Header::Event => {
            let size = (80 + items.len() + body.len()) as u16;
            let start = fields.u16(size).u16(if wide { 0xC013 } else { 0xC012 });
            let start = start.u16(u16::from(!items.is_empty())).u16(0).u32(moment.thread).u32(moment.process);
            let start = start.u64(moment.time).bytes(&class(group)).u16(0).bytes(&[version, 0, 0, kind]);
            start.u16(0).u64(0).u64(0).bytes(&[0; 16]).bytes(items)
        }
    };
    fields.bytes(body).0
}

/// The first 24 bytes of the headers with a class.
fn classic(marker: u8, size: usize, kind: u8, version: u8, moment: Moment, body: &[u8]) -> Fields {
    let start = Fields::default().u16((size + body.len()) as u16).bytes(&[marker, 0xC0, kind, 0]);
    start.u16(version.into()).u32(moment.thread).u32(moment.process).u64(moment.time)
}

/// An item of an event's header that holds a stack.
pub(super) fn stack_item(arch: Arch, frames: &[u64]) -> Vec<u8> {
    let data = frames.iter().fold(Fields::default().u64(7), |fields, frame| fields.pointer(arch, *frame)).0;
    let kind = if arch == Arch::X64 { 6 } else { 5 };
    let length = (8 + data.len()).next_multiple_of(8);
    let mut item =
        Fields::default().u16(length as u16).u16(kind).u16(0).u16(data.len() as u16).bytes(&data).0;
    item.resize(length, 0);
    item
}
