//! Pool tables: what is planted, and how it is spread over processors.

use super::Dice;
use super::spec::Spec;

/// What one pool holds under a tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Allocations since boot.
    pub allocs: u64,
    /// Frees since boot.
    pub frees: u64,
    /// Bytes held.
    pub bytes: i64,
}

/// A planted tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlantedTag {
    /// Its four bytes.
    pub tag: [u8; 4],
    /// In the nonpaged pool.
    pub nonpaged: Used,
    /// In the paged pool.
    pub paged: Used,
}

/// Tags that every system has, and odd ones.
const USUAL: &[&[u8; 4]] = &[
    b"Proc", b"Thre", b"File", b"MmSt", b"Irp ", b"Io  ", b"Ntfx", b"FMfn", b"Toke", b"EtwB", b"CM31",
    b"Leak", b"None", b"Dh 1", b"AGP ",
];

/// Makes tags: the usual ones, one whose counts are beyond 32 bits, and random ones.
pub fn tags(spec: &Spec, dice: &mut Dice) -> Vec<PlantedTag> {
    let mut tags: Vec<PlantedTag> = Vec::with_capacity(spec.tags);
    let held = |dice: &mut Dice| {
        if dice.below(4) == 0 {
            return Used::default();
        }
        let frees = dice.below(1 << 24);
        let live = dice.below(5000);
        Used { allocs: frees + live, frees, bytes: (live * (16 + dice.below(9000))).cast_signed() }
    };
    while tags.len() < spec.tags {
        let mut tag = [0; 4];
        match USUAL.get(tags.len()) {
            Some(usual) => tag = **usual,
            None => {
                for byte in &mut tag {
                    *byte = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                        [dice.below(62) as usize];
                }
            }
        }
        if tags.iter().all(|other| other.tag != tag) {
            tags.push(PlantedTag { tag, nonpaged: held(dice), paged: held(dice) });
        }
    }
    if let Some(wrapped) = tags.get_mut(5) {
        wrapped.nonpaged = Used { allocs: (1 << 32) + 10, frees: (1 << 32) - 5, bytes: 4096 };
    }
    tags
}

/// Slot at which the probing for a tag starts.
pub fn start_slot(tag: [u8; 4], slots: usize) -> usize {
    let mut hash = u64::from(u32::from_le_bytes(tag)) * 40543;
    hash ^= hash >> 32;
    (hash as u32) as usize % slots
}

/// Places every tag; the order of insertion decides as in a real table.
pub fn place(tags: &[PlantedTag], slots: usize) -> Vec<Option<usize>> {
    let mut table = vec![None; slots];
    for (at, tag) in tags.iter().enumerate() {
        let mut slot = start_slot(tag.tag, slots);
        while table[slot].is_some() {
            slot = (slot + 1) % slots;
        }
        table[slot] = Some(at);
    }
    table
}

/// A tag's share on each processor. Blocks are freed on another processor than they are allocated on, so bytes of a
/// single table go below zero.
pub fn shares(held: Used, cpus: usize, dice: &mut Dice) -> Vec<Used> {
    let mut shares = vec![Used::default(); cpus];
    let pick = |dice: &mut Dice| dice.below(cpus as u64) as usize;
    let (first, second, freeing) = (pick(dice), pick(dice), pick(dice));
    let part = held.allocs / 3;
    shares[first].allocs += held.allocs - part;
    shares[second].allocs += part;
    shares[freeing].frees += held.frees;
    let freed = i64::try_from(held.frees % (1 << 16)).unwrap_or(0) * 48;
    shares[first].bytes += held.bytes / 2;
    shares[second].bytes += held.bytes - held.bytes / 2 + freed;
    shares[freeing].bytes -= freed;
    shares
}

/// One entry as bytes.
pub fn entry(size: usize, tag: [u8; 4], nonpaged: Used, paged: Used) -> Vec<u8> {
    let mut bytes = vec![0; size];
    bytes[..4].copy_from_slice(&tag);
    let mut put = |at: usize, value: u64, width: usize| {
        bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
    };
    let held = |h: Used| (h.allocs, h.frees, h.bytes.cast_unsigned());
    let ((na, nf, nb), (pa, pf, pb)) = (held(nonpaged), held(paged));
    match size {
        0x1c => {
            put(4, na, 4);
            put(8, nf, 4);
            put(12, nb, 4);
            put(16, pa, 4);
            put(20, pf, 4);
            put(24, pb, 4);
        }
        0x28 => {
            put(4, na, 4);
            put(8, nf, 4);
            put(16, nb, 8);
            put(24, pa, 4);
            put(28, pf, 4);
            put(32, pb, 8);
        }
        0x30 | 0x40 => {
            put(4, nb, 4);
            put(8, na, 8);
            put(16, nf, 8);
            put(24, pb, 4);
            put(32, pa, 8);
            put(40, pf, 8);
        }
        _ => {
            put(8, nb, 8);
            put(16, na, 8);
            put(24, nf, 8);
            put(32, pb, 8);
            put(40, pa, 8);
            put(48, pf, 8);
        }
    }
    if size == 0x50 {
        // Limits: a number that is not a key, so that a reader with the wrong entry size notices.
        bytes[0x38..0x40].copy_from_slice(&i64::MAX.to_le_bytes());
        bytes[0x40..0x48].copy_from_slice(&i64::MAX.to_le_bytes());
    }
    bytes
}

/// A planted large allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlantedBig {
    /// Address.
    pub address: u64,
    /// Tag without protection.
    pub tag: [u8; 4],
    /// Protection bit set.
    pub protected: bool,
    /// Size; whole pages before Vista.
    pub bytes: u64,
    /// In the paged pool.
    pub paged: bool,
}

/// Bytes of a slot of the table of large allocations.
pub const fn big_slot(spec: &Spec) -> usize {
    match (spec.arch.is_32(), spec.build) {
        (true, ..=3789) => 12,
        (true, _) => 16,
        (false, ..=20_347) => 24,
        (false, _) => 32,
    }
}

/// A slot of the table of large allocations.
pub fn big_entry(spec: &Spec, big: &PlantedBig) -> Vec<u8> {
    let narrow = spec.arch.is_32();
    let mut bytes = vec![0; big_slot(spec)];
    let mut tag = big.tag;
    if big.protected {
        tag[3] |= 0x80;
    }
    let mut put = |at: usize, value: u64, width: usize| {
        bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
    };
    put(0, big.address, if narrow { 4 } else { 8 });
    let key = if narrow { 4 } else { 8 };
    put(key, u32::from_le_bytes(tag).into(), 4);
    let kind = u64::from(big.paged) | if big.paged { 0 } else { 0x200 };
    if spec.build < 6000 {
        put(key + 4, big.bytes / 4096, 4);
        return bytes;
    }
    put(key + 4, if spec.build < 10_240 { kind } else { 0xa5 | kind << 8 }, 4);
    put(key + 8, big.bytes, if narrow { 4 } else { 8 });
    bytes
}
