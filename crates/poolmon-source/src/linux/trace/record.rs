//! Records of perf's ring as events. The layout of a record follows from what was asked for: number of the event, process and
//! thread, time; for allocations the stack; the tracepoint's own bytes.

use poolmon_trace::{Kind, StackId, Stacks};

use super::format::Field;
use super::plan::Layout;
use super::target::Class;

/// A record of a tracepoint.
pub const SAMPLE: u32 = 9;
/// The kernel says how many records it dropped.
pub const LOST: u32 = 2;

/// From this address on, an entry of a stack is a mark (kernel, user) and no address.
const MARKS: u64 = u64::MAX - 4094;

/// By how many bytes page numbers are told apart: any will do, and the answer counts with 4 KiB.
pub const PAGE: u64 = 4096;

/// No kernel hands out more than 2 to the power of this in one piece.
const MAX_ORDER: u64 = 18;

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

    /// Hands what it reports to `each`: nothing of another class of general caches, and one event for each page, since pages that
    /// were allocated together may be freed one by one. `None` if the record is cut. `frames` is working memory.
    pub fn kinds(
        &self,
        layout: &Layout,
        stacks: &mut Stacks,
        frames: &mut Vec<u64>,
        mut each: impl FnMut(Kind),
    ) -> Option<()> {
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
        let kind = match *layout {
            Layout::Pages { pfn, order, is_alloc } => {
                let stack = if is_alloc { stacks.intern(frames) } else { StackId::OTHER };
                let (first, order) = (number(raw, pfn)?, number(raw, order)?);
                // No page: the allocation failed.
                let count = if first == u64::MAX { 0 } else { 1 << order.min(MAX_ORDER) };
                for page in first..first.saturating_add(count) {
                    let address = page.wrapping_mul(PAGE);
                    let task = self.process;
                    each(if is_alloc {
                        Kind::Alloc { address, bytes: PAGE, requested: PAGE, stack, task }
                    } else {
                        Kind::Free { address }
                    });
                }
                return Some(());
            }
            Layout::Alloc { address, bytes, requested, class } => {
                if let Some((flags, gfp, class)) = class
                    && class_of(number(raw, flags)?, gfp) != class
                {
                    return Some(());
                }
                let stack = stacks.intern(frames);
                let (bytes, requested) = (number(raw, bytes)?, number(raw, requested)?);
                // A negative number is an error.
                let address =
                    number(raw, address).map(|address| if address < MARKS { address } else { 0 })?;
                Kind::Alloc { address, bytes, requested, stack, task: self.process }
            }
            Layout::Free { address } => Kind::Free { address: number(raw, address)? },
            Layout::FreeOfAny { address } => Kind::FreeOfAny { address: number(raw, address)? },
        };
        each(kind);
        Some(())
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

    fn one(sample: &Sample, layout: &Layout, stacks: &mut Stacks) -> Option<Kind> {
        let mut kinds = Vec::new();
        sample.kinds(layout, stacks, &mut Vec::new(), |kind| kinds.push(kind))?;
        kinds.pop()
    }

    #[test]
    fn pages_are_counted_one_by_one() {
        let layout = |is_alloc| Layout::Pages { pfn: field(0), order: field(8), is_alloc };
        let kinds = |body: &[u8], is_alloc| {
            let mut kinds = Vec::new();
            let mut stacks = Stacks::new(4, 4);
            let sample = Sample::parse(body).unwrap();
            sample.kinds(&layout(is_alloc), &mut stacks, &mut Vec::new(), |kind| kinds.push(kind)).unwrap();
            kinds
        };
        let allocated = kinds(&body(&[0xffff_8000], &[0x100, 2]), true);
        let addresses: Vec<u64> = allocated
            .iter()
            .map(|kind| match kind {
                Kind::Alloc { address, bytes: 4096, task: 5, .. } => *address,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(addresses, [0x10_0000, 0x10_1000, 0x10_2000, 0x10_3000]);
        let mut free = body(&[], &[0x102, 0]);
        free.drain(24..32);
        assert_eq!(kinds(&free, false), [Kind::Free { address: 0x10_2000 }]);
        assert_eq!(kinds(&body(&[], &[u64::MAX, 3]), true), []);
        assert_eq!(kinds(&body(&[], &[1, 63]), true).len(), 1 << 18, "an order that is nonsense");
    }

    #[test]
    fn an_address_that_is_an_error_is_no_object() {
        let body = body(&[1], &[u64::MAX - 11, 4096, 4096]);
        let kind = one(&Sample::parse(&body).unwrap(), &alloc(None), &mut Stacks::new(4, 4));
        assert!(matches!(kind, Some(Kind::Alloc { address: 0, .. })), "{kind:?}");
    }

    #[test]
    fn an_allocation_with_its_stack() {
        let body = body(&[u64::MAX - 127, 0xffff_8000, 0xffff_9000], &[0xabc0, 256, 200, 0x40_0cc0]);
        let sample = Sample::parse(&body).unwrap();
        assert_eq!((sample.event, sample.process, sample.time), (77, 5, 1_234));
        let mut stacks = Stacks::new(10, 10);
        let kind = one(&sample, &alloc(None), &mut stacks).unwrap();
        let Kind::Alloc { address: 0xabc0, bytes: 256, requested: 200, stack, task: 5 } = kind else {
            panic!("{kind:?}")
        };
        assert_eq!(stacks.frames(stack), [0xffff_8000, 0xffff_9000], "without the mark");
        let of = |class| one(&sample, &alloc(Some(class)), &mut Stacks::new(10, 10)).is_some();
        assert_eq!([Class::Normal, Class::Account, Class::Dma].map(of), [false, true, false]);
    }

    #[test]
    fn frees_and_cut_records() {
        let mut body = body(&[], &[0xabc0]);
        // A free has no stack.
        body.drain(24..32);
        let kind = |layout: &Layout, body: &[u8]| one(&Sample::parse(body)?, layout, &mut Stacks::new(1, 1));
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
