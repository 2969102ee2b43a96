//! An ARM64 kernel as boot loaders get it (`Image`): its memory from the first byte to the last initialised one, without sections or
//! symbols.
//!
//! Code finds everything by distances, so it may be placed anywhere; pointers in data need the address that the kernel was linked for.
//! They are in their places (`RELR` relocations), or 0 there and listed in rows of 24 bytes (`RELA`).

use poolmon_image::Machine;
use poolmon_image::bytes::{text_at, u32_at, u64_at};

use rustc_hash::FxHashMap;

use super::layout::{AddressSpace, Field, Region};

/// Behind the two instructions of the header, 64 bytes in all.
const MAGIC: usize = 0x38;
/// The kernel is linked for a multiple of this.
const STEP: u64 = 2 << 20;
/// The upper half of the address space, at most 52 bits of it.
const LOWEST: u64 = 0xfff0_0000_0000_0000;
/// Bytes of a row of what modules may call.
const ROW: isize = 12;
/// The longest name in it (`KSYM_NAME_LEN`).
const MAX_SYMBOL: usize = 511;
/// `R_AARCH64_RELATIVE`: the addend is the pointer.
const RELATIVE: u64 = 0x403;

/// Does it begin as an `Image`.
pub(crate) fn is_image(bytes: &[u8]) -> bool {
    bytes.get(MAGIC..MAGIC + 4) == Some(b"ARMd")
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u64> + '_ {
    bytes.chunks_exact(8).filter_map(|word| u64_at(word, 0))
}

/// The address that it was linked for: pointers lead into the image, and as many as nowhere else if it is there. An image without
/// pointers may be anywhere.
fn base(bytes: &[u8]) -> u64 {
    let size = u64_at(bytes, 16).unwrap_or(0).clamp(bytes.len() as u64, bytes.len() as u64 * 4);
    let mut steps: Vec<u64> = words(bytes)
        .filter(|&word| word >= LOWEST && word < u64::MAX - size)
        .map(|word| word / STEP)
        .collect();
    steps.sort_unstable();
    let length = size.div_ceil(STEP);
    let mut best = (0, LOWEST / STEP);
    let mut begin = 0;
    while let Some(&first) = steps.get(begin) {
        let same = steps.partition_point(|&step| step <= first);
        let end = steps.partition_point(|&step| step < first.saturating_add(length));
        best = best.max((end - begin, first));
        begin = same;
    }
    best.1 * STEP
}

/// Pointers that are listed rather than in their places.
fn listed(bytes: &[u8], base: u64) -> Vec<Field> {
    let end = base.saturating_add(bytes.len() as u64);
    let mut fields = Vec::new();
    for at in (0..bytes.len()).step_by(8) {
        if u64_at(bytes, at + 8) != Some(RELATIVE) {
            continue;
        }
        let (Some(place), Some(target)) = (u64_at(bytes, at), u64_at(bytes, at + 16)) else { break };
        if (base..end).contains(&place)
            && target >= base
            && let Ok(at) = u32::try_from(place - base)
        {
            fields.push(Field { at, target });
        }
    }
    fields.sort_unstable_by_key(|field| field.at);
    fields.dedup_by_key(|field| field.at);
    fields
}

