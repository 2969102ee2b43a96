//! Large allocations: `PoolBigPageTable`, found in the kernel's data by what it holds ([`search`]).

mod search;

use poolmon_image::bytes::{u32_at, u64_at};
use poolmon_model::{Pool, PoolTag};

use crate::container::runs::PAGE;
use crate::error::{DumpError, Result, WANT_SYMBOLS};
use crate::kdbg::KernelData;
use crate::memory::{AbsentPages, Memory};
use crate::symbols::SymbolPlaces;

/// One allocation of a page or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BigAllocation {
    /// Its address.
    pub address: u64,
    /// Its tag, without the protection bit.
    pub tag: PoolTag,
    /// The protection bit was set.
    pub protected: bool,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its pool, if the system's layout reports it.
    pub pool: Option<Pool>,
}

/// The large allocations of a dump.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BigPool {
    /// In the order of the kernel's table.
    pub allocations: Vec<BigAllocation>,
    /// Where the table is.
    pub table: u64,
    /// Slots of the table.
    pub slots: u64,
    /// Pages of the table that could not be read.
    pub absent: AbsentPages,
    /// More allocations were there than are given.
    pub cut: bool,
    /// What the symbols confirm.
    pub notes: Vec<String>,
    /// Where the symbols and the search without them disagree.
    pub warnings: Vec<String>,
}

/// More are not given; a machine has some ten thousand.
const MOST: usize = 1 << 20;
/// Slots that the kernel can choose.
const SLOTS: std::ops::Range<u64> = 0x1000..0x100_0000;

/// How an entry is laid out.
#[derive(Clone, Copy)]
struct BigPoolLayout {
    stride: usize,
    key: usize,
    /// Pool type as a whole word, or inside bit fields; `None` before Vista.
    pool: Option<PoolType>,
    /// Bytes, or pages before Vista.
    size: usize,
    in_pages: bool,
}

#[derive(Clone, Copy)]
enum PoolType {
    Word(usize),
    /// Windows 10: 8 bits of pattern, 12 of pool type, 12 of slush.
    Bits(usize),
}

impl BigPoolLayout {
    fn of(narrow: bool, build: u32) -> Self {
        let (key, word) = if narrow { (4, 8) } else { (8, 0xc) };
        let pool = match build {
            0..6000 => None,
            6000..10_240 => Some(PoolType::Word(word)),
            _ => Some(PoolType::Bits(word)),
        };
        let in_pages = build < 6000;
        let size = match (narrow, in_pages) {
            (true, true) => 8,
            (true, false) | (false, true) => 0xc,
            (false, false) => 0x10,
        };
        let stride = match (narrow, build) {
            (true, 0..3790) => 0xc,
            (true, _) => 0x10,
            (false, 0..20_348) => 0x18,
            (false, _) => 0x20,
        };
        Self { stride, key, pool, size, in_pages }
    }
}

/// What is in a slot.
enum Slot {
    Free,
    Used(BigAllocation),
    Wrong,
}

/// Reads the table; with a tag, only its allocations.
pub(crate) fn big_pool(
    memory: &Memory,
    data: &KernelData,
    build: u32,
    places: Option<&SymbolPlaces>,
    tag: Option<PoolTag>,
) -> Result<BigPool> {
    let layout = BigPoolLayout::of(memory.is_narrow(), build);
    let found = search::find(memory, memory.address(data.kernel_base), layout);
    let mut big = BigPool::default();
    let chosen = match places {
        Some(places) => by_symbols(memory, places, found, &mut big),
        None => found,
    };
    let Some((table, slots)) = chosen else {
        return Err(DumpError::Absent {
            what: "table of large allocations",
            address: data.kernel_base,
            why: "nothing in the kernel's data points to one".into(),
            remedy: WANT_SYMBOLS,
        });
    };
    (big.table, big.slots) = (table, slots);
    let mut entry = [0; 0x20];
    let Some(entry) = entry.get_mut(..layout.stride) else { return Ok(big) };
    let wanted = tag.map(PoolTag::unprotected);
    let mut slot = 0;
    while slot < slots {
        let address = table.wrapping_add(slot * layout.stride as u64);
        if let Err(why) = memory.read(address, entry) {
            big.absent.add(why, 1);
            // On to the first slot of the next page.
            let left = PAGE - address % PAGE;
            slot += (left / layout.stride as u64).max(1);
            continue;
        }
        if let Slot::Used(allocation) = slot_of(memory, entry, layout)
            && wanted.is_none_or(|wanted| wanted == allocation.tag)
        {
            if big.allocations.len() >= MOST {
                big.cut = true;
                break;
            }
            big.allocations.push(allocation);
        }
        slot += 1;
    }
    Ok(big)
}

/// Table and slots as the symbols give them, compared with what was found without.
fn by_symbols(
    memory: &Memory,
    places: &SymbolPlaces,
    found: Option<(u64, u64)>,
    big: &mut BigPool,
) -> Option<(u64, u64)> {
    let read = |place: Option<u64>| memory.pointer_at(place?).ok();
    let reported = read(places.big).zip(read(places.big_size));
    let reported = reported.filter(|&(table, slots)| {
        memory.is_kernel(table) && SLOTS.contains(&slots) && slots.is_power_of_two()
    });
    let name = &places.name;
    match (reported, found) {
        (None, _) => big
            .warnings
            .push(format!("no table of large allocations is at the address from the symbols {name}; it was found \
                by searching")),
        (Some(reported), Some(found)) if reported != found => big.warnings.push(format!(
            "the symbols {name} and the search without symbols disagree; the symbols are used: the table of large \
allocations is at {:#x} with {} slots, without {:#x} with {}",
            reported.0, reported.1, found.0, found.1
        )),
        (Some(_), _) => big.notes.push(format!("the symbols {name} confirm the table of large allocations")),
    }
    reported.or(found)
}

fn slot_of(memory: &Memory, entry: &[u8], layout: BigPoolLayout) -> Slot {
    let word = |at| if memory.is_narrow() { u32_at(entry, at).map(u64::from) } else { u64_at(entry, at) };
    let (Some(address), Some(key)) = (word(0), u32_at(entry, layout.key)) else { return Slot::Wrong };
    // A free slot has the lowest bit set, or was never used.
    if address & 1 != 0 || address == 0 {
        return Slot::Free;
    }
    let tag = PoolTag::from_u32(key);
    let size = if layout.in_pages && !memory.is_narrow() {
        u32_at(entry, layout.size).map(u64::from)
    } else {
        word(layout.size)
    };
    let bytes = size.unwrap_or(0).saturating_mul(if layout.in_pages { PAGE } else { 1 });
    if address % PAGE != 0 || !memory.is_kernel(address) || !tag.unprotected().is_printable() || bytes == 0 {
        return Slot::Wrong;
    }
    let pool = layout.pool.and_then(|place| match place {
        PoolType::Word(at) => u32_at(entry, at),
        PoolType::Bits(at) => u32_at(entry, at).map(|bits| bits >> 8 & 0xfff),
    });
    let pool = pool.map(|kind| if kind & 1 == 1 { Pool::Paged } else { Pool::Nonpaged });
    Slot::Used(BigAllocation { address, tag: tag.unprotected(), protected: tag.is_protected(), bytes, pool })
}
