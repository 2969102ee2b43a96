//! Records of perf's ring as events. The layout of a record follows from what was asked for: number of the event, process and
//! thread, time; for allocations the stack; the tracepoint's own bytes.

use poolmon_trace::{Kind, Stacks};

use super::format::Field;
use super::plan::Layout;
use super::target::Class;

/// A record of a tracepoint.
pub const SAMPLE: u32 = 9;
/// The kernel says how many records it dropped.
pub const LOST: u32 = 2;

/// From this address on, an entry of a stack is a mark (kernel, user) and no address.
const MARKS: u64 = u64::MAX - 4094;

/// Where a record's event and its common parts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample<'a> {
    /// Number that the kernel gave to the open event.
    pub event: u64,
    /// The process.
    pub process: u32,
    /// In nanoseconds of the monotonic clock.
    pub time: u64,
    /// The rest.
    rest: &'a [u8],
}

impl<'a> Sample<'a> {
    /// Reads the common parts of a record's body.
    pub fn parse(body: &'a [u8]) -> Option<Self> {
        let mut bytes = Bytes(body);
        let event = bytes.u64()?;
        let (process, _thread) = (bytes.u32()?, bytes.u32()?);
        let time = bytes.u64()?;
        Some(Self { event, process, time, rest: bytes.0 })
    }

    /// What it reports; `None` if it is cut, or of another class of general caches. `frames` is working memory.
    pub fn kind(&self, layout: &Layout, stacks: &mut Stacks, frames: &mut Vec<u64>) -> Option<Kind> {
        let mut bytes = Bytes(self.rest);
        frames.clear();
        if layout.is_alloc() {
            for _ in 0..bytes.u64()? {
                // Eight bytes each, so a wrong count ends with the record.
                frames.push(bytes.u64()?);
            }
            frames.retain(|&frame| frame < MARKS);
        }
        let length = usize::try_from(bytes.u32()?).ok()?;
        let raw = bytes.0.get(..length)?;
        Some(match *layout {
            Layout::Alloc { address, bytes, requested, class } => {
                if let Some((flags, gfp, class)) = class
                    && class_of(number(raw, flags)?, gfp) != class
                {
                    return None;
                }
                let stack = stacks.intern(frames);
                let (bytes, requested) = (number(raw, bytes)?, number(raw, requested)?);
                Kind::Alloc { address: number(raw, address)?, bytes, requested, stack, task: self.process }
            }
            Layout::Free { address } => Kind::Free { address: number(raw, address)? },
            Layout::FreeOfAny { address } => Kind::FreeOfAny { address: number(raw, address)? },
        })
    }
}

/// Which general cache the kernel chooses by an allocation's flags.
fn class_of(flags: u64, gfp: super::format::Gfp) -> Class {
    match flags {
        _ if flags & gfp.dma != 0 => Class::Dma,
        _ if flags & gfp.reclaimable != 0 => Class::Reclaimable,
        _ if flags & gfp.account != 0 => Class::Account,
        _ => Class::Normal,
    }
}

/// How many records were dropped, of a record that says so.
pub fn lost(body: &[u8]) -> u64 {
    let mut bytes = Bytes(body);
    bytes.u64().and_then(|_event| bytes.u64()).unwrap_or(0)
}

fn number(raw: &[u8], field: Field) -> Option<u64> {
    let mut bytes = Bytes(raw.get(field.offset..field.offset.checked_add(field.size)?)?);
    match field.size {
        8 => bytes.u64(),
        4 => bytes.u32().map(u64::from),
        _ => None,
    }
}

/// Takes numbers off the start, in this machine's byte order.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn u32(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_ne_bytes(*number))
    }

    fn u64(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_ne_bytes(*number))
    }
}

#[cfg(test)]
mod tests {
    use super::super::format::Gfp;
    use super::*;

    const GFP: Gfp = Gfp { dma: 1, reclaimable: 16, account: 0x40_0000 };

    fn field(offset: usize) -> Field {
        Field { offset, size: 8 }
    }

    fn body(stack: &[u64], raw: &[u64]) -> Vec<u8> {
        let mut body = Vec::new();
        body.extend(77_u64.to_ne_bytes());
        body.extend(5_u32.to_ne_bytes());
        body.extend(6_u32.to_ne_bytes());
        body.extend(1_234_u64.to_ne_bytes());
        body.extend((stack.len() as u64).to_ne_bytes());
        body.extend(stack.iter().flat_map(|frame| frame.to_ne_bytes()));
        body.extend(u32::try_from(raw.len() * 8).unwrap().to_ne_bytes());
        body.extend(raw.iter().flat_map(|number| number.to_ne_bytes()));
        body
    }

    fn alloc(class: Option<Class>) -> Layout {
        let class = class.map(|class| (field(24), GFP, class));
        Layout::Alloc { address: field(0), bytes: field(8), requested: field(16), class }
    }

    #[test]
    fn an_allocation_with_its_stack() {
        let body = body(&[u64::MAX - 127, 0xffff_8000, 0xffff_9000], &[0xabc0, 256, 200, 0x40_0cc0]);
        let sample = Sample::parse(&body).unwrap();
        assert_eq!((sample.event, sample.process, sample.time), (77, 5, 1_234));
        let mut stacks = Stacks::new(10, 10);
        let kind = sample.kind(&alloc(None), &mut stacks, &mut Vec::new()).unwrap();
        let Kind::Alloc { address: 0xabc0, bytes: 256, requested: 200, stack, task: 5 } = kind else {
            panic!("{kind:?}")
        };
        assert_eq!(stacks.frames(stack), [0xffff_8000, 0xffff_9000], "without the mark");
        let of =
            |class| sample.kind(&alloc(Some(class)), &mut Stacks::new(10, 10), &mut Vec::new()).is_some();
        assert_eq!([Class::Normal, Class::Account, Class::Dma].map(of), [false, true, false]);
    }

    #[test]
    fn frees_and_cut_records() {
        let mut body = body(&[], &[0xabc0]);
        // A free has no stack.
        body.drain(24..32);
        let kind = |layout: &Layout, body: &[u8]| {
            Sample::parse(body)?.kind(layout, &mut Stacks::new(1, 1), &mut Vec::new())
        };
        assert_eq!(kind(&Layout::Free { address: field(0) }, &body), Some(Kind::Free { address: 0xabc0 }));
        assert_eq!(
            kind(&Layout::FreeOfAny { address: field(0) }, &body),
            Some(Kind::FreeOfAny { address: 0xabc0 })
        );
        assert_eq!(kind(&Layout::Free { address: field(4) }, &body), None, "beyond the record");
        for end in 0..body.len() {
            assert_eq!(kind(&Layout::Free { address: field(0) }, &body[..end]), None);
            assert_eq!(kind(&alloc(None), &body[..end]), None);
        }
    }

    #[test]
    fn lost_records() {
        let body: Vec<u8> = [9_u64, 123].iter().flat_map(|number| number.to_ne_bytes()).collect();
        assert_eq!((lost(&body), lost(&body[..9])), (123, 0));
    }
}