/// The image in memory, with those of the `wanted` functions that modules may call.
pub(crate) fn layout<'a>(bytes: &'a [u8], wanted: &[&'a str]) -> AddressSpace<'a> {
    let base = base(bytes);
    let region = Region::flat(base, bytes, listed(bytes, base));
    let mut layout = AddressSpace::of_regions(Machine::Arm64, vec![region]);
    for (name, address) in exports(bytes, wanted) {
        layout.name(name, base + address as u64);
    }
    layout
}

/// The functions of these names that modules may call: a row of three distances, each from its own place, leads to the function, to its
/// name and to a name space.
fn exports<'n>(bytes: &[u8], wanted: &[&'n str]) -> Vec<(&'n str, usize)> {
    let mut names: Vec<(usize, &str)> = Vec::new();
    for name in wanted {
        for at in memchr::memmem::find_iter(bytes, name.as_bytes()) {
            let begins = at.checked_sub(1).is_some_and(|before| bytes.get(before) == Some(&0));
            if begins && text_at(bytes, at, name.len()) == Some(name.as_bytes()) {
                names.push((at, name));
            }
        }
    }
    names.sort_unstable();
    let distance = |at: usize| {
        let distance = isize::try_from(u32_at(bytes, at)?.cast_signed()).ok()?;
        at.checked_add_signed(distance).filter(|&to| to < bytes.len())
    };
    // Elsewhere, too, numbers may lead to the text. The rows are a long table: where most rows are next to it is the right one.
    let is_row = |at: usize| {
        let name = distance(at + 4).filter(|&name| name > 0 && bytes.get(name - 1) == Some(&0));
        let text = name.and_then(|name| text_at(bytes, name, MAX_SYMBOL)).unwrap_or_default();
        let is_name =
            !text.is_empty() && text.iter().all(|&byte| byte.is_ascii_alphanumeric() || byte == b'_');
        is_name && distance(at).is_some() && distance(at + 8).is_some()
    };
    let rows = |mut at: usize, step: isize| {
        let mut count = 0;
        while count < 16
            && let Some(next) = at.checked_add_signed(step)
            && is_row(next)
        {
            (at, count) = (next, count + 1);
        }
        count
    };
    let mut found: FxHashMap<&str, (usize, usize)> = FxHashMap::default();
    for at in (0..bytes.len()).step_by(4) {
        let Some(to) = distance(at + 4) else { continue };
        let Ok(n) = names.binary_search_by_key(&to, |name| name.0) else { continue };
        if let (Some(&(_, name)), Some(value)) = (names.get(n), distance(at))
            && value.is_multiple_of(4)
        {
            let near = rows(at, -ROW) + rows(at, ROW);
            let best = found.entry(name).or_default();
            *best = (*best).max((near, value));
        }
    }
    let mut found: Vec<_> = found
        .into_iter()
        .filter(|(_, (near, _))| *near > 0)
        .map(|(name, (_, value))| (name, value))
        .collect();
    found.sort_unstable();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: u64 = 0xffff_8000_8000_0000;

    fn image() -> Vec<u8> {
        let mut bytes = vec![0_u8; 0x4000];
        bytes[MAGIC..MAGIC + 4].copy_from_slice(b"ARMd");
        bytes[16..24].copy_from_slice(&0x5000_u64.to_le_bytes());
        bytes
    }

    fn put(bytes: &mut [u8], at: usize, word: u64) {
        bytes[at..at + 8].copy_from_slice(&word.to_le_bytes());
    }

    #[test]
    fn the_base_is_where_most_pointers_lead() {
        let mut bytes = image();
        assert_eq!(base(&bytes), LOWEST, "no pointers");
        for n in 0..20 {
            put(&mut bytes, 0x1000 + n * 8, BASE + n as u64 * 0x100);
        }
        put(&mut bytes, 0x2000, 0xffff_8000_1234_5678);
        put(&mut bytes, 0x2008, u64::MAX);
        assert_eq!(base(&bytes), BASE);
    }

    #[test]
    fn listed_pointers_are_read_where_they_belong() {
        let mut bytes = image();
        for n in 0..4 {
            let at = 0x1000 + n * 24;
            put(&mut bytes, at, BASE + 0x2000 + n as u64 * 8);
            put(&mut bytes, at + 8, RELATIVE);
            put(&mut bytes, at + 16, BASE + 0x3000 + n as u64);
        }
        bytes[0x3000..0x3006].copy_from_slice(b"cache\0");
        let layout = layout(&bytes, &[]);
        assert_eq!(layout.pointer(BASE + 0x2000), Some(BASE + 0x3000));
        assert_eq!(layout.pointer(BASE + 0x2020), None);
        assert_eq!(layout.name_at(BASE + 0x3000), Some("cache"));
    }

    #[test]
    fn a_function_is_where_the_row_of_its_name_leads() {
        let mut bytes = image();
        bytes[0x2fff..0x3012].copy_from_slice(b"\0kmem_cache_create\0");
        bytes[0x3011..0x301a].copy_from_slice(b"\0snprintf");
        let mut row = |at: i32, value: i32, name: i32| {
            let place = usize::try_from(at).unwrap();
            bytes[place..place + 4].copy_from_slice(&(value - at).to_le_bytes());
            bytes[place + 4..place + 8].copy_from_slice(&(name - at - 4).to_le_bytes());
        };
        row(0x900, 0x400, 0x3000);
        row(0x90c, 0x404, 0x3012);
        row(0x1000, 0x800, 0x3000);
        row(0x100c, 0xa00, 0x3012);
        row(0x1018, 0xa04, 0x3012);
        assert_eq!(
            exports(&bytes, &["kmem_cache_create", "snprintf"]),
            [("kmem_cache_create", 0x800), ("snprintf", 0xa04)],
            "the longest table"
        );
        assert!(exports(&bytes, &["kmem_cache"]).is_empty(), "only a part of the name");
    }
}
